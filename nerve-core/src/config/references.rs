//! Names that must exist: providers, adapters, extractors, senses.

use serde_json::Value;

use super::{
    Tree, codes,
    diagnostic::Finding,
    tree::{At, join},
};

/// Looks up every name that another part of the file must have. It works on values that may be wrong elsewhere: an entry with an error in it
/// exists nevertheless.
pub(super) fn check(tree: &Tree, value: &Value) -> Vec<Finding> {
    let file = File { tree, value };
    let mut findings = Vec::new();
    let providers = file.names("/providers");
    let adapters = file.names("/adapters");
    let mut extractors = file.names("/extractors");
    if value.get("extract").is_some_and(|extract| !extract.is_null()) {
        extractors.push("default");
    }
    let senses = file.names("/senses");

    let sections = ["/adapters", "/extractors"].into_iter().flat_map(|section| file.entries(section));
    for (pointer, name) in sections.chain([("/extract".to_owned(), "")]) {
        let owner = if name.is_empty() { "`extract`".to_owned() } else { format!("`{name}`") };
        findings.extend(file.missing(&join(&pointer, "provider"), &owner, "provider", &providers));
    }
    for (pointer, workflow) in file.entries("/workflows") {
        for (pointer, role) in file.entries(&join(&pointer, "roles")) {
            let owner = format!("role `{role}` of `{workflow}`");
            findings.extend(file.missing(&join(&pointer, "adapter"), &owner, "adapter", &adapters));
            findings.extend(file.missing(&join(&pointer, "extract"), &owner, "extractor", &extractors));
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
                findings.extend(file.missing(&pointer, &format!("sense `{sense}`"), "sense", &senses));
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
    fn missing(&self, pointer: &str, owner: &str, kind: &str, names: &[&str]) -> Option<Finding> {
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
