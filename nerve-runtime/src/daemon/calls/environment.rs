//! Variables: from the daemon's environment, then from `.env` beside nerve.yaml, read at each use.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nerve_core::ThreadId;

use super::super::Layout;

/// The value of a variable as a daemon that is started from here would have it: from the environment, then from `.env`.
pub fn variable(layout: &Layout, name: &str) -> Option<String> {
    Environment::new(layout.dot_env()).get(name)
}

/// What every child gets, when it is set.
const PLAIN: [&str; 6] = ["PATH", "HOME", "USER", "LANG", "TERM", "TMPDIR"];

/// Where variables come from.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    dot_env: PathBuf,
}

impl Environment {
    pub(crate) fn new(dot_env: PathBuf) -> Self {
        Self { dot_env }
    }

    /// The value of a variable, or `None` when it is set nowhere.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().or_else(|| read(&std::fs::read_to_string(&self.dot_env).ok()?, name))
    }

    /// What a worker gets: what every child gets, what is named, and the workspace.
    pub(super) fn for_worker(&self, named: &[String], root: &Path) -> Vec<(OsString, OsString)> {
        let mut variables: Vec<(OsString, OsString)> =
            PLAIN.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?))).collect();
        variables.extend(named.iter().filter_map(|name| Some((name.into(), self.get(name)?.into()))));
        variables.push(("NERVE_WORKSPACE".into(), root.as_os_str().to_owned()));
        variables
    }

    /// What an agent gets: the same, whose turn it has, and a PATH that begins with the folder of `nerve`.
    pub(super) fn for_agent(&self, named: &[String], root: &Path, bin: &Path, turn: AgentTurn) -> BTreeMap<String, String> {
        let AgentTurn { thread, step, attempt } = turn;
        let text = |value: OsString| value.to_string_lossy().into_owned();
        let mut variables: BTreeMap<String, String> =
            self.for_worker(named, root).into_iter().map(|(name, value)| (text(name), text(value))).collect();
        let path = variables.get("PATH").map_or_else(String::new, |path| format!(":{path}"));
        variables.extend([
            ("PATH".to_owned(), format!("{}{path}", bin.display())),
            ("NERVE_THREAD".to_owned(), thread.to_string()),
            ("NERVE_STEP".to_owned(), step.to_string()),
            ("NERVE_ATTEMPT".to_owned(), attempt.to_string()),
            ("NERVE_IDEMPOTENCY_KEY".to_owned(), format!("{thread}-{step}")),
        ]);
        variables
    }
}

/// The turn that an agent has.
#[derive(Debug, Clone, Copy)]
pub(super) struct AgentTurn {
    pub(super) thread: ThreadId,
    pub(super) step: u32,
    pub(super) attempt: u32,
}

/// `NAME=value` lines, with `export `, quotes and `#` lines as people write them.
fn read(text: &str, name: &str) -> Option<String> {
    text.lines().rev().find_map(|line| {
        let line = line.trim();
        let (key, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        if key.trim() != name || line.starts_with('#') {
            return None;
        }
        let value = value.trim();
        let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        Some(quoted.unwrap_or(value).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_dot_env_is_read_as_people_write_it() {
        let text = "# A=0\nA=1\nexport B = \"two words\"\nC='x'\nA=3\n";
        let value = |name| read(text, name);
        assert_eq!((value("A"), value("B"), value("C"), value("D")), (Some("3".into()), Some("two words".into()), Some("x".into()), None));
    }
}
