//! What reaches the terminal: data on stdout, talk on stderr, both through here.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::error::{CliError, codes};
use crate::exit::Exit;

/// How this run talks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    json: bool,
    quiet: bool,
}

impl Ui {
    /// Made from the flags.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether output is for a program.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// The result: a document with `--json`, else the text that `plain` makes of it.
    pub(crate) fn show<T: Serialize>(self, document: &T, plain: impl FnOnce(&T) -> String) -> Result<(), CliError> {
        if self.json { self.document(document) } else { self.data(&plain(document)) }
    }

    /// A document on stdout, in one line.
    pub(crate) fn document<T: Serialize>(self, document: &T) -> Result<(), CliError> {
        let text = serde_json::to_string(document).map_err(|error| CliError::new(codes::ANSWER, "the result is no JSON").because(error))?;
        self.data(&text)
    }

    /// A text on stdout, with a line end if it has none; nothing for an empty one.
    pub(crate) fn data(self, text: &str) -> Result<(), CliError> {
        if text.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        write!(out, "{text}{end}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => CliError::closed_pipe(),
            _ => CliError::new(codes::FILE, "cannot write to stdout").because(error),
        })
    }

    /// Talk on stderr: hints and progress. With `--json` a program reads stderr too, and finds only errors there.
    pub(crate) fn say(self, text: &str) {
        if !self.json && !self.quiet {
            self.tell(text);
        }
    }

    /// Talk on stderr that `-q` does not silence.
    pub(crate) fn warn(self, text: &str) {
        if !self.json {
            self.tell(text);
        }
    }

    /// The failure on stderr, and its exit code.
    pub(crate) fn fail(self, error: &CliError) -> ExitCode {
        if error.is_closed_pipe() {
            return Exit::OK.into();
        }
        self.tell(&if self.json { error.document().to_string() } else { error.text() });
        Exit::of(error.kind()).into()
    }

    /// A closed stderr is no reason to fail.
    fn tell(self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{}", text.trim_end());
    }
}
