//! Agents: the command that answers, found before anything is started, and what it is told.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nerve_adapters::host::agent::{self as agent_protocol, AgentAnswer, AgentCall, AgentTurn, Reader, Seen};
use nerve_adapters::host::{CallText, Conversation, Form, as_text, in_session};
use nerve_core::config::{Adapter, CliAdapter, Config, Profile, Text};
use nerve_core::thread::{AgentSession, KnownSession};
use nerve_core::{CallFailure, Evidence, FailureKind, Request};
use tokio::sync::mpsc;

use super::agent::{self, AgentCommand, AgentLimits, Hear, KeeperProgram};
use super::environment::{AgentTurn as WhoseTurn, Environment};
use super::line::Caller;
use super::occupied::Occupied;
use super::pricing::Pricing;
use super::resolve::Kind;
use super::workdir::Place;
use super::{Host, Resolved, outcome};
use crate::daemon::Layout;
use crate::daemon::children::Children;
use crate::daemon::engine::Message;
use crate::spool::{Called, Resumed, Spool, What};

/// A command that is ready to be run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CliCommand {
    /// How it is called and read.
    pub profile: Profile,
    /// How the journal names it: `cursor`, `hermes`, `cli/codex`, `cli/my-agent`.
    pub label: String,
    pub program: PathBuf,
    /// What comes before the profile's own arguments.
    pub before: Vec<String>,
    /// What comes behind them.
    pub args: Vec<String>,
    /// The same two as nerve.yaml has them, with variables by their names: what is shown holds no key.
    pub shown: (Vec<String>, Vec<String>),
    pub model: Option<String>,
    pub provider: Option<String>,
    pub skills: Vec<String>,
    pub max_turns: u32,
    pub workdir: PathBuf,
    /// Whether nobody else may work there at the same time.
    pub exclusive: bool,
    /// The names of what it gets of the daemon's environment, beside what every agent gets.
    pub env: Vec<String>,
    /// The adapter's own limit, for a call that has no step's.
    pub timeout: Duration,
    pub idle: Duration,
}

/// What an adapter of nerve.yaml says about its agent's command.
struct Written<'a> {
    kind: &'static str,
    command: Option<&'a Vec<Text>>,
    model: Option<&'a Text>,
    provider: Option<&'a Text>,
    skills: &'a [String],
    max_turns: u32,
}

impl<'a> Written<'a> {
    fn of(adapter: &'a Adapter) -> Self {
        let plain = Self { kind: adapter.kind(), command: None, model: None, provider: None, skills: &[], max_turns: 90 };
        match adapter {
            Adapter::Cli(cli) => Self { command: cli.command.as_ref(), model: cli.model.as_ref(), ..plain },
            Adapter::Cursor(cursor) => Self { command: cursor.command.as_ref(), model: cursor.model.as_ref(), ..plain },
            Adapter::Hermes(hermes) => Self {
                command: hermes.command.as_ref(),
                model: hermes.model.as_ref(),
                provider: hermes.provider.as_ref(),
                skills: &hermes.skills,
                max_turns: hermes.max_turns,
                ..plain
            },
            Adapter::Llm(_) | Adapter::Scripted(_) => plain,
        }
    }
}

