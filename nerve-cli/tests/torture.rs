//! Everything that can happen to a daemon, at random moments, while threads keep coming; then all is let go, and what was promised holds.
//!
//! `NERVE_TORTURE` sets how long (25 s without it; `90s`, `30m`), `NERVE_SEED` repeats the choices of an earlier run.
#![allow(clippy::print_stderr, reason = "a test tells what it saw")]

mod support;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nerve_core::thread::StateName;
use nerve_runtime::crash_point::{Point, VARIABLE};
use nerve_store::MAX_PAGES;
use nix::sys::signal::Signal;
use support::invariants::{Promised, Seen};
use support::processes::{self, Kind};
use support::random::Random;
use support::{TestWorkspace, agent, id_of};

/// Threads that are kept under way.
const IN_FLIGHT: u64 = 8;

/// How long everything may take to end once nothing is done to it any more.
const IN_THE_END: Duration = Duration::from_secs(180);

fn config(version: u64) -> String {
    let agent = agent::ADAPTER;
    format!(
        "adapters:
  analyst: {{ {agent} }}
  fixer: {{ kind: scripted, replies: replies.yaml, delay: 20ms-400ms, calls: calls.jsonl }}
senses:
  inbox: {{ interval: 200ms }}
workflows:
  explain-load: {{ concurrency: {}, overflow: queue, max_queue: 1000000 }}
supervision: {{ decide: 1s, respawn_min: 10ms, respawn_max: 500ms, crash_window: 5s }}
limits: {{ calls_per_hour: 1000000, failures_in_a_row: 1000000 }}
",
        2 + version % 5
    )
}

/// The fixer needs two tries, so a thread has three steps.
const REPLIES: &str = "analyst:
  - { text: A job is busy., meta: { actionable: true, culprit: job } }
fixer:
  - { text: Not yet., meta: { done: false } }
  - { text: It is done., meta: { done: true } }
";

fn duration() -> Duration {
    let usual = Duration::from_secs(25);
    let Ok(text) = std::env::var("NERVE_TORTURE") else { return usual };
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().expect("NERVE_TORTURE is a number with s, m or h");
    Duration::from_secs(match unit {
        "" | "s" => number,
        "m" => number * 60,
        "h" => number * 3600,
        other => panic!("NERVE_TORTURE has the unit {other:?}; there are s, m and h"),
    })
}

#[test]
fn what_was_promised_holds_after_whatever_can_happen() {
    let (mut random, seed) = Random::seeded();
    let time = duration();
    eprintln!("{time:?} of torture, seed {seed} (NERVE_SEED={seed} repeats the choices)");
    let workspace = TestWorkspace::new(&config(0));
    workspace.write("replies.yaml", REPLIES);
    agent::install(&workspace);
    workspace.start();
    let feeder = Feeder { workspace: &workspace, promised: Mutex::default(), over: AtomicBool::new(false) };
    let mut done = BTreeMap::new();
    std::thread::scope(|scope| {
        let (n, feeder) = (Random::from(seed ^ 0x5eed), &feeder);
        let feeding = scope.spawn(move || feeder.feed(n));
        // The feeder must end when this thread fails, or the scope would wait for it for ever.
        let _end = OnDrop(&feeder.over);
        let until = Instant::now() + time;
        let mut torturer = Torturer {
            workspace: &workspace,
            random: &mut random,
            done: &mut done,
            points: Point::all().collect(),
            deck: Vec::new(),
            lives: 0,
        };
        while Instant::now() < until {
            torturer.do_something();
        }
        torturer.let_go();
        feeder.over.store(true, Ordering::SeqCst);
        assert!(!feeding.is_finished() || feeding.join().is_ok(), "the feeder failed");
    });
    let promised = feeder.promised.into_inner().unwrap_or_else(PoisonError::into_inner);
    in_the_end_all_ends(&workspace, &promised);
    workspace.stop();
    let seen = Seen::of(&workspace);
    seen.hold(&promised, false);
    only_killed_agents_fail(&seen);
    let things: Vec<String> = done.iter().map(|(what, times)| format!("{what} {times}")).collect();
    eprintln!("{} threads ({:?}), {} calls; {}", seen.threads.len(), seen.ends(), seen.calls.len(), things.join(", "));
}

