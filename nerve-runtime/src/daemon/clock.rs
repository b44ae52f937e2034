//! The daemon's clock and dice: the one place that reads the time and draws random bytes.

use std::time::SystemTime;

use nerve_core::{ThreadId, TickId, Timestamp};

/// Now.
#[expect(clippy::disallowed_methods, reason = "this is the place that the ban names")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A new thread's id.
pub(crate) fn new_thread() -> ThreadId {
    ThreadId::new(now(), random())
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