impl Host {
    /// The agent of an adapter, found before anything is started.
    pub(super) fn command(
        &self,
        config: &Config,
        place: Place<'_>,
        adapter: &Adapter,
        mut gates: Vec<(String, u32)>,
    ) -> Result<Resolved, CallFailure> {
        let (Some(profile), Some(settings)) = (agent_protocol::profile(adapter), adapter.agent()) else {
            return Err(config_failure(format!("`kind: {}` runs no command", adapter.kind())));
        };
        let written = Written::of(adapter);
        let texts = |texts: &[Text]| texts.iter().map(|text| self.expand(text)).collect::<Result<Vec<_>, _>>();
        let raw = |texts: &[Text]| texts.iter().map(Text::raw).collect::<Vec<_>>();
        let maybe = |text: Option<&Text>| text.map(|text| self.expand(text)).transpose();
        let words = texts(written.command.map(Vec::as_slice).unwrap_or_default())?;
        let (program, before) = match words.split_first() {
            Some((program, before)) => (self.program(program)?, before.to_vec()),
            None => (self.first_program(&profile.program)?, Vec::new()),
        };
        let workdir = self.workdir(config, place, adapter.common().workdir.as_ref())?;
        if settings.exclusive {
            gates.push((format!("workdir {}", workdir.display()), 1));
        }
        let label = match adapter {
            Adapter::Cli(CliAdapter { profile: Some(profile), .. }) => format!("cli/{}", profile.name()),
            Adapter::Cli(_) => format!("cli/{}", program.file_name().unwrap_or(program.as_os_str()).to_string_lossy()),
            _ => written.kind.to_owned(),
        };
        let command = CliCommand {
            args: texts(&settings.args)?,
            shown: (raw(written.command.and_then(|words| words.get(1..)).unwrap_or_default()), raw(&settings.args)),
            model: maybe(written.model)?,
            provider: maybe(written.provider)?,
            skills: written.skills.to_vec(),
            max_turns: written.max_turns,
            exclusive: settings.exclusive,
            env: settings.env.clone(),
            timeout: adapter.common().timeout,
            idle: settings.idle,
            label: label.clone(),
            profile,
            program,
            before,
            workdir,
        };
        let pricing = Pricing::of_agent(config, &label, command.model.clone());
        Ok(Resolved { label, gates, pricing, kind: Kind::Cli(Box::new(command)) })
    }

    /// The first of these programs that is there.
    fn first_program(&self, names: &[String]) -> Result<PathBuf, CallFailure> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        names.iter().find_map(|name| on_path(name, &path)).ok_or_else(|| match names {
            [] => config_failure("the adapter names no program: add `command:` to it".to_owned()),
            names => config_failure(format!(
                "no program `{}` is on the daemon's PATH: install it, or name it by its path in `command:`",
                names.join("` or `")
            )),
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
    tell: mpsc::UnboundedSender<Message>,
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
            tell: self.tell.clone(),
        }
    }
}

impl Agent {
    /// What is settled before the call is recorded: how it will be read, and the session that it goes on with, when the role's last one is of the
    /// same agent, model and folder.
    pub(super) fn plan(&self, caller: &Caller) -> Called {
        let CliCommand { profile, label, model, workdir, program, .. } = &self.command;
        let session =
            AgentSession { id: String::new(), agent: label.clone(), model: model.clone(), workdir: workdir.to_string_lossy().into_owned() };
        let same = |known: &&KnownSession| AgentSession { id: String::new(), ..known.session.clone() } == session;
        let known = caller.session.as_ref().filter(|_| profile.can_resume()).filter(same);
        Called {
            profile: profile.clone(),
            program: program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned(),
            session,
            resumed: known.map(|known| Resumed { id: known.session.id.clone(), step: known.step, before: known.usage }),
        }
    }

