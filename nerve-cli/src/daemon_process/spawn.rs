//! Starting the daemon as a process of its own.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use jiff::Timestamp;
use nerve_runtime::daemon::Layout;

use super::ready::Word;
use crate::error::{CliError, codes};

/// The longest that a daemon may take to say how its start went; recovery of many threads counts in.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon that is ready.
#[derive(Debug)]
pub(crate) struct Spawned {
    /// Its process.
    pub(crate) pid: u32,
    /// When it started.
    pub(crate) since: Timestamp,
    /// The same as a child of ours, which outlives us.
    pub(crate) child: Child,
}

/// Starts the daemon and waits until its API answers.
pub(crate) fn spawn(layout: &Layout) -> Result<Spawned, CliError> {
    let mut child =
        launch(layout).map_err(|error| CliError::new(codes::NOT_STARTED, "cannot start the daemon's process").because(error))?;
    match first_line(&mut child).as_deref().map(serde_json::from_str::<Word>) {
        Some(Ok(Word::Ready { pid, since })) => Ok(Spawned { pid, since, child }),
        Some(Ok(Word::Error(body))) => {
            let _ = child.wait();
            Err(body.into())
        }
        Some(Err(_)) | None => {
            // Whatever it is doing, it is not what was asked; it must not go on unseen.
            let _ = child.kill();
            let _ = child.wait();
            Err(CliError::new(codes::NOT_STARTED, "the daemon did not start")
                .at(layout.daemon_log().display().to_string())
                .help(last_words(layout)))
        }
    }
}

fn launch(layout: &Layout) -> std::io::Result<Child> {
    let log = layout.daemon_log();
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)?;
    }
    let log = OpenOptions::new().create(true).append(true).open(log)?;
    Command::new(std::env::current_exe()?)
        .args(["daemon", "--root"])
        .arg(layout.root())
        .current_dir(layout.root())
        // An agent may have started it. It ends with the agent, as all that the agent started; what it starts itself has its own mark.
        .env_remove("NERVE_LIFE")
        .env_remove("NERVE_OWNER")
        .env_remove("NERVE_KEEPER")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
}

/// The first line of the child's stdout; nothing when it ends before, or takes too long.
fn first_line(child: &mut Child) -> Option<String> {
    let out = child.stdout.take()?;
    let (send, receive) = mpsc::channel();
    // A read has no time limit; a thread that may be left behind has.
    std::thread::spawn(move || {
        let mut line = String::new();
        if BufReader::new(out).read_line(&mut line).is_ok_and(|read| read > 0) {
            let _ = send.send(line);
        }
    });
    receive.recv_timeout(PATIENCE).ok()
}

fn last_words(layout: &Layout) -> String {
    let log = fs::read(layout.daemon_log()).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().rev().take(5).collect();
    let last: Vec<&str> = lines.into_iter().rev().collect();
    format!("its log ends with:\n{}", last.join("\n"))
}
