//! A process of ours dies by SIGKILL at every place that has a name, the daemon starts again, and what was promised holds.
//!
//! `NERVE_POINTS=<text>` takes only the points whose names hold the text.
#![allow(clippy::print_stderr, reason = "a test tells what it saw")]

mod support;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nerve_core::BuildId;
use nerve_runtime::crash_point::{Act, Commit, Moment, Point, Process, VARIABLE};
use nerve_runtime::daemon::{BuildRecord, Layout, hash_folder};
use nix::sys::signal::Signal;
use serde_json::Value;
use support::builds::Worker;
use support::invariants::{Promised, Seen};
use support::own::Variant;
use support::processes::Kind;
use support::{TestWorkspace, agent, builds, id_of, own, processes};

/// Workspaces at a time.
const AT_A_TIME: usize = 4;
/// Points that share a workspace, one daemon's life after the other.
const TOGETHER: usize = 6;
/// The longest that anything in a scenario may take, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(40);

/// What has to happen for a point to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scenario {
    /// Three threads for one slot, and a file.
    Usual,
    /// A daemon starts while threads are open.
    Start,
    /// A daemon is stopped while threads are open.
    Stop,
    /// The worker dies while it runs a role.
    WorkerDies,
    /// The worker dies with a question.
    DecisionLost,
    /// The worker dies with the same role until that ends the thread.
    Crash,
    /// The worker may not run any more, and is let run again.
    Park,
    /// As before, and the thread goes on with the next build.
    ChangeBuild,
    /// A thread is killed while it is called.
    Kill,
    /// The workflow is restarted while threads are open.
    Restart,
    /// No meta can be read.
    Unreadable,
    /// A call gives no text.
    CallFails,
    /// There is no room for a thread.
    Overflow,
    /// A sense fails.
    SenseFails,
    /// The brakes are reset.
    ResetLimits,
    /// nerve.yaml changes.
    Reload,
    /// A new build is there.
    NextBuild,
    /// A role's adapter is the user's own.
    Own,
    /// As with an agent, whose lost attempt a person has to look at.
    Careful,
    /// An agent answers, and leaves a process in a session of its own behind.
    Agent,
    /// The daemon dies while an agent runs.
    Orphans,
}

/// Where a point is reached besides, with an agent in place of a script.
fn with_an_agent(point: Point) -> bool {
    match point {
        Point::BeforeCommit(commit) | Point::AfterCommit(commit) => matches!(commit, Commit::Intent | Commit::Text | Commit::Completed),
        Point::BeforeAct(act) | Point::AfterAct(act) => act == Act::Call,
        Point::At(moment) => matches!(moment, Moment::CallTold | Moment::WorkerReady),
    }
}

/// Where a point is reached once more, with an agent whose lost attempt a person has to look at.
fn with_care(point: Point) -> bool {
    point.process() == Process::Keeper || matches!(point, Point::BeforeCommit(Commit::Text) | Point::AfterAct(Act::Call))
}

/// How many calls were made of a role that had been called for the same thread before.
fn repeated(workspace: &TestWorkspace) -> usize {
    let calls = workspace.calls();
    let distinct: BTreeSet<(&str, &str)> = calls.iter().map(|call| (call.thread.as_str(), call.role.as_str())).collect();
    calls.len() - distinct.len()
}

/// Whether every answer that came before the death is kept: then none is asked for again.
fn keeps_answers(point: Point) -> bool {
    match point {
        Point::BeforeCommit(commit) | Point::AfterCommit(commit) => matches!(
            commit,
            Commit::Text | Commit::Meta | Commit::Asked | Commit::AskText | Commit::Done | Commit::Completed | Commit::Started
        ),
        Point::BeforeAct(act) | Point::AfterAct(act) => matches!(act, Act::Decide | Act::Extract | Act::AnswerAsk | Act::Ended),
        Point::At(moment) => {
            matches!(moment, Moment::CallForgotten | Moment::CallKept | Moment::CallTold | Moment::AgentDone)
        }
    }
}

