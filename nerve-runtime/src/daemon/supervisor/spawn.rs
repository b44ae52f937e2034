//! Starting a child with its channel, and listening to what it prints.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;

use nerve_core::wire::{PROTOCOL, ToWorker};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::super::children::Children;
use super::Spec;
use super::channel::{Heard, read, write};
use super::load::{Load, Piece};
use super::tail::Tail;
use crate::crash_point::inherited;

/// The descriptor on which a worker finds its channel: its stdin, from where it moves it away.
///
/// Any other would have to be put in its place by code of ours between fork and exec, and a fork copies the daemon's page tables.
/// So the system starts the process in one go, while nothing else of the engine can run.
const CHANNEL_FD: i32 = 0;

/// The longest line that is kept whole; what a worker writes without line ends is cut into such pieces.
const LINE: usize = 8 * 1024;

/// A process, its channel and its last words.
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) pid: u32,
    pub(super) out: mpsc::UnboundedSender<Piece>,
    pub(super) heard: mpsc::UnboundedReceiver<Heard>,
    pub(super) tail: Tail,
    /// Ends with the process's stderr.
    pub(super) words: Option<JoinHandle<()>>,
    load: Arc<Load>,
}

/// Starts the process in a group of its own and says hello.
pub(super) fn spawn(processes: &Children, name: &str, spec: &Spec, load: &Arc<Load>) -> io::Result<Running> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let mut command = Command::new(&spec.program);
    command.args(&spec.args).env_clear().envs(spec.env.iter().map(|(key, value)| (key, value)));
    command.env("NERVE_CHANNEL", CHANNEL_FD.to_string()).env("NERVE_PROTOCOL", PROTOCOL.to_string());
    command.envs(inherited());
    command.current_dir(&spec.root).process_group(0).kill_on_drop(true);
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = processes.spawn(&mut command, name)?;
    // It holds the child's end of the channel; while it lives, the end of the child cannot be seen.
    drop(command);
    let pid = child.id().ok_or_else(|| io::Error::other("the process ended at once"))?;

    let tail = Tail::default();
    if let Some(stdout) = child.stdout.take() {
        listen(stdout, name.to_owned(), None);
    }
    let words = child.stderr.take().map(|stderr| listen(stderr, name.to_owned(), Some(tail.clone())));
    let (reading, writing) = UnixStream::from_std(ours)?.into_split();
    let (out, outbox) = mpsc::unbounded_channel();
    let (tell, heard) = mpsc::unbounded_channel();
    spawn_task(write(writing, outbox, tell.clone()));
    spawn_task(read(reading, tell));

    let running = Running { child, pid, out, heard, tail, words, load: Arc::clone(load) };
    let drain = spec.times.worker_drain.min(spec.drain);
    let drain_ms = Some(u64::try_from(drain.as_millis()).unwrap_or(u64::MAX));
    running.say(&[ToWorker::Hello { protocol: PROTOCOL, root: spec.root.to_string_lossy().into_owned(), drain_ms }]);
    Ok(running)
}

impl Running {
    /// Says something of the supervisor's own.
    pub(super) fn say(&self, frames: &[ToWorker]) {
        self.send(self.load.piece(frames));
    }

    /// Hands frames to the writer.
    pub(super) fn send(&self, piece: Piece) {
        // A closed channel shows as the child's end.
        let _ = self.out.send(piece);
    }

    /// Asks the child's whole group to end; one that was stopped is woken to hear it.
    pub(super) fn terminate(&self) {
        self.signal(Signal::SIGTERM);
        self.signal(Signal::SIGCONT);
    }

    /// Signals the child's whole group. The group's number stays taken while a member lives, so this never hits a stranger.
    pub(super) fn signal(&self, signal: Signal) {
        if let Ok(pid) = i32::try_from(self.pid) {
            // No such group: all of it is gone already.
            let _ = killpg(Pid::from_raw(pid), signal);
        }
    }
}

fn listen(pipe: impl AsyncRead + Unpin + Send + 'static, name: String, tail: Option<Tail>) -> JoinHandle<()> {
    spawn_task(async move {
        let tell = |line: &[u8]| {
            let line = String::from_utf8_lossy(line);
            match &tail {
                Some(tail) => {
                    tail.push_line(&line);
                    tracing::warn!(target: "worker", worker = name, "{line}");
                }
                None => tracing::info!(target: "worker", worker = name, "{line}"),
            }
        };
        let mut pipe = BufReader::with_capacity(LINE, pipe);
        // A line may come in many pieces.
        let mut line = Vec::new();
        loop {
            let used = match pipe.fill_buf().await {
                Ok([]) | Err(_) => break,
                Ok(bytes) => {
                    let end = bytes.iter().position(|byte| *byte == b'\n');
                    line.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
                    if end.is_some() {
                        tell(&line);
                        line.clear();
                    }
                    end.map_or(bytes.len(), |end| end + 1)
                }
            };
            pipe.consume(used);
            if line.len() >= LINE {
                let rest = line.split_off(whole_characters(&line));
                tell(&line);
                line = rest;
            }
        }
        if !line.is_empty() {
            tell(&line);
        }
    })
}

/// Up to where bytes that are cut off somewhere hold whole characters; all of it when it is no text.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(cut) if cut.error_len().is_none() && cut.valid_up_to() > 0 => cut.valid_up_to(),
        _ => bytes.len(),
    }
}

#[expect(clippy::disallowed_methods, reason = "these end with the pipe or channel that they serve")]
fn spawn_task(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(task)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn a_line_that_is_written_in_pieces_is_one_line() {
        let (mut ours, theirs) = tokio::io::duplex(16);
        let tail = Tail::default();
        let listening = listen(theirs, "a".to_owned(), Some(tail.clone()));
        for piece in ["the last ", "words of ", "7\nand", " more"] {
            ours.write_all(piece.as_bytes()).await.expect("somebody reads");
        }
        drop(ours);
        listening.await.expect("it ends with the pipe");
        assert_eq!(tail.text(), "the last words of 7\nand more");
    }

    #[tokio::test]
    async fn what_has_no_line_ends_is_cut_between_characters() {
        let (mut ours, theirs) = tokio::io::duplex(16);
        let tail = Tail::default();
        let listening = listen(theirs, "a".to_owned(), Some(tail.clone()));
        // The limit falls into an é.
        ours.write_all(format!("x{}", "é€".repeat(LINE / 5 + 20)).as_bytes()).await.expect("somebody reads");
        drop(ours);
        listening.await.expect("it ends with the pipe");
        let text = tail.text();
        assert_eq!(text.lines().count(), 2);
        assert!(!text.contains(char::REPLACEMENT_CHARACTER), "{text}");
    }
}
