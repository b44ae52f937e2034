//! `kind: cli`: the command that answers, found before anything is started.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nerve_adapters::host::{CallText, Conversation, Form, as_text};
use nerve_core::config::{CliAdapter, Config};
use nerve_core::{CallFailure, Evidence, FailureKind, Request, Usage};

use super::agent::{self, AgentCommand, AgentLimits, KeeperProgram};
use super::environment::{AgentTurn, Environment};
use super::line::Caller;
use super::occupied::Occupied;
use super::resolve::Kind;
use super::workdir::Place;
use super::{Host, Resolved, outcome};
use crate::daemon::Layout;
use crate::daemon::children::Children;
use crate::spool::Spool;

/// A command that is ready to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CliCommand {
    pub program: PathBuf,
    pub args: Vec<String>,
    pub workdir: PathBuf,
    /// Whether nobody else may work there at the same time.
    pub exclusive: bool,
    /// The names of what it gets of the daemon's environment, beside what every agent gets.
    pub env: Vec<String>,
    /// The adapter's own limit, for a call that has no step's.
    pub timeout: Duration,
    pub idle: Duration,
}

impl Host {
    pub(super) fn cli(
        &self,
        config: &Config,
        place: Place<'_>,
        cli: &CliAdapter,
        mut gates: Vec<(String, u32)>,
    ) -> Result<Resolved, CallFailure> {
        let words: Vec<String> = cli.command.iter().map(|word| self.expand(word)).collect::<Result<_, _>>()?;
        let (program, args) = words.split_first().ok_or_else(|| config_failure("the command is empty".to_owned()))?;
        let program = self.program(program)?;
        let workdir = self.workdir(config, place, cli.common.workdir.as_ref())?;
        if cli.exclusive {
            gates.push((format!("workdir {}", workdir.display()), 1));
        }
        let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
        Ok(Resolved {
            label: format!("cli/{name}"),
            gates,
            price: None,
            kind: Kind::Cli(CliCommand {
                args: args.to_vec(),
                workdir,
                exclusive: cli.exclusive,
                env: cli.env.clone(),
                timeout: cli.common.timeout,
                idle: cli.idle,
                program,
            }),
        })
    }

    fn program(&self, written: &str) -> Result<PathBuf, CallFailure> {
        if written.contains('/') {
            let program = self.path_of(written);
            return match is_program(&program) {
                true => Ok(program),
                false => Err(config_failure(format!("the command {} is not there or cannot be run", program.display()))),
            };
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        on_path(written, &path).ok_or_else(|| {
            config_failure(format!("no program `{written}` is on the daemon's PATH: install it, or name it by its path in `command:`"))
        })
    }
}

fn on_path(name: &str, path: &OsString) -> Option<PathBuf> {
    // The daemon's own folder is nobody's business: what is not absolute on the PATH is left out.
    std::env::split_paths(path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(name)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn config_failure(message: String) -> CallFailure {
    CallFailure::new(FailureKind::Config, message)
}

/// A command together with all that is needed to run it, cut free from the host.
pub(super) struct Agent {
    command: CliCommand,
    environment: Environment,
    layout: Layout,
    children: Children,
    keeper: KeeperProgram,
    occupied: Occupied,
}

impl Host {
    pub(super) fn agent(&self, command: CliCommand) -> Agent {
        Agent {
            command,
            environment: self.environment.clone(),
            layout: self.layout.clone(),
            children: self.children.clone(),
            keeper: self.keeper.clone(),
            occupied: self.occupied.clone(),
        }
    }
}

impl Agent {
    /// Runs it with what is asked on its stdin; what it writes is the answer.
    pub(super) async fn answer(&self, caller: &Caller, conversation: &Conversation, spool: Spool) -> Result<CallText, CallFailure> {
        let CliCommand { program, args, workdir, exclusive, env, timeout, idle } = &self.command;
        let form = conversation.form.without_schema();
        let turn = AgentTurn { thread: caller.thread, step: caller.step, attempt: caller.attempt };
        let command = AgentCommand {
            program: program.to_string_lossy().into_owned(),
            args: args.clone(),
            env: self.environment.for_agent(env, self.layout.root(), &self.layout.bin(), turn),
            workdir: workdir.clone(),
            prompt: told(conversation, &form),
        };
        let limits = AgentLimits { timeout: caller.timeout.unwrap_or(*timeout), idle: Some(*idle) };
        if *exclusive {
            self.occupied.enter(workdir, caller.name(), &self.children).await?;
        }
        let end = agent::run(&self.children, &self.keeper, command, spool, limits, Box::new(|_| false)).await;
        if *exclusive {
            self.occupied.leave(workdir);
        }
        let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
        let content = outcome::text(&end?, &name)?;
        Ok(CallText { content, usage: Usage::ONE_CALL, form, evidence: Evidence::default() })
    }
}

/// What the command reads: the thread up to now, when there is one to tell of, and what is wanted.
fn told(conversation: &Conversation, form: &Form) -> String {
    let conversation = Conversation { form: form.clone(), ..conversation.clone() };
    let Request { prompt, history } = as_text(&conversation);
    if conversation.start.trim().is_empty() && conversation.steps.is_empty() {
        return format!("{prompt}\n");
    }
    format!("{history}\n\n{prompt}\n")
}
