//! The lock file of a new workspace.
//!
//! `generated.lock` is made by the ignored test `write_the_lock` (`cargo test -p nerve-cli write_the_lock -- --ignored`) and has to be made
//! again when a version or a dependency of the three light crates changes; the other test says so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nerve_runtime::daemon::Layout;

use super::made;

/// The most packages that a workspace may compile, itself among them.
const LIGHT: usize = 50;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cargo(layout: &Layout, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    let output = command.args(arguments).arg("--offline").current_dir(layout.root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}\nmake generated.lock again: see tests/lock.rs", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The platform of this machine, as rustc names it.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("it names its host").to_owned()
}

/// The packages of a lock file as `name version`.
fn packages(lock: &str) -> BTreeSet<String> {
    let value = |line: Option<&str>| line.and_then(|line| line.split('"').nth(1)).unwrap_or_default().to_owned();
    lock.split("[[package]]\n")
        .skip(1)
        .map(|package| {
            let mut lines = package.lines();
            format!("{} {}", value(lines.next()), value(lines.next()))
        })
        .collect()
}

#[test]
fn the_first_build_resolves_nothing_and_compiles_little() {
    let (_temp, layout) = made();
    let lock = fs::read_to_string(layout.root().join("Cargo.lock")).expect("a lock file");
    let tree = cargo(&layout, &["tree", "--locked", "-e", "normal,build", "--prefix", "none"]);
    let light: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    assert!(light.len() <= LIGHT, "{} packages: {light:?}", light.len());

    let root = fs::read_to_string(repository().join("Cargo.lock")).expect("a lock file");
    let ours: BTreeSet<String> = packages(&lock).difference(&packages(&root)).cloned().collect();
    assert_eq!(ours, BTreeSet::from(["hello 0.1.0".to_owned()]), "all others are those of this repository");

    // Without --locked cargo would quietly write the file anew where it is in another order.
    // Other platforms' packages lie on no machine that has not fetched them.
    cargo(&layout, &["metadata", "--format-version", "1", "--filter-platform", &host()]);
    assert_eq!(fs::read_to_string(layout.root().join("Cargo.lock")).expect("a lock file"), lock);
}

#[test]
#[ignore = "writes workspace-template/generated.lock"]
fn write_the_lock() {
    let (_temp, layout) = made();
    let lock = layout.root().join("Cargo.lock");
    // From this repository's versions cargo keeps those that are needed.
    fs::copy(repository().join("Cargo.lock"), &lock).expect("a lock file");
    cargo(&layout, &["update", "--workspace"]);
    let text = fs::read_to_string(&lock).expect("a lock file").replace("name = \"hello\"", "name = \"workspace-template\"");
    fs::write(repository().join("workspace-template/generated.lock"), text).expect("the lock file is written");
}
