//! The worker's way out.
//!
//! What a step says may be held back until the tasks that are ready have had their turns, so that many of them share a write.

use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use nerve_core::wire::{ToDaemon, encode};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::Notify;

use crate::crash_point::may_die;

/// Past so many bytes what is held back goes out: the daemon is to work on it while this process goes on.
pub(super) const HELD: usize = 2 * 1024;

/// The most memory that is kept for the next frames.
const KEPT: usize = 64 * 1024;

/// The way out: whole frames, from any thread. The lock is held for one write, never across an await.
#[derive(Clone)]
pub(crate) struct Out(Arc<Outlet>);

struct Outlet {
    sink: Mutex<Sink>,
    /// Something is held back.
    held: Notify,
}

struct Sink {
    stream: UnixStream,
    /// Frames that wait for those of other tasks.
    held: Vec<u8>,
}

impl Out {
    /// The way out over this stream, which must not block.
    pub(super) fn new(stream: UnixStream) -> Self {
        Self(Arc::new(Outlet { sink: Mutex::new(Sink { stream, held: Vec::new() }), held: Notify::new() }))
    }

    /// Sends frames, and before them what is held back, in one write. A broken channel is not reported here: its reader ends the process.
    pub(super) fn send(&self, frames: &[ToDaemon]) {
        let mut sink = self.sink();
        sink.add(frames);
        sink.flush();
    }

    /// Sends frames together with those of other tasks that are ready now: after their turns, when they are many, or when one of these turns
    /// takes long.
    pub(super) fn post(&self, frames: &[ToDaemon]) {
        let mut sink = self.sink();
        if sink.held.is_empty() {
            self.0.held.notify_one();
        }
        sink.add(frames);
        if sink.held.len() > HELD || may_die() {
            sink.flush();
        }
    }

    /// Sends what is held back, whenever something is, after those tasks that are ready then.
    pub(super) async fn flush_after_each_round(self) {
        loop {
            self.0.held.notified().await;
            // Whoever is ready goes first.
            tokio::task::yield_now().await;
            self.flush();
        }
    }

    /// Sends what is held back.
    pub(super) fn flush(&self) {
        self.sink().flush();
    }

    /// The same, unless a write is under way, which sends it too.
    pub(super) fn flush_if_free(&self) {
        match self.0.sink.try_lock() {
            Ok(mut sink) => sink.flush(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().flush(),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    fn sink(&self) -> MutexGuard<'_, Sink> {
        self.0.sink.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink {
    fn add(&mut self, frames: &[ToDaemon]) {
        for frame in frames {
            // A frame that cannot be written leaves the bytes as they were.
            if let Err(error) = encode(frame, &mut self.held) {
                let told = too_long(frame, &error.to_string());
                // The replacement holds nothing of the user's, so it is short.
                let _ = encode(&told, &mut self.held);
            }
        }
    }

    fn flush(&mut self) {
        let mut from = 0;
        while from < self.held.len() {
            match self.stream.write(&self.held[from..]) {
                Ok(n @ 1..) => from += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // The daemon has enough for now. An error is told by the next write.
                    let _ = poll(&mut [PollFd::new(self.stream.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE);
                }
                Ok(0) | Err(_) => break,
            }
        }
        self.held.clear();
        self.held.shrink_to(KEPT);
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
