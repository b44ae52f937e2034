//! Writing down what the agent says.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::wake;
use crate::crash_point::{Moment, Point, crash_point};

/// What is kept of one stream.
const CAP: usize = 64 * 1024 * 1024;

/// How far the copying of a stream is, for who waits for its end.
#[derive(Default)]
pub(super) struct Progress {
    /// Grows when a read begins and when it has given something: odd while one waits.
    steps: AtomicU64,
    truncated: AtomicBool,
    closed: AtomicBool,
}

impl Progress {
    /// The read that waits now. The same one later means that nothing was said in between.
    pub(super) fn waiting(&self) -> Option<u64> {
        Some(self.steps.load(Ordering::SeqCst)).filter(|steps| steps % 2 == 1)
    }

    /// Whether something was left out.
    pub(super) fn truncated(&self) -> bool {
        self.truncated.load(Ordering::SeqCst)
    }

    /// Nobody waits for the rest.
    pub(super) fn cut(&self) {
        self.truncated.store(true, Ordering::SeqCst);
    }

    /// Whether nothing can come any more.
    pub(super) fn closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

/// Opens the file that a stream goes to.
pub(super) fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).mode(0o600).open(path)
}

/// Copies until nobody can write any more.
///
/// It reads on when it cannot write, be it for the cap or the disk: the agent must not wait for us.
pub(super) fn copy(mut from: impl Read, mut to: File, progress: &Progress) {
    let (mut room, mut truncated) = (CAP, false);
    let mut bytes = vec![0; 64 * 1024];
    loop {
        progress.steps.fetch_add(1, Ordering::SeqCst);
        let read = from.read(&mut bytes);
        progress.steps.fetch_add(1, Ordering::SeqCst);
        let read = match read {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let kept = read.min(room);
        truncated |= kept < read || to.write_all(&bytes[..kept]).is_err();
        if truncated {
            progress.cut();
        }
        // After a gap nothing follows: what is kept is a beginning without holes.
        crash_point(Point::At(Moment::AgentSaid));
        room = if truncated { 0 } else { room - kept };
        wake::wake();
    }
    progress.closed.store(true, Ordering::SeqCst);
}
