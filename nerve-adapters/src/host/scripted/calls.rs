//! The file that counts calls.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use nerve_core::{CallFailure, ThreadId};
use serde::Serialize;

use super::{Turn, config};

#[derive(Serialize)]
struct Line<'a> {
    thread: ThreadId,
    role: &'a str,
    attempt: u32,
}

/// Appends the call's line in one write, so that calls at the same time do not mix.
pub(super) async fn append(file: &Path, turn: Turn<'_>) -> Result<(), CallFailure> {
    let failed = |error: &dyn std::fmt::Display| config(format!("{} cannot be written: {error}", file.display()));
    let line = Line { thread: turn.thread, role: turn.role, attempt: turn.attempt };
    let mut line = serde_json::to_vec(&line).map_err(|error| failed(&error))?;
    line.push(b'\n');
    let path = file.to_owned();
    #[expect(clippy::disallowed_methods, reason = "it writes one line and starts no process")]
    let written = tokio::task::spawn_blocking(move || write(path, &line)).await;
    written.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}

fn write(path: PathBuf, line: &[u8]) -> std::io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(line)
}
