//! What models cost, where nerve.yaml says so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Usage;

/// What a model costs, in US dollars a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Price {
    /// A million tokens read.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub input: f64,
    /// A million tokens written.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub output: f64,
    /// A million tokens read from a cache; as `input` without it.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub cache_read: Option<f64>,
    /// A million tokens put into a cache; as `input` without it.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub cache_write: Option<f64>,
}

/// Dollars a million tokens are so many billionths of a dollar a token.
const NANO_A_TOKEN: f64 = 1000.0;

impl Price {
    /// The usage with its price; as it is where it has one, or where tokens are not told: what is not known costs `?`, never nothing.
    #[must_use]
    pub fn of(&self, usage: Usage) -> Usage {
        let (Some(input), Some(output), 0) = (usage.input_tokens, usage.output_tokens, usage.priced_calls) else { return usage };
        let (read, written) = (usage.cache_read_tokens.unwrap_or(0).min(input), usage.cache_write_tokens.unwrap_or(0));
        let plain = input - read - written.min(input - read);
        let parts = [
            (plain, self.input),
            (read, self.cache_read.unwrap_or(self.input)),
            (written, self.cache_write.unwrap_or(self.input)),
            (output, self.output),
        ];
        #[expect(clippy::cast_precision_loss, reason = "counts of tokens are far below 2^53")]
        let nano: f64 = parts.iter().map(|(tokens, price)| *tokens as f64 * price * NANO_A_TOKEN).sum();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "prices are bounded and not negative; `as` saturates")]
        let nano = nano.round() as u64;
        usage.priced(nano)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Price = Price { input: 2.0, output: 8.0, cache_read: Some(0.5), cache_write: None };

    #[test]
    fn each_token_costs_what_its_kind_costs() {
        let usage = Usage { input_tokens: Some(1000), output_tokens: Some(100), cache_read_tokens: Some(400), ..Usage::ONE_CALL };
        // 600 x 2 + 400 x 0.5 + 100 x 8 = 2200 millionths of a dollar.
        assert_eq!(PRICE.of(usage).nano_usd, Some(2_200_000));
        let written = Usage { cache_write_tokens: Some(100), ..usage };
        assert_eq!(PRICE.of(written).nano_usd, Some(2_200_000));
        let dear = Price { cache_write: Some(2.5), ..PRICE };
        assert_eq!(dear.of(written).nano_usd, Some(2_250_000));
    }

    #[test]
    fn what_is_not_known_has_no_price_and_what_has_one_keeps_it() {
        let unknown = Usage { input_tokens: Some(5), ..Usage::ONE_CALL };
        assert_eq!(PRICE.of(unknown), unknown);
        let told = Usage { input_tokens: Some(5), output_tokens: Some(5), ..Usage::ONE_CALL }.priced(7);
        assert_eq!(PRICE.of(told), told);
    }
}
