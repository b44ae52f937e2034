//! The values of a YAML file together with their places.

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Location, Spanned};

/// The tree of a parsed file: what each value is, and where it stands.
#[derive(Clone)]
pub struct Tree {
    pub(super) root: Item,
}

/// A stretch of the file. Lines and columns are 1-based, lengths in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) len: usize,
}

/// A node and its place.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) node: Node,
    pub(super) at: At,
    /// The bytes of the value itself; for an alias those of what it stands for.
    pub(super) bytes: Range<usize>,
}

#[derive(Clone)]
pub(super) enum Node {
    Scalar(Value),
    Seq(Vec<Item>),
    Map(Vec<Entry>),
}

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: At,
    pub(super) item: Item,
}

impl At {
    pub(super) const START: At = At { line: 1, column: 1, len: 1 };

    pub(super) fn of(location: Location) -> At {
        let at = |n: u64| usize::try_from(n).unwrap_or(1).max(1);
        At { line: at(location.line()), column: at(location.column()), len: at(location.span().len()) }
    }
}

impl Tree {
    /// A tree without anything in it.
    pub(super) fn empty() -> Tree {
        Tree { root: Item { node: Node::Scalar(Value::Null), at: At::START, bytes: 0..0 } }
    }

    /// The plain values. Of a key that stands twice, the first counts.
    pub(super) fn value(&self) -> Value {
        self.root.value()
    }

    /// The item at a JSON pointer such as `/adapters/analyst/provider`, and the entry of its key if it is one of a map.
    pub(super) fn find(&self, pointer: &str) -> Option<(&Item, Option<&Entry>)> {
        let mut found = (&self.root, None);
        for segment in pointer.split('/').skip(1) {
            let segment = segment.replace("~1", "/").replace("~0", "~");
            found = match &found.0.node {
                Node::Map(entries) => entries.iter().find(|entry| entry.key == segment).map(|entry| (&entry.item, Some(entry)))?,
                Node::Seq(items) => (items.get(segment.parse::<usize>().ok()?)?, None),
                Node::Scalar(_) => return None,
            };
        }
        Some(found)
    }

    /// Where a value stands: a scalar or list item itself, a map or list by its key, the root at the file's start.
    pub(super) fn at(&self, pointer: &str) -> Option<At> {
        let (item, entry) = self.find(pointer)?;
        let key = entry.map(|entry| entry.key_at);
        Some(match &item.node {
            // A key with nothing after it: its empty value has no place of its own.
            Node::Scalar(Value::Null) if item.bytes.is_empty() => key.unwrap_or(item.at),
            Node::Scalar(_) => item.at,
            Node::Map(_) | Node::Seq(_) if pointer.is_empty() => At::START,
            Node::Map(_) | Node::Seq(_) => key.unwrap_or(item.at),
        })
    }

    /// Where the key of a map's entry stands.
    pub(super) fn key_at(&self, pointer: &str) -> Option<At> {
        self.find(pointer)?.1.map(|entry| entry.key_at)
    }
}

impl Item {
    fn value(&self) -> Value {
        match &self.node {
            Node::Scalar(value) => value.clone(),
            Node::Seq(items) => Value::Array(items.iter().map(Item::value).collect()),
            Node::Map(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    map.entry(entry.key.clone()).or_insert_with(|| entry.item.value());
                }
                Value::Object(map)
            }
        }
    }
}

/// `pointer` with one more segment.
pub(super) fn join(pointer: &str, segment: &str) -> String {
    format!("{pointer}/{}", segment.replace('~', "~0").replace('/', "~1"))
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Node>::deserialize(deserializer)?;
        let span = spanned.defined.span();
        let byte = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let from = byte(span.byte_offset());
        Ok(Item { node: spanned.value, at: At::of(spanned.referenced), bytes: from..from.saturating_add(byte(span.byte_len())) })
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(value.to_string())))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(value.to_string())))
    }

    // JSON schema takes 2.0 for an integer, so an integer it becomes; every such number below 2^53 is exact.
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is zero and the size is checked")]
    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        let whole = value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0;
        let number = if whole { Some(Number::from(value as i64)) } else { Number::from_f64(value) };
        Ok(Node::Scalar(number.map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, item)) = map.next_entry::<Spanned<String>, Item>()? {
            entries.push(Entry { key_at: At::of(key.referenced), key: key.value, item });
        }
        Ok(Node::Map(entries))
    }
}
