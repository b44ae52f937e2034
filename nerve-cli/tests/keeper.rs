//! `nerve keeper`, driven as the daemon does: a job and a lifeline on stdin, a call's folder, and an agent with children of its own.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stderr, reason = "a test tells what it saw")]

mod support;

use std::fs;
use std::io::{PipeWriter, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use support::{SOON, processes};

const CALL: &str = "th_00000000000000000000000000-0-1-0";

/// A call's folder in a workspace of its own, and the keeper that works in it.
struct Kept {
    temp: tempfile::TempDir,
    keeper: Child,
    lifeline: Option<ChildStdin>,
}

impl Kept {
    /// A keeper that was told nothing yet.
    fn begin(stdout: Stdio) -> Self {
        let temp = tempfile::Builder::new().prefix("nerve-keeper-").tempdir().expect("a folder");
        let spool = temp.path().join(".nerve/run/calls").join(CALL);
        fs::create_dir_all(&spool).expect("a folder");
        let what = json!({ "step": { "rung": 0 } });
        let call = json!({
            "thread": "th_00000000000000000000000000", "step": 0, "attempt": 1, "what": what, "adapter": "fixer", "form": null,
            "begun_at": 0, "life": "test", "boot": "",
        });
        fs::write(spool.join("call.json"), call.to_string()).expect("a file");
        fs::write(spool.join("prompt"), "the prompt").expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_nerve"));
        command.arg("keeper").env_clear().env("NERVE_WORKSPACE", temp.path()).env("NERVE_LIFE", "test").env("NERVE_KEEPER", "1");
        let mut keeper = command.stdin(Stdio::piped()).stdout(stdout).spawn().expect("nerve is built");
        let lifeline = keeper.stdin.take();
        Self { temp, keeper, lifeline }
    }

    /// A keeper of a shell that runs this.
    fn shell(script: &str) -> Self {
        Self::shell_with(script, 60_000, Stdio::null())
    }

    fn shell_with(script: &str, kill_after_ms: u64, stdout: Stdio) -> Self {
        let mut kept = Self::begin(stdout);
        kept.tell("sh", &["-c", script], kill_after_ms);
        kept
    }

    fn tell(&mut self, program: &str, args: &[&str], kill_after_ms: u64) {
        let env = json!({ "PATH": std::env::var("PATH").expect("a path"), "OF_THE_JOB": "yes" });
        let (spool, workdir) = (self.spool(), self.temp.path());
        let job =
            json!({ "spool": spool, "program": program, "args": args, "env": env, "workdir": workdir, "kill_after_ms": kill_after_ms });
        writeln!(self.lifeline.as_mut().expect("it is open"), "{job}").expect("it reads");
    }

    fn spool(&self) -> PathBuf {
        self.temp.path().join(".nerve/run/calls").join(CALL)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.spool().join(file)).unwrap_or_default()
    }

    /// Waits until the agent has written this.
    #[track_caller]
    fn said(&self, text: &str) {
        until(text, || self.read("stdout").contains(text).then_some(()));
    }

    fn let_go(&mut self) {
        self.lifeline = None;
    }

    /// Waits for the record of the end, checks that nothing else is left at that moment, and gives it.
    #[track_caller]
    fn end(&mut self) -> Value {
        let exit = until("exit.json", || serde_json::from_str(&self.read("exit.json")).ok());
        let keeper = format!("{}:", self.keeper.id());
        let left: Vec<String> = processes::below(self.temp.path()).into_iter().filter(|line| !line.starts_with(&keeper)).collect();
        assert!(left.is_empty(), "the end is on record, and this is left: {left:#?}");
        until("the keeper's end", || self.keeper.try_wait().expect("it is ours"));
        exit
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Only what a failed test left.
        for line in processes::below(self.temp.path()) {
            if let Some(pid) = line.split(':').next().and_then(|pid| pid.parse().ok()) {
                processes::signal(pid, Signal::SIGKILL);
            }
        }
        let _ = self.keeper.wait();
    }
}

#[track_caller]
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_an_agent_says_and_how_it_ends_lands_in_the_spool() {
    let mut kept = Kept::shell("cat; printf ' and %s' \"$OF_THE_JOB\"; echo problem >&2; pwd >&2; exit 5");
    let exit = kept.end();
    assert_eq!((&exit["code"], &exit["stopped"], &exit["truncated"]), (&json!(5), &json!(false), &json!(false)), "{exit}");
    assert_eq!(kept.read("stdout"), "the prompt and yes");
    assert_eq!(kept.read("stderr"), format!("problem\n{}\n", kept.temp.path().display()));
    let agent: Value = serde_json::from_str(&kept.read("agent.json")).expect("a record");
    assert_eq!(agent["keeper"]["pid"], kept.keeper.id());
    assert!(agent["start"].as_u64() > Some(0) && agent["boot"].as_str() > Some(""), "{agent}");
}

