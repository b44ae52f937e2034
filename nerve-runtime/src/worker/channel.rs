//! The socket to the daemon.
//!
//! The runtime's own thread reads it. Where user code blocks that thread, [`stand_in`] does in its place.

use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use tokio::runtime::Runtime;

use super::beat::Beat;
use super::inbox::{Inbox, Reader};
use super::out::Out;
use super::stand_in;

/// Where the daemon of this version leaves the channel; others may leave it elsewhere.
const STDIN: RawFd = 0;

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
        Ok(Self { out: Out::new(stream.try_clone()?), stream, beat: Arc::default() })
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
        let reader = Arc::new(Reader::new(stream, out.clone()));
        let inbox = Inbox::new(watched, Arc::clone(&reader));
        let answers = out.clone();
        std::thread::Builder::new().name("channel".to_owned()).spawn(move || stand_in::watch(&beat, &reader, &answers))?;
        #[expect(clippy::disallowed_methods, reason = "it ends with the runtime, whose only writer it is")]
        tokio::spawn(out.clone().flush_after_each_round());
        Ok((out, inbox))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::time::{Duration, Instant};

    use nerve_core::wire::{FrameReader, ToDaemon, ToWorker, encode};

    use super::super::out::HELD;
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