/// Where each point is reached. A point that is new has no place here, and this does not compile.
fn scenario(point: Point) -> Scenario {
    match point {
        Point::BeforeCommit(commit) | Point::AfterCommit(commit) => match commit {
            Commit::Accepted
            | Commit::Queued
            | Commit::Started
            | Commit::Intent
            | Commit::Text
            | Commit::Meta
            | Commit::Done
            | Commit::Asked
            | Commit::AskText
            | Commit::Completed
            | Commit::Signal
            | Commit::SenseState => Scenario::Usual,
            Commit::Session => Scenario::Agent,
            Commit::CallFailed => Scenario::CallFails,
            Commit::AttemptLost | Commit::Retry | Commit::WorkerExit => Scenario::WorkerDies,
            Commit::DecisionLost => Scenario::DecisionLost,
            Commit::Crashed => Scenario::Crash,
            Commit::Waiting | Commit::Resumed => Scenario::Park,
            Commit::BuildChanged => Scenario::ChangeBuild,
            Commit::KillRequested | Commit::Killed => Scenario::Kill,
            Commit::Interrupted => Scenario::Restart,
            Commit::Refused | Commit::Failed => Scenario::Unreadable,
            Commit::Dropped => Scenario::Overflow,
            Commit::TickFailure => Scenario::SenseFails,
            Commit::Note | Commit::Counter => Scenario::ResetLimits,
            Commit::ConfigReload => Scenario::Reload,
            Commit::BuildReload => Scenario::NextBuild,
        },
        Point::BeforeAct(act) | Point::AfterAct(act) => match act {
            Act::Decide | Act::Call | Act::Extract | Act::Run | Act::CallAsk | Act::AnswerAsk | Act::Ended => Scenario::Usual,
            Act::Stop => Scenario::Kill,
            Act::Parked => Scenario::Park,
            Act::Requeue => Scenario::ChangeBuild,
        },
        Point::At(moment) => match moment {
            Moment::LockTaken
            | Moment::Swept
            | Moment::StoreOpen
            | Moment::SweeperStarted
            | Moment::EpochBegun
            | Moment::Recovered
            | Moment::SocketOpen => Scenario::Start,
            Moment::StopBegun
            | Moment::StopQuiet
            | Moment::StopNoted
            | Moment::StopWritten
            | Moment::StopUnkept
            | Moment::StopSwept
            | Moment::StopClosed => Scenario::Stop,
            Moment::ReloadBegun | Moment::ReloadDone => Scenario::Reload,
            Moment::BuildTried | Moment::BuildReady | Moment::BuildTaken => Scenario::NextBuild,
            Moment::RequestDone => Scenario::Kill,
            Moment::SweeperSweeps => Scenario::Orphans,
            Moment::WorkerExited => Scenario::WorkerDies,
            Moment::ReplyDue
            | Moment::Replied
            | Moment::CallBegun
            | Moment::CallAnswered
            | Moment::CallKept
            | Moment::CallForgotten
            | Moment::CallTold
            | Moment::WorkerReady
            | Moment::TickSeen
            | Moment::TickAcked
            | Moment::WorkerHello
            | Moment::TakesDecide
            | Moment::TakesRunRole
            | Moment::TakesCompute
            | Moment::TakesAnswer
            | Moment::DecisionDue
            | Moment::DecisionSent
            | Moment::RoleDoneDue
            | Moment::RoleDoneSent
            | Moment::ObservationDue
            | Moment::ObservationSent
            | Moment::AskDue
            | Moment::AskSent => Scenario::Usual,
            Moment::TakesRunAdapter | Moment::TextDue | Moment::TextSent => Scenario::Own,
            Moment::KeeperJob
            | Moment::AgentStarted
            | Moment::AgentRecorded
            | Moment::AgentSaid
            | Moment::AgentEnded
            | Moment::AgentGone
            | Moment::AgentDone
            | Moment::SweeperWatches => Scenario::Agent,
        },
    }
}

