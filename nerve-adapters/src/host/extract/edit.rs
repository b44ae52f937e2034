//! What was changed of a text so that a meta could be read.

use std::fmt;

use serde::{Serialize, Serializer};

/// One kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// A comma before a closing bracket.
    TrailingComma,
    /// A comment.
    Comment,
    /// Single or typographic quotes around a key or text.
    Quotes,
    /// A key without quotes.
    BareKey,
    /// `True`, `False` or `None`.
    Literal,
    /// A line break or tab within a text.
    RawBreak,
    /// A key in another spelling than the schema's.
    KeySpelling,
    /// A map or list around the one value that is meant.
    Wrapper,
    /// Lines `key: value`.
    KeyLines,
    /// Elements `<key>value</key>`.
    Tags,
    /// Text around it, or a fence that was not asked for.
    Around,
    /// A type that was converted.
    Type,
    /// A choice in another case than the schema's.
    ChoiceCase,
}

impl Change {
    /// Whether it changes no meaning.
    pub fn is_lossless(self) -> bool {
        !matches!(self, Self::Type | Self::ChoiceCase)
    }

    fn words(self) -> &'static str {
        match self {
            Self::TrailingComma => "a comma too much",
            Self::Comment => "a comment",
            Self::Quotes => "other quotes than JSON's",
            Self::BareKey => "a key without quotes",
            Self::Literal => "a literal in Python's spelling",
            Self::RawBreak => "a line break within a text",
            Self::KeySpelling => "a key in another spelling",
            Self::Wrapper => "a wrapper around the value",
            Self::KeyLines => "lines of keys and values",
            Self::Tags => "elements with the names of keys",
            Self::Around => "text around the value",
            Self::Type => "a type that was converted",
            Self::ChoiceCase => "a choice in another case",
        }
    }
}

/// A change, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What was changed.
    pub change: Change,
    /// Where: a byte of what was read, or a place in the value.
    pub at: At,
}

/// Where a change was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// A byte of the value's text, from 0.
    Byte(usize),
    /// A JSON pointer into the value.
    Path(String),
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = if self.change.is_lossless() { "lossless" } else { "lossy" };
        match &self.at {
            At::Byte(byte) => write!(f, "{class}: {} at byte {byte}", self.change.words()),
            At::Path(path) if path.is_empty() => write!(f, "{class}: {}", self.change.words()),
            At::Path(path) => write!(f, "{class}: {} at {path}", self.change.words()),
        }
    }
}

impl Serialize for Edit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
