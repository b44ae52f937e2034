//! What the daemon starts beside itself, many of it and in a hurry: before anything of the command line is set up.
//!
//! Nobody types these. Keeper and sweeper are no commands of the tree; typed without a daemon's channel, `nerve worker` is one.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::commands::worker;
use crate::ui::Ui;

/// What a daemon tells its workers with.
const CHANNEL: &str = "NERVE_CHANNEL";

/// Runs `nerve keeper`, `nerve sweeper` or a daemon's `nerve worker`, if this is one.
pub(crate) fn run(arguments: &[OsString]) -> Option<ExitCode> {
    let [_, name] = arguments else { return None };
    match name.to_str()? {
        "keeper" => Some(nerve_runtime::keeper::run()),
        "sweeper" => Some(nerve_runtime::sweeper::run()),
        "worker" if std::env::var_os(CHANNEL).is_some() => {
            Some(worker::serve().map_or_else(|error| Ui::new(false, false).fail(&error), ExitCode::from))
        }
        _ => None,
    }
}
