//! Where an agent works: the narrowest that says so, and never in what is nerve's own.

use std::fs;
use std::path::{Path, PathBuf};

use nerve_core::config::{Config, Text};
use nerve_core::{CallFailure, FailureKind, ThreadId};

use super::Host;

/// The turn for which somebody is to answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub thread: ThreadId,
    pub workflow: &'a str,
    pub role: &'a str,
    /// What was settled when the role was chosen.
    pub workdir: Option<&'a str>,
}

impl Host {
    /// What nerve.yaml says about where a role's agent works: the role's own folder, the workflow's, the adapter's.
    pub(super) fn set_workdir(
        &self,
        config: &Config,
        workflow: &str,
        role: &str,
        adapter: Option<&Text>,
    ) -> Result<Option<PathBuf>, CallFailure> {
        let workflow = config.workflows.get(workflow);
        let of_role = workflow.and_then(|workflow| workflow.roles.get(role)).and_then(|role| role.workdir.as_ref());
        let of_workflow = || workflow.and_then(|workflow| workflow.workdir.as_ref());
        of_role.or_else(of_workflow).or(adapter).map(|text| self.expand(text).map(|path| self.path_of(&path))).transpose()
    }

    /// The path that was written: `~/` is the home, and what is not absolute begins at the workspace.
    pub(super) fn path_of(&self, written: &str) -> PathBuf {
        let home = || self.environment.get("HOME");
        let at_home = written.strip_prefix("~/").or_else(|| (written == "~").then_some(""));
        let path = match at_home.and_then(|rest| Some((home()?, rest))) {
            Some((home, rest)) => Path::new(&home).join(rest),
            None => self.layout.root().join(written),
        };
        // Without the `.` that says "here".
        path.components().collect()
    }

    /// The folder in which this turn's agent works, there and fit for it.
    pub(super) fn workdir(&self, config: &Config, place: Place<'_>, adapter: Option<&Text>) -> Result<PathBuf, CallFailure> {
        let own = self.layout.work(&place.thread);
        let named = match place.workdir {
            Some(settled) => Some(self.path_of(settled)),
            None => self.set_workdir(config, place.workflow, place.role, adapter)?,
        };
        match named.filter(|folder| *folder != own) {
            Some(folder) => fit(&folder, &self.layout.data()),
            None => made(&own),
        }
    }
}

/// A folder that was named, with every link in it followed, so that two names of one folder are the same.
fn fit(folder: &Path, data: &Path) -> Result<PathBuf, CallFailure> {
    let shown = folder.display();
    let real = fs::canonicalize(folder).map_err(|error| {
        let why = if error.kind() == std::io::ErrorKind::NotFound { "does not exist".to_owned() } else { error.to_string() };
        config_failure(format!("the workdir {shown} {why}"))
    })?;
    if !real.is_dir() {
        return Err(config_failure(format!("the workdir {shown} is not a folder")));
    }
    if fs::canonicalize(data).is_ok_and(|data| real.starts_with(data)) {
        return Err(config_failure(format!("the workdir {shown} is nerve's own: no agent works in .nerve/")));
    }
    Ok(real)
}

fn made(folder: &Path) -> Result<PathBuf, CallFailure> {
    let made = fs::create_dir_all(folder).and_then(|()| fs::canonicalize(folder));
    made.map_err(|error| config_failure(format!("the folder {} cannot be made: {error}", folder.display())))
}

fn config_failure(message: String) -> CallFailure {
    CallFailure::new(FailureKind::Config, message)
}