#[test]
fn a_signal_that_ends_an_agent_is_on_record() {
    let exit = Kept::shell("kill -9 $$").end();
    assert_eq!((&exit["signal"], &exit["code"]), (&json!(9), &Value::Null), "{exit}");
}

#[test]
fn a_grandchild_in_its_own_session_that_ignores_term_is_gone_before_the_end_is_on_record() {
    let script = "setsid sh -c 'trap \"\" TERM; setsid sleep 60 & echo up; while :; do sleep 60; done' & wait";
    let mut kept = Kept::shell_with(script, 200, Stdio::null());
    kept.said("up");
    kept.let_go();
    assert_eq!(kept.end()["stopped"], true);
}

#[test]
fn a_closed_lifeline_terminates_first_so_that_the_agent_can_say_its_last_words() {
    let mut kept = Kept::shell("trap 'echo last words; exit 4' TERM; echo up; sleep 60 & wait");
    kept.said("up");
    kept.let_go();
    let exit = kept.end();
    assert_eq!((&exit["code"], &exit["stopped"]), (&json!(4), &json!(true)), "{exit}");
    assert_eq!(kept.read("stdout"), "up\nlast words\n");
}

#[test]
fn what_ignores_term_is_killed_after_its_time() {
    let mut kept = Kept::shell_with("trap 'echo no' TERM; echo up; while :; do sleep 0.02; done", 300, Stdio::null());
    kept.said("up");
    let begun = Instant::now();
    kept.let_go();
    let exit = kept.end();
    assert_eq!((&exit["signal"], &exit["stopped"]), (&json!(9), &json!(true)), "{exit}");
    assert!(begun.elapsed() >= Duration::from_millis(300), "killed after {:?}", begun.elapsed());
    assert_eq!(kept.read("stdout"), "up\nno\n", "it was asked before");
}

#[test]
fn a_stopped_agent_is_ended_too() {
    let mut kept = Kept::shell("trap 'echo last words; exit 4' TERM; echo up; kill -STOP $$; sleep 60");
    kept.said("up");
    kept.let_go();
    assert_eq!(kept.end()["code"], 4);
}

#[test]
fn what_an_agent_leaves_behind_goes_with_it() {
    let mut kept = Kept::shell_with("(setsid sh -c 'trap \"\" TERM; sleep 60' &); sleep 60 & echo done; exit 0", 200, Stdio::null());
    let exit = kept.end();
    assert_eq!((&exit["code"], &exit["stopped"]), (&json!(0), &json!(false)), "{exit}");
    assert_eq!(kept.read("stdout"), "done\n");
}

#[test]
fn an_answer_is_on_record_although_something_below_the_agent_cannot_be_ended() {
    let mut kept = Kept::shell_with("sleep 60 & echo $!; while [ ! -e held ]; do sleep 0.02; done; echo answer", 100, Stdio::null());
    let pid = until("a pid", || kept.read("stdout").strip_suffix('\n').and_then(|pid| pid.parse().ok()));
    // Whom this test traces, its parent cannot collect before the test does.
    let held = nix::unistd::Pid::from_raw(pid);
    if let Err(error) = nix::sys::ptrace::seize(held, nix::sys::ptrace::Options::empty()) {
        eprintln!("SKIPPED: this machine lets no process be traced ({error})");
        return;
    }
    fs::write(kept.temp.path().join("held"), "").expect("a file");
    let exit = kept.end();
    assert_eq!((&exit["code"], &exit["stopped"], &exit["truncated"]), (&json!(0), &json!(false), &json!(false)), "{exit}");
    assert!(kept.read("stdout").ends_with("answer\n"));
    while !matches!(nix::sys::wait::waitpid(held, None).expect("it is traced"), nix::sys::wait::WaitStatus::Signaled(..)) {}
}

#[test]
fn an_agent_that_finishes_although_it_is_to_stop_has_its_whole_output_kept() {
    let script = "trap ': > termed' TERM; echo up; while [ ! -e termed ]; do sleep 0.02; done; head -c 300000 /dev/zero; exit 0";
    let mut kept = Kept::shell(script);
    kept.said("up");
    kept.let_go();
    let exit = kept.end();
    assert_eq!((&exit["code"], &exit["stopped"]), (&json!(0), &json!(true)), "{exit}");
    assert_eq!(kept.read("stdout").len(), 300_000 + "up\n".len());
}

/// A pipe that takes no byte more, as that of a daemon that is stopped.
fn full_pipe() -> (std::io::PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let set = |flags| fcntl(&writer, FcntlArg::F_SETFL(flags)).expect("a flag");
    set(OFlag::O_NONBLOCK);
    let mut filled = 0;
    while let Ok(written) = writer.write(&[0; 512]) {
        filled += written;
    }
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).expect("a flag");
    assert!(filled > 0);
    (reader, writer)
}

