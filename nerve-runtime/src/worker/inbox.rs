//! The worker's way in.

use std::future::poll_fn;
use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use nerve_core::wire::{FrameReader, ToDaemon, ToWorker};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::Notify;

use super::end::end_of_the_daemon;
use super::out::Out;

/// The most that is read at once.
const CHUNK: usize = 64 * 1024;

/// The way in, for the runtime's thread.
pub(crate) struct Inbox {
    stream: tokio::net::UnixStream,
    reader: Arc<Reader>,
}

impl Inbox {
    pub(super) fn new(stream: tokio::net::UnixStream, reader: Arc<Reader>) -> Self {
        Self { stream, reader }
    }

    /// Waits for frames and appends them. The end of the channel ends this process.
    pub(super) async fn frames(&mut self, into: &mut Vec<ToWorker>) {
        let before = into.len();
        while into.len() == before {
            tokio::select! {
                biased;
                () = self.reader.kept.notified() => self.reader.take_kept(into),
                () = poll_fn(|cx| self.reader.poll_read(&mut self.stream, cx, into)) => {}
            }
        }
    }
}

/// Reads frames, for whichever thread has the time. The lock is held for one read, never across an await.
pub(super) struct Reader {
    stream: UnixStream,
    out: Out,
    state: Mutex<Reading>,
    kept: Notify,
}

struct Reading {
    bytes: Vec<u8>,
    frames: FrameReader,
    /// What was read while the runtime's thread was blocked.
    kept: Vec<ToWorker>,
}

impl Reader {
    /// Reads this stream, which must not block, and answers pings by `out`.
    pub(super) fn new(stream: UnixStream, out: Out) -> Self {
        let state = Mutex::new(Reading { bytes: vec![0; CHUNK], frames: FrameReader::default(), kept: Vec::new() });
        Self { stream, out, state, kept: Notify::new() }
    }

    pub(super) fn socket(&self) -> &UnixStream {
        &self.stream
    }

    /// Reads what is there and keeps it for the runtime's thread, which is blocked.
    pub(super) fn keep(&self) {
        let mut state = self.state();
        let Reading { bytes, frames, kept } = &mut *state;
        match (&self.stream).read(bytes) {
            Ok(n @ 1..) => self.take(&bytes[..n], frames, kept),
            // The runtime's thread was faster.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Ok(0) | Err(_) => end_of_the_daemon(),
        }
        drop(state);
        self.kept.notify_one();
    }

    /// Reads once, behind what was kept.
    fn poll_read(&self, stream: &mut tokio::net::UnixStream, cx: &mut Context<'_>, into: &mut Vec<ToWorker>) -> Poll<()> {
        let mut state = self.state();
        let Reading { bytes, frames, kept } = &mut *state;
        let nothing_was_kept = kept.is_empty();
        into.append(kept);
        let mut buffer = ReadBuf::new(bytes);
        match Pin::new(stream).poll_read(cx, &mut buffer) {
            Poll::Pending if nothing_was_kept => return Poll::Pending,
            Poll::Pending => {}
            Poll::Ready(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => self.take(buffer.filled(), frames, into),
            Poll::Ready(_) => end_of_the_daemon(),
        }
        Poll::Ready(())
    }

    fn take_kept(&self, into: &mut Vec<ToWorker>) {
        into.append(&mut self.state().kept);
    }

    fn state(&self) -> MutexGuard<'_, Reading> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes bytes that were read. What cannot be understood ends this process: the daemon is another one than it was.
    fn take(&self, bytes: &[u8], frames: &mut FrameReader, into: &mut Vec<ToWorker>) {
        frames.push(bytes);
        loop {
            match frames.next_frame::<ToWorker>() {
                Ok(Some(Ok(ToWorker::Ping { n }))) => self.out.send(&[ToDaemon::Pong { n }]),
                Ok(Some(Ok(frame))) => into.push(frame),
                Ok(Some(Err(kind))) => self.out.send(&[ToDaemon::Log { line: format!("ignored a frame of unknown kind `{kind}`") }]),
                Ok(None) => return,
                Err(_) => end_of_the_daemon(),
            }
        }
    }
}
