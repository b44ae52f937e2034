//! Where calls leave what they brought until it is in the journal: `.nerve/run/calls/<call>/`.
//!
//! What is written here survives the end of any process of ours, not the loss of power. Recovery reads it first: an answer
//! that is whole is the answer, and the call is not made again. A folder that is half written is no evidence, and no error.

mod evidence;
mod files;
mod name;
mod records;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nerve_core::Timestamp;

pub(crate) use evidence::Evidence;
pub(crate) use name::{CallName, OWNER, What};
pub(crate) use records::{AgentRecord, Begun, Called, Ending, ExitRecord, Resumed, SpooledReply};

use crate::daemon::Layout;
use crate::processes::{self, Process};

const CALL: &str = "call.json";
const REPLY: &str = "reply.json";
const AGENT: &str = "agent.json";
const EXIT: &str = "exit.json";
const PROMPT: &str = "prompt";
const STDOUT: &str = "stdout";
const STDERR: &str = "stderr";

/// The folder of one call.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    folder: PathBuf,
    begun: Begun,
}

impl Spool {
    /// Makes the folder before the call begins; one of the same name, of an earlier life, is replaced.
    pub(crate) fn begin(layout: &Layout, begun: Begun) -> io::Result<Self> {
        let calls = layout.calls();
        let name = begun.name().to_string();
        // Under its name it has its record from the first moment on.
        let (folder, aside) = (calls.join(&name), calls.join(format!("{}{name}", files::UNFINISHED)));
        files::remove(&aside)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&calls)?;
        fs::DirBuilder::new().mode(0o700).create(&aside)?;
        files::save(&aside, CALL, &begun)?;
        files::remove(&folder)?;
        fs::rename(&aside, &folder)?;
        Ok(Self { folder, begun })
    }

    /// All that is there; what was cut off while it was made is cleared away.
    pub(crate) fn all(layout: &Layout) -> io::Result<Vec<Self>> {
        let entries = match fs::read_dir(layout.calls()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut spools = Vec::new();
        for entry in entries {
            let folder = entry?.path();
            match files::load::<Begun>(&folder, CALL) {
                Some(begun) if folder.file_name().is_some_and(|name| name == begun.name().to_string().as_str()) => {
                    spools.push(Self { folder, begun });
                }
                // Without its record it says nothing about any call.
                _ => files::remove(&folder)?,
            }
        }
        spools.sort_by_key(|spool| spool.begun.begun_at);
        Ok(spools)
    }

    /// The folder of this call, if there is one.
    pub(crate) fn of(layout: &Layout, name: &CallName) -> Option<Self> {
        let folder = layout.calls().join(name.to_string());
        let begun = files::load::<Begun>(&folder, CALL).filter(|begun| begun.name() == *name)?;
        Some(Self { folder, begun })
    }

    /// The folder whose path a keeper was given.
    pub(crate) fn at(folder: PathBuf) -> io::Result<Self> {
        let begun = files::load(&folder, CALL).ok_or_else(|| io::Error::other("the folder holds no call"))?;
        Ok(Self { folder, begun })
    }

    /// Which call.
    pub(crate) fn name(&self) -> CallName {
        self.begun.name()
    }

    /// What is known of the call since before it began.
    pub(crate) fn begun(&self) -> &Begun {
        &self.begun
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The workspace's folder.
    pub(crate) fn workspace(&self) -> &Path {
        // `<workspace>/.nerve/run/calls/<call>`
        self.folder.ancestors().nth(4).unwrap_or(&self.folder)
    }

    /// Writes what the agent will read on its stdin.
    pub(crate) fn prompt(&self, text: &str) -> io::Result<()> {
        files::write(&self.folder.join(PROMPT), text.as_bytes())
    }

    /// Where the agent's stdin lies.
    pub(crate) fn prompt_file(&self) -> PathBuf {
        self.folder.join(PROMPT)
    }

    /// Keeps a reply that came whole.
    pub(crate) fn reply(&self, reply: &SpooledReply) -> io::Result<()> {
        files::save(&self.folder, REPLY, reply)
    }

    /// Tells that the agent runs.
    pub(crate) fn agent_runs(&self, agent: Process, keeper: Process) -> io::Result<()> {
        let Process { pid, start } = agent;
        files::save(&self.folder, AGENT, &AgentRecord { pid, start, boot: processes::boot(), keeper })
    }

    /// Tells how the agent ended, after all that it started is gone and all that it said is kept.
    pub(crate) fn agent_ended(&self, ending: Ending, stopped: bool, truncated: bool, now: Timestamp) -> io::Result<()> {
        files::save(&self.folder, EXIT, &ExitRecord { ending, stopped, truncated, ended_at: now })
    }

    /// The reply, once it was kept.
    pub(crate) fn read_reply(&self) -> Option<SpooledReply> {
        files::load(&self.folder, REPLY)
    }

    /// The agent, once it ran.
    pub(crate) fn agent(&self) -> Option<AgentRecord> {
        files::load(&self.folder, AGENT)
    }

    /// How the agent ended, once it did.
    pub(crate) fn exit(&self) -> Option<ExitRecord> {
        files::load(&self.folder, EXIT)
    }

    /// What the agent wrote so far; what is no UTF-8 is replaced.
    pub(crate) fn read_stdout(&self) -> io::Result<String> {
        files::text(&self.stdout_file())
    }

    /// The end of what the agent wrote on stderr, at most this many bytes of it.
    pub(crate) fn stderr_tail(&self, bytes: u64) -> io::Result<String> {
        files::tail(&self.stderr_file(), bytes)
    }

    /// What the agent told of what it used; empty when it told nothing.
    pub(crate) fn usage_file(&self) -> String {
        files::tail(&self.folder.join("usage.json"), 1024 * 1024).unwrap_or_default()
    }

    /// Where the agent's stdout lies.
    pub(crate) fn stdout_file(&self) -> PathBuf {
        self.folder.join(STDOUT)
    }

    /// Where the agent's stderr lies.
    pub(crate) fn stderr_file(&self) -> PathBuf {
        self.folder.join(STDERR)
    }

    /// Removes it all, after the answer is durable elsewhere.
    pub(crate) fn remove(&self) -> io::Result<()> {
        files::remove(&self.folder)
    }
}

#[cfg(test)]
mod tests;
