//! With real keepers: this test program is one when it is started so.

use std::collections::BTreeMap;

use nerve_core::{ThreadId, Timestamp};
use nix::sys::signal::Signal;
use tokio::time::sleep;

use super::*;
use crate::daemon::{Layout, LifeId, children};
use crate::processes::Process;
use crate::spool::{Begun, What};

const LONG: AgentLimits = AgentLimits { timeout: Duration::from_secs(60), idle: None };

struct Place {
    folder: tempfile::TempDir,
    children: Children,
    spool: Spool,
}

impl Place {
    fn new() -> Self {
        // Orphans of a keeper that is killed are left to this process.
        children::become_subreaper();
        let folder = tempfile::tempdir().expect("a folder");
        let children = Children::new(LifeId::new());
        let begun = Begun {
            thread: ThreadId::new(Timestamp::from_millis(1), [3; 10]),
            step: 0,
            attempt: 1,
            what: What::Step { rung: 0 },
            adapter: "fixer".to_owned(),
            called: None,
            form: None,
            begun_at: Timestamp::from_millis(1),
            life: children.life().clone(),
            boot: processes::boot(),
        };
        let spool = Spool::begin(&Layout::new(folder.path()), begun).expect("a spool");
        Self { folder, children, spool }
    }

    async fn run(&self, script: &str, limits: AgentLimits) -> Result<AgentEnd, CallFailure> {
        self.run_program("sh", &["-c", script], limits).await
    }

    async fn run_program(&self, program: &str, args: &[&str], limits: AgentLimits) -> Result<AgentEnd, CallFailure> {
        self.run_heard(program, args, limits, Box::new(|_| false)).await
    }

    async fn run_heard(&self, program: &str, args: &[&str], limits: AgentLimits, hear: Hear) -> Result<AgentEnd, CallFailure> {
        let keeper = KeeperProgram {
            program: std::env::current_exe().expect("a program"),
            args: ["--exact", "keeper::tests::as_a_process", "--nocapture"].map(str::to_owned).to_vec(),
        };
        let path = std::env::var("PATH").expect("a path");
        let command = AgentCommand {
            program: program.to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: BTreeMap::from([("PATH".to_owned(), path)]),
            workdir: self.folder.path().to_owned(),
            prompt: "the prompt".to_owned(),
        };
        run(&self.children, &keeper, command, self.spool.clone(), limits, hear).await
    }

    fn marked(&self) -> Vec<Process> {
        processes::marked(|environ| environ.has(processes::LIFE, self.children.life().as_str()))
    }

