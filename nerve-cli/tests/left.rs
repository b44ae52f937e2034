//! Nothing runs that nerve does not own: what a daemon started is gone soon after its end, whoever is killed and however.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;
use support::{SOON, TestWorkspace, processes};

/// What the design promises.
const PROMISED: Duration = Duration::from_secs(5);

/// An agent whose family left its group and session, does not hear TERM, and in part has no other mark than its parents.
const AGENT: &str = r#"
cat > /dev/null
trap 'echo asked >> "$NERVE_WORKSPACE/asked"' TERM
setsid sh -c 'trap "" TERM; echo; setsid sh -c "trap \"\" TERM; while :; do sleep 60; done" & while :; do sleep 60; done' &
(setsid sh -c 'trap "" TERM; while :; do sleep 60; done' &)
env -i setsid sh -c 'trap "" TERM; while :; do sleep 60; done' &
echo up > "$NERVE_WORKSPACE/up"
while :; do sleep 0.05; done
"#;

/// A running daemon, a thread, and its agent with all its family.
struct Family {
    workspace: TestWorkspace,
    thread: String,
    keeper: u32,
}

impl Family {
    fn new() -> Self {
        let workspace = TestWorkspace::new("adapters: {}\n");
        workspace.write("agent.sh", AGENT);
        let script = workspace.root().join("agent.sh").display().to_string();
        workspace.configure(&format!(
            "adapters:
  analyst: {{ kind: cli, command: [sh, \"{script}\"], timeout: 5m }}
  fixer: {{ kind: scripted, replies: replies.yaml }}
workflows:
  explain-load: {{ concurrency: 1 }}
"
        ));
        workspace.start();
        let thread = workspace.trigger("load is 9");
        workspace.until("the agent", SOON, || workspace.root().join("up").exists().then_some(()));
        let agent: Value = workspace.until("its record", SOON, || {
            let call = fs::read_dir(workspace.root().join(".nerve/run/calls")).ok()?.flatten().next()?;
            serde_json::from_slice(&fs::read(call.path().join("agent.json")).ok()?).ok()
        });
        let keeper = u32::try_from(agent["keeper"]["pid"].as_u64().expect("a pid")).expect("a pid");
        Self { workspace, thread, keeper }
    }

    /// Waits until nothing of the workspace runs; that must be soon.
    #[track_caller]
    fn is_swept_within(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            let left = processes::below(self.workspace.temp());
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "left after {limit:?}: {left:#?}\n{}", self.workspace.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn daemon(&self) -> u32 {
        self.workspace.daemon().expect("it runs")
    }
}

#[test]
fn anchor_b03_nothing_is_left_of_a_killed_daemon() {
    let family = Family::new();
    processes::signal(family.daemon(), Signal::SIGKILL);
    family.is_swept_within(PROMISED);
    assert!(family.workspace.root().join("asked").exists(), "the agent was asked to end before it was killed");
}

#[test]
fn anchor_b03_nothing_is_left_of_a_killed_daemon_and_a_killed_keeper() {
    let family = Family::new();
    processes::signal(family.daemon(), Signal::SIGKILL);
    processes::signal(family.keeper, Signal::SIGKILL);
    family.is_swept_within(PROMISED);
}

#[test]
fn anchor_b03_nothing_is_left_of_a_killed_daemon_whose_worker_and_keeper_are_stopped() {
    let family = Family::new();
    processes::signal(family.workspace.workflow_worker(), Signal::SIGSTOP);
    processes::signal(family.keeper, Signal::SIGSTOP);
    processes::signal(family.daemon(), Signal::SIGKILL);
    family.is_swept_within(PROMISED);
}

#[test]
fn anchor_b03_a_killed_keeper_takes_its_agents_family_along_and_the_call_is_lost() {
    let family = Family::new();
    // Where the role may be repeated another agent follows at once, so those of the first are told by their pids.
    let all = processes::below(family.workspace.temp());
    let first: Vec<u32> = all.iter().filter(|line| line.contains("agent.sh") || line.contains("trap")).map(|line| pid_of(line)).collect();
    assert!(first.len() >= 4, "{all:#?}");
    processes::signal(family.keeper, Signal::SIGKILL);
    family.workspace.until("the agent's family to be gone", PROMISED, || first.iter().all(|pid| !processes::lives(*pid)).then_some(()));
    // What follows is for the role's effects to say.
    let workspace = &family.workspace;
    let lost = workspace
        .until("the call to be lost", SOON, || workspace.entries(&family.thread).into_iter().find(|entry| entry.kind == "attempt_lost"));
    assert_eq!(lost.payload["attempt_lost"]["cause"], "keeper", "{lost:?}");
}

#[test]
fn anchor_b03_the_next_daemon_ends_what_is_left_when_the_sweeper_was_killed_too() {
    let family = Family::new();
    // Of those whose parents are all gone the mark alone tells, and this one hid it.
    let hidden = |line: &String| line.contains("trap") && !marked(line);
    // The next daemon may call the agent again at once, so those of the first are told by their pids.
    let all = processes::below(family.workspace.temp());
    let of_agent = |line: &&String| (line.contains("agent.sh") || line.contains("trap")) && !hidden(line);
    let first: Vec<u32> = all.iter().filter(of_agent).map(|line| pid_of(line)).collect();
    assert!(first.len() >= 3, "{all:#?}");
    processes::signal(sweeper(&family.workspace), Signal::SIGKILL);
    processes::signal(family.keeper, Signal::SIGKILL);
    processes::signal(family.daemon(), Signal::SIGKILL);
    let old = family.daemon();
    family.workspace.until("the daemon's end", SOON, || (!processes::lives(old)).then_some(()));
    family.workspace.start();
    let left: Vec<u32> = first.into_iter().filter(|pid| processes::lives(*pid)).collect();
    assert_eq!(left, Vec::<u32>::new(), "the new daemon answers, and its predecessor's agent runs");
    for line in processes::below(family.workspace.temp()).iter().filter(|line| hidden(line)) {
        processes::signal(pid_of(line), Signal::SIGKILL);
    }
}

#[test]
fn another_sweeper_takes_the_place_of_one_that_was_killed() {
    let family = Family::new();
    let first = sweeper(&family.workspace);
    processes::signal(first, Signal::SIGKILL);
    family.workspace.until("another sweeper", SOON, || find_sweeper(&family.workspace).filter(|pid| *pid != first));
    processes::signal(family.daemon(), Signal::SIGKILL);
    family.is_swept_within(PROMISED);
}

#[test]
fn a_clean_stop_leaves_nothing_at_the_moment_it_is_told() {
    let family = Family::new();
    family.workspace.run(&["stop", "--now"]).exits(0);
    family.is_swept_within(Duration::from_millis(500));
}

/// A process that is none of nerve's, ended with the test.
struct Stranger(Child);

impl Stranger {
    fn with(variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sleep");
        command.arg("60").envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().expect("sleep is there"))
    }

    fn lives(&self) -> bool {
        processes::lives(self.0.id())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_new_daemon_ends_what_earlier_lives_of_its_workspace_left_and_nothing_else() {
    let workspace = TestWorkspace::new("adapters: {}\n");
    let other = tempfile::tempdir().expect("a folder");
    let (root, other) = (workspace.root().display().to_string(), other.path().display().to_string());
    let left = Stranger::with(&[("NERVE_WORKSPACE", &root), ("NERVE_LIFE", "earlier"), ("NERVE_OWNER", "workflow/explain-load@1")]);
    let elsewhere = Stranger::with(&[("NERVE_WORKSPACE", &other), ("NERVE_LIFE", "earlier"), ("NERVE_OWNER", "workflow/explain-load@1")]);
    let users = Stranger::with(&[("NERVE_WORKSPACE", &root)]);
    let unmarked = Stranger::with(&[]);
    workspace.start();
    assert!(!left.lives(), "it was left by an earlier life");
    assert!(elsewhere.lives(), "it belongs to another workspace");
    assert!(users.lives(), "a person's own shell may name the workspace");
    assert!(unmarked.lives());
    drop(users);
}

#[test]
fn what_somebody_elses_server_started_with_a_workers_mark_is_gone_soon_after_the_worker() {
    let family = Family::new();
    let worker = family.workspace.workflow_worker();
    let environ = fs::read_to_string(format!("/proc/{worker}/environ")).expect("it runs");
    let marks = ["NERVE_WORKSPACE", "NERVE_LIFE", "NERVE_OWNER"];
    let marks: Vec<_> = environ.split('\0').filter_map(|entry| entry.split_once('=')).filter(|(name, _)| marks.contains(name)).collect();
    assert!(marks.len() >= 2, "{environ}");
    // A child of this test is not below the daemon.
    let stranger = Stranger::with(&marks);
    processes::signal(worker, Signal::SIGKILL);
    family.workspace.until("its end", PROMISED, || (!stranger.lives()).then_some(()));
}

#[test]
fn a_daemon_that_an_agent_starts_is_marked_with_no_life() {
    let workspace = TestWorkspace::new("adapters: {}\n");
    let pid = workspace.start_with(&[("NERVE_LIFE", "of an agent"), ("NERVE_OWNER", "call/of an agent"), ("NERVE_KEEPER", "1")]);
    let environ = fs::read(format!("/proc/{pid}/environ")).expect("it runs");
    let environ = String::from_utf8_lossy(&environ).into_owned();
    assert!(!environ.contains("of an agent") && !environ.contains("NERVE_KEEPER"), "{environ}");
}

fn sweeper(workspace: &TestWorkspace) -> u32 {
    find_sweeper(workspace).expect("a sweeper runs")
}

fn find_sweeper(workspace: &TestWorkspace) -> Option<u32> {
    processes::below(workspace.temp()).iter().find(|line| line.trim_end().ends_with(" sweeper")).map(|line| pid_of(line))
}

fn pid_of(line: &str) -> u32 {
    line.split(':').next().and_then(|pid| pid.parse().ok()).expect("a pid")
}

fn marked(line: &str) -> bool {
    let environ = fs::read(format!("/proc/{}/environ", pid_of(line))).unwrap_or_default();
    String::from_utf8_lossy(&environ).contains("NERVE_LIFE=")
}