#[test]
fn what_was_promised_holds_wherever_a_process_of_ours_dies() {
    let wanted = std::env::var("NERVE_POINTS").unwrap_or_default();
    let points: Vec<Point> = Point::all().filter(|point| point.to_string().contains(&wanted)).collect();
    assert!(!points.is_empty(), "no point's name holds `{wanted}`");
    let begun = Instant::now();
    let mut by_scenario: BTreeMap<Scenario, Vec<Point>> = BTreeMap::new();
    for point in &points {
        let besides = with_an_agent(*point).then_some(Scenario::Agent);
        let once_more = with_care(*point).then_some(Scenario::Careful);
        for kind in [scenario(*point)].into_iter().chain(besides).chain(once_more) {
            by_scenario.entry(kind).or_default().push(*point);
        }
    }
    let work: VecDeque<(Scenario, Vec<Point>)> =
        by_scenario.into_iter().flat_map(|(kind, points)| chunks(&points).map(move |points| (kind, points)).collect::<Vec<_>>()).collect();
    let (work, failures) = (Mutex::new(work), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some((kind, points)) = next(&work) {
                    let names: Vec<String> = points.iter().map(ToString::to_string).collect();
                    let begun = Instant::now();
                    let outcome = catch_unwind(AssertUnwindSafe(|| together(kind, &points)));
                    eprintln!("{kind:?} {:.1} s: {}", begun.elapsed().as_secs_f32(), names.join(" "));
                    if let Err(panic) = outcome {
                        let failure = format!("{kind:?} with {}:\n{}", names.join(" "), words(panic.as_ref()));
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                    }
                }
            });
        }
    });
    let count = |process| points.iter().filter(|point| point.process() == process).count();
    let by_process =
        [Process::Daemon, Process::Worker, Process::Keeper, Process::Sweeper].map(|process| format!("{process:?} {}", count(process)));
    eprintln!("{} points ({}) in {:.0} s", points.len(), by_process.join(", "), begun.elapsed().as_secs_f32());
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failures.is_empty(), "{} of the workspaces failed:\n\n{}", failures.len(), failures.join("\n\n"));
}

/// The points that share a workspace.
fn chunks(points: &[Point]) -> impl Iterator<Item = Vec<Point>> {
    points.chunks(TOGETHER).map(<[Point]>::to_vec)
}

fn next<T>(work: &Mutex<VecDeque<T>>) -> Option<T> {
    work.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("(no words)")
}

/// One workspace: for each point a daemon that dies there, or loses its worker there, and another one that goes on.
fn together(kind: Scenario, points: &[Point]) {
    let workspace = TestWorkspace::new(&config(kind, 0));
    workspace.write("replies.yaml", replies(kind));
    agent::install(&workspace);
    if workflow(kind) != EXPLAIN_LOAD {
        builds::make(&workspace, "own", Worker::Own(Variant::Plain));
    }
    let mut promised = Promised::default();
    for (nth, point) in points.iter().enumerate() {
        let before = repeated(&workspace);
        let flag = workspace.temp().join(format!("{point}.flag"));
        let mut life = Life { workspace: &workspace, kind, nth, point: *point, flag, promised: &mut promised };
        life.play();
        life.must_have_died();
        life.until("the end of all threads", |life| life.all_ended());
        if keeps_answers(*point) && matches!(kind, Scenario::Usual | Scenario::Agent | Scenario::Careful) {
            assert_eq!(repeated(&workspace), before, "{point}: an answer that was kept was asked for again: {:#?}", workspace.calls());
        }
        // Nothing is under way: this loses nothing, and the next one begins with what a killed daemon leaves.
        workspace.kill_daemon();
    }
    workspace.start();
    workspace.stop();
    let seen = Seen::of(&workspace);
    seen.hold(&promised, kind != Scenario::ChangeBuild);
    let failed = seen.ends().get("failed").copied().unwrap_or_default();
    assert!(
        failed == 0 || matches!(kind, Scenario::Unreadable | Scenario::CallFails),
        "{failed} threads failed, and nothing failed but our own processes"
    );
}

