//! What `nerve init` writes, and what it leaves alone.

use std::fs;
use std::path::PathBuf;

use nerve_core::config::{check_manifest, parse, render};

use super::super::{Git, InitError, InitOptions, init, unedited};
use super::{files_in, made};

#[test]
fn a_new_workspace_is_whole() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let report = init(&temp.path().join("a/My Watch"), &InitOptions::default()).expect("a workspace");
    assert_eq!(report.name, "my-watch");
    assert!(report.files.len() <= 20, "{:?}", report.files);
    let mut written = files_in(&report.root);
    written.retain(|file| !file.starts_with(".nerve"));
    assert_eq!(written, report.files);
    let text = |file: &str| fs::read_to_string(report.root.join(file)).expect("a text");
    assert!(text("Cargo.toml").starts_with("[package]\nname = \"my-watch\"\nversion"));
    assert!(text(".nerve/schema/nerve.json").contains("draft-07"));
    for word in ["verb-first", "create_role", "src/main.rs", "CONVENTIONS.md", ".knowledge/*.md", "skills"] {
        assert!(text("AGENT.md").contains(word), "{word}");
    }
    assert_eq!(files_in(temp.path()).len(), written.len() + files_in(&report.root.join(".nerve")).len());
}

#[test]
fn its_config_has_no_findings_and_fits_the_template() {
    let (_temp, layout) = made();
    let source = fs::read_to_string(layout.config()).expect("nerve.yaml");
    let parsed = parse(&source, "nerve.yaml");
    let config = parsed.config.clone().unwrap_or_else(|| panic!("{}", render(&parsed.diagnostics)));
    let manifest = ::workspace::workspace().manifest();
    let senses: Vec<&str> = manifest.senses.iter().map(String::as_str).collect();
    let roles: Vec<&str> = manifest.workflows[0].roles.iter().map(|role| role.name.as_str()).collect();
    let found = check_manifest(&config, &parsed, &senses, &[(&manifest.workflows[0].name, &roles)]);
    assert_eq!(render(&parsed.diagnostics) + &render(&found), "");
    // The lines that people and scripts edit.
    assert!(source.contains("\n  analyst: { kind: scripted, "));
    assert!(source.contains("\nproviders:\n"));
    assert!(source.find("interval:").is_some_and(|at| source[..at].ends_with("\n    ")));
}

#[test]
fn a_second_init_changes_nothing() {
    let (_temp, layout) = made();
    let before = files_in(layout.root());
    let error = init(layout.root(), &InitOptions::default()).expect_err("there is one");
    assert!(matches!(error, InitError::Workspace(_)) && error.is_conflict());
    assert_eq!(files_in(layout.root()), before);
}

#[test]
fn files_that_are_there_stay_and_are_named() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    fs::write(temp.path().join("README.md"), "mine").expect("a file");
    fs::write(temp.path().join("src"), "a file where a folder must be").expect("a file");
    let error = init(temp.path(), &InitOptions::default()).expect_err("files are in the way");
    let InitError::Occupied { files, .. } = &error else { panic!("{error}") };
    assert_eq!(files, &[PathBuf::from("README.md"), PathBuf::from("src")]);
    assert!(error.to_string().contains("already has README.md, src; nothing was written"), "{error}");
    assert_eq!(files_in(temp.path()).len(), 2);
}

#[test]
fn a_folder_with_other_files_takes_a_workspace() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    fs::write(temp.path().join("notes.txt"), "mine").expect("a file");
    init(temp.path(), &InitOptions::default()).expect("nothing is in the way");
    assert!(temp.path().join("notes.txt").exists() && temp.path().join("nerve.yaml").exists());
}

#[test]
fn a_failure_leaves_nothing_behind() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    // Met only after all other files are written.
    fs::write(temp.path().join(".nerve"), "a file where the data goes").expect("a file");
    let error = init(temp.path(), &InitOptions::default()).expect_err("the data has no place");
    assert!(matches!(error, InitError::Write { .. }) && !error.is_conflict());
    assert_eq!(files_in(temp.path()), [PathBuf::from(".nerve")]);
    assert!(!temp.path().join("src").exists());

    let options = InitOptions { sdk: Some(temp.path().to_owned()), ..InitOptions::default() };
    init(&temp.path().join("new"), &options).expect_err("no checkout");
    assert_eq!(files_in(temp.path()), [PathBuf::from(".nerve")]);
    assert!(matches!(init(&temp.path().join(".nerve"), &InitOptions::default()), Err(InitError::NotAFolder(_))));
}

#[test]
fn a_repository_is_made_only_outside_of_one() {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let options = InitOptions { git: true, ..InitOptions::default() };
    let outer = init(&temp.path().join("outer"), &options).expect("a workspace");
    if outer.git == Git::NotInstalled {
        return;
    }
    assert_eq!(outer.git, Git::Created);
    let inner = init(&outer.root.join("inner"), &options).expect("a workspace");
    assert_eq!(inner.git, Git::Inside);
}

#[test]
fn code_counts_as_an_edit_and_nothing_else_does() {
    let (_temp, layout) = made();
    assert!(unedited(&layout));
    fs::write(layout.config(), "max_rounds: 3\n").expect("a file");
    let file = layout.sources().join("senses/inbox.rs");
    let code = fs::read_to_string(&file).expect("code");
    fs::write(&file, code.replace('\n', "\r\n")).expect("a file");
    assert!(unedited(&layout), "line ends are no edit");
    fs::write(&file, code.replace("2048", "4096")).expect("a file");
    assert!(!unedited(&layout));
    fs::write(&file, code).expect("a file");
    assert!(unedited(&layout));
    fs::write(layout.sources().join("more.rs"), "").expect("a file");
    assert!(!unedited(&layout));
}
