//! Writing down what the agent says.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::wake;
use crate::crash_point::{Moment, Point, crash_point};

/// What is kept of one stream.
const CAP: usize = 64 * 1024 * 1024;

/// Opens the file that a stream goes to.
pub(super) fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).mode(0o600).open(path)
}

/// Copies until nobody can write any more; whether something was left out.
///
/// It reads on when it cannot write, be it for the cap or the disk: the agent must not wait for us.
pub(super) fn copy(mut from: impl Read, mut to: File) -> bool {
    let (mut room, mut truncated) = (CAP, false);
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = match from.read(&mut bytes) {
            Ok(0) => return truncated,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return truncated,
        };
        let kept = read.min(room);
        truncated |= kept < read || to.write_all(&bytes[..kept]).is_err();
        // After a gap nothing follows: what is kept is a beginning without holes.
        crash_point(Point::At(Moment::AgentSaid));
        room = if truncated { 0 } else { room - kept };
        wake::wake();
    }
}
