//! Starting the agent.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};

use super::Job;
use crate::processes;
use crate::spool::Spool;

/// The agent as it began. Its end is seen by who waits for all children.
pub(super) struct Agent {
    pub(super) pid: u32,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

/// Starts it in a process group of its own, with the prompt as its stdin.
pub(super) fn start(job: &Job, spool: &Spool) -> io::Result<Agent> {
    let mut command = Command::new(&job.program);
    command.args(&job.args).env_clear().envs(&job.env).current_dir(&job.workdir).process_group(0);
    for mark in [processes::WORKSPACE, processes::LIFE, processes::OWNER] {
        if let Some(value) = std::env::var_os(mark) {
            command.env(mark, value);
        }
    }
    let prompt = File::open(spool.prompt_file()).map_err(|error| told(&error, "cannot read the prompt"))?;
    command.stdin(prompt).stdout(Stdio::piped()).stderr(Stdio::piped());
    let what = || format!("cannot start `{}` in {}", job.program, job.workdir.display());
    let mut child = command.spawn().map_err(|error| told(&error, &what()))?;
    Ok(Agent { pid: child.id(), stdout: child.stdout.take(), stderr: child.stderr.take() })
}

fn told(error: &io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
