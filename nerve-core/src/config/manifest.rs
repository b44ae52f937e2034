//! nerve.yaml against what a build registers.

use std::collections::BTreeMap;

use super::{
    Config, Diagnostic, Parsed, codes,
    diagnostic::Finding,
    tree::{At, join},
};

/// Compares the names in nerve.yaml with a build's senses, and its workflows with their roles. What the build lacks is an error at the naming
/// place; what nerve.yaml leaves out is a warning.
pub fn check_manifest(config: &Config, parsed: &Parsed, senses: &[&str], workflows: &[(&str, &[&str])]) -> Vec<Diagnostic> {
    let roles: BTreeMap<&str, &[&str]> = workflows.iter().copied().collect();
    let workflows: Vec<&str> = workflows.iter().map(|(name, _)| *name).collect();
    let mut findings = Vec::new();
    let sections = [
        ("sense", codes::UNBUILT_SENSE, senses, names(&config.senses)),
        ("workflow", codes::UNBUILT_WORKFLOW, &workflows, names(&config.workflows)),
    ];
    for (kind, code, built, configured) in sections {
        let section = format!("/{kind}s");
        for name in configured.iter().filter(|name| !built.contains(name)) {
            let finding = Finding::error(code, key_at(parsed, &join(&section, name)), format!("the build has no {kind} `{name}`"));
            let none = format!("it registers no {kind}s: register it in src/lib.rs and build, or remove it here");
            findings.push(finding.choices(name, built, &format!("{kind}s of the build"), &none));
        }
        for name in built.iter().filter(|name| !configured.contains(name)) {
            let finding = Finding::warning(
                codes::NOT_CONFIGURED,
                key_at(parsed, &section),
                format!("the build's {kind} `{name}` is not in nerve.yaml"),
            );
            findings.push(finding.help(format!("to use it, add:\n{kind}s:\n  {name}: {{}}")));
        }
    }
    for (name, workflow) in &config.workflows {
        let Some(built) = roles.get(name.as_str()) else { continue };
        for role in workflow.roles.keys().filter(|role| !built.contains(&role.as_str())) {
            let pointer = join(&join(&join("/workflows", name), "roles"), role);
            let finding = Finding::error(codes::UNBUILT_ROLE, key_at(parsed, &pointer), format!("workflow `{name}` has no role `{role}`"));
            findings.push(finding.choices(role, built, &format!("roles of `{name}`"), "it has no roles that can be changed here"));
        }
    }
    parsed.finish(findings)
}

fn names<T>(map: &BTreeMap<String, T>) -> Vec<&str> {
    map.keys().map(String::as_str).collect()
}

fn key_at(parsed: &Parsed, pointer: &str) -> At {
    parsed.tree.key_at(pointer).unwrap_or(At::START)
}
