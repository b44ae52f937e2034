//! The socket to the daemon.
//!
//! The runtime's own thread reads it. Where user code blocks that thread, [`stand_in`] does in its place.
//!
//! What a step says may be held back until the tasks that are ready have had their turns, so that many of them share a write.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll};

use nerve_core::wire::{FrameReader, ToDaemon, ToWorker, encode};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use super::beat::Beat;
use super::end::end_of_the_daemon;
use super::stand_in;
use crate::crash_point::may_die;

/// Where the daemon of this version leaves the channel; others may leave it elsewhere.
const STDIN: RawFd = 0;

/// The most that is read at once.
const CHUNK: usize = 64 * 1024;

/// Past so many bytes what is held back goes out: the daemon is to work on it while this process goes on.
const HELD: usize = 2 * 1024;

/// Both directions of the channel.
pub(crate) struct Channel {
    stream: UnixStream,
    out: Out,
    beat: Arc<Beat>,
}

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
        Self::new(inherit(number)?)
    }

    fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let sink = Mutex::new(Sink { stream: stream.try_clone()?, held: Vec::new() });
        Ok(Self { stream, out: Out(Arc::new(Outlet { sink, held: Notify::new() })), beat: Arc::default() })
    }

    /// A runtime of one thread, for the channel to be opened in.
    pub(crate) fn runtime(&self) -> io::Result<Runtime> {
        let (waits, works) = (Arc::clone(&self.beat), Arc::clone(&self.beat));
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.on_thread_park(move || waits.waits()).on_thread_unpark(move || works.works()).enable_all().build()
    }

    /// Gives both ends, and starts the thread that stands in for the runtime's. To be called within that runtime.
    pub(crate) fn open(self) -> io::Result<(Out, Inbox)> {
        let Self { stream, out, beat } = self;
        let watched = tokio::net::UnixStream::from_std(stream.try_clone()?)?;
        let state = Mutex::new(Reading { bytes: vec![0; CHUNK], frames: FrameReader::default(), kept: Vec::new() });
        let reader = Arc::new(Reader { stream, out: out.clone(), state, kept: Notify::new() });
        let (stand_in, answers) = (Arc::clone(&reader), out.clone());
        std::thread::Builder::new().name("channel".to_owned()).spawn(move || stand_in::watch(&beat, &stand_in, &answers))?;
        #[expect(clippy::disallowed_methods, reason = "it ends with the runtime, whose only writer it is")]
        tokio::spawn(out.clone().flush_after_each_round());
        Ok((out, Inbox { stream: watched, reader }))
    }
}

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

    async fn flush_after_each_round(self) {
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
        self.held.shrink_to(CHUNK);
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

/// The way in, for the runtime's thread.
pub(crate) struct Inbox {
    stream: tokio::net::UnixStream,
    reader: Arc<Reader>,
}

impl Inbox {
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Longer than a stand-in takes to notice, and shorter than anybody would wait for a test.
    const BLOCKED: Duration = Duration::from_secs(2);

    /// The daemon's end.
    struct Daemon {
        // Never closed: at the end of its channel a worker ends its process, which is the tests'.
        stream: std::mem::ManuallyDrop<UnixStream>,
        frames: FrameReader,
    }

    impl Daemon {
        fn say(&mut self, frames: &[ToWorker]) {
            let mut bytes = Vec::new();
            frames.iter().for_each(|frame| encode(frame, &mut bytes).expect("short"));
            self.stream.write_all(&bytes).expect("the worker is there");
        }

        fn hear(&mut self) -> ToDaemon {
            let mut bytes = [0; 1024];
            loop {
                if let Some(frame) = self.frames.next_frame::<ToDaemon>().expect("sound") {
                    return frame.expect("known");
                }
                let n = self.stream.read(&mut bytes).expect("within the limit");
                self.frames.push(&bytes[..n]);
            }
        }
    }

    fn pair() -> (Channel, Daemon) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        theirs.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit");
        let daemon = Daemon { stream: std::mem::ManuallyDrop::new(theirs), frames: FrameReader::default() };
        (Channel::new(ours).expect("a channel"), daemon)
    }

    fn log(line: &str) -> ToDaemon {
        ToDaemon::Log { line: line.to_owned() }
    }

    fn failed(error: &str) -> ToWorker {
        ToWorker::AskFailed { ask: nerve_core::wire::AskId(1), error: error.to_owned() }
    }

    #[test]
    fn while_user_code_blocks_pings_are_answered_what_is_held_back_goes_out_and_what_comes_is_kept_in_order() {
        let (channel, mut daemon) = pair();
        let runtime = channel.runtime().expect("a runtime");
        let worker = std::thread::spawn(move || {
            runtime.block_on(async {
                let (out, mut inbox) = channel.open().expect("a thread");
                let mut frames = Vec::new();
                inbox.frames(&mut frames).await;
                out.post(&[log("held back")]);
                std::thread::sleep(BLOCKED);
                while frames.len() < 4 {
                    inbox.frames(&mut frames).await;
                }
                frames
            })
        });
        daemon.say(&[failed("1")]);
        let begin = Instant::now();
        assert_eq!(daemon.hear(), log("held back"));
        daemon.say(&[failed("2"), ToWorker::Ping { n: 7 }]);
        assert_eq!(daemon.hear(), ToDaemon::Pong { n: 7 });
        daemon.say(&[failed("3"), ToWorker::Ping { n: 8 }]);
        assert_eq!(daemon.hear(), ToDaemon::Pong { n: 8 });
        assert!(begin.elapsed() < BLOCKED, "nobody waited for the user's code");
        daemon.say(&[failed("4")]);
        assert_eq!(worker.join().expect("it ends"), ["1", "2", "3", "4"].map(failed));
    }

    #[test]
    fn what_one_turn_says_leaves_when_the_thread_waits_and_much_leaves_before() {
        let (channel, mut daemon) = pair();
        let runtime = channel.runtime().expect("a runtime");
        let long = "x".repeat(HELD);
        let told = long.clone();
        std::thread::spawn(move || {
            runtime.block_on(async {
                let (out, mut inbox) = channel.open().expect("a thread");
                out.post(&[log("a")]);
                out.post(&[log("b")]);
                inbox.frames(&mut Vec::new()).await;
                out.post(&[log(&told)]);
                // No wait, and no time for a stand-in.
                let begin = Instant::now();
                while begin.elapsed() < Duration::from_millis(20) {}
                out.post(&[log("c")]);
                out.send(&[log("d")]);
                std::future::pending::<()>().await;
            });
        });
        assert_eq!([daemon.hear(), daemon.hear()], [log("a"), log("b")]);
        daemon.say(&[failed("go on")]);
        assert_eq!([daemon.hear(), daemon.hear(), daemon.hear()], [log(&long), log("c"), log("d")]);
    }

    #[test]
    fn more_than_the_socket_holds_goes_out_and_nobody_waits_for_ever() {
        let (channel, mut daemon) = pair();
        let runtime = channel.runtime().expect("a runtime");
        let line = "y".repeat(4 * 1024 * 1024);
        let told = line.clone();
        std::thread::spawn(move || {
            runtime.block_on(async {
                let (out, _inbox) = channel.open().expect("a thread");
                out.send(&[log(&told)]);
                std::future::pending::<()>().await;
            });
        });
        // The worker is blocked in its write, and is heard and listens all the same.
        daemon.say(&[failed("meanwhile")]);
        assert_eq!(daemon.hear(), log(&line));
    }
}
