//! Telling the daemon that there is something to read.

use std::io;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// From now on a byte to stdout is dropped when nobody takes it.
pub(super) fn never_wait() {
    if let Ok(flags) = fcntl(io::stdout(), FcntlArg::F_GETFL) {
        // Where it cannot be set, stdout is no pipe, and nobody waits at its other end.
        let _ = fcntl(io::stdout(), FcntlArg::F_SETFL(OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK));
    }
}

/// Writes one byte. A daemon that does not read has enough of them already, and one that is gone needs none.
pub(super) fn wake() {
    let _ = nix::unistd::write(io::stdout(), b".");
}
