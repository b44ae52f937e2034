//! What the daemon starts beside itself, many of it and in a hurry: before anything of the command line is set up.
//!
//! These are no commands of the tree, for nobody types them.

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs `nerve keeper` or `nerve sweeper`, if this is one.
pub(crate) fn run(arguments: &[OsString]) -> Option<ExitCode> {
    let [_, name] = arguments else { return None };
    match name.to_str()? {
        "keeper" => Some(nerve_runtime::keeper::run()),
        "sweeper" => Some(nerve_runtime::sweeper::run()),
        _ => None,
    }
}
