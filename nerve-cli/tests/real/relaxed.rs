//! A reader of JSON that people and small models write: written for these tests, so that it owes nothing to the one that is tested.
//!
//! Beyond JSON it takes quotes of either kind, keys without quotes, commas after the last member, `//`, `#` and `/* */` comments, and
//! the constants of Python. It completes nothing: text that ends too early is no value.

use serde_json::{Map, Number, Value};

/// Every value that is an object and is not part of another, in order.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(step) = text[at..].find('{') {
        at += step;
        let mut reader = Reader { rest: &text[at..] };
        if let Some(value) = reader.value() {
            at = text.len() - reader.rest.len();
            found.push(value);
        } else {
            at += 1;
        }
    }
    found
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Option<Value> {
        self.skip();
        match self.rest.chars().next()? {
            '{' => self.object(),
            '[' => self.list(),
            quote @ ('"' | '\'') => Some(Value::String(self.text(quote)?)),
            '-' | '0'..='9' => self.number(),
            _ => match self.word()? {
                "true" | "True" => Some(Value::Bool(true)),
                "false" | "False" => Some(Value::Bool(false)),
                "null" | "None" => Some(Value::Null),
                _ => None,
            },
        }
    }

    fn object(&mut self) -> Option<Value> {
        self.take('{')?;
        let mut members = Map::new();
        loop {
            if self.take('}').is_some() {
                return Some(Value::Object(members));
            }
            let key = match self.rest.chars().next()? {
                quote @ ('"' | '\'') => self.text(quote)?,
                _ => self.word()?.to_owned(),
            };
            self.take(':')?;
            let value = self.value()?;
            // Of two values for one key neither is the one that was meant.
            if members.get(&key).is_some_and(|before| *before != value) {
                return None;
            }
            members.insert(key, value);
            if self.take(',').is_none() && !self.sees('}') {
                return None;
            }
        }
    }

    fn list(&mut self) -> Option<Value> {
        self.take('[')?;
        let mut items = Vec::new();
        loop {
            if self.take(']').is_some() {
                return Some(Value::Array(items));
            }
            items.push(self.value()?);
            if self.take(',').is_none() && !self.sees(']') {
                return None;
            }
        }
    }

    fn text(&mut self, quote: char) -> Option<String> {
        let mut escaped = false;
        let inner = &self.rest[1..];
        let end = inner.char_indices().find_map(|(at, c)| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends.then_some(at)
        })?;
        self.rest = &inner[end + 1..];
        let body = &inner[..end];
        if quote == '"' {
            return serde_json::from_str(&format!("\"{}\"", body.replace('\n', "\\n").replace('\t', "\\t"))).ok();
        }
        let double = body.replace("\\'", "'").replace('"', "\\\"").replace('\n', "\\n");
        serde_json::from_str(&format!("\"{double}\"")).ok()
    }

    fn number(&mut self) -> Option<Value> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c))?;
        let number: Number = serde_json::from_str(&self.rest[..end]).ok()?;
        self.rest = &self.rest[end..];
        Some(Value::Number(number))
    }

    fn word(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-')?;
        let word = &self.rest[..end];
        self.rest = &self.rest[end..];
        (!word.is_empty()).then_some(word)
    }

    /// Takes this character, and the space around it.
    fn take(&mut self, wanted: char) -> Option<()> {
        self.skip();
        self.rest = self.rest.strip_prefix(wanted)?;
        self.skip();
        Some(())
    }

    fn sees(&mut self, wanted: char) -> bool {
        self.skip();
        self.rest.starts_with(wanted)
    }

    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let past = if self.rest.starts_with("//") || self.rest.starts_with('#') {
                self.rest.split_once('\n').map_or("", |(_, rest)| rest)
            } else if self.rest.starts_with("/*") {
                self.rest.split_once("*/").map_or("", |(_, rest)| rest)
            } else {
                return;
            };
            self.rest = past;
        }
    }
}
