//! A workspace made from the embedded files.

mod build;
mod init;
mod lock;
mod sdk;

use std::path::{Path, PathBuf};

use nerve_runtime::daemon::Layout;

use super::init::init;
use super::{Git, InitOptions};

/// A workspace in a temporary folder, which lives as long as the guard.
fn made() -> (tempfile::TempDir, Layout) {
    let temp = tempfile::tempdir().expect("a temporary folder");
    let report = init(&temp.path().join("hello"), &InitOptions::default()).expect("a workspace");
    assert_eq!(report.git, Git::Unwanted);
    (temp, Layout::new(report.root))
}

/// Every file below a folder, relative to it and in order.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).expect("it lies below").to_owned());
            }
        }
    }
    found.sort();
    found
}
