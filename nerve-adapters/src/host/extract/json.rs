//! JSON, and what people and models write for it that can mean nothing else: other quotes, bare keys, Python's literals, commas too much,
//! comments, line breaks in texts. One pass over the bytes; each change is logged.

use std::collections::HashMap;

use serde_json::Value;

use super::edit::{At, Change, Edit};

/// Deeper values are refused, as `serde_json` does.
const DEEPEST: usize = 127;

/// A value that was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Json {
    pub(super) value: Value,
    /// The value's own text, without the comments and commas that JSON does not know. Numbers and strings are as they were written.
    pub(super) text: String,
    /// How `text` differs from what stood there by more than blanks and repeated members.
    pub(super) edits: Vec<Edit>,
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken(pub(super) String);

/// Reads a text that is one value and nothing else.
pub(super) fn whole(text: &str) -> Result<Json, Broken> {
    // Strict JSON is by far the most frequent, and takes no more than this.
    let (mut json, end) = first(text)?;
    let mut reader = Reader { text, at: end, out: String::new(), edits: Vec::new(), depth: 0 };
    reader.blank()?;
    if reader.at < text.len() {
        return Err(Broken(format!("something follows the JSON value: {}", reader.here())));
    }
    json.edits.append(&mut reader.edits);
    Ok(json)
}