/// Nothing that happens to the daemon, its workers or the disk is a failure of a role's.
fn only_killed_agents_fail(seen: &Seen) {
    for row in seen.threads.iter().map(|thread| &thread.row).filter(|row| row.state == StateName::Failed) {
        let reason = row.reason.as_deref().unwrap_or_default();
        assert!(reason.contains("signal 9"), "{} failed: {reason}", row.id);
    }
}

struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Waits until nothing is open, as somebody who lets go on what waits for a person.
fn in_the_end_all_ends(workspace: &TestWorkspace, promised: &Promised) {
    workspace.until("the end of all threads", IN_THE_END, || {
        workspace.run(&["limits", "reset"]);
        let status = workspace.status();
        for worker in status["workers"].as_array()?.iter().filter(|worker| worker["state"] == "crash_limit") {
            workspace.run(&["worker", "reset", worker["key"].as_str()?]);
        }
        for state in ["queued", "started", "waiting"] {
            let open = workspace.ok(&["thread", "list", "--all", "--state", state]);
            let open = open["items"].as_array()?.clone();
            if !open.is_empty() {
                if state == "waiting" {
                    open.iter().for_each(|item| drop(workspace.run(&["thread", "resume", &id_of(item)])));
                }
                std::thread::sleep(Duration::from_millis(100));
                return None;
            }
        }
        let list = workspace.ok(&["thread", "list", "--all"]);
        let by_file = list["items"].as_array()?.iter().filter(|item| item["origin"]["kind"] == "sense").count();
        (by_file >= promised.files.len()).then_some(())
    });
}

/// Keeps threads coming.
struct Feeder<'a> {
    workspace: &'a TestWorkspace,
    promised: Mutex<Promised>,
    over: AtomicBool,
}

