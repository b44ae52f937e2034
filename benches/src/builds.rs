//! What building a workspace takes.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::failure::{Failure, Result, run};
use crate::workspace::{SOURCES, Workspace, until};

/// `nerve build` in a workspace that `nerve init` just made, in seconds: everything is compiled, nothing is downloaded twice.
pub(crate) fn cold(nerve: &Path, folder: &Path) -> Result<f64> {
    let temp = tempfile::tempdir_in(folder)?;
    let root = temp.path().join("cold");
    run(Command::new(nerve).arg("init").arg(&root).arg("--no-git"))?;
    let start = Instant::now();
    run(Command::new(nerve).arg("build").current_dir(&root))?;
    Ok(start.elapsed().as_secs_f64())
}

/// From `nerve build` after an edit to the moment that a running daemon serves the new build, in seconds each.
pub(crate) fn edits(workspace: &Workspace, times: usize) -> Result<Vec<f64>> {
    workspace.fresh()?;
    workspace.configure(1, 1)?;
    let daemon = workspace.start()?;
    let mut connection = daemon.connect()?;
    let mut serving = || Ok::<_, Failure>(connection.get("status")?["build"].clone());
    (0..times)
        .map(|n| {
            let before = serving()?;
            workspace.write("src/lib.rs", &SOURCES.replace("nothing was done.", &format!("nothing was done: {n}.")))?;
            let start = Instant::now();
            workspace.build()?;
            until("the new build to serve", || Ok((serving()? != before).then_some(())))?;
            Ok(start.elapsed().as_secs_f64())
        })
        .collect()
}
