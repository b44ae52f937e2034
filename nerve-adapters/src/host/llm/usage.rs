//! What an answer cost, from each place where endpoints tell it.

use nerve_core::Usage;
use serde_json::Value;

/// Billionths of a dollar in a dollar.
const NANO: f64 = 1e9;

/// The usage that a response or an event of a stream tells, when it tells one: at its top, in its choice, or in `x_groq`.
pub(super) fn find(value: &Value) -> Option<&Value> {
    ["/usage", "/choices/0/usage", "/x_groq/usage"].iter().find_map(|at| value.pointer(at).filter(|usage| usage.is_object()))
}

/// One call with this usage, brought to one meaning: `input_tokens` with the cached ones, `output_tokens` with the reasoning. `tells_cost`:
/// whether its `cost` is in US dollars.
pub(super) fn read(usage: &Value, tells_cost: bool) -> Usage {
    let count = |at: &str| usage.pointer(at).and_then(Value::as_u64);
    let first = |places: &[&str]| places.iter().find_map(|at| count(at));
    let cache_read = first(&[
        "/prompt_tokens_details/cached_tokens",
        "/input_tokens_details/cached_tokens",
        "/prompt_cache_hit_tokens",
        "/cache_read_input_tokens",
        "/cached_tokens",
    ]);
    let cache_write = first(&[
        "/prompt_tokens_details/cache_write_tokens",
        "/prompt_tokens_details/cache_creation_tokens",
        "/cache_creation_input_tokens",
    ]);
    let reasoning = first(&["/completion_tokens_details/reasoning_tokens", "/output_tokens_details/reasoning_tokens", "/reasoning_tokens"]);
    let input = count("/prompt_tokens").or_else(|| {
        // Anthropic's own count leaves out what a cache had or took.
        let beside = ["/cache_read_input_tokens", "/cache_creation_input_tokens"].iter().filter_map(|at| count(at));
        Some(beside.fold(count("/input_tokens")?, u64::saturating_add))
    });
    let written = first(&["/completion_tokens", "/output_tokens"]);
    // Some count reasoning in the total alone.
    let beyond = count("/total_tokens").zip(input).map(|(total, input)| total.saturating_sub(input));
    let output = written.map(|written| beyond.map_or(written, |beyond| beyond.max(written)));
    let usage_of_call = Usage {
        input_tokens: input,
        output_tokens: output,
        cache_read_tokens: cache_read,
        cache_write_tokens: cache_write,
        reasoning_tokens: reasoning,
        ..Usage::ONE_CALL
    };
    match price(usage).filter(|_| tells_cost) {
        Some(nano_usd) => usage_of_call.priced(nano_usd),
        None => usage_of_call,
    }
}

/// OpenRouter's price: with a key of one's own, its fee and what the model's owner takes.
fn price(usage: &Value) -> Option<u64> {
    let cost = usage.get("cost")?.as_f64()?;
    let upstream = usage.pointer("/cost_details/upstream_inference_cost").and_then(Value::as_f64);
    let upstream = upstream.filter(|_| usage.get("is_byok") == Some(&Value::Bool(true))).unwrap_or_default();
    let nano = ((cost + upstream) * NANO).round();
    // 2^53: past that a float is no count, and no call costs that much.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a whole number within these bounds")]
    (0.0..=9_007_199_254_740_992.0).contains(&nano).then_some(nano as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    type Counts = (Option<u64>, Option<u64>, Option<u64>, Option<u64>, Option<u64>);

    fn counts(usage: &Value) -> Counts {
        let Usage { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, .. } = read(usage, false);
        (input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens)
    }

    #[test]
    fn each_spelling_comes_to_one_meaning() {
        for (usage, expected) in [
            (json!({ "prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12 }), (Some(9), Some(3), None, None, None)),
            (
                json!({ "prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14, "prompt_tokens_details": { "cached_tokens": 4 },
                        "completion_tokens_details": { "reasoning_tokens": 2 } }),
                (Some(9), Some(5), Some(4), None, Some(2)),
            ),
            (
                json!({ "prompt_tokens": 9, "prompt_cache_hit_tokens": 6, "prompt_cache_miss_tokens": 3, "completion_tokens": 1 }),
                (Some(9), Some(1), Some(6), None, None),
            ),
            (
                json!({ "input_tokens": 2, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 5, "output_tokens": 1 }),
                (Some(17), Some(1), Some(10), Some(5), None),
            ),
            // The total alone has the reasoning.
            (
                json!({ "prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 27, "completion_tokens_details": { "reasoning_tokens": 17 } }),
                (Some(9), Some(18), None, None, Some(17)),
            ),
            (json!({ "prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9 }), (Some(9), Some(0), None, None, None)),
            (json!({ "prompt_tokens": "9" }), (None, None, None, None, None)),
        ] {
            assert_eq!(counts(&usage), expected, "{usage}");
        }
    }

    #[test]
    fn a_price_is_taken_only_where_it_is_known_to_be_in_dollars() {
        let usage = json!({ "prompt_tokens": 1, "completion_tokens": 1, "cost": 0.00014 });
        assert_eq!((read(&usage, true).nano_usd, read(&usage, true).priced_calls), (Some(140_000), 1));
        assert_eq!((read(&usage, false).nano_usd, read(&usage, false).priced_calls), (None, 0));
        let own_key = json!({ "cost": 0.001, "is_byok": true, "cost_details": { "upstream_inference_cost": 0.02 } });
        assert_eq!(read(&own_key, true).nano_usd, Some(21_000_000));
        assert_eq!(read(&json!({ "cost": -1 }), true).nano_usd, None);
        assert_eq!(read(&json!({ "cost": { "total": 1 } }), true).nano_usd, None);
    }

    #[test]
    fn usage_is_found_where_it_stands() {
        let usage = json!({ "prompt_tokens": 1 });
        for value in
            [json!({ "usage": usage }), json!({ "choices": [{ "usage": usage }] }), json!({ "usage": null, "x_groq": { "usage": usage } })]
        {
            assert_eq!(find(&value), Some(&usage), "{value}");
        }
        assert_eq!(find(&json!({ "usage": null })), None);
    }
}