    async fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "waited for {what}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

#[test]
fn an_agent_reads_its_prompt_and_its_output_and_exit_come_back() {
    runtime().block_on(async {
        let place = Place::new();
        let end = place.run("cat; echo $NERVE_OWNER >&2; exit 3", LONG).await.expect("it ran");
        assert_eq!(end.stdout, "the prompt");
        assert_eq!(end.stderr_tail.trim(), place.spool.name().owner());
        assert_eq!((end.exit.ending, end.exit.stopped, end.exit.truncated), (Ending::Code(3), false, false));
        assert_eq!(place.marked(), []);
    });
}

#[test]
fn a_program_that_cannot_be_started_is_a_fault_of_the_config() {
    runtime().block_on(async {
        let place = Place::new();
        let failure = place.run_program("no-such-agent", &[], LONG).await.expect_err("there is none");
        assert_eq!(failure.kind, FailureKind::Config);
        assert!(failure.message.starts_with("cannot start `no-such-agent` in "), "{failure}");
    });
}

#[test]
fn an_agent_that_takes_too_long_is_stopped_and_what_it_said_is_told() {
    runtime().block_on(async {
        let place = Place::new();
        let limits = AgentLimits { timeout: Duration::from_secs(1), idle: None };
        let failure = place.run("trap 'echo giving up >&2; exit 0' TERM; sleep 60 & wait", limits).await.expect_err("too long");
        assert_eq!(failure.kind, FailureKind::Timeout);
        assert_eq!(failure.message, "no answer within 1s, so the agent was stopped; its stderr ends with: giving up");
        assert_eq!(place.marked(), []);
    });
}

#[test]
fn the_answer_of_an_agent_that_ended_in_time_counts_although_tidying_up_takes_longer() {
    runtime().block_on(async {
        let place = Place::new();
        let limits = AgentLimits { timeout: Duration::from_secs(2), idle: None };
        // What ignores TERM keeps its keeper busy until KILL, which is later than the limit.
        let script = "(trap '' TERM; echo up > up; while :; do sleep 60; done) & while [ ! -e up ]; do sleep 0.01; done; echo done";
        let end = place.run(script, limits).await.expect("it ended in time");
        assert_eq!((end.stdout.as_str(), end.exit.ending, end.exit.stopped), ("done\n", Ending::Code(0), false));
        assert_eq!(place.marked(), []);
    });
}

#[test]
fn silence_ends_an_agent_and_talk_does_not() {
    runtime().block_on(async {
        let limits = AgentLimits { timeout: Duration::from_secs(60), idle: Some(Duration::from_secs(2)) };
        let place = Place::new();
        let talk = place.run("for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done", limits).await.expect("it talked all the time");
        assert_eq!(talk.stdout, "1\n2\n3\n4\n5\n6\n");
        let place = Place::new();
        let failure = place.run("echo one; exec sleep 60", limits).await.expect_err("it was silent");
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Idle, "no output for 2s, so the agent was stopped"));
    });
}

#[test]
fn whoever_lets_go_of_a_call_stops_its_agent() {
    runtime().block_on(async {
        let place = Place::new();
        let script = "trap 'echo bye; exit 7' TERM; setsid sleep 60 & echo here; while :; do sleep 0.05; done";
        tokio::select! {
            _ = place.run(script, LONG) => panic!("it does not end by itself"),
            () = place.until("the agent", || place.spool.read_stdout().ok().filter(|text| text == "here\n").map(drop)) => {}
        }
        let exit = place.until("its end", || place.spool.exit()).await;
        assert_eq!((exit.ending, exit.stopped), (Ending::Code(7), true));
        assert_eq!(place.spool.read_stdout().expect("a text"), "here\nbye\n");
        let nothing = place.until("the keeper to be gone", || place.marked().is_empty().then_some(()));
        nothing.await;
        assert!(place.children.until_ended(|owner| owner == place.spool.name().owner(), Duration::from_secs(10)).await);
    });
}

#[test]
fn an_agent_whose_keeper_is_killed_is_ended_and_lost() {
    runtime().block_on(async {
        let place = Place::new();
        let kill = async {
            place.until("the agent's children", || (place.marked().len() >= 4).then_some(())).await;
            let keeper = place.until("the record", || place.spool.agent()).await.keeper;
            processes::signal_all(&[keeper], Signal::SIGKILL);
        };
        let script = "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 60 & wait' & wait";
        let (result, ()) = tokio::join!(place.run(script, LONG), kill);
        assert_eq!(result.expect_err("its end is not known").kind, FailureKind::Lost);
        assert_eq!(place.marked(), []);
        assert!(place.spool.exit().is_none());
        assert_eq!(survivors(&place.children, &place.spool.name()), Vec::<u32>::new());
    });
}

#[test]
fn an_agent_that_has_said_its_last_word_and_does_not_end_is_stopped_and_has_answered() {
    runtime().block_on(async {
        let place = Place::new();
        let mut heard = Vec::new();
        let hear = move |bytes: &[u8]| {
            heard.extend_from_slice(bytes);
            heard.ends_with(b"the end\n")
        };
        let end = place.run_heard("sh", &["-c", "echo begin; setsid sleep 600 & echo the end; sleep 600"], LONG, Box::new(hear)).await;
        let end = end.expect("it answered");
        assert_eq!((end.stdout.as_str(), end.exit.stopped), ("begin\nthe end\n", true));
        place.until("nothing to be left", || place.marked().is_empty().then_some(())).await;
    });
}
