//! Whether the runtime's thread waits or works, seen from another thread.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;

/// Counts each beginning and each end of a wait of the runtime's thread: odd while it waits. One thread watches it.
#[derive(Debug, Default)]
pub(crate) struct Beat {
    count: AtomicU64,
    /// The watcher waits for the next beat.
    resting: AtomicBool,
    watcher: OnceLock<Thread>,
}

/// A moment between two beats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(u64);

impl Moment {
    pub(super) fn waits(self) -> bool {
        self.0 % 2 == 1
    }
}

impl Beat {
    /// The runtime's thread is about to wait.
    pub(super) fn waits(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }

    /// It works again.
    pub(super) fn works(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        if self.resting.load(Ordering::SeqCst)
            && self.resting.swap(false, Ordering::SeqCst)
            && let Some(watcher) = self.watcher.get()
        {
            watcher.unpark();
        }
    }

    pub(super) fn now(&self) -> Moment {
        Moment(self.count.load(Ordering::SeqCst))
    }

    /// Blocks the watcher until there was a beat after this moment.
    pub(super) fn rest(&self, since: Moment) {
        self.watcher.get_or_init(std::thread::current);
        self.resting.store(true, Ordering::SeqCst);
        // A beat between the look and the store would wake nobody.
        while self.now() == since && self.resting.load(Ordering::SeqCst) {
            std::thread::park();
        }
        self.resting.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn whoever_rests_is_woken_by_the_next_beat() {
        let beat = Arc::new(Beat::default());
        let (tell, told) = channel();
        let watcher = std::thread::spawn({
            let beat = Arc::clone(&beat);
            move || {
                for _ in 0..1000 {
                    let moment = beat.now();
                    tell.send(()).expect("the test waits");
                    beat.rest(moment);
                    assert_ne!(beat.now(), moment);
                }
            }
        });
        for _ in 0..1000 {
            told.recv().expect("the watcher lives");
            beat.works();
        }
        watcher.join().expect("it was woken each time");
        assert!(!beat.now().waits());
        beat.waits();
        assert!(beat.now().waits());
    }
}
