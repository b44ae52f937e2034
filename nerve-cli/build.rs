//! Embeds what `nerve init` and `nerve build` write: the template's files, and the sources of the crates that a workspace links.
//!
//! The manifests are rewritten so that they stand alone: nothing is inherited from this repository's root, and what only the daemon
//! compiles is left out together with the features that need it.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The crates that a workspace links, each with the folder of `src/` that only the daemon compiles.
const SDK: [(&str, &str); 3] = [("nerve-core", "config"), ("nerve-adapters", "host"), ("nerve-runtime", "daemon")];

/// What a process of a test build dies by; compiled with the feature [`TESTS`] only.
const TESTS_ONLY: &str = "src/crash_point/armed.rs";

/// The feature of test builds.
const TESTS: &str = "crash-points";

/// The template's files as they stand; its manifest and lock file are embedded on their own.
const TEMPLATE: [&str; 10] =
    [".cursor", ".gitignore", "AGENT.md", "AGENTS.md", "README.md", "inbox", "nerve.yaml", "replies.yaml", "src", "tests"];

fn main() -> Result<()> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let repository = here.parent().ok_or("this package has no parent folder")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let version = env::var("CARGO_PKG_VERSION")?;
    println!("cargo::rerun-if-changed=build.rs");
    let root = read_toml(&repository.join("Cargo.toml"))?;

    let template = repository.join("workspace-template");
    let mut files = Vec::new();
    for entry in TEMPLATE {
        collect(&template.join(entry), entry, &mut files)?;
    }
    let mut manifest = standalone(&template.join("Cargo.toml"), &root, &|name| format!(".nerve/sdk/{version}/{name}"))?;
    complete_workspace(&mut manifest)?;
    fs::write(out.join("workspace.toml"), manifest.to_string())?;
    let lock = template.join("generated.lock");
    println!("cargo::rerun-if-changed={}", lock.display());

    let mut sdk = Vec::new();
    for (name, daemon_only) in SDK {
        let folder = repository.join(name);
        let mut sources = Vec::new();
        collect(&folder.join("src"), "src", &mut sources)?;
        sources.retain(|(path, _)| {
            !path.starts_with(&format!("src/{daemon_only}/")) && *path != format!("src/{daemon_only}.rs") && path != TESTS_ONLY
        });
        sdk.extend(sources.into_iter().map(|(path, file)| (format!("{name}/{path}"), file)));
        let mut manifest = standalone(&folder.join("Cargo.toml"), &root, &|name| format!("../{name}"))?;
        complete_sdk(&mut manifest);
        let file = out.join(format!("{name}.toml"));
        fs::write(&file, manifest.to_string())?;
        sdk.push((format!("{name}/Cargo.toml"), file));
    }

    let mut code = String::new();
    table(&mut code, "TEMPLATE", "The template's files, without manifest and lock file: path and bytes.", &files)?;
    table(&mut code, "SDK", "The sources that a workspace links: path and bytes.", &sdk)?;
    text(&mut code, "MANIFEST", "The workspace's Cargo.toml; its package is named `workspace-template`.", &out.join("workspace.toml"))?;
    text(&mut code, "LOCK", "The workspace's Cargo.lock; its package is named `workspace-template`.", &lock)?;
    fs::write(out.join("embedded.rs"), code)?;
    Ok(())
}

