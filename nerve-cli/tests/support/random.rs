//! Numbers that can be had again: the seed is printed, and `NERVE_SEED` sets it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// A generator of the xorshift family; good enough to pick moments.
pub(crate) struct Random(u64);

impl Random {
    /// Seeded by `NERVE_SEED` or by chance; gives the seed, too.
    pub(crate) fn seeded() -> (Self, u64) {
        let chosen = std::env::var("NERVE_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = chosen.unwrap_or_else(|| RandomState::new().build_hasher().finish()).max(1);
        (Self(seed), seed)
    }

    /// The numbers of this seed.
    pub(crate) fn from(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// A time of `from` to `to` milliseconds.
    pub(crate) fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }
}
