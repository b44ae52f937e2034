//! Starting a child with its channel, and listening to it.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use command_fds::{CommandFdExt, FdMapping};
use nerve_core::wire::{FrameReader, PROTOCOL, ToDaemon, ToWorker, encode};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::Spec;
use super::tail::Tail;
use crate::crash_point::inherited;

/// The descriptor on which a worker finds its channel.
const CHANNEL_FD: i32 = 3;

/// Chunks of frames that may wait for the engine; past it, the child's pipe fills and only it waits.
const FRAMES: usize = 64;

/// The longest line that is kept whole; what a worker writes without line ends is cut into such pieces.
const LINE: usize = 8 * 1024;

/// A process, its channel and its last words.
pub(super) struct Running {
    pub(super) child: Child,
    pub(super) pid: u32,
    pub(super) out: mpsc::UnboundedSender<Vec<u8>>,
    pub(super) heard: mpsc::Receiver<Heard>,
    pub(super) tail: Tail,
}

/// What came over the channel.
#[derive(Debug)]
pub(super) enum Heard {
    Frames(Vec<ToDaemon>),
    /// The channel cannot be trusted any more.
    Broken(String),
    /// Nothing will follow.
    End,
}

/// Starts the process in a group of its own and says hello.
///
/// It forks on the calling thread, which must outlive the child: on Linux a worker asks to die with that thread.
pub(super) fn spawn(name: &str, spec: &Spec) -> io::Result<Running> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let mut command = Command::new(&spec.program);
    command.args(&spec.args).env_clear().envs(spec.env.iter().map(|(key, value)| (key, value)));
    command.env("NERVE_CHANNEL", CHANNEL_FD.to_string()).env("NERVE_PROTOCOL", PROTOCOL.to_string());
    command.envs(inherited());
    command.current_dir(&spec.root).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.fd_mappings(vec![FdMapping { parent_fd: OwnedFd::from(theirs), child_fd: CHANNEL_FD }]).map_err(io::Error::other)?;
    let mut child = command.spawn()?;
    // It holds the child's end of the channel; while it lives, the end of the child cannot be seen.
    drop(command);
    let pid = child.id().ok_or_else(|| io::Error::other("the process ended at once"))?;

    let tail = Tail::default();
    if let Some(stdout) = child.stdout.take() {
        listen(stdout, name.to_owned(), None);
    }
    if let Some(stderr) = child.stderr.take() {
        listen(stderr, name.to_owned(), Some(tail.clone()));
    }
    let (reading, writing) = UnixStream::from_std(ours)?.into_split();
    let (out, outbox) = mpsc::unbounded_channel();
    let (tell, heard) = mpsc::channel(FRAMES);
    spawn_task(write(writing, outbox));
    spawn_task(read(reading, tell));

    let running = Running { child, pid, out, heard, tail };
    running.send(&[ToWorker::Hello { protocol: PROTOCOL, root: spec.root.to_string_lossy().into_owned() }]);
    Ok(running)
}

impl Running {
    /// Queues frames for the child; one that is too long is left out and named in the log.
    pub(super) fn send(&self, frames: &[ToWorker]) {
        let mut bytes = Vec::with_capacity(1024);
        for frame in frames {
            if let Err(error) = encode(frame, &mut bytes) {
                tracing::error!(%error, pid = self.pid, "frame refused");
            }
        }
        // A closed channel shows as the child's end.
        let _ = self.out.send(bytes);
    }
}

async fn write(mut to: OwnedWriteHalf, mut outbox: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(mut bytes) = outbox.recv().await {
        while let Ok(more) = outbox.try_recv() {
            bytes.extend_from_slice(&more);
        }
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read(mut from: OwnedReadHalf, tell: mpsc::Sender<Heard>) {
    let mut reader = FrameReader::default();
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let n = from.read(&mut bytes).await.unwrap_or(0);
        if n == 0 {
            let _ = tell.send(Heard::End).await;
            return;
        }
        reader.push(&bytes[..n]);
        let mut frames = Vec::new();
        let broken = loop {
            match reader.next_frame::<ToDaemon>() {
                Ok(Some(Ok(frame))) => frames.push(frame),
                Ok(Some(Err(kind))) => tracing::warn!(kind, "frame of unknown kind ignored"),
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
        };
        if !frames.is_empty() && tell.send(Heard::Frames(frames)).await.is_err() {
            return;
        }
        if let Some(error) = broken {
            let _ = tell.send(Heard::Broken(error)).await;
            return;
        }
    }
}

fn listen(pipe: impl AsyncRead + Unpin + Send + 'static, name: String, tail: Option<Tail>) {
    spawn_task(async move {
        let mut pipe = BufReader::with_capacity(LINE, pipe);
        loop {
            let (line, used) = match pipe.fill_buf().await {
                Ok([]) | Err(_) => return,
                Ok(bytes) => match bytes.iter().position(|byte| *byte == b'\n') {
                    Some(end) => (String::from_utf8_lossy(&bytes[..end]).into_owned(), end + 1),
                    None => (String::from_utf8_lossy(bytes).into_owned(), bytes.len()),
                },
            };
            pipe.consume(used);
            match &tail {
                Some(tail) => {
                    tail.push_line(&line);
                    tracing::warn!(target: "worker", worker = name, "{line}");
                }
                None => tracing::info!(target: "worker", worker = name, "{line}"),
            }
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "these end with the pipe or channel that they serve")]
fn spawn_task(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}