const EXPLAIN_LOAD: &str = "explain-load";

/// What is triggered.
fn workflow(kind: Scenario) -> &'static str {
    match kind {
        Scenario::Own => own::OWN,
        Scenario::Careful => own::AGENT,
        _ => EXPLAIN_LOAD,
    }
}

/// `version` makes a difference where a change is wanted.
fn config(kind: Scenario, version: usize) -> String {
    let (analyst, fixer) = match kind {
        Scenario::Kill | Scenario::Restart => ("60s", "0ms"),
        Scenario::WorkerDies => ("20ms", "400ms"),
        Scenario::Crash => ("20ms", "60s"),
        Scenario::Park | Scenario::ChangeBuild => ("500ms", "20ms"),
        Scenario::Start | Scenario::Overflow => ("150ms", "20ms"),
        Scenario::Stop => ("300ms", "20ms"),
        _ => ("60ms", "20ms"),
    };
    let crash_limit = if matches!(kind, Scenario::Park | Scenario::ChangeBuild) { 1 } else { 6 };
    let max_queue = if kind == Scenario::Overflow { 1 } else { 1000 };
    let analyst = match kind {
        Scenario::Agent | Scenario::Careful | Scenario::Orphans => format!("{{ {} }}", agent::ADAPTER),
        _ => format!("{{ kind: scripted, replies: replies.yaml, calls: calls.jsonl, delay: {analyst} }}"),
    };
    format!(
        "adapters:
  analyst: {analyst}
  fixer: {{ kind: scripted, replies: replies.yaml, calls: calls.jsonl, delay: {fixer} }}
senses:
  inbox: {{ interval: 100ms }}
workflows:
  {}: {{ concurrency: 1, max_queue: {max_queue} }}
supervision: {{ respawn_min: 10ms, respawn_max: 50ms, crash_limit: {crash_limit} }}
max_rounds: {}
",
        workflow(kind),
        10 + version
    )
}

fn replies(kind: Scenario) -> &'static str {
    match kind {
        Scenario::Unreadable => "analyst: [A job is busy and I say no more.]\nfixer: [It is done.]\n",
        Scenario::CallFails => "analyst: [{ error: the model is away }]\nfixer: [It is done.]\n",
        _ => {
            "analyst: [{ text: A job is busy., meta: { actionable: true, culprit: job } }]
fixer: [{ text: It is done., meta: { done: true } }]
"
        }
    }
}

#[test]
fn this_executable_is_a_worker_too() {
    own::serve();
}

#[test]
fn an_agent_that_dies_ends_its_own_thread_and_leaves_nothing() {
    let workspace = TestWorkspace::new(&config(Scenario::Agent, 0));
    workspace.write("replies.yaml", replies(Scenario::Agent));
    agent::install(&workspace);
    workspace.start();
    let mut promised = Promised::default();
    for place in ["start", "middle", "end"] {
        workspace.write("die-at", place);
        for expected in ["failed", "completed"] {
            let key = format!("{place}-{expected}");
            let args = ["workflow", "trigger", "explain-load", "--prompt", "load", "--key", &key];
            let id = id_of(&workspace.ok(&args));
            let thread = workspace.ended(&id);
            assert_eq!(thread["state"], expected, "{place}: {thread:#}");
            promised.keys.entry(key).or_default().insert(id);
        }
        let agents = || processes::of_workspace(workspace.root()).into_iter().filter(|(_, kind)| *kind == Kind::Agent).count();
        workspace.until("nothing to be left of the agents", Duration::from_secs(5), || (agents() == 0).then_some(()));
    }
    workspace.stop();
    Seen::of(&workspace).hold(&promised, true);
}

