//! What a schema says of one place in a value, as far as that is beyond doubt.

use serde_json::{Map, Value};

/// References that are followed for one place at most; a schema may refer to itself.
const DEEPEST: usize = 16;

/// A schema at some place, and the whole that its references lead into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'s> {
    schema: &'s Value,
    root: &'s Value,
}

impl<'s> Shape<'s> {
    /// The shape of a whole value.
    pub(super) fn of(root: &'s Value) -> Self {
        Self { schema: root, root }.settled()
    }

    /// The schema behind references and behind the one branch beside `null`.
    fn settled(self) -> Self {
        let mut schema = self.schema;
        for _ in 0..DEEPEST {
            let reference = schema.get("$ref").and_then(Value::as_str).and_then(|at| at.strip_prefix('#'));
            let branches = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key).and_then(Value::as_array));
            let next = match (reference, branches) {
                (Some(pointer), _) => self.root.pointer(pointer),
                (None, Some(branches)) => {
                    let mut others = branches.iter().filter(|branch| branch.get("type") != Some(&Value::from("null")));
                    match (others.next(), others.next()) {
                        (Some(only), None) => Some(only),
                        _ => None,
                    }
                }
                (None, None) => None,
            };
            match next {
                Some(next) => schema = next,
                None => break,
            }
        }
        Self { schema, root: self.root }
    }

    /// The properties that it declares; none where it declares none or several sets of them.
    pub(super) fn properties(self) -> Option<&'s Map<String, Value>> {
        self.schema.get("properties").and_then(Value::as_object)
    }

    /// The shape of a declared property.
    pub(super) fn property(self, name: &str) -> Option<Self> {
        let schema = self.properties()?.get(name)?;
        Some(Self { schema, root: self.root }.settled())
    }

    /// The shape of each item of a list.
    pub(super) fn items(self) -> Option<Self> {
        let schema = self.schema.get("items").filter(|items| items.is_object())?;
        Some(Self { schema, root: self.root }.settled())
    }

    /// Whether a value of this type may stand here, by `type` alone.
    pub(super) fn takes(self, kind: &str) -> bool {
        match self.schema.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().any(|each| each == kind),
            Some(one) => one == kind,
            None => false,
        }
    }

    /// The texts that may stand here, when they are a closed list; each branch of constants counts.
    pub(super) fn choices(self) -> Option<Vec<&'s str>> {
        if let Some(list) = self.schema.get("enum").and_then(Value::as_array) {
            return list.iter().filter(|word| !word.is_null()).map(Value::as_str).collect();
        }
        let branches = self.schema.get("oneOf").or_else(|| self.schema.get("anyOf"))?.as_array()?;
        let words = |branch: &'s Value| match (branch.get("const"), branch.get("enum").and_then(Value::as_array)) {
            (Some(word), _) => Some(vec![word.as_str()?]),
            (None, Some(list)) => list.iter().map(Value::as_str).collect(),
            (None, None) => None,
        };
        branches.iter().map(words).collect::<Option<Vec<_>>>().map(|all| all.concat())
    }
}