impl Feeder<'_> {
    fn feed(&self, mut random: Random) {
        let mut n = 0;
        while !self.is_over() {
            let under_way = self.workspace.load().map_or(0, |(active, queued)| active + queued);
            if under_way >= IN_FLIGHT {
                std::thread::sleep(Duration::from_millis(20));
            }
            for _ in under_way..IN_FLIGHT {
                n += 1;
                let key = format!("key-{n}");
                // Some are triggered twice, as by a caller who never saw the first answer.
                let mut id = String::new();
                for _ in 0..if n % 7 == 0 { 2 } else { 1 } {
                    id = self.acknowledged(&key);
                    let mut promised = self.promised.lock().unwrap_or_else(PoisonError::into_inner);
                    promised.keys.entry(key.clone()).or_default().insert(id.clone());
                }
                match random.below(10) {
                    0 => drop(self.workspace.run(&["thread", "kill", &id])),
                    1 => {
                        let file = format!("{n}.txt");
                        self.promised.lock().unwrap_or_else(PoisonError::into_inner).files.insert(file.clone());
                        self.workspace.write(&format!("inbox/{file}"), "a file");
                    }
                    2 => self.let_go_on(),
                    _ => {}
                }
                if self.is_over() {
                    return;
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Triggers until that is acknowledged. In the end the daemon is let go, so there is an end to this.
    fn acknowledged(&self, key: &str) -> String {
        let deadline = Instant::now() + IN_THE_END;
        loop {
            let args = ["workflow", "trigger", "explain-load", "--prompt", "load", "--key", key, "--json"];
            let output = self.workspace.run(&args);
            if output.code == Some(0) {
                return id_of(&output.json());
            }
            assert!(Instant::now() < deadline, "{key} is not accepted: {output:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Resumes what waits for a person.
    fn let_go_on(&self) {
        let output = self.workspace.run(&["thread", "list", "--state", "waiting", "--json"]);
        if output.code == Some(0) {
            for item in output.json()["items"].as_array().into_iter().flatten() {
                self.workspace.run(&["thread", "resume", &id_of(item)]);
            }
        }
    }
}

/// What can happen.
#[derive(Debug, Clone, Copy)]
enum Card {
    KillDaemon,
    Kill,
    StopAndContinue,
    Reload,
    HoldTheLock,
    FullStore,
    FileSizeLimit,
    CrashPoint,
    StopCleanly,
}

/// Drawn in any order until all are, so that a short run has seen each.
const DECK: [Card; 18] = [
    Card::KillDaemon,
    Card::KillDaemon,
    Card::KillDaemon,
    Card::KillDaemon,
    Card::Kill,
    Card::Kill,
    Card::Kill,
    Card::Kill,
    Card::StopAndContinue,
    Card::StopAndContinue,
    Card::StopAndContinue,
    Card::Reload,
    Card::HoldTheLock,
    Card::FullStore,
    Card::FileSizeLimit,
    Card::CrashPoint,
    Card::CrashPoint,
    Card::StopCleanly,
];

/// Does things to a daemon and its processes.
struct Torturer<'a> {
    workspace: &'a TestWorkspace,
    random: &'a mut Random,
    done: &'a mut BTreeMap<String, usize>,
    points: Vec<Point>,
    deck: Vec<Card>,
    lives: u64,
}

impl Torturer<'_> {
    fn do_something(&mut self) {
        let pause = self.random.millis(0, 600);
        std::thread::sleep(pause);
        self.revive();
        if self.deck.is_empty() {
            self.deck = DECK.to_vec();
        }
        let card = self.random.below(self.deck.len() as u64) as usize;
        match self.deck.swap_remove(card) {
            Card::KillDaemon => self.kill_the_daemon(),
            Card::Kill => self.kill_another(),
            Card::StopAndContinue => self.stop_and_continue(),
            Card::Reload => self.reload(),
            Card::HoldTheLock => self.hold_the_lock(),
            Card::FullStore => self.with_a_full_store(),
            Card::FileSizeLimit => self.with_a_file_size_limit(),
            Card::CrashPoint => self.until_a_crash_point(),
            Card::StopCleanly => self.stop_cleanly(),
        }
    }

    fn count(&mut self, what: &str) {
        *self.done.entry(what.to_owned()).or_insert(0) += 1;
    }

    fn daemon(&self) -> Option<u32> {
        self.workspace.daemon().filter(|pid| processes::lives(*pid))
    }

    /// Starts a daemon if there is none.
    fn revive(&mut self) {
        if self.daemon().is_none() {
            self.workspace.start();
        }
    }

    fn kill(&mut self) {
        if self.daemon().is_some() {
            self.workspace.kill_daemon();
        }
    }

    fn kill_the_daemon(&mut self) {
        self.count("daemons killed");
        self.kill();
    }

    /// One of the daemon's processes, of a kind that is chosen first, since workers are more than the rest.
    fn victim(&mut self) -> Option<(u32, Kind)> {
        let all = processes::of_workspace(self.workspace.root());
        let mut kinds: Vec<Kind> = all.iter().map(|(_, kind)| *kind).collect();
        kinds.sort();
        kinds.dedup();
        let kind = *kinds.get(self.random.below(kinds.len().max(1) as u64) as usize)?;
        let of_kind: Vec<u32> = all.into_iter().filter(|(_, of)| *of == kind).map(|(pid, _)| pid).collect();
        Some((of_kind[self.random.below(of_kind.len() as u64) as usize], kind))
    }

    fn kill_another(&mut self) {
        if let Some((pid, kind)) = self.victim() {
            self.count(&format!("{kind:?}s killed"));
            processes::signal(pid, Signal::SIGKILL);
        }
    }

    /// Stops a process for a while, longer than a decision may take now and then.
    fn stop_and_continue(&mut self) {
        let (pid, what) = match (self.random.below(2), self.daemon(), self.victim()) {
            (0, Some(daemon), _) | (_, Some(daemon), None) => (daemon, "Daemon".to_owned()),
            (_, _, Some((pid, kind))) => (pid, format!("{kind:?}")),
            (_, None, None) => return,
        };
        self.count(&format!("{what}s stopped"));
        processes::signal(pid, Signal::SIGSTOP);
        let long = self.random.below(4) == 0;
        std::thread::sleep(if long { self.random.millis(1000, 2500) } else { self.random.millis(5, 500) });
        processes::signal(pid, Signal::SIGCONT);
    }

    fn reload(&mut self) {
        self.count("reloads");
        let version = self.random.below(1000);
        self.workspace.configure(&config(version));
    }

    /// Another process has the store; seldom for longer than the daemon waits for it.
    fn hold_the_lock(&mut self) {
        self.count("locks held");
        let time = if self.random.below(4) == 0 { self.random.millis(5000, 6500) } else { self.random.millis(50, 1500) };
        let file = self.workspace.root().join(".nerve/nerve.db");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            use sqlx::{ConnectOptions, Connection};
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(10));
            let mut connection = options.connect().await.expect("the store opens");
            if sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.is_ok() {
                tokio::time::sleep(time).await;
            }
            // Its transaction ends with it.
            let _ = connection.close().await;
        });
    }

    fn with_a_full_store(&mut self) {
        self.count("full stores");
        self.kill();
        let pages = self.random.below(12).to_string();
        self.live_a_while(&[(MAX_PAGES, &pages)]);
    }

    /// Dies at some named place, when it comes there.
    fn until_a_crash_point(&mut self) {
        self.count("crash points");
        self.kill();
        let point = self.points[self.random.below(self.points.len() as u64) as usize];
        let nth = 1 + self.random.below(3);
        self.lives += 1;
        let flag = self.workspace.temp().join(format!("{}.flag", self.lives));
        self.live_a_while(&[(VARIABLE, &format!("{point}:{nth}@{}", flag.display()))]);
        if flag.exists() {
            self.count("crash points reached");
        }
    }

    /// A daemon with these variables lives for a while and is killed.
    fn live_a_while(&mut self, variables: &[(&str, &str)]) {
        let mut args = self.workspace.command(&["start", "--json"]);
        args.envs(variables.iter().copied());
        self.live(args);
    }

    fn live(&mut self, command: Command) {
        let output = support::finish(command, &["start"]);
        if output.code == Some(0) {
            self.workspace.is_running(&output.json());
        }
        let time = self.random.millis(200, 2500);
        std::thread::sleep(time);
        self.kill();
    }

    /// No file may grow past what the largest of the store's is now, or little more.
    fn with_a_file_size_limit(&mut self) {
        self.count("file-size limits");
        self.kill();
        let data = self.workspace.root().join(".nerve");
        let size = |name: &str| std::fs::metadata(data.join(name)).map_or(0, |file| file.len());
        let largest = size("nerve.db").max(size("nerve.db-wal")).max(64 * 1024);
        let blocks = largest / 512 + self.random.below(200);
        let nerve = env!("CARGO_BIN_EXE_nerve");
        let plain = self.workspace.command(&[]);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -f {blocks} && exec \"$0\" start --json"), nerve]);
        command.current_dir(self.workspace.root()).env_clear().stdin(Stdio::null());
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.live(command);
    }

    fn stop_cleanly(&mut self) {
        self.count("clean stops");
        let args: &[&str] = if self.random.below(2) == 0 { &["stop"] } else { &["stop", "--now"] };
        self.workspace.run(args);
    }

    /// A daemon that nothing hinders.
    fn let_go(&mut self) {
        self.kill();
        processes::of_workspace(self.workspace.root()).into_iter().for_each(|(pid, _)| processes::signal(pid, Signal::SIGCONT));
        self.workspace.configure(&config(3));
        self.workspace.start();
    }
}
