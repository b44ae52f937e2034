//! A worker that lives in the test's own executable, with roles and senses that do what a test tells them to.
//!
//! A test file that uses it has this test, which is the worker's `main`:
//!
//! ```ignore
//! #[test]
//! fn this_executable_is_a_worker_too() {
//!     support::own::serve();
//! }
//! ```

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use nerve_runtime::prelude::*;
use nix::sys::signal::{Signal, raise};
use workspace::workflows::explain_load::roles::analyst::{ANALYST, Diagnosis};
use workspace::workflows::explain_load::roles::fixer::Fix;

/// Says which workspace this executable is to serve.
const VARIABLE: &str = "NERVE_TEST_WORKER";

/// The name of the test that is the worker's `main`.
const MAIN: &str = "this_executable_is_a_worker_too";

const ACTOR: RoleKey<Fix> = RoleKey::new("actor");
const WATCHER: RoleKey<Fix> = RoleKey::new("watcher");
/// The workflow whose analyst is an adapter in the worker.
pub(crate) const OWN: &str = "act-by-own";
/// The workflow whose analyst is the adapter `analyst`; a person has to look at what it lost, if that is a command.
pub(crate) const AGENT: &str = "act-by-agent";
const CAREFUL: RoleKey<Fix> = RoleKey::new("careful");

/// A form of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// The template's senses and workflow, and those of this file.
    Plain,
    /// The same, but `act-once` begins with the watcher.
    Watchful,
    /// The same as plain without `act-aside`.
    Less,
}

impl Variant {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Watchful => "watchful",
            Self::Less => "less",
        }
    }

    /// What it serves.
    pub(crate) fn workspace(self) -> Workspace {
        let first = if self == Self::Watchful { "watcher" } else { "actor" };
        let all =
            workspace::workspace().sense(Sense::new("hung", hung)).sense(Sense::new("fatal", fatal)).sense(Sense::new("quick", quick));
        let all = all.workflow(once("act-once", first)).workflow(for_ever()).workflow(carefully());
        let all = all.workflow(by(OWN, create_role(Echo, prompt, schema_for::<Diagnosis>(), extractor("default"))));
        let all = all.workflow(by(AGENT, create_role(adapter("analyst"), prompt, schema_for::<Diagnosis>(), extractor("default"))));
        if self == Self::Less { all } else { all.workflow(once("act-aside", "actor")) }
    }

    /// The shell's command that becomes a worker.
    pub(crate) fn command(self) -> String {
        let executable = std::env::current_exe().expect("this executable");
        format!("{VARIABLE}={} exec '{}' --exact {MAIN} --nocapture --test-threads 1", self.name(), executable.display())
    }
}

/// Is the worker when it was started as one, and does nothing otherwise.
pub(crate) fn serve() {
    let Ok(name) = std::env::var(VARIABLE) else { return };
    let variant = [Variant::Plain, Variant::Watchful, Variant::Less].into_iter().find(|variant| variant.name() == name);
    nerve_runtime::worker(variant.expect("a variant").workspace()).expect("it serves");
}

/// One step by the actor, then the end.
fn once(name: &str, first: &'static str) -> Workflow {
    let workflow = Workflow::new(name).role(Role::written(ACTOR, act)).role(Role::written(WATCHER, act));
    workflow.moderator(move |thread| {
        if thread.start().content.contains("moderator-dies") {
            die();
        }
        match (thread.rounds(), first) {
            (0, "watcher") => Next::role(WATCHER),
            (0, _) => Next::role(ACTOR),
            _ => Next::end(),
        }
    })
}

/// A moderator that never ends its thread.
fn for_ever() -> Workflow {
    Workflow::new("act-for-ever").role(Role::written(ACTOR, act)).moderator(|_| Next::role(ACTOR))
}

/// A role whose lost attempt a person has to look at.
fn carefully() -> Workflow {
    let role = Role::written(CAREFUL, act).effects(Effects::AskBeforeRepeat);
    Workflow::new("act-carefully").role(role).moderator(|thread| if thread.rounds() == 0 { Next::role(CAREFUL) } else { Next::end() })
}

/// One step by the analyst, who is this.
fn by(workflow: &str, analyst: RoleBuilder<Diagnosis>) -> Workflow {
    let workflow = Workflow::new(workflow).role(analyst.build(ANALYST));
    workflow.moderator(|thread| if thread.rounds() == 0 { Next::role(ANALYST) } else { Next::end() })
}