    /// Runs it with what is asked; what it leaves says what it answered.
    pub(super) async fn answer(
        &self,
        caller: &Caller,
        conversation: &Conversation,
        spool: Spool,
        called: &Called,
    ) -> Result<(CallText, Option<AgentSession>), CallFailure> {
        let CliCommand {
            profile,
            program,
            before,
            args,
            shown,
            model,
            provider,
            skills,
            max_turns,
            workdir,
            exclusive,
            env,
            timeout,
            idle,
            ..
        } = &self.command;
        let form = conversation.form.without_schema();
        let prompt = told(conversation, &form, called.resumed.as_ref(), caller.step);
        let turn = AgentTurn {
            prompt: &prompt,
            session: called.resumed.as_ref().map(|resumed| resumed.id.as_str()),
            model: model.as_deref(),
            provider: provider.as_deref(),
            skills,
            max_turns: *max_turns,
            workdir,
            folder: spool.folder(),
            args,
        };
        let AgentCall { args, stdin, spilled, .. } = agent_protocol::call(profile, &turn)?;
        let shown = agent_protocol::call(profile, &AgentTurn { args: &shown.1, ..turn })?.shown;
        if let Some((file, text)) = &spilled {
            std::fs::write(file, text)
                .map_err(|error| config_failure(format!("the prompt cannot be written to {}: {error}", file.display())))?;
        }
        let whose = WhoseTurn { thread: caller.thread, step: caller.step, attempt: caller.attempt };
        let mut environment = self.environment.for_agent(env, self.layout.root(), &self.layout.bin(), whose);
        profile.unset.iter().for_each(|name| drop(environment.remove(name)));
        let command = AgentCommand {
            program: program.to_string_lossy().into_owned(),
            args: before.iter().cloned().chain(args).collect(),
            env: environment,
            workdir: workdir.clone(),
            prompt: stdin,
        };
        let limits = AgentLimits { timeout: caller.timeout.unwrap_or(*timeout), idle: Some(*idle) };
        if *exclusive {
            self.occupied.enter(workdir, caller.name(), &self.children).await?;
        }
        let end = agent::run(&self.children, &self.keeper, command, spool.clone(), limits, self.hear(caller, called)).await;
        if *exclusive {
            self.occupied.leave(workdir);
        }
        let command: Vec<String> = [called.program.clone()].into_iter().chain(self.command.shown.0.iter().cloned()).chain(shown).collect();
        let with_command = |evidence: Evidence| Evidence { command: command.clone(), ..evidence };
        match end.and_then(|end| outcome::answer(&end, called, &spool)) {
            Ok(AgentAnswer { content, usage, evidence, session }) => {
                let session = session.map(|id| AgentSession { id, ..called.session.clone() });
                Ok((CallText { content, usage, form, evidence: with_command(evidence) }, session))
            }
            Err(failure) => {
                let mut failure = outcome::with_evidence(failure, called, &spool);
                if let Some(record) = &mut failure.record {
                    record.evidence = with_command(std::mem::take(&mut record.evidence));
                }
                Err(failure)
            }
        }
    }

    /// Listens while it runs: a session is told the moment it is seen, and a last word ends the call.
    fn hear(&self, caller: &Caller, called: &Called) -> Hear {
        let mut reader = Reader::new(called.profile.clone(), called.resumed.as_ref().map(|resumed| resumed.id.clone()));
        let (tell, base) = (self.tell.clone(), called.session.clone());
        let (thread, step, attempt) = (caller.thread, caller.step, caller.attempt);
        // An ask has no session that anybody could go on with.
        let is_step = matches!(caller.what, What::Step { .. });
        Box::new(move |bytes| {
            for seen in reader.stdout(bytes) {
                if let (Seen::Session(id), true) = (seen, is_step) {
                    let session = AgentSession { id, ..base.clone() };
                    // The engine is the last to go.
                    let _ = tell.send(Message::SessionSeen { thread, step, attempt, session });
                }
            }
            reader.is_over()
        })
    }
}

/// What the agent reads: the thread up to now, when there is one to tell of, and what is wanted; of a session only what it does not know.
fn told(conversation: &Conversation, form: &Form, resumed: Option<&Resumed>, step: u32) -> String {
    let conversation = Conversation { form: form.clone(), ..conversation.clone() };
    if let Some(resumed) = resumed {
        return in_session(&conversation, resumed.step, step);
    }
    let Request { prompt, history } = as_text(&conversation);
    if conversation.start.trim().is_empty() && conversation.steps.is_empty() {
        return format!("{prompt}\n");
    }
    format!("{history}\n\n{prompt}\n")
}
