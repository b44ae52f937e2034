//! Names that must exist: providers, adapters, extractors, senses.

use serde_json::Value;

use super::{
    Tree, codes,
    diagnostic::Finding,
    nearest::nearest,
    schema::COMPILED,
    tree::{At, Node, join},
};

/// Looks up every name that another part of the file must have. It works on values that may be wrong elsewhere: an entry with an error in it
/// exists nevertheless.
pub(super) fn check(tree: &Tree, value: &Value) -> Vec<Finding> {
    let file = File { tree, value };
    let mut findings = Vec::new();
    let providers = file.section("providers");
    let adapters = file.section("adapters");
    let mut extractors = file.section("extractors");
    if value.get("extract").is_some_and(|extract| !extract.is_null())
        && let Some(names) = &mut extractors
    {
        names.push("default");
    }
    let senses = file.section("senses");

    let sections = ["/adapters", "/extractors"].into_iter().flat_map(|section| file.entries(section));
    for (pointer, name) in sections.chain([("/extract".to_owned(), "")]) {
        // Of other kinds of adapter, `provider` itself is the error.
        if pointer.starts_with("/adapters/") && value.pointer(&join(&pointer, "kind")).and_then(Value::as_str) != Some("llm") {
            continue;
        }
        let owner = if name.is_empty() { "`extract`".to_owned() } else { format!("`{name}`") };
        findings.extend(file.missing(&join(&pointer, "provider"), &owner, "provider", providers.as_deref()));
    }
    for (pointer, workflow) in file.entries("/workflows") {
        for (pointer, role) in file.entries(&join(&pointer, "roles")) {
            let owner = format!("role `{role}` of `{workflow}`");
            findings.extend(file.missing(&join(&pointer, "adapter"), &owner, "adapter", adapters.as_deref()));
            findings.extend(file.missing(&join(&pointer, "extract"), &owner, "extractor", extractors.as_deref()));
        }
    }
    for (pointer, sense) in file.entries("/senses") {
        let on = join(&pointer, "on");
        let triggers = value.pointer(&on).and_then(Value::as_array).map_or(0, Vec::len);
        for index in 0..triggers {
            let pointer = join(&on, &index.to_string());
            if value.pointer(&pointer).and_then(Value::as_str) == Some(sense) {
                let finding =
                    Finding::error(codes::UNKNOWN_NAME, file.at(&pointer), format!("sense `{sense}` cannot tick on its own signal"));
                findings.push(finding.help("name another sense, or give it an `interval:`"));
            } else {
                findings.extend(file.missing(&pointer, &format!("sense `{sense}`"), "sense", senses.as_deref()));
            }
        }
    }
    findings
}

struct File<'a> {
    tree: &'a Tree,
    value: &'a Value,
}

impl<'a> File<'a> {
    /// The names that a section holds, in the order of the file and those of a repeated section too. `None` when the section itself is
    /// misspelt or no map: that is one error already, and each name looked up in it would be another.
    fn section(&self, section: &str) -> Option<Vec<&'a str>> {
        let Node::Map(entries) = &self.tree.root.node else { return Some(Vec::new()) };
        let mut names = Vec::new();
        for entry in entries {
            let is_known = COMPILED.schema["properties"].get(&entry.key).is_some();
            match &entry.item.node {
                _ if entry.key != section && (is_known || nearest(&entry.key, [section]).is_none()) => {}
                _ if entry.key != section => return None,
                Node::Map(inner) => names.extend(inner.iter().map(|entry| entry.key.as_str())),
                Node::Scalar(Value::Null) => {}
                _ => return None,
            }
        }
        Some(names)
    }

    fn names(&self, section: &str) -> Vec<&'a str> {
        self.value.pointer(section).and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    fn entries(&self, section: &str) -> Vec<(String, &'a str)> {
        self.names(section).into_iter().map(|name| (join(section, name), name)).collect()
    }

    fn at(&self, pointer: &str) -> At {
        self.tree.at(pointer).unwrap_or(At::START)
    }

    /// A finding if the text at `pointer` is none of `names`.
    fn missing(&self, pointer: &str, owner: &str, kind: &str, names: Option<&[&str]>) -> Option<Finding> {
        let names = names?;
        let named = self.value.pointer(pointer)?.as_str()?;
        if names.contains(&named) {
            return None;
        }
        let (article, section) = match kind {
            "adapter" | "extractor" => ("an", format!("{kind}s")),
            _ => ("a", format!("{kind}s")),
        };
        let finding =
            Finding::error(codes::UNKNOWN_NAME, self.at(pointer), format!("{owner} names {article} {kind} that does not exist: `{named}`"));
        Some(finding.choices(named, names, &format!("{section} here"), &format!("there are no {section} yet: add it under `{section}:`")))
    }
}
