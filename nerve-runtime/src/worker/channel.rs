//! The socket to the daemon, on an OS thread of its own.
//!
//! User code may block the runtime's thread. This one still answers pings and sees the end of the daemon.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nerve_core::wire::{FrameReader, ToDaemon, ToWorker, encode};
use nix::sys::signal::{Signal, killpg};
use tokio::sync::mpsc;

use crate::processes;

/// How long what was started may take to be gone.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait between two looks.
const LOOK: Duration = Duration::from_millis(2);

/// Where the daemon of this version leaves the channel; others may leave it elsewhere.
const STDIN: RawFd = 0;

/// Both directions of the channel.
pub(crate) struct Channel {
    stream: UnixStream,
}

/// The way out: whole frames, from any thread. The lock is held for one write, never across an await.
#[derive(Clone)]
pub(crate) struct Out(Arc<Mutex<UnixStream>>);

/// Takes over the descriptor that the daemon left for this process.
#[expect(unsafe_code, reason = "a descriptor that is inherited has no owner in this process yet; only the number tells of it")]
pub(crate) fn inherit(number: RawFd) -> io::Result<UnixStream> {
    // SAFETY: the daemon opened this descriptor for this process and named it in the environment; nothing else here
    // owns it, for this runs once, first thing in `main`.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    // What user code spawns must not hold the daemon's channel open, nor read from it.
    if number == STDIN {
        let channel = fd.try_clone()?;
        // Takes the number over in one step; from here on it is this process's stdin, which nobody closes.
        nix::unistd::dup2_stdin(File::open("/dev/null")?)?;
        let _stdin = fd.into_raw_fd();
        return Ok(UnixStream::from(channel));
    }
    nix::fcntl::fcntl(&fd, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
    Ok(UnixStream::from(fd))
}

impl Channel {
    /// Takes over the descriptor that the daemon left for this process.
    pub(crate) fn inherit(number: RawFd) -> io::Result<Self> {
        Ok(Self { stream: inherit(number)? })
    }

    /// Starts the channel's thread and gives both ends.
    ///
    /// The queue of frames has no bound of its own: the daemon has at most one question a thread, a tick a sense and
    /// an answer an ask open at a time.
    pub(crate) fn start(self) -> io::Result<(Out, mpsc::UnboundedReceiver<ToWorker>)> {
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

/// Ends this process and all that user code started, in whatever group or session: nothing runs that the daemon does not own.
fn end_of_the_daemon() {
    let own = nix::unistd::getpid();
    end_what_was_started();
    if nix::unistd::getpgrp() == own {
        let _ = killpg(own, Signal::SIGKILL);
    }
    // Not the leader of a group: started in some other way than by the daemon.
    let _ = nix::sys::signal::kill(own, Signal::SIGKILL);
}

/// Kills what is below this process or carries its mark, until nothing of it is left or the time is over.
fn end_what_was_started() {
    // Not before: whoever adopts orphans has to collect them, which only their starters' code could tell from its own
    // children. From here on none is to get away; those of before are known by their mark.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_child_subreaper(true);
    let mark = [processes::LIFE, processes::OWNER].map(|name| std::env::var(name).ok().map(|value| (name, value)));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut left = processes::descendants(std::process::id());
        if let [Some(life), Some(owner)] = &mark {
            let marked = processes::marked(|environ| [life, owner].iter().all(|(name, value)| environ.has(name, value)));
            left.extend(processes::with_descendants(&marked));
        }
        if left.is_empty() || Instant::now() >= deadline {
            return;
        }
        processes::signal_all(&left, Signal::SIGKILL);
        std::thread::sleep(LOOK);
    }
}