/// Reads the value that the text begins with, and says where it ends.
pub(super) fn first(text: &str) -> Result<(Json, usize), Broken> {
    let mut reader = Reader { text, at: 0, out: String::new(), edits: Vec::new(), depth: 0 };
    reader.blank()?;
    reader.value()?;
    let Reader { at, out, edits, .. } = reader;
    let value = serde_json::from_str(&out).map_err(|error| Broken(format!("the JSON cannot be read: {error}")))?;
    Ok((Json { value, text: out, edits }, at))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    out: String,
    edits: Vec<Edit>,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<(), Broken> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(drop),
            _ if self.other_quote().is_some() => self.quoted().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(b'T') => self.spelt("True", "true"),
            Some(b'F') => self.spelt("False", "false"),
            Some(b'N') => self.spelt("None", "null"),
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
            let key = self.key()?;
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
                if self.peek() == Some(close) {
                    self.edit(Change::TrailingComma);
                }
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

    /// A key: a string, or a word that a `:` follows.
    fn key(&mut self) -> Result<String, Broken> {
        if self.peek() == Some(b'"') {
            return self.string();
        }
        if self.other_quote().is_some() {
            return self.quoted();
        }
        let rest = &self.text[self.at..];
        let len = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
        let word = &rest[..len];
        let is_key = word.starts_with(|c: char| c.is_alphabetic() || c == '_') && rest[len..].trim_start().starts_with(':');
        if !is_key {
            return Err(self.expected("a key in double quotes"));
        }
        self.edit(Change::BareKey);
        self.at += len;
        self.push_string(word);
        Ok(word.to_owned())
    }

    fn string(&mut self) -> Result<String, Broken> {
        let from = self.at;
        let mut breaks = false;
        self.take();
        loop {
            match self.peek() {
                None => return Err(Broken("a string is cut off".to_owned())),
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(byte) => {
                    breaks |= matches!(byte, b'\n' | b'\t' | b'\r');
                    self.at += 1;
                }
            }
        }
        self.take();
        // An escape may have led past the end.
        let raw = self.text.get(from..self.at).ok_or_else(|| Broken("a string is cut off".to_owned()))?;
        if breaks {
            return self.with_breaks(from, raw);
        }
        let string = serde_json::from_str(raw).map_err(|error| Broken(format!("the string {} cannot be read: {error}", part(raw))))?;
        self.out.push_str(raw);
        Ok(string)
    }

    /// A string with line breaks or tabs as they are: what closes it must be followed by what may follow a string, or its quote is missing.
    fn with_breaks(&mut self, from: usize, raw: &str) -> Result<String, Broken> {
        // A key on the next line would be the next member, whose comma or quote is missing.
        let structure = |line: &str| {
            line.starts_with(['{', '}', '[', ']', '"', '\'']) || (line.starts_with(|c: char| c.is_alphabetic()) && looks_like_key(line))
        };
        let next_member = raw.lines().skip(1).map(str::trim_start).any(|line| line != "\"" && structure(line));
        if !self.string_may_end_here() || next_member {
            return Err(Broken(format!("a string has a line break in it: {}", part(raw))));
        }
        let escaped = raw.replace('\r', "\\r").replace('\n', "\\n").replace('\t', "\\t");
        let string = serde_json::from_str(&escaped).map_err(|error| Broken(format!("the string {} cannot be read: {error}", part(raw))))?;
        self.edits.push(Edit { change: Change::RawBreak, at: At::Byte(from) });
        self.out.push_str(&escaped);
        Ok(string)
    }

    /// The quotes, other than JSON's, that open here: the opening one and those that may close it.
    fn other_quote(&self) -> Option<(char, &'static [char])> {
        match self.text[self.at..].chars().next()? {
            '\'' => Some(('\'', &['\''])),
            '“' => Some(('“', &['”'])),
            '”' => Some(('”', &['”'])),
            '‘' => Some(('‘', &['’'])),
            _ => None,
        }
    }

    /// A text in other quotes. The first that could close it must be followed by what may follow a string; else it is not clear where it ends.
    fn quoted(&mut self) -> Result<String, Broken> {
        let Some((open, closing)) = self.other_quote() else { return Err(self.expected("a quote")) };
        let from = self.at;
        let mut string = String::new();
        let inside = &self.text[from + open.len_utf8()..];
        let mut chars = inside.char_indices();
        let end = loop {
            match chars.next() {
                None | Some((_, '\n')) => return Err(Broken(format!("a string is cut off: {}", part(&self.text[from..])))),
                Some((at, c)) if closing.contains(&c) => break at + c.len_utf8(),
                Some((_, '\\')) => match chars.next() {
                    Some((_, c)) if c == open || closing.contains(&c) || matches!(c, '"' | '\\' | '/') => string.push(c),
                    Some((_, 'n')) => string.push('\n'),
                    Some((_, 't')) => string.push('\t'),
                    // Such as a Windows path: what it means is not clear.
                    _ => return Err(Broken(format!("the string {} has an escape that is not clear", part(&self.text[from..])))),
                },
                Some((_, '"')) if open != '\'' => return Err(Broken("quotes of two kinds are mixed".to_owned())),
                Some((_, c)) if c.is_control() => return Err(Broken("a string has a control character in it".to_owned())),
                Some((_, c)) => string.push(c),
            }
        };
        self.edit(Change::Quotes);
        self.at = from + open.len_utf8() + end;
        if !self.string_may_end_here() {
            return Err(Broken(format!("it is not clear where the string {} ends", part(&self.text[from..]))));
        }
        self.push_string(&string);
        Ok(string)
    }

    /// Whether what comes next may follow a string.
    fn string_may_end_here(&self) -> bool {
        let follows = self.text[self.at..].trim_start();
        follows.is_empty() || follows.starts_with([',', ':', '}', ']']) || follows.starts_with("//") || follows.starts_with("/*")
    }

    fn push_string(&mut self, string: &str) {
        self.out.push_str(&Value::String(string.to_owned()).to_string());
    }

    fn spelt(&mut self, written: &str, word: &str) -> Result<(), Broken> {
        let at = self.at;
        self.literal(written)?;
        self.edits.push(Edit { change: Change::Literal, at: At::Byte(at) });
        self.out.truncate(self.out.len() - written.len());
        self.out.push_str(word);
        Ok(())
    }

    fn edit(&mut self, change: Change) {
        self.edits.push(Edit { change, at: At::Byte(self.at) });
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
                self.comment(rest.find('\n').unwrap_or(rest.len()))?;
            } else if rest.starts_with("/*") {
                self.comment(rest.find("*/").ok_or_else(|| Broken("a comment is cut off".to_owned()))? + 2)?;
            } else {
                return Ok(());
            }
        }
    }

    /// Passes a comment; one with structure in it may have swallowed a part of the value.
    fn comment(&mut self, len: usize) -> Result<(), Broken> {
        let comment = &self.text[self.at..self.at + len];
        if comment.contains(['{', '}', '[', ']', '"']) {
            return Err(Broken(format!("a comment has JSON in it: {}", part(comment))));
        }
        self.edit(Change::Comment);
        self.at += len;
        Ok(())
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

/// Whether a JSON text holds a number with more digits than a float keeps.
pub(super) fn has_long_number(text: &str) -> bool {
    let (mut in_string, mut escaped, mut digits) = (false, false, 0);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'0'..=b'9' => digits += 1,
            b'.' | b'e' | b'E' | b'+' | b'-' => {}
            _ => digits = 0,
        }
        if digits > 15 {
            return true;
        }
    }
    false
}

/// Whether a line begins like a member of a map.
fn looks_like_key(line: &str) -> bool {
    let rest = line.trim_start().trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == '-');
    rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':')
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
            r#"{"a":1/2}"#,
            r#"{"a":50%}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":123456789012345678901}"#,
            r#"{"a":1e999}"#,
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
        assert_eq!(whole(r#" {"a": [1, 2]} "#).map(|json| json.edits.len()), Ok(0));
        assert_eq!(whole(r#"{"a": [1, 2,]}"#).map(|json| json.edits.len()), Ok(1));
    }
}
