//! `nerve build`. What compiles a whole workspace takes its time and is ignored here; run it with `-- --ignored`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering;

use nerve_runtime::daemon::BuildRecord;

use super::super::{BuildError, BuildOptions, SDK_VERSION, build};
use super::made;

#[test]
fn a_bad_config_is_told_before_anything_is_compiled() {
    let (_temp, layout) = made();
    fs::write(layout.config(), "senses:\n  inbox:\n    evry: 1s\n").expect("a file");
    let error = build(&layout, &BuildOptions::default(), &mut |line| panic!("cargo said {line}")).expect_err("a bad config");
    assert!(matches!(&error, BuildError::Config(found) if found[0].line == 3), "{error}");
    assert!(error.to_string().contains("nerve.yaml:3:5"), "{error}");
    assert!(!layout.builds().exists());
}

#[test]
fn two_builds_are_kept_apart() {
    let (_temp, layout) = made();
    fs::create_dir_all(layout.builds()).expect("a folder");
    let lock = fs::File::create(layout.builds().join(".lock")).expect("a file");
    lock.lock().expect("a lock");
    let error = build(&layout, &BuildOptions::default(), &mut |_| {}).expect_err("another one runs");
    assert!(matches!(error, BuildError::Busy), "{error}");
}

#[test]
fn another_versions_sdk_is_named() {
    let (_temp, layout) = made();
    let manifest = layout.root().join("Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("a manifest");
    fs::write(&manifest, text.replace(&format!("sdk/{SDK_VERSION}/"), "sdk/0.0.1/")).expect("a file");
    let error = build(&layout, &BuildOptions::default(), &mut |_| {}).expect_err("it is not there");
    assert!(matches!(&error, BuildError::OtherSdk { named, .. } if named == "0.0.1"), "{error}");
}

#[test]
#[ignore = "compiles a workspace"]
fn a_workspace_is_built_mended_and_built_again() {
    let (_temp, layout) = made();
    let options = BuildOptions::default();
    let mut said = Vec::new();
    let first = build(&layout, &options, &mut |line| said.push(line.to_owned())).unwrap_or_else(|error| panic!("{error}\n{said:#?}"));
    assert!(said.iter().any(|line| line.contains("Compiling hello")), "{said:?}");
    assert!(!said.iter().any(|line| line.contains("warning")), "{said:?}");
    assert_eq!(first.record.manifest.senses, ["cpu-usage", "inbox"]);
    assert_eq!((first.unchanged, first.warnings.len(), first.record.build.0.len()), (false, 0, 16));
    let worker = fs::metadata(layout.worker(&first.record.build)).expect("the worker is in place");
    assert!(worker.permissions().mode() & 0o100 != 0);

    let again = build(&layout, &options, &mut |_| {}).expect("a second build");
    assert!(again.unchanged);
    assert_eq!(BuildRecord::current(&layout).expect("readable"), Some(again.record.clone()));
    assert_eq!(BuildRecord::of(&layout, &again.record.build).expect("readable"), Some(again.record.clone()));

    let stays = |error: &BuildError| {
        let now = BuildRecord::current(&layout).expect("readable");
        assert_eq!(now.as_ref(), Some(&again.record), "{error}");
        let aside = fs::read_dir(layout.builds()).expect("a folder").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        assert_eq!(aside.filter(|name| name.starts_with(".new-")).count(), 0, "{error}");
    };
    let lib = layout.sources().join("lib.rs");
    let code = fs::read_to_string(&lib).expect("code");
    let edit = |from: &str, to: &str| fs::write(&lib, code.replace(from, to)).expect("a file");

    edit("Workspace::new()", "Workspace::newer()");
    let error = build(&layout, &options, &mut |_| {}).expect_err("it does not compile");
    assert!(
        matches!(&error, BuildError::Failed { places, said } if places[0].starts_with("src/lib.rs:") && said.contains("newer")),
        "{error}"
    );
    stays(&error);

    edit(".sense(senses::inbox::sense())", "");
    let error = build(&layout, &options, &mut |_| {}).expect_err("nerve.yaml names the sense");
    assert!(matches!(&error, BuildError::Config(found) if found[0].message.contains("inbox")), "{error}");
    stays(&error);

    edit("senses::inbox::sense()", "senses::cpu_usage::sense()");
    let error = build(&layout, &options, &mut |_| {}).expect_err("two senses of one name");
    assert!(matches!(&error, BuildError::Manifest(why) if why.contains("two senses")), "{error}");
    stays(&error);

    edit("Workspace::new()", "{ println!(\"hi\"); Workspace::new() }");
    let third = build(&layout, &options, &mut |_| {}).expect("printing breaks nothing");
    assert!(!third.unchanged);
    assert!(layout.worker(&first.record.build).exists(), "threads may be pinned to it");

    options.cancel.store(true, Ordering::Relaxed);
    let error = build(&layout, &options, &mut |_| {}).expect_err("it was stopped");
    assert!(matches!(error, BuildError::Cancelled), "{error}");
}
