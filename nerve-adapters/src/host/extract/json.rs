//! JSON with trailing commas and comments, and nothing else that strict JSON lacks.

use std::collections::HashMap;

use serde_json::Value;

/// Deeper values are refused, as `serde_json` does.
const DEEPEST: usize = 127;

/// A value that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Json {
    pub(super) value: Value,
    /// The value's own text, without the comments and commas that JSON does not know. Numbers and strings are as they were written.
    pub(super) text: String,
    /// Whether `text` differs from what stood there by more than blanks and repeated members.
    pub(super) edited: bool,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken(pub(super) String);

/// Reads a text that is one value and nothing else.
pub(super) fn whole(text: &str) -> Result<Json, Broken> {
    let (json, end) = first(text)?;
    let mut reader = Reader { text, at: end, out: String::new(), edited: false, depth: 0 };
    reader.blank()?;
    if reader.at < text.len() {
        return Err(Broken(format!("something follows the JSON value: {}", reader.here())));
    }
    Ok(Json { edited: json.edited || reader.edited, ..json })
}

/// Reads the value that the text begins with, and says where it ends.
pub(super) fn first(text: &str) -> Result<(Json, usize), Broken> {
    let mut reader = Reader { text, at: 0, out: String::new(), edited: false, depth: 0 };
    reader.blank()?;
    reader.value()?;
    let Reader { at, out, edited, .. } = reader;
    let value = serde_json::from_str(&out).map_err(|error| Broken(format!("the JSON cannot be read: {error}")))?;
    Ok((Json { value, text: out, edited }, at))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    out: String,
    edited: bool,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<(), Broken> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.expected("a JSON value")),
        }
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Result<(), Broken>) -> Result<(), Broken> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Broken(format!("the JSON is nested deeper than {DEEPEST} levels")));
        }
        let open = self.take();
        self.out.push(char::from(open));
        inner(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self) -> Result<(), Broken> {
        let mut members: HashMap<String, String> = HashMap::new();
        loop {
            self.blank()?;
            if self.close(b'}') {
                return Ok(());
            }
            let before = self.out.len();
            if !members.is_empty() {
                self.out.push(',');
            }
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in double quotes"));
            }
            let key = self.string()?;
            self.blank()?;
            if self.peek() != Some(b':') {
                return Err(self.expected("`:`"));
            }
            self.take();
            self.out.push(':');
            self.blank()?;
            let from = self.out.len();
            self.value()?;
            let value = self.out[from..].to_owned();
            match members.get(&key) {
                None => drop(members.insert(key, value)),
                // Said twice, meant once; some readers refuse to see it twice.
                Some(earlier) if same(earlier, &value) => self.out.truncate(before),
                Some(earlier) => return Err(Broken(format!("the key `{key}` stands twice, with {earlier} and with {value}"))),
            }
            self.comma(b'}')?;
        }
    }

    fn array(&mut self) -> Result<(), Broken> {
        let mut any = false;
        loop {
            self.blank()?;
            if self.close(b']') {
                return Ok(());
            }
            if any {
                self.out.push(',');
            }
            any = true;
            self.value()?;
            self.comma(b']')?;
        }
    }

    /// Takes the comma after a member; the next one may be missing only before the closing bracket.
    fn comma(&mut self, close: u8) -> Result<(), Broken> {
        self.blank()?;
        match self.peek() {
            Some(b',') => {
                self.take();
                self.blank()?;
                self.edited |= self.peek() == Some(close);
                Ok(())
            }
            Some(byte) if byte == close => Ok(()),
            _ => Err(self.expected(&format!("`,` or `{}`", char::from(close)))),
        }
    }

    fn close(&mut self, close: u8) -> bool {
        let closes = self.peek() == Some(close);
        if closes {
            self.take();
            self.out.push(char::from(close));
        }
        closes
    }

    fn string(&mut self) -> Result<String, Broken> {
        let from = self.at;
        self.take();
        loop {
            match self.peek() {
                None => return Err(Broken("a string is cut off".to_owned())),
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(b'\n') => return Err(Broken(format!("a string has a line break in it: {}", part(&self.text[from..self.at])))),
                Some(_) => self.at += 1,
            }
        }
        self.take();
        let raw = &self.text[from..self.at];
        let string = serde_json::from_str(raw).map_err(|error| Broken(format!("the string {} cannot be read: {error}", part(raw))))?;
        self.out.push_str(raw);
        Ok(string)
    }

    fn number(&mut self) -> Result<(), Broken> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_' | b'%')) {
            self.at += 1;
        }
        let raw = &self.text[from..self.at];
        if serde_json::from_str::<serde_json::Number>(raw).is_err() {
            return Err(Broken(format!("`{}` is not a JSON number", part(raw))));
        }
        let whole = raw.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if whole && raw.parse::<i64>().is_err() && raw.parse::<u64>().is_err() {
            return Err(Broken(format!("the number {} is too large to be kept exactly", part(raw))));
        }
        self.out.push_str(raw);
        Ok(())
    }

    fn literal(&mut self, word: &str) -> Result<(), Broken> {
        let rest = &self.text[self.at..];
        let goes_on = rest[..].strip_prefix(word).is_none_or(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        if goes_on {
            return Err(self.expected("a JSON value"));
        }
        self.at += word.len();
        self.out.push_str(word);
        Ok(())
    }

    /// Passes blanks and comments.
    fn blank(&mut self) -> Result<(), Broken> {
        loop {
            let rest = &self.text[self.at..];
            if rest.starts_with([' ', '\t', '\r', '\n']) {
                self.at += 1;
            } else if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
                self.edited = true;
            } else if rest.starts_with("/*") {
                self.at += rest.find("*/").ok_or_else(|| Broken("a comment is cut off".to_owned()))? + 2;
                self.edited = true;
            } else {
                return Ok(());
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes a byte that was seen by `peek` and is ASCII.
    fn take(&mut self) -> u8 {
        let byte = self.peek().unwrap_or_default();
        self.at += 1;
        byte
    }

    fn expected(&self, what: &str) -> Broken {
        Broken(format!("expected {what}, got {}", self.here()))
    }

    fn here(&self) -> String {
        match self.text.get(self.at..) {
            Some("") | None => "the end: the JSON is cut off".to_owned(),
            Some(rest) => format!("`{}`", part(rest)),
        }
    }
}

fn same(left: &str, right: &str) -> bool {
    left == right || serde_json::from_str::<Value>(left).ok() == serde_json::from_str::<Value>(right).ok()
}

/// Enough of a text to be recognised, on one line.
pub(super) fn part(text: &str) -> String {
    let line: String = text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(40).is_some() { format!("{line}…") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lossless_edits_only() {
        for (text, clean) in [
            (r#"{"a": 1, "b": [true, null]}"#, r#"{"a":1,"b":[true,null]}"#),
            ("{\"a\": 1, // one\n}", r#"{"a":1}"#),
            ("[1, /* two */ 2,]", "[1,2]"),
            (r#"{"a":1.50,"b":"\u00e9 // no comment"}"#, r#"{"a":1.50,"b":"\u00e9 // no comment"}"#),
            (r#"{"a":1,"a":1}"#, r#"{"a":1}"#),
            ("18446744073709551615", "18446744073709551615"),
            ("{}", "{}"),
        ] {
            assert_eq!(whole(text).map(|json| json.text), Ok(clean.to_owned()), "{text}");
        }
    }

    #[test]
    fn the_rest_is_refused() {
        for text in [
            r#"{"a":1"#,
            r#"{"a":"x"#,
            r#"{"a":tru"#,
            r#"{"a":1,"a":2}"#,
            r#"{'a':1}"#,
            "{a:1}",
            r#"{"a":True}"#,
            r#"{"a":1/2}"#,
            r#"{"a":50%}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":123456789012345678901}"#,
            r#"{"a":1e999}"#,
            "{\"a\":\"x\ny\"}",
            r#"{"a":"\ud800"}"#,
            r#"{"a":1} {"a":2}"#,
            "{,}",
            "[1,,2]",
            r#"{"a":1 "b":2}"#,
            "{\"a\":1} /* open",
            "{\"a\":nullx}",
            "{\"a\":\"x\\",
            "",
            "\"é\\",
        ] {
            assert!(whole(text).is_err(), "{text}");
        }
        assert!(whole(&"[".repeat(100_000)).is_err());
        assert!(whole(&format!("{}{}", "[".repeat(127), "]".repeat(127))).is_ok());
    }

    #[test]
    fn strict_json_is_not_edited() {
        assert_eq!(whole(r#" {"a": [1, 2]} "#).map(|json| json.edited), Ok(false));
        assert_eq!(whole(r#"{"a": [1, 2,]}"#).map(|json| json.edited), Ok(true));
    }
}
