//! The daemon's clock and dice: the one place that reads the time and draws random bytes.

use std::time::SystemTime;

use nerve_core::{ThreadId, TickId, Timestamp};

/// Now.
#[expect(clippy::disallowed_methods, reason = "this is the place that the ban names")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The id of a thread that is accepted after another one, whose moment is given; and its own moment. Two of one moment would sort
/// by chance, and a clock may be set back: what sorts later must have come later.
pub(crate) fn new_thread(after: Timestamp) -> (ThreadId, Timestamp) {
    let moment = now().max(Timestamp::from_millis(after.millis().saturating_add(1)));
    (ThreadId::new(moment, random()), moment)
}

/// The moment in a thread's id: its first 48 bits are milliseconds.
pub(crate) fn moment_of(id: ThreadId) -> Timestamp {
    let millis = id.bytes()[..6].iter().fold(0, |millis, byte| millis << 8 | i64::from(*byte));
    Timestamp::from_millis(millis)
}

/// A new tick's id.
pub(crate) fn new_tick() -> TickId {
    TickId::new(now(), random())
}

/// Letters and digits that nobody can foresee from outside, such as a block's tag.
pub(crate) fn random_tag() -> String {
    (0..12).map(|_| fastrand::alphanumeric().to_ascii_lowercase()).collect()
}

fn random() -> [u8; 10] {
    let mut bytes = [0; 10];
    fastrand::fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_one_moment_or_of_a_clock_that_was_set_back_sort_as_they_came() {
        let mut after = Timestamp::from_millis(now().millis() + 60_000);
        let mut ids = Vec::new();
        for _ in 0..100 {
            let (id, moment) = new_thread(after);
            assert_eq!(moment_of(id), moment);
            ids.push(id);
            after = moment;
        }
        assert!(ids.is_sorted());
    }
}
