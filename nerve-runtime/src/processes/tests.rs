//! With real children.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{Process, alive, descendants, marked, signal_all, with_descendants};

/// A shell that is ended together with what it started, when the test ends.
struct Shell(Child);

impl Shell {
    fn run(script: &str, life: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("NERVE_LIFE", life).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().expect("sh is there"))
    }

    fn process(&self) -> Process {
        Process::of(self.0.id()).expect("it is not collected yet")
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(process) = Process::of(self.0.id()) {
            signal_all(&with_descendants(&[process]), Signal::SIGKILL);
        }
        let _ = self.0.wait();
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn descendants_in_sessions_of_their_own_are_found() {
    let shell = Shell::run("setsid sh -c 'setsid sleep 60 & wait' & wait", "processes-sessions");
    until("a child and its child", || descendants(shell.0.id()).len() == 2);
    let below = descendants(shell.0.id());
    signal_all(&below, Signal::SIGKILL);
    until("them to end", || !below.iter().any(alive));
}

#[test]
fn who_left_his_parents_is_found_by_the_mark() {
    let life = format!("processes-fork-{}", std::process::id());
    let mut shell = Shell::run("(setsid sleep 60 &) ; exit 0", &life);
    shell.0.wait().expect("it ends");
    let ours = || marked(|environ| environ.has("NERVE_LIFE", &life));
    until("the orphan", || ours().len() == 1);
    assert_eq!(descendants(shell.0.id()), [], "it has another parent now");
    let left = ours();
    signal_all(&left, Signal::SIGKILL);
    until("it to end", || ours().is_empty() && !left.iter().any(alive));
}

#[test]
fn anchor_b04_a_process_with_another_start_time_is_never_signalled() {
    let shell = Shell::run("exec sleep 60", "processes-start");
    let real = shell.process();
    let earlier = Process { start: real.start - 1, ..real };
    assert!(!alive(&earlier));
    signal_all(&[earlier], Signal::SIGKILL);
    assert_eq!(with_descendants(&[earlier]), []);
    // A signal that was sent would have ended it by the time that a later one has.
    let other = Shell::run("exec sleep 60", "processes-start");
    signal_all(&[other.process()], Signal::SIGKILL);
    until("the other to end", || !alive(&other.process()));
    assert!(alive(&real), "another process with the same pid was signalled");
}

#[test]
fn one_that_waits_to_be_collected_is_not_alive() {
    let shell = Shell::run("exit 0", "processes-zombie");
    let process = shell.process();
    until("its end", || !alive(&process));
    assert_eq!(Process::of(shell.0.id()), Some(process), "but its pid is still its own");
}

#[test]
fn neither_this_process_nor_those_before_it_are_ever_found() {
    let own = std::process::id();
    let found = marked(|_| true);
    let all = with_descendants(&found);
    for list in [&found, &all] {
        assert!(list.iter().all(|process| process.pid != own && process.pid != std::os::unix::process::parent_id()));
    }
}