/// One point's turn.
struct Life<'a> {
    workspace: &'a TestWorkspace,
    kind: Scenario,
    nth: usize,
    point: Point,
    flag: PathBuf,
    promised: &'a mut Promised,
}

impl Life<'_> {
    /// Does what leads to the point. Each thing is done again until it is through, whoever dies meanwhile.
    fn play(&mut self) {
        match self.kind {
            Scenario::Start => {
                self.workspace.start();
                ["a", "b", "c"].iter().for_each(|name| drop(self.trigger(name)));
                self.workspace.kill_daemon();
                self.start_armed();
            }
            Scenario::Usual => {
                let file = format!("{}-{}.txt", self.nth, self.point);
                self.workspace.write(&format!("inbox/{file}"), "a file");
                self.promised.files.insert(file.clone());
                self.start_armed();
                ["a", "b", "c"].iter().for_each(|name| drop(self.trigger(name)));
                self.until("the file's thread", |life| life.started_by(&file).then_some(()));
                std::fs::remove_file(self.workspace.root().join("inbox").join(file)).expect("it was there");
            }
            Scenario::Stop => {
                self.start_armed();
                ["a", "b"].iter().for_each(|name| drop(self.trigger(name)));
                let output = self.workspace.run(&["stop"]);
                assert!(output.code == Some(0) || self.has_died(), "{output:?}");
                let pid = self.workspace.daemon().expect("it was started");
                self.workspace.until("the daemon's end", LIMIT, || (!processes::lives(pid)).then_some(()));
            }
            Scenario::WorkerDies => {
                self.start_armed();
                let id = self.trigger("a");
                self.until("a call of the fixer", |life| (life.workspace.calls_of(&id, "fixer") > 0).then_some(()));
                self.kill_worker_of(&id);
            }
            Scenario::DecisionLost => {
                self.start_armed();
                let id = self.trigger("a");
                self.until_ended(&id);
                let worker = self.until("a worker", |life| life.worker_of(&id));
                processes::signal(worker, Signal::SIGSTOP);
                let id = self.trigger("b");
                self.until("its start", |life| (life.state(&id)? != "queued").then_some(()));
                processes::signal(worker, Signal::SIGKILL);
            }
            Scenario::Crash => self.crash(),
            Scenario::Park => {
                let id = self.park();
                self.until("the end of what was parked", |life| {
                    life.let_workers_run();
                    life.has_ended(&id)
                });
            }
            Scenario::ChangeBuild => {
                let id = self.park();
                self.next_build();
                self.until("the end of what was parked", |life| {
                    life.workspace.run(&["thread", "resume", &id, "--build", "current"]);
                    life.has_ended(&id)
                });
            }
            Scenario::Kill => {
                self.start_armed();
                for name in ["a", "b"] {
                    let id = self.trigger(name);
                    self.until("a call", |life| (life.workspace.calls_of(&id, "analyst") > 0).then_some(()));
                    self.until("the end of what was killed", |life| {
                        life.workspace.run(&["thread", "kill", &id]);
                        life.has_ended(&id)
                    });
                }
            }
            Scenario::Restart => {
                self.start_armed();
                let (id, queued) = (self.trigger("a"), self.trigger("b"));
                self.until("a call", |life| (life.workspace.calls_of(&id, "analyst") > 0).then_some(()));
                self.until("the end of what was interrupted", |life| {
                    life.workspace.run(&["workflow", "restart", "explain-load"]);
                    life.has_ended(&id).and_then(|()| life.has_ended(&queued))
                });
            }
            Scenario::Overflow => {
                self.start_armed();
                ["a", "b", "c", "d"].iter().for_each(|name| drop(self.trigger(name)));
            }
            Scenario::Careful => {
                self.start_armed();
                for name in ["a", "b"] {
                    let id = self.trigger(name);
                    self.until("the end of what may have waited", |life| {
                        life.workspace.run(&["thread", "resume", &id]);
                        life.has_ended(&id)
                    });
                }
            }
            Scenario::Orphans => {
                self.start_armed();
                let id = self.trigger("a");
                self.until("a call", |life| (life.workspace.calls_of(&id, "analyst") > 0).then_some(()));
                self.workspace.kill_daemon();
                self.workspace.until("the sweeper's death", LIMIT, || self.has_died().then_some(()));
            }
            Scenario::Agent | Scenario::Own => {
                self.start_armed();
                ["a", "b"].iter().for_each(|name| drop(self.trigger(name)));
            }
            Scenario::Unreadable | Scenario::CallFails => {
                self.start_armed();
                self.trigger("a");
            }
            Scenario::SenseFails => {
                let inbox = self.workspace.root().join("inbox");
                // Nothing can be listed in a file.
                let _ = std::fs::remove_dir_all(&inbox);
                std::fs::write(&inbox, "no folder").expect("a file");
                self.start_armed();
                self.trigger("a");
                self.until("the failure", |life| life.has_died().then_some(()));
            }
            Scenario::ResetLimits => {
                self.start_armed();
                self.trigger("a");
                self.until("the reset", |life| (life.workspace.run(&["limits", "reset"]).code == Some(0)).then_some(()));
            }
            Scenario::Reload => {
                self.start_armed();
                ["a", "b"].iter().for_each(|name| drop(self.trigger(name)));
                self.workspace.configure(&config(self.kind, self.nth + 1));
                self.until("the change", |life| life.has_died().then_some(()));
            }
            Scenario::NextBuild => {
                self.start_armed();
                ["a", "b"].iter().for_each(|name| drop(self.trigger(name)));
                self.next_build();
                self.until("the build", |life| life.has_died().then_some(()));
            }
        }
    }

    /// The point was reached, and if it was the daemon's the daemon is gone.
    fn must_have_died(&mut self) {
        self.until(&format!("the death at {}, where {}", self.point, self.point.sentence()), |life| life.has_died().then_some(()));
    }

    /// Whether somebody wrote the point's name and died.
    fn has_died(&self) -> bool {
        std::fs::read_to_string(&self.flag).is_ok_and(|name| name == self.point.to_string())
    }

    /// Starts a daemon that dies at the point, or whose worker does.
    fn start_armed(&self) {
        let armed = format!("{}@{}", self.point, self.flag.display());
        let output = self.workspace.run_with(&["start", "--json"], &[(VARIABLE, &armed)]);
        match output.code {
            Some(0) => drop(self.workspace.is_running(&output.json())),
            _ => assert!(self.has_died(), "{output:?}"),
        }
    }

    /// Waits for something; whenever the daemon is gone, another one is started, which dies nowhere.
    #[track_caller]
    fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let deadline = Instant::now() + LIMIT;
        loop {
            self.revive();
            if let Some(found) = look(self) {
                return found;
            }
            assert!(Instant::now() < deadline, "{}: waited {LIMIT:?} for {what}\n{}", self.point, self.workspace.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn revive(&self) {
        if self.workspace.daemon().is_none_or(|pid| !processes::lives(pid)) {
            self.workspace.start();
        }
    }

    /// A document from a daemon that may die of being asked.
    fn ask(&self, args: &[&str]) -> Option<Value> {
        let mut args = args.to_vec();
        args.push("--json");
        let output = self.workspace.run(&args);
        (output.code == Some(0)).then(|| output.json())
    }

    /// Triggers with a key of this life until that is acknowledged.
    fn trigger(&mut self, name: &str) -> String {
        let key = format!("{}-{}-{name}", self.nth, self.point);
        let args = ["workflow", "trigger", workflow(self.kind), "--prompt", name, "--key", &key];
        let id = self.until("a trigger", |life| life.ask(&args).map(|document| id_of(&document)));
        self.promised.keys.entry(key).or_default().insert(id.clone());
        id
    }

    fn state(&self, id: &str) -> Option<String> {
        Some(self.ask(&["thread", "show", id])?["state"].as_str()?.to_owned())
    }

    fn has_ended(&self, id: &str) -> Option<()> {
        (!["queued", "started", "waiting"].contains(&self.state(id)?.as_str())).then_some(())
    }

    fn until_ended(&mut self, id: &str) {
        self.until(&format!("the end of {id}"), |life| life.has_ended(id));
    }

    fn all_ended(&self) -> Option<()> {
        let list = self.ask(&["thread", "list", "--all"])?;
        let open = |item: &Value| ["queued", "started", "waiting"].iter().any(|state| item["state"] == *state);
        (!list["items"].as_array()?.iter().any(open)).then_some(())
    }

    fn started_by(&self, file: &str) -> bool {
        let Some(list) = self.ask(&["thread", "list", "--all"]) else { return false };
        let items = list["items"].as_array().expect("items");
        items.iter().any(|item| item["origin"].to_string().contains(file))
    }

    /// The process that serves this thread, if one runs: its own when it runs alone, else the one that the workflow shares.
    fn worker_of(&self, id: &str) -> Option<u32> {
        let status = self.ask(&["status"])?;
        let workers = status["workers"].as_array()?;
        let own = workers.iter().find(|worker| worker["thread"] == id);
        let shared = || workers.iter().find(|worker| worker["kind"] == "workflow" && worker["thread"].is_null());
        u32::try_from(own.or_else(shared)?["pid"].as_u64()?).ok()
    }

    fn kill_worker_of(&mut self, id: &str) {
        let worker = self.until("a worker", |life| life.worker_of(id));
        processes::signal(worker, Signal::SIGKILL);
    }

    /// Lets every workflow's worker run again that may not.
    fn let_workers_run(&self) {
        self.workspace.run(&["worker", "reset", "workflow/explain-load"]);
    }

    /// A thread whose worker died once too often while the daemon called for it. When the daemon dies meanwhile the next one has
    /// forgotten the worker's death, and the thread may go on; else it waits.
    fn park(&mut self) -> String {
        self.start_armed();
        let id = self.trigger("a");
        self.until("a call", |life| (life.workspace.calls_of(&id, "analyst") > 0).then_some(()));
        self.kill_worker_of(&id);
        self.until("the park", |life| life.state(&id).filter(|state| life.has_died() || state == "waiting"));
        id
    }

    /// Kills the worker whenever it runs the role, until the thread has ended of that.
    fn crash(&mut self) {
        self.start_armed();
        let id = self.trigger("a");
        let mut killed = Vec::new();
        self.until("the thread's crash", |life| {
            let losses = life.ask(&["thread", "inspect", &id, "--limit", "1000"])?;
            let entries = losses["items"].as_array()?;
            let count = |kind: &str| entries.iter().filter(|entry| entry["type"] == kind).count();
            let runs = count("attempt_lost") == count("attempt") && count("ask") > 0;
            let worker = life.worker_of(&id);
            if let Some(pid) = worker.filter(|pid| runs && !killed.contains(pid)) {
                killed.push(pid);
                processes::signal(pid, Signal::SIGKILL);
            }
            life.has_ended(&id)
        });
    }

    /// Makes a copy of the embedded worker the current build.
    fn next_build(&self) {
        let layout = Layout::new(self.workspace.root());
        let build = BuildId(format!("builtin-{}-{}", self.nth, std::process::id()));
        let folder = layout.build(&build);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::copy(env!("CARGO_BIN_EXE_nerve"), layout.worker(&build)).expect("a copy");
        let record = BuildRecord {
            build,
            sources: hash_folder(&layout.sources()).expect("sources"),
            sdk: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: nerve_core::Timestamp::from_millis(0),
            manifest: workspace::workspace().manifest(),
        };
        record.save(&folder).expect("a record");
        record.make_current(&layout).expect("the current build");
    }
}
