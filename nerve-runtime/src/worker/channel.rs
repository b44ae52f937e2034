//! The socket to the daemon, on an OS thread of its own.
//!
//! User code may block the runtime's thread. This one still answers pings and sees the end of the daemon.

use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use nerve_core::wire::{FrameReader, ToDaemon, ToWorker, encode};
use nix::sys::signal::{Signal, killpg};
use tokio::sync::mpsc;

/// Both directions of the channel.
pub(super) struct Channel {
    stream: UnixStream,
}

/// The way out: whole frames, from any thread. The lock is held for one write, never across an await.
#[derive(Clone)]
pub(super) struct Out(Arc<Mutex<UnixStream>>);

impl Channel {
    /// Takes over the descriptor that the daemon left for this process.
    #[expect(unsafe_code, reason = "a descriptor that is inherited has no owner in this process yet; only the number tells of it")]
    pub(super) fn inherit(number: RawFd) -> io::Result<Self> {
        // SAFETY: the daemon opened this descriptor for this process and named it in the environment; nothing else here
        // owns it, for this runs once, first thing in `main`.
        let fd = unsafe { OwnedFd::from_raw_fd(number) };
        // What user code spawns must not hold the daemon's channel open.
        nix::fcntl::fcntl(&fd, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
        Ok(Self { stream: UnixStream::from(fd) })
    }

    /// Starts the channel's thread and gives both ends.
    ///
    /// The queue of frames has no bound of its own: the daemon has at most one question a thread, a tick a sense and
    /// an answer an ask open at a time.
    pub(super) fn start(self) -> io::Result<(Out, mpsc::UnboundedReceiver<ToWorker>)> {
        let out = Out(Arc::new(Mutex::new(self.stream.try_clone()?)));
        let (frames, inbox) = mpsc::unbounded_channel();
        let pongs = out.clone();
        std::thread::Builder::new().name("channel".to_owned()).spawn(move || {
            // Whatever ended it, the daemon is gone or cannot be understood any more.
            let _ = read(self.stream, &frames, &pongs);
            end_of_the_daemon();
        })?;
        Ok((out, inbox))
    }
}

impl Out {
    /// Sends frames in one write. A broken channel is not reported here: its reader ends the process.
    pub(super) fn send(&self, frames: &[ToDaemon]) {
        let mut bytes = Vec::with_capacity(512);
        for frame in frames {
            // A frame that cannot be written leaves the bytes as they were.
            if let Err(error) = encode(frame, &mut bytes) {
                let told = too_long(frame, &error.to_string());
                // The replacement holds nothing of the user's, so it is short.
                let _ = encode(&told, &mut bytes);
            }
        }
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = stream.write_all(&bytes);
    }
}

/// What is said instead of a frame that cannot be sent, so that its asker hears of it.
fn too_long(frame: &ToDaemon, error: &str) -> ToDaemon {
    let error = error.to_owned();
    match frame {
        ToDaemon::Decision { thread, upto, .. } => ToDaemon::DecideFailed { thread: *thread, upto: *upto, error },
        ToDaemon::RoleDone { call, .. } | ToDaemon::Text { call, .. } | ToDaemon::Ask { call, .. } => {
            ToDaemon::RoleFailed { call: *call, error }
        }
        ToDaemon::Observation { sense, tick, .. } => ToDaemon::ComputeFailed { sense: sense.clone(), tick: *tick, error },
        _ => ToDaemon::Log { line: error },
    }
}

fn read(mut stream: UnixStream, frames: &mpsc::UnboundedSender<ToWorker>, pongs: &Out) -> io::Result<()> {
    let mut reader = FrameReader::default();
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let n = stream.read(&mut bytes)?;
        if n == 0 {
            return Ok(());
        }
        reader.push(&bytes[..n]);
        while let Some(frame) = reader.next_frame::<ToWorker>().map_err(io::Error::other)? {
            match frame {
                Ok(ToWorker::Ping { n }) => pongs.send(&[ToDaemon::Pong { n }]),
                Ok(frame) => {
                    // Nobody listens when the runtime is on its way out.
                    let _ = frames.send(frame);
                }
                Err(kind) => pongs.send(&[ToDaemon::Log { line: format!("ignored a frame of unknown kind `{kind}`") }]),
            }
        }
    }
}

/// Ends this process and what user code started in its group: nothing runs that the daemon does not own.
fn end_of_the_daemon() {
    let own = nix::unistd::getpid();
    if nix::unistd::getpgrp() == own {
        let _ = killpg(own, Signal::SIGKILL);
    }
    // Not the leader of a group: started in some other way than by the daemon.
    let _ = nix::sys::signal::kill(own, Signal::SIGKILL);
}