fn prompt(thread: &ThreadContext) -> String {
    format!("Explain this: {}", thread.start().content)
}

/// An adapter of a user's own, which finds that nothing needs doing.
struct Echo;

impl Adapter for Echo {
    async fn ask(&self, request: Request) -> Result<Reply> {
        let tag: String =
            request.prompt.rsplit("meta-").next().unwrap_or_default().chars().take_while(char::is_ascii_alphanumeric).collect();
        Ok(Reply::text(format!("All is well.\n```meta-{tag}\n{{\"actionable\": false, \"culprit\": null}}\n```")))
    }
}

/// What a role ran as: `ran.txt` has a line for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) thread: String,
    pub(crate) workflow: String,
    pub(crate) attempt: u32,
    pub(crate) key: String,
    pub(crate) pid: u32,
}

/// Does what the thread's prompt says, word by word.
async fn act(ctx: RoleContext) -> Result<RoleResult<Fix>> {
    let start = ctx.thread().start();
    let line = format!("{} {} {} {} {}\n", start.thread, start.workflow, ctx.attempt(), ctx.idempotency_key(), std::process::id());
    let mut file = File::options().create(true).append(true).open("ran.txt")?;
    file.write_all(line.as_bytes())?;
    let mut asked = 0;
    for word in start.content.split_whitespace() {
        match word {
            "dies" => die(),
            "dies-once" if ctx.attempt() == 1 => die(),
            "panics" => std::panic::panic_any("it was told to"),
            "fails" => return Err("it was told to".into()),
            "waits" => present("go").await,
            // User code that blocks its thread cannot be reached.
            "blocks" => blocked_until("go"),
            "asks" => {
                asked += 1;
                ctx.ask(adapter("fixer"), format!("question {asked}")).await?;
            }
            _ => {}
        }
    }
    Ok(RoleResult { content: format!("acted: {}", start.content), meta: Fix { done: true } })
}

/// Ends this process as a fault of the machine would.
fn die() {
    let _ = raise(Signal::SIGKILL);
}

/// Waits for a file in the workspace.
async fn present(name: &str) {
    while !PathBuf::from(name).exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn blocked_until(name: &str) {
    while !PathBuf::from(name).exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Blocks its process while there is a file `hang`.
async fn hung(_: SenseContext) -> Result<Observation> {
    while PathBuf::from("hang").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(Observation::silent("nothing hangs"))
}

/// Kills its process while there is a file `die`.
async fn fatal(_: SenseContext) -> Result<Observation> {
    if PathBuf::from("die").exists() {
        die();
    }
    Ok(Observation::silent("nobody has to die"))
}

/// Counts its ticks in its state and signals each; fails while there is a file `fail`. `start.txt` names what its signal starts:
/// a workflow, and the prompt. What is in `payload.json` is the signal.
async fn quick(ctx: SenseContext) -> Result<Observation> {
    if PathBuf::from("fail").exists() {
        return Err("it was told to".into());
    }
    let ticks = ctx.state::<u64>()? + 1;
    let payload = match fs::read_to_string("payload.json") {
        Ok(text) => serde_json::from_str(&text)?,
        Err(_) => serde_json::json!({ "ticks": ticks, "pid": std::process::id() }),
    };
    let seen = Observation::signal(&payload)?.state(&ticks)?;
    let start = fs::read_to_string("start.txt").unwrap_or_default();
    Ok(match start.split_once(' ') {
        Some((workflow, prompt)) => seen.start(workflow, prompt),
        None => seen,
    })
}

/// What ran so far.
pub(crate) fn ran(workspace: &super::TestWorkspace) -> Vec<Ran> {
    let text = fs::read_to_string(workspace.root().join("ran.txt")).unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        let mut word = || words.next().expect("a word");
        let (thread, workflow, attempt, key, pid) = (word(), word(), word(), word(), word());
        Ran { thread, workflow, attempt: attempt.parse().expect("a number"), key, pid: pid.parse().expect("a pid") }
    };
    text.lines().map(line).collect()
}

/// The runs of this thread.
pub(crate) fn ran_for(workspace: &super::TestWorkspace, thread: &str) -> Vec<Ran> {
    ran(workspace).into_iter().filter(|ran| ran.thread == thread).collect()
}
