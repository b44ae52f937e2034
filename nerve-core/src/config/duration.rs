//! Durations as people write them: a number and its unit.

use std::{borrow::Cow, time::Duration};

use jiff::{SignedDuration, Span, SpanRelativeTo};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The JSON schema `format` of a duration; the pattern beside it says the same more loosely.
pub(super) const FORMAT: &str = "nerve-duration";
/// The JSON schema `format` of a [`Delay`].
pub(super) const DELAY_FORMAT: &str = "nerve-delay";

const UNITS: &str = "milliseconds?|millis?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d";
const TOO_LONG: [&str; 14] = ["w", "wk", "wks", "week", "weeks", "mo", "mos", "month", "months", "y", "yr", "yrs", "year", "years"];

/// Why a text is not a duration. The message says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadDuration {
    /// A bare number.
    #[error("a duration needs a unit: write {0}s, {0}m or {0}h")]
    NoUnit(String),
    /// Weeks and longer, which have no fixed length.
    #[error("`{0}` is too long a unit: write days (`d`), hours (`h`), minutes (`m`), seconds (`s`) or milliseconds (`ms`)")]
    LongUnit(String),
    /// Anything else.
    #[error("this is not a duration: write it like 200ms, 10s, 5m or 1h 30m")]
    Unreadable,
}

/// Reads a duration such as `200ms`, `10s`, `1h 30m` or `2 days`. Units: `ms` to `d`, a day being 24 hours; never negative.
pub fn parse_duration(text: &str) -> Result<Duration, BadDuration> {
    let text = text.trim();
    if text.parse::<f64>().is_ok() {
        return Err(BadDuration::NoUnit(text.to_owned()));
    }
    if let Some(unit) = text.split(|c: char| !c.is_ascii_alphabetic()).find(|word| TOO_LONG.contains(&word.to_ascii_lowercase().as_str())) {
        return Err(BadDuration::LongUnit(unit.to_owned()));
    }
    // jiff also reads ISO 8601 (`PT5S`), signs, `ago` and units below a millisecond; one way to write a thing is enough.
    if !text.starts_with(|c: char| c.is_ascii_digit()) || !words_are_units(text) {
        return Err(BadDuration::Unreadable);
    }
    let span: Span = text.parse().map_err(|_| BadDuration::Unreadable)?;
    let signed: SignedDuration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| BadDuration::Unreadable)?;
    signed.try_into().map_err(|_| BadDuration::Unreadable)
}

const WORDS: [&str; 25] = [
    "ms",
    "msec",
    "msecs",
    "milli",
    "millis",
    "millisecond",
    "milliseconds",
    "s",
    "sec",
    "secs",
    "second",
    "seconds",
    "m",
    "min",
    "mins",
    "minute",
    "minutes",
    "h",
    "hr",
    "hrs",
    "hour",
    "hours",
    "d",
    "day",
    "days",
];

fn words_are_units(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).all(|word| word.is_empty() || WORDS.contains(&word))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == ' ')
}

/// Writes a duration the way [`parse_duration`] reads it, largest unit first: `1h 30m`, `200ms`, `0s`. Below a millisecond is cut.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut words = Vec::new();
    for (unit, millis) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if rest >= millis {
            words.push(format!("{}{unit}", rest / millis));
            rest %= millis;
        }
    }
    if words.is_empty() { "0s".to_owned() } else { words.join(" ") }
}

/// How a duration stands in the file: the type that serde and the schema see.
#[derive(Clone, Copy)]
pub(super) struct DurationText(Duration);

impl Serialize for DurationText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_duration(&String::deserialize(deserializer)?).map(DurationText).map_err(D::Error::custom)
    }
}

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": FORMAT,
            "pattern": format!(r"^\s*([0-9]+(\.[0-9]+)?\s*({UNITS})\s*)+$"),
        })
    }
}

/// `#[serde(with)]` for a duration.
pub(super) mod plain {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        DurationText(*duration).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Ok(DurationText::deserialize(deserializer)?.0)
    }
}

/// `#[serde(with)]` for a duration that may be absent.
pub(super) mod optional {
    use super::*;

    #[expect(clippy::ref_option, reason = "serde's `with` hands over a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(DurationText).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<DurationText>::deserialize(deserializer)?.map(|text| text.0))
    }
}

/// A wait before a scripted reply: one duration (`200ms`), or a range to pick from (`50ms-500ms`). One duration has `min == max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// The shortest wait.
    pub min: Duration,
    /// The longest wait, never below `min`.
    pub max: Duration,
}

impl Delay {
    /// Reads `200ms` or `50ms-500ms`.
    pub fn parse(text: &str) -> Result<Delay, BadDuration> {
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let delay = Delay { min: parse_duration(min)?, max: parse_duration(max)? };
        if delay.min <= delay.max { Ok(delay) } else { Err(BadDuration::Unreadable) }
    }
}

impl Serialize for Delay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let min = format_duration(self.min);
        if self.min == self.max {
            serializer.serialize_str(&min)
        } else {
            serializer.collect_str(&format_args!("{min}-{}", format_duration(self.max)))
        }
    }
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Delay::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for Delay {
    fn schema_name() -> Cow<'static, str> {
        "Delay".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = format!(r"\s*([0-9]+(\.[0-9]+)?\s*({UNITS})\s*)+");
        json_schema!({ "type": "string", "format": DELAY_FORMAT, "pattern": format!("^{one}(-{one})?$") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in
            [("200ms", 200), ("10s", 10_000), ("1h 30m", 5_400_000), ("1.5s", 1500), ("2 days", 172_800_000), ("0s", 0), (" 5m ", 300_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn each_unit_is_read() {
        for word in WORDS {
            assert!(parse_duration(&format!("2{word}")).is_ok() && parse_duration(&format!("2 {word}")).is_ok(), "{word}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        assert_eq!(parse_duration("5"), Err(BadDuration::NoUnit("5".to_owned())));
        assert_eq!(parse_duration("2 weeks"), Err(BadDuration::LongUnit("weeks".to_owned())));
        for text in ["", "soon", "-5s", "+5s", "5s ago", "PT5S", "5us", "5 s 5", "99999999999999999999d", "5ś"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["200ms", "1h 30m", "0s", "1d 1ms"] {
            assert_eq!(format_duration(parse_duration(text).expect(text)), text);
        }
    }

    #[test]
    fn a_delay_is_one_or_a_range() {
        let (short, long) = (Duration::from_millis(50), Duration::from_millis(500));
        assert_eq!(Delay::parse("50ms-500ms"), Ok(Delay { min: short, max: long }));
        assert_eq!(Delay::parse("50ms"), Ok(Delay { min: short, max: short }));
        assert!(Delay::parse("500ms-50ms").is_err());
    }
}