#[test]
fn a_daemon_that_reads_nothing_does_not_hold_up_the_agent() {
    let (reader, writer) = full_pipe();
    let mut kept = Kept::shell_with("head -c 1000000 /dev/zero; echo end", 60_000, Stdio::from(writer));
    assert_eq!(kept.end()["code"], 0);
    assert_eq!(kept.read("stdout").len(), 1_000_004);
    drop(reader);
}

#[test]
fn the_daemon_is_told_of_output_as_it_comes() {
    let mut kept = Kept::shell_with("echo up; cat; sleep 60", 60_000, Stdio::piped());
    let mut wakes = kept.keeper.stdout.take().expect("a pipe");
    let mut byte = [0];
    wakes.read_exact(&mut byte).expect("a byte, while the agent runs");
    assert!(kept.read("stdout").contains("up"), "what it was told of can be read");
    kept.let_go();
    kept.end();
}

#[test]
fn two_megabytes_of_stderr_are_kept_and_block_nothing() {
    let mut kept = Kept::shell("head -c 2000000 /dev/zero >&2; echo said");
    assert_eq!(kept.end()["code"], 0);
    assert_eq!((kept.read("stdout").as_str(), kept.read("stderr").len()), ("said\n", 2_000_000));
}

#[test]
fn past_the_cap_the_rest_is_left_out_and_that_is_on_record() {
    let mut kept = Kept::shell("head -c 67108864 /dev/zero; head -c 1000000 /dev/zero; echo end; exit 3");
    let exit = kept.end();
    assert_eq!((&exit["code"], &exit["truncated"]), (&json!(3), &json!(true)), "{exit}");
    assert_eq!(fs::metadata(kept.spool().join("stdout")).expect("a file").len(), 67_108_864);
}

#[test]
fn what_is_left_out_of_stderr_does_not_make_the_answer_a_part() {
    let mut kept = Kept::shell("head -c 67108864 /dev/zero >&2; head -c 1000000 /dev/zero >&2; echo said");
    let exit = kept.end();
    assert_eq!((&exit["code"], &exit["truncated"]), (&json!(0), &json!(false)), "{exit}");
    assert_eq!((kept.read("stdout").as_str(), fs::metadata(kept.spool().join("stderr")).expect("a file").len()), ("said\n", 67_108_864));
}

#[test]
fn a_program_that_cannot_be_started_is_on_record_with_the_reason() {
    let mut kept = Kept::begin(Stdio::null());
    kept.tell("no-such-agent", &[], 1000);
    let exit = kept.end();
    let reason = exit["spawn"].as_str().expect("a reason");
    assert!(reason.starts_with("cannot start `no-such-agent` in "), "{exit}");
    assert_eq!(exit["code"], Value::Null);
    assert_eq!(kept.read("agent.json"), "");
}

#[test]
fn a_lifeline_that_closes_before_the_job_starts_nothing() {
    let mut kept = Kept::begin(Stdio::null());
    write!(kept.lifeline.as_mut().expect("it is open"), "{{\"spool\":").expect("it reads");
    kept.let_go();
    let status = until("the keeper's end", || kept.keeper.try_wait().expect("it is ours"));
    assert!(status.success(), "{status}");
    assert_eq!((kept.read("agent.json").as_str(), kept.read("exit.json").as_str()), ("", ""));
}

#[test]
fn signals_that_mean_others_do_not_end_a_keeper() {
    let mut kept = Kept::shell("trap 'exit 6' TERM; echo up; sleep 60 & wait");
    kept.said("up");
    until("the record", || serde_json::from_str::<Value>(&kept.read("agent.json")).ok());
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGPIPE, Signal::SIGUSR1, Signal::SIGQUIT] {
        processes::signal(kept.keeper.id(), signal);
    }
    kept.let_go();
    let exit = kept.end();
    assert_eq!((&exit["code"], &exit["stopped"]), (&json!(6), &json!(true)), "the agent heard what the keeper sent it: {exit}");
}

#[test]
fn an_agent_runs_soon_after_its_keeper_is_started() {
    let mut times: Vec<Duration> = (0..9)
        .map(|_| {
            let begun = Instant::now();
            let mut kept = Kept::shell_with("echo up", 60_000, Stdio::piped());
            let mut byte = [0];
            kept.keeper.stdout.take().expect("a pipe").read_exact(&mut byte).expect("a byte");
            let took = begun.elapsed();
            kept.end();
            took
        })
        .collect();
    times.sort_unstable();
    // Many times what it takes on a machine that does nothing else.
    assert!(times[4] < Duration::from_secs(1), "{times:?}");
    println!("an agent's first word comes {:?} after its keeper is started", times[4]);
}
