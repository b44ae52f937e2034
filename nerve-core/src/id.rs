//! Ids that sort in the store and are short to type.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Crockford's base32 in lower case: no `i`, `l`, `o` or `u`, so that an id read aloud survives.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters of an id's text after its prefix: 128 bits, five a character.
const TEXT_LEN: usize = 26;

/// The text is not an id of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind} id: it looks like `{prefix}…`")]
pub struct BadId {
    /// What was given.
    pub text: String,
    kind: &'static str,
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What the text form starts with.
            pub const PREFIX: &'static str = $prefix;

            /// Makes an id from the time in milliseconds since 1970 and ten random bytes.
            pub fn new(now: crate::Timestamp, random: [u8; 10]) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(now.millis().unsigned_abs(), &random).into_uuid())
            }

            /// The sixteen bytes that the store keeps; they sort by time.
            pub fn bytes(&self) -> [u8; 16] {
                *self.0.as_bytes()
            }

            /// Reads the stored form.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                f.write_str(&encode(self.bytes()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                text.strip_prefix($prefix)
                    .and_then(decode)
                    .map(Self::from_bytes)
                    .ok_or_else(|| BadId { text: text.to_owned(), kind: $kind, prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// One run of a workflow: `th_` and base32.
    ThreadId,
    "th_",
    "thread"
);
id!(
    /// One run of a sense: `tick_` and base32.
    TickId,
    "tick_",
    "tick"
);

/// A compiled worker, named by the hash of its file, or `builtin-<version>` for the one inside `nerve`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BuildId(pub String);

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a daemon's life; a later life fences off an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

/// The last eight bytes come first: a UUIDv7 starts with the time, which neighbours share, and ends with what tells
/// them apart. So four characters usually suffice.
fn encode(bytes: [u8; 16]) -> String {
    let mut value = rotate_in(u128::from_be_bytes(bytes));
    let mut text = [0u8; TEXT_LEN];
    for slot in text.iter_mut().rev() {
        *slot = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    text.iter().map(|byte| char::from(*byte)).collect()
}

fn decode(text: &str) -> Option<[u8; 16]> {
    if text.len() != TEXT_LEN {
        return None;
    }
    let mut value: u128 = 0;
    for byte in text.bytes() {
        let digit = ALPHABET.iter().position(|letter| *letter == byte.to_ascii_lowercase())? as u128;
        if value >> 123 != 0 {
            return None;
        }
        value = (value << 5) | digit;
    }
    Some(rotate_out(value).to_be_bytes())
}

/// 26 characters hold 130 bits, so the text's first character has only eight values; rotating by 62 puts the two fixed
/// variant bits last.
fn rotate_in(value: u128) -> u128 {
    value.rotate_left(66)
}

fn rotate_out(value: u128) -> u128 {
    value.rotate_right(66)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_reads_back_from_its_text(millis in 0i64..(1 << 47), random in any::<[u8; 10]>()) {
            let id = ThreadId::new(Timestamp::from_millis(millis), random);
            prop_assert_eq!(id.to_string().parse::<ThreadId>(), Ok(id));
            prop_assert_eq!(id.to_string().len(), 3 + TEXT_LEN);
        }

        #[test]
        fn later_ids_sort_after_earlier_ones(first in 0i64..(1 << 46), gap in 1i64..1000, random in any::<[u8; 10]>()) {
            let early = ThreadId::new(Timestamp::from_millis(first), [255; 10]);
            let late = ThreadId::new(Timestamp::from_millis(first + gap), random);
            prop_assert!(early < late);
        }
    }

    #[test]
    fn ids_of_one_moment_differ_in_their_first_characters() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let heads: std::collections::HashSet<_> = (0u8..32)
            .map(|n| ThreadId::new(now, [n.wrapping_mul(37), n, 3, n.wrapping_mul(8), 5, 6, 7, 8, 9, n]).to_string()[3..7].to_owned())
            .collect();
        assert!(heads.len() > 24, "{heads:?}");
    }

    #[test]
    fn what_is_no_id_is_refused_with_the_shape_of_one() {
        let error = "th_oops".parse::<ThreadId>().expect_err("too short");
        assert_eq!(error.to_string(), "`th_oops` is not a thread id: it looks like `th_…`");
    }
}
