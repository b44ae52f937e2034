//! Builds of workers, made without a compiler: a script under `.nerve/builds/` that becomes another program.

use std::fs;
use std::path::Path;
use std::process::Command;

use nerve_core::wire::Manifest;
use nerve_core::{BuildId, Timestamp};
use nerve_runtime::daemon::{BuildRecord, Layout, hash_folder};

use super::own::Variant;
use super::{SOON, TestWorkspace};

/// What serves as a worker.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Worker {
    /// The worker inside `nerve`: the template.
    Template,
    /// This test's own executable; its file needs the test that `own::serve` asks for.
    Own(Variant),
    /// A shell script. It claims to be the template.
    Script(&'static str),
}

impl Worker {
    fn manifest(self) -> Manifest {
        match self {
            Self::Template | Self::Script(_) => workspace::workspace().manifest(),
            Self::Own(variant) => variant.workspace().manifest(),
        }
    }

    fn script(self) -> String {
        match self {
            Self::Template => format!("exec '{}' worker", env!("CARGO_BIN_EXE_nerve")),
            Self::Own(variant) => variant.command(),
            Self::Script(text) => text.to_owned(),
        }
    }
}

/// Makes this build, and makes it the current one. A build of this name is replaced.
pub(crate) fn make(workspace: &TestWorkspace, name: &str, worker: Worker) {
    let layout = Layout::new(workspace.root());
    let id = BuildId(name.to_owned());
    let folder = layout.build(&id);
    edit(&layout.sources().join("lib.rs"));
    fs::create_dir_all(&folder).expect("a folder");
    write_program(&layout.worker(&id), &worker.script());
    let record = BuildRecord {
        build: id,
        // As if it were made from the sources as they are.
        sources: hash_folder(&layout.sources()).expect("sources"),
        sdk: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: Timestamp::from_millis(0),
        manifest: worker.manifest(),
    };
    record.save(&folder).expect("a record");
    record.make_current(&layout).expect("the current build");
}

/// Makes this build while the daemon runs, and waits until it serves.
#[track_caller]
pub(crate) fn take_over(workspace: &TestWorkspace, name: &str, worker: Worker) {
    make(workspace, name, worker);
    workspace.until(&format!("build {name} to serve"), SOON, || (workspace.status()["build"] == name).then_some(()));
}

/// Removes a build's program, as a careless hand would.
pub(crate) fn remove(workspace: &TestWorkspace, name: &str) {
    fs::remove_file(Layout::new(workspace.root()).worker(&BuildId(name.to_owned()))).expect("a program");
}

/// Replaces a build's program.
pub(crate) fn replace(workspace: &TestWorkspace, name: &str, worker: Worker) {
    write_program(&Layout::new(workspace.root()).worker(&BuildId(name.to_owned())), &worker.script());
}

/// Unedited sources are served by the worker inside `nerve`, whatever was built.
fn edit(file: &Path) {
    let text = fs::read_to_string(file).expect("sources");
    if !text.ends_with("// edited\n") {
        fs::write(file, text + "// edited\n").expect("sources");
    }
}

/// Written by a process that ends before anybody runs it: no child of another test can hold it open for writing.
fn write_program(place: &Path, script: &str) {
    let aside = place.with_extension("new");
    let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\" && chmod 755 \"$2\" && mv \"$2\" \"$3\"";
    let status = Command::new("sh").args(["-c", write, "sh", script]).args([&aside, place]).status().expect("sh");
    assert!(status.success(), "{} was not written", place.display());
}
