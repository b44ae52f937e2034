//! Spans of time as they read in a role.

use std::time::Duration;

/// This many minutes; past the longest duration there is, that one.
pub fn minutes(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(60))
}

/// This many seconds.
pub fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_sixty_seconds() {
        assert_eq!(minutes(5), seconds(300));
        assert_eq!(minutes(u64::MAX), seconds(u64::MAX));
    }
}