/// Every file at or below `path`, named relative to the crate and in order.
fn collect(path: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> Result<()> {
    println!("cargo::rerun-if-changed={}", path.display());
    if path.is_file() {
        files.push((name.to_owned(), path.to_owned()));
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.collect::<std::result::Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let child = entry.file_name();
        let child = child.to_str().ok_or("a file name is not UTF-8")?;
        // Editors leave files such as `.mod.rs.swp` beside sources.
        if !child.starts_with('.') || child == ".gitkeep" {
            collect(&entry.path(), &format!("{name}/{child}"), files)?;
        }
    }
    Ok(())
}

fn table(code: &mut String, name: &str, doc: &str, files: &[(String, PathBuf)]) -> Result<()> {
    writeln!(code, "/// {doc}\npub(crate) static {name}: &[(&str, &[u8])] = &[")?;
    for (path, file) in files {
        writeln!(code, "    ({path:?}, include_bytes!({:?})),", utf8(file)?)?;
    }
    writeln!(code, "];")?;
    Ok(())
}

fn text(code: &mut String, name: &str, doc: &str, file: &Path) -> Result<()> {
    writeln!(code, "/// {doc}\npub(crate) static {name}: &str = include_str!({:?});", utf8(file)?)?;
    Ok(())
}

fn utf8(path: &Path) -> Result<&str> {
    Ok(path.to_str().ok_or("the path of this checkout is not UTF-8")?)
}

fn read_toml(path: &Path) -> Result<DocumentMut> {
    println!("cargo::rerun-if-changed={}", path.display());
    Ok(fs::read_to_string(path)?.parse()?)
}

/// A manifest without anything that it inherits; `place` says where a crate of this repository lies.
fn standalone(path: &Path, root: &DocumentMut, place: &dyn Fn(&str) -> String) -> Result<DocumentMut> {
    let mut manifest = read_toml(path)?;
    let shared = root["workspace"]["package"].as_table_like().ok_or("the root has no [workspace.package]")?;
    let package = manifest["package"].as_table_mut().ok_or("a manifest has no [package]")?;
    for (key, item) in package.iter_mut() {
        if inherits(item) {
            *item = shared.get(&key).ok_or_else(|| format!("the root has no {key}"))?.clone();
        }
    }
    for section in ["dependencies", "build-dependencies", "dev-dependencies"] {
        let Some(dependencies) = manifest.get_mut(section).and_then(Item::as_table_mut) else { continue };
        for (name, item) in dependencies.iter_mut() {
            if inherits(item) {
                let base = &root["workspace"]["dependencies"][name.get()];
                *item = Item::Value(merged(&name, base, item, place)?);
            }
        }
    }
    Ok(manifest)
}

fn inherits(item: &Item) -> bool {
    item.as_table_like().and_then(|table| table.get("workspace")).and_then(Item::as_bool) == Some(true)
}

/// The root's entry of a dependency with what the crate adds to it.
fn merged(name: &str, base: &Item, own: &Item, place: &dyn Fn(&str) -> String) -> Result<Value> {
    let mut entry = InlineTable::new();
    match base {
        Item::Value(Value::String(version)) => drop(entry.insert("version", version.value().as_str().into())),
        _ => {
            for (key, item) in base.as_table_like().ok_or_else(|| format!("the root has no dependency {name}"))?.iter() {
                entry.insert(key, item.as_value().ok_or("a dependency holds a table")?.clone());
            }
        }
    }
    if entry.contains_key("path") {
        entry.insert("path", place(name).into());
    }
    for (key, item) in own.as_table_like().into_iter().flat_map(TableLike::iter) {
        match (key, item.as_array()) {
            ("workspace", _) => {}
            ("features", Some(more)) => {
                let mut features = entry.get("features").and_then(Value::as_array).cloned().unwrap_or_default();
                features.extend(more.iter().cloned());
                entry.insert("features", features.into());
            }
            _ => drop(entry.insert(key, item.as_value().ok_or("a dependency holds a table")?.clone())),
        }
    }
    let version = if entry.len() == 1 { entry.get("version").cloned() } else { None };
    let mut entry = version.unwrap_or(Value::InlineTable(entry));
    if let Some(table) = entry.as_inline_table_mut() {
        table.fmt();
    }
    entry.decor_mut().set_prefix(" ");
    Ok(entry)
}

/// What only a package at the root of a workspace can say.
fn complete_workspace(manifest: &mut DocumentMut) -> Result<()> {
    manifest.set_trailing("");
    let rest = "
[profile.dev]
debug = \"line-tables-only\"

# What others wrote is not debugged here: without its own checks a worker takes two thirds of the time a step, and builds no slower.
[profile.dev.package.\"*\"]
debug = false
debug-assertions = false
overflow-checks = false

# Every frame between the daemon and the worker goes through these: optimised, a step costs the worker half of the time.
[profile.dev.package.nerve-core]
opt-level = 3

[profile.dev.package.nerve-runtime]
opt-level = 3

[profile.dev.package.serde_json]
opt-level = 3

[profile.dev.package.serde_core]
opt-level = 2

[profile.dev.package.itoa]
opt-level = 2

[profile.dev.package.tokio]
opt-level = 1

# A workspace of its own, wherever it lies. The sdk is nerve's and is linted there.
[workspace]
exclude = [\".nerve\"]
";
    *manifest = format!("{manifest}{rest}").parse()?;
    Ok(())
}

/// Leaves out what only the daemon, tests and lints of this repository need.
fn complete_sdk(manifest: &mut DocumentMut) {
    for section in ["dev-dependencies", "lints", "bench", "test", "example"] {
        manifest.remove(section);
    }
    let mut gone = BTreeSet::new();
    for section in ["dependencies", "build-dependencies"] {
        let Some(dependencies) = manifest.get_mut(section).and_then(Item::as_table_mut) else { continue };
        let optional = |item: &Item| item.as_table_like().and_then(|table| table.get("optional")).and_then(Item::as_bool) == Some(true);
        gone.extend(dependencies.iter().filter(|(_, item)| optional(item)).map(|(name, _)| name.to_owned()));
        dependencies.retain(|name, _| !gone.contains(name));
    }
    if let Some(features) = manifest.get_mut("features").and_then(Item::as_table_mut) {
        features.remove(TESTS);
        drop_features(features, &gone);
    }
    // Without its features a crate has `cfg`s that nothing sets; a user's build must not warn of that, nor of anything else in here.
    let mut lints = Table::new();
    lints["warnings"] = value("allow");
    let mut rust = Table::from_iter([("rust", Item::Table(lints))]);
    rust.set_implicit(true);
    manifest["lints"] = Item::Table(rust);
}

/// Removes each feature that turns on something that is gone, and then those that turn on such a feature.
fn drop_features(features: &mut Table, gone: &BTreeSet<String>) {
    let dropped: BTreeSet<String> = SDK.iter().map(|(_, daemon_only)| (*daemon_only).to_owned()).collect();
    let needs_gone = |element: &str| {
        let (dependency, feature) =
            element.strip_prefix("dep:").map_or_else(|| element.split_once('/').unwrap_or((element, "")), |name| (name, ""));
        gone.contains(dependency.trim_end_matches('?')) || dropped.contains(feature) || dropped.contains(element)
    };
    let needs_gone = |elements: &Array| elements.iter().filter_map(Value::as_str).any(needs_gone);
    features.retain(|name, item| name == "default" || (!dropped.contains(name) && !item.as_array().is_some_and(needs_gone)));
}
