//! Moments of the store as moments of JSON.

/// A moment as JSON shows it; one outside the calendar (years -9999 to 9999) becomes its nearest end.
pub fn moment(at: nerve_core::Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.millis()).unwrap_or(if at.millis() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX })
}
