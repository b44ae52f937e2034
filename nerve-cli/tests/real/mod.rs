//! What `.ci/real-components` installed: servers that are no doubles, and agents that people use.
#![allow(dead_code, reason = "each test file uses its part of this")]

pub(crate) mod agents;
pub(crate) mod http;
pub(crate) mod llmock;
pub(crate) mod metas;
pub(crate) mod relaxed;
pub(crate) mod served;

use std::path::PathBuf;

/// The variable that names the folder of what was installed.
const VARIABLE: &str = "NERVE_REAL";

/// A file below the folder of what was installed.
#[track_caller]
pub(crate) fn part(path: &str) -> PathBuf {
    let folder = std::env::var_os(VARIABLE).unwrap_or_else(|| panic!("{VARIABLE} names no folder: run .ci/real-components"));
    let part = PathBuf::from(folder).join(path);
    assert!(part.exists(), "{} is not there: run .ci/real-components", part.display());
    part
}
