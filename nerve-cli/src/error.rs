//! The one error of all commands: its kind decides the exit code, its help says what to do.

pub(crate) mod codes;

use std::error::Error;
use std::fmt::{self, Write};

use nerve_core::config::{Diagnostic, Severity, render};
use nerve_runtime::daemon::api::dto::{ErrorBody, ErrorKind};

use self::codes::Code;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct CliError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    code: String,
    message: String,
    at: Option<String>,
    help: Option<String>,
    cause: Option<Box<dyn Error + Send + Sync>>,
    diagnostics: Vec<Diagnostic>,
    closed_pipe: bool,
}

impl CliError {
    /// A failure with one of our own codes.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self::of(code.kind, code.code, message)
    }

    fn of(kind: ErrorKind, code: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            code: code.to_owned(),
            message: message.into(),
            at: None,
            help: None,
            cause: None,
            diagnostics: Vec::new(),
            closed_pipe: false,
        }))
    }

    /// nerve.yaml has errors; there must be at least one.
    pub(crate) fn config(diagnostics: Vec<Diagnostic>) -> Self {
        let Some(first) = diagnostics.iter().find(|found| found.severity == Severity::Error) else {
            return Self::new(codes::CONFIG, "nerve.yaml cannot be used");
        };
        let mut error = Self::of(ErrorKind::Config, first.code, first.message.clone()).at(first.place());
        error.0.help.clone_from(&first.help);
        error.0.diagnostics = diagnostics;
        error
    }

    /// Nobody reads our output any more: nothing to say, and nobody to say it to.
    pub(crate) fn closed_pipe() -> Self {
        let mut error = Self::new(codes::FILE, "nobody reads the output");
        error.0.closed_pipe = true;
        error
    }

    /// Says where.
    pub(crate) fn at(mut self, at: impl Into<String>) -> Self {
        self.0.at = Some(at.into());
        self
    }

    /// Says what to do.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Says what lies behind it.
    pub(crate) fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Its kind.
    pub(crate) fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether it only means that the reader of our output has gone.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.0.closed_pipe
    }

    /// As the document that `--json` prints.
    pub(crate) fn document(&self) -> serde_json::Value {
        let Inner { kind, code, message, at, help, cause, diagnostics, .. } = &*self.0;
        let message = match cause {
            Some(cause) => format!("{message}: {cause}"),
            None => message.clone(),
        };
        let mut body = ErrorBody::new(*kind, code, message);
        body.error.at.clone_from(at);
        body.error.help.clone_from(help);
        let mut document = serde_json::to_value(body).unwrap_or_default();
        if !diagnostics.is_empty()
            && let Some(fields) = document.as_object_mut()
        {
            fields.insert("diagnostics".to_owned(), serde_json::to_value(diagnostics).unwrap_or_default());
        }
        document
    }

    /// As a person reads it, without a line end.
    pub(crate) fn text(&self) -> String {
        let Inner { code, message, at, help, cause, diagnostics, .. } = &*self.0;
        if !diagnostics.is_empty() {
            return format!("{}\n{}", render(diagnostics), counted(diagnostics));
        }
        let mut text = format!("error[{code}]: {message}");
        if let Some(at) = at {
            let _ = write!(text, "\n  at {at}");
        }
        let mut cause: Option<&dyn Error> = cause.as_deref().map(|cause| cause as &dyn Error);
        while let Some(error) = cause {
            let _ = write!(text, "\n  because: {error}");
            cause = error.source();
        }
        for (n, line) in help.iter().flat_map(|help| help.lines()).enumerate() {
            let _ = write!(text, "\n{}{line}", if n == 0 { "help: " } else { "      " });
        }
        text
    }
}

/// How many of each: the eye lands on the last line.
pub(crate) fn counted(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    let word = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    format!("{}, {}. More: nerve explain {}", word(errors, "error"), word(warnings, "warning"), diagnostics.first().map_or("", |d| d.code))
}

impl From<ErrorBody> for CliError {
    fn from(body: ErrorBody) -> Self {
        let mut error = Self::of(body.error.kind, &body.error.code, body.error.message);
        error.0.at = body.error.at;
        error.0.help = body.error.help;
        error
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for CliError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests;
