//! Against real processes: this test binary, run again as one of the [`fixture`]s.

mod bounds;
mod crash_limit;
mod fixture;
mod identity;
mod leftovers;
mod listeners;
mod pool;
mod runtime;
mod stopping;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use nerve_core::config::Supervision;
use nerve_core::wire::{ToDaemon, ToWorker};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::{Event, Exit, Frames, Generation, Spec, Supervisor};
use crate::daemon::LifeId;
use crate::daemon::children::Children;
use crate::processes::{self, Process};

/// No test waits longer for what it expects.
const SOON: Duration = Duration::from_secs(20);

/// Who a child is here.
type Key = &'static str;

/// A supervisor with all that it told.
struct World {
    supervisor: Supervisor<Key>,
    told: mpsc::UnboundedReceiver<(Key, Generation, Event)>,
    seen: Vec<Told>,
    folder: TempDir,
}

#[derive(Debug)]
struct Told {
    key: Key,
    generation: Generation,
    what: What,
}

#[derive(Debug)]
enum What {
    Ready(u32),
    Said(String),
    Drained,
    Exited(Exit),
    Blocked(String),
}

/// What a fixture understands as a message.
fn ping(n: u64) -> Vec<ToWorker> {
    vec![ToWorker::Ping { n }]
}

fn lives(pid: u32) -> bool {
    Process::of(pid).is_some_and(|process| processes::alive(&process))
}

fn signal(pid: u32, signal: Signal) {
    processes::signal_all(&[Process::of(pid).expect("it lives")], signal);
}

impl World {
    fn new() -> Self {
        Self::listening(|_| {})
    }

    /// `listener` sees each event before it is kept.
    fn listening(listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let supervisor = Supervisor::new(Children::new(LifeId::new()), move |key: &Key, generation, event| {
            listener(&event);
            let _ = tell.send((*key, generation, event));
        });
        Self { supervisor, told, seen: Vec::new(), folder: TempDir::new().expect("a folder") }
    }

    fn spec(&self, key: Key, fixture: &str) -> Spec {
        let env = [
            ("FIXTURE", fixture.to_owned()),
            ("FIXTURE_KEY", key.to_owned()),
            ("FIXTURE_BIRTHS", self.folder.path().join("births").to_string_lossy().into_owned()),
            ("PATH", std::env::var("PATH").unwrap_or_default()),
        ];
        Spec {
            program: std::env::current_exe().expect("this binary"),
            args: ["--exact", "daemon::supervisor::tests::fixture::fixture", "--nocapture"].map(Into::into).to_vec(),
            env: env.map(|(name, value)| (name.into(), value.into())).to_vec(),
            root: self.folder.path().to_owned(),
            drain: Duration::from_secs(10),
            healthy: Duration::from_secs(60),
            times: Supervision {
                term_grace: Duration::from_millis(300),
                respawn_min: Duration::from_millis(10),
                respawn_max: Duration::from_millis(40),
                ..Supervision::default()
            },
        }
    }

    fn add(&mut self, key: Key, fixture: &str) -> Generation {
        self.add_with(key, fixture, |_| {})
    }

    fn add_with(&mut self, key: Key, fixture: &str, change: impl FnOnce(&mut Spec)) -> Generation {
        let mut spec = self.spec(key, fixture);
        change(&mut spec);
        self.supervisor.add(&key, spec).expect("it is not shut down")
    }

    fn start(&self, key: Key) {
        self.supervisor.start(&key).expect("it is known");
    }

    fn send(&self, key: Key, n: u64) {
        self.supervisor.send(&key, &ping(n)).expect("it is known");
    }

    /// Takes in what was told, until something can be seen.
    async fn until<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let deadline = Instant::now() + SOON;
        loop {
            self.hear();
            if let Some(found) = look(self) {
                return found;
            }
            assert!(Instant::now() < deadline, "waited for {what}; told: {:#?}", self.seen);
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn hear(&mut self) {
        while let Ok((key, generation, event)) = self.told.try_recv() {
            let mut keep = |what| self.seen.push(Told { key, generation, what });
            match event {
                Event::Ready { pid, .. } => keep(What::Ready(pid)),
                Event::Frames(Frames { list, .. }) => list.into_iter().for_each(|frame| {
                    if let ToDaemon::Log { line } = frame {
                        keep(What::Said(line));
                    }
                }),
                Event::Drained => keep(What::Drained),
                Event::Exited(exit) => keep(What::Exited(exit)),
                Event::Blocked { reason } => keep(What::Blocked(reason)),
            }
        }
    }

    /// Its process, once it is ready; the event is heard then too.
    async fn ready(&mut self, key: Key) -> u32 {
        self.until("a ready process", |world| {
            let pid = world.supervisor.pid(&key)?;
            world.told_of(key).any(|told| matches!(told.what, What::Ready(of) if of == pid)).then_some(pid)
        })
        .await
    }

    /// The answer to a ping, with the process that gave it.
    async fn echo(&mut self, key: Key, n: u64) -> u32 {
        let wanted = format!("echo {n} from ");
        self.until("an echo", |world| world.said(key).iter().find_map(|line| line.strip_prefix(&wanted)?.parse().ok())).await
    }

    async fn exit(&mut self, key: Key, nth: usize) -> Exit {
        self.until("an exit", |world| world.exits(key).get(nth).cloned()).await
    }

    async fn blocked(&mut self, key: Key) -> String {
        self.until("the crash limit", |world| {
            world.told_of(key).find_map(|told| match &told.what {
                What::Blocked(reason) => Some(reason.clone()),
                _ => None,
            })
        })
        .await
    }

    fn told_of(&self, key: Key) -> impl Iterator<Item = &Told> {
        self.seen.iter().filter(move |told| told.key == key)
    }

    fn said(&self, key: Key) -> Vec<String> {
        let said = |told: &Told| match &told.what {
            What::Said(line) => Some(line.clone()),
            _ => None,
        };
        self.told_of(key).filter_map(said).collect()
    }

    fn exits(&self, key: Key) -> Vec<Exit> {
        let exit = |told: &Told| match &told.what {
            What::Exited(exit) => Some(exit.clone()),
            _ => None,
        };
        self.told_of(key).filter_map(exit).collect()
    }

    /// Every process that was ever started under this key, whoever knows of it.
    fn births(&self, key: &str) -> Vec<u32> {
        let births = fs::read_to_string(self.births_file()).unwrap_or_default();
        births.lines().filter_map(|line| line.split_once(' ').filter(|(of, _)| *of == key)?.1.parse().ok()).collect()
    }

    fn living(&self, key: &str) -> Vec<u32> {
        self.births(key).into_iter().filter(|pid| lives(*pid)).collect()
    }

    fn births_file(&self) -> PathBuf {
        self.folder.path().join("births")
    }

    fn all(&self) -> Vec<u32> {
        let births = fs::read_to_string(self.births_file()).unwrap_or_default();
        births.lines().filter_map(|line| line.split_once(' ')?.1.parse().ok()).collect()
    }

    /// Shuts down; nothing that was ever started is left.
    async fn end(mut self) {
        self.supervisor.shutdown(super::Pace::Now).wait().await;
        let left: Vec<u32> = self.all().into_iter().filter(|pid| lives(*pid)).collect();
        assert_eq!(left, Vec::<u32>::new(), "nothing is left");
    }
}

impl Drop for World {
    /// A test that failed leaves nothing behind either.
    fn drop(&mut self) {
        let left: Vec<Process> = self.all().into_iter().filter_map(Process::of).collect();
        processes::signal_all(&left, Signal::SIGKILL);
    }
}
