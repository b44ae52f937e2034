//! The detached process in which the daemon runs.

use std::io::{self, Write};
use std::os::fd::RawFd;

use nerve_runtime::daemon::api::dto::{ErrorBody, moment};
use nerve_runtime::daemon::{self, DaemonError, Layout, Started};

use super::options::options;
use super::ready::Word;
use crate::error::CliError;

/// Runs the daemon until it is told to stop. Its stdout is a pipe to who started it, until that one knows enough.
pub(crate) fn serve(layout: &Layout) -> Result<(), CliError> {
    let_go_of_the_caller();
    daemon::run(options(layout, false)?, |outcome| tell(&word(outcome))).map_err(|error| CliError::from(body(&error)))
}

/// What the caller had open, other than our three, would stay open as long as this lives: `nerve start | cat` would never end.
fn let_go_of_the_caller() {
    // A process that leads a group has its own session already, or is run by hand.
    let _ = nix::unistd::setsid();
    let Ok(entries) = std::fs::read_dir("/dev/fd") else { return };
    let open: Vec<RawFd> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        // The one through which the list was read is closed by now; that is no harm.
        let _ = nix::unistd::close(descriptor);
    }
}

fn word(outcome: Result<Started, &DaemonError>) -> Word {
    match outcome {
        Ok(started) => Word::Ready { pid: started.pid, since: moment(started.since) },
        Err(error) => Word::Error(body(error)),
    }
}

/// A daemon's failure in the form of the API.
pub(crate) fn body(error: &DaemonError) -> ErrorBody {
    let body = ErrorBody::new(error.kind(), error.code(), error.to_string());
    match error.help() {
        Some(help) => body.help(help),
        None => body,
    }
}

/// Writes the line and lets go of the pipe; from here on stdout is the log, as stderr is.
fn tell(word: &Word) {
    if let Ok(line) = serde_json::to_string(word) {
        // Who started us may be gone; that is no reason to end.
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
    let _ = nix::unistd::dup2_stdout(io::stderr());
}
