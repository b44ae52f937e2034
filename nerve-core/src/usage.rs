//! What a call cost.

use serde::{Deserialize, Serialize};

/// Tokens, requests and money of one call or of many added up; unknown counts stay `None`, never zero.
///
/// Every adapter tells them in the same way, whatever its provider calls them: `input_tokens` are all that were read, those from a cache and
/// those written into one among them; `output_tokens` are all that were written, reasoning among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Requests sent to a provider or turns of an agent.
    pub calls: u32,
    /// Tokens read, cached ones among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens written, reasoning among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// The part of what was read that came from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read_tokens: Option<u64>,
    /// The part of what was read that was put into a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// The part of what was written that was reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_tokens: Option<u64>,
    /// What the priced calls cost, in billionths of a US dollar; none when no call has a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nano_usd: Option<u64>,
    /// How many of the calls have a price; the others cost an unknown amount.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priced_calls: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Usage {
    /// One call whose cost is not told.
    pub const ONE_CALL: Self = Self {
        calls: 1,
        input_tokens: None,
        output_tokens: None,
        cache_read_tokens: None,
        cache_write_tokens: None,
        reasoning_tokens: None,
        nano_usd: None,
        priced_calls: 0,
    };

    /// One call that costs nothing, such as a script's.
    pub const FREE_CALL: Self = Self { nano_usd: Some(0), priced_calls: 1, ..Self::ONE_CALL };

    /// The same, with a price for all of its calls.
    #[must_use]
    pub fn priced(self, nano_usd: u64) -> Self {
        Self { nano_usd: Some(nano_usd), priced_calls: self.calls, ..self }
    }

    /// Adds another call's cost; a known count plus an unknown one stays the known one.
    pub fn add(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.input_tokens = sum(self.input_tokens, other.input_tokens);
        self.output_tokens = sum(self.output_tokens, other.output_tokens);
        self.cache_read_tokens = sum(self.cache_read_tokens, other.cache_read_tokens);
        self.cache_write_tokens = sum(self.cache_write_tokens, other.cache_write_tokens);
        self.reasoning_tokens = sum(self.reasoning_tokens, other.reasoning_tokens);
        self.nano_usd = sum(self.nano_usd, other.nano_usd);
        self.priced_calls = self.priced_calls.saturating_add(other.priced_calls);
    }

    /// What came on top of `before`, where whoever answers tells the sum of all turns; of requests and money nothing is taken off.
    #[must_use]
    pub fn since(self, before: &Self) -> Self {
        let less = |now: Option<u64>, before: Option<u64>| now.map(|now| now.saturating_sub(before.unwrap_or(0)));
        Self {
            input_tokens: less(self.input_tokens, before.input_tokens),
            output_tokens: less(self.output_tokens, before.output_tokens),
            cache_read_tokens: less(self.cache_read_tokens, before.cache_read_tokens),
            cache_write_tokens: less(self.cache_write_tokens, before.cache_write_tokens),
            reasoning_tokens: less(self.reasoning_tokens, before.reasoning_tokens),
            ..self
        }
    }

    /// Tokens read and written, as far as they are told.
    pub fn tokens(&self) -> u64 {
        self.input_tokens.unwrap_or(0).saturating_add(self.output_tokens.unwrap_or(0))
    }

    /// How many calls cost an unknown amount.
    pub fn unpriced_calls(&self) -> u32 {
        self.calls.saturating_sub(self.priced_calls)
    }

    /// The money in words: `$0.0012`, `?` when nothing is known, `$0.0012 + ?` when a part is; `$0` where nothing was called.
    pub fn money(&self) -> String {
        match (self.nano_usd, self.unpriced_calls()) {
            (None, 0) => "$0".to_owned(),
            (None, _) => "?".to_owned(),
            (Some(nano), 0) => dollars(nano),
            (Some(0), _) => "?".to_owned(),
            (Some(nano), _) => format!("{} + ?", dollars(nano)),
        }
    }
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), |mut all, one| {
            all.add(&one);
            all
        })
    }
}

fn sum(left: Option<u64>, right: Option<u64>) -> Option<u64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.saturating_add(right)),
        (known, None) | (None, known) => known,
    }
}

/// Four places, or as many as the first two digits that count need.
fn dollars(nano: u64) -> String {
    if nano == 0 {
        return "$0".to_owned();
    }
    let (whole, part) = (nano / 1_000_000_000, nano % 1_000_000_000);
    let digits = format!("{part:09}");
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let places = if whole > 0 { 2 } else { (zeros + 2).clamp(4, 9) };
    format!("${whole}.{}", &digits[..places])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_money_is_a_question_mark_and_never_nothing() {
        let priced = Usage::ONE_CALL.priced(1_234_000);
        let both: Usage = [priced, Usage::ONE_CALL].into_iter().sum();
        assert_eq!(Usage::default().money(), "$0");
        assert_eq!(Usage::ONE_CALL.money(), "?");
        assert_eq!(Usage::FREE_CALL.money(), "$0");
        assert_eq!(priced.money(), "$0.0012");
        assert_eq!(both.money(), "$0.0012 + ?");
        let with_free: Usage = [Usage::FREE_CALL, Usage::ONE_CALL].into_iter().sum();
        assert_eq!(with_free.money(), "?");
        for (nano, shown) in [(1, "$0.000000001"), (75, "$0.000000075"), (12_345_678_901, "$12.34"), (150_000_000, "$0.1500")] {
            assert_eq!(Usage::ONE_CALL.priced(nano).money(), shown);
        }
    }

    #[test]
    fn an_entry_of_before_prices_is_unpriced() {
        let old: Usage = serde_json::from_str(r#"{"calls":2,"input_tokens":5}"#).unwrap_or_default();
        assert_eq!((old.calls, old.unpriced_calls(), old.money().as_str()), (2, 2, "?"));
    }
}
