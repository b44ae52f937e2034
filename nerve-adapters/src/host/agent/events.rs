//! What an event says, by the rules of its profile.

use nerve_core::Usage;
use nerve_core::config::Rule;
use serde_json::Value;

/// What was learnt from events so far.
#[derive(Debug, Default)]
pub(super) struct Learnt {
    pub(super) session: Option<String>,
    pub(super) model: Option<String>,
    pub(super) text: Option<String>,
    pub(super) terminal: bool,
    pub(super) failed: bool,
    pub(super) unfinished: bool,
    pub(super) message: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) proof: Option<u64>,
    pub(super) usage: Usage,
    pub(super) cost_usd: Option<f64>,
}

impl Learnt {
    /// Takes an event in; every rule that it fits counts, in their order.
    pub(super) fn take(&mut self, event: &Value, rules: &[Rule]) {
        for rule in rules.iter().filter(|rule| fits(event, rule)) {
            self.follow(event, rule);
        }
    }

    fn follow(&mut self, event: &Value, rule: &Rule) {
        let at = |place: &Option<String>| place.as_deref().and_then(|place| event.pointer(place)).filter(|value| !value.is_null());
        let word = |place: &Option<String>| at(place).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned);
        let count = |place: &Option<String>| at(place).and_then(number);
        if let Some(session) = word(&rule.session) {
            self.session = Some(session);
        }
        if let Some(model) = word(&rule.model) {
            self.model = Some(model);
        }
        if let Some(text) = at(&rule.text).map(joined) {
            match &mut self.text {
                Some(before) if rule.append => before.push_str(&text),
                place => *place = Some(text),
            }
        }
        let holds = |place: &Option<String>| at(place).and_then(Value::as_bool).unwrap_or(false);
        self.terminal |= rule.terminal;
        self.failed |= rule.failed || holds(&rule.failed_if);
        self.unfinished |= rule.finished_if.is_some() && !holds(&rule.finished_if);
        if let Some(message) = at(&rule.message).map(joined) {
            self.message = Some(message);
        }
        if let Some(reason) = word(&rule.reason) {
            self.reason = Some(reason);
        }
        if rule.proof.is_some() {
            self.proof = count(&rule.proof);
        }
        for (place, tokens) in [
            (&rule.input, &mut self.usage.input_tokens),
            (&rule.output, &mut self.usage.output_tokens),
            (&rule.cache_read, &mut self.usage.cache_read_tokens),
            (&rule.cache_write, &mut self.usage.cache_write_tokens),
            (&rule.reasoning, &mut self.usage.reasoning_tokens),
        ] {
            if let Some(told) = count(place) {
                *tokens = Some(if rule.add { tokens.unwrap_or(0).saturating_add(told) } else { told });
            }
        }
        if let Some(cost) = at(&rule.cost).and_then(Value::as_f64) {
            self.cost_usd = Some(if rule.add { self.cost_usd.unwrap_or(0.0) + cost } else { cost });
        }
    }
}

/// Whether an event is of a rule's kind; `null` stands for what is absent.
fn fits(event: &Value, rule: &Rule) -> bool {
    rule.when.iter().all(|(place, wanted)| event.pointer(place).unwrap_or(&Value::Null) == wanted)
}

/// A text, or the texts of a list of blocks.
fn joined(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks.iter().filter_map(|block| block.get("text").and_then(Value::as_str)).collect(),
        other => other.to_string(),
    }
}

/// A count; some write it with a fraction of nothing.
fn number(value: &Value) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole, not negative, and below 2^53")]
    value
        .as_u64()
        .or_else(|| value.as_f64().filter(|number| *number >= 0.0 && number.fract() == 0.0 && *number < 9e15).map(|number| number as u64))
}
