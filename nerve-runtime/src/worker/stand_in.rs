//! The thread that listens to the daemon while user code blocks the runtime's thread.
//!
//! As long as that thread works in short turns it reads its channel itself, which spares each frame a change of threads. Once one turn has
//! lasted, this one answers pings, keeps what comes, lets go what is held back, and sees the end of the daemon. It rests while nothing happens.

use std::os::fd::AsFd;
use std::thread::sleep;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::beat::{Beat, Moment};
use super::inbox::Reader;
use super::out::Out;

/// Between two looks at the runtime's thread: a turn that lasted from one to the next counts as blocked.
const LOOK: Duration = Duration::from_millis(LOOK_MS as u64);
const LOOK_MS: u8 = 50;

/// Looks that found it waiting before this thread rests.
const QUIET: u32 = 2;

pub(super) fn watch(beat: &Beat, reader: &Reader, out: &Out) {
    let mut quiet = 0;
    loop {
        let seen = beat.now();
        sleep(LOOK);
        if beat.now() != seen {
            quiet = 0;
        } else if !seen.waits() {
            stand_in(beat, seen, reader, out);
        } else if quiet < QUIET {
            quiet += 1;
        } else {
            beat.rest(seen);
            quiet = 0;
        }
    }
}

/// Listens until the turn that lasts so long is over.
fn stand_in(beat: &Beat, turn: Moment, reader: &Reader, out: &Out) {
    while beat.now() == turn {
        out.flush_if_free();
        let mut channel = [PollFd::new(reader.socket().as_fd(), PollFlags::POLLIN)];
        // A failed poll is an interrupted one; the next finds the same.
        if poll(&mut channel, PollTimeout::from(LOOK_MS)).is_ok_and(|ready| ready > 0) && beat.now() == turn {
            reader.keep();
        }
    }
}
