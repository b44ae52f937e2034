//! How many turns a second the store makes durable, beside the bare commit rate of the same minute.
//!
//! `cargo bench -p nerve-store --bench turns -- [THREADS…]`, such as `1 8 64 512`; `stored=100000` fills the store with
//! ended threads first, `callers` has one caller for each thread instead of one for all, `seconds=3` measures longer, and
//! `nobare` leaves the bare rate out, for a profiler.

#![allow(clippy::print_stdout, reason = "a bench tells its figures")]
#![allow(clippy::disallowed_methods, reason = "every task is awaited")]

use std::path::Path;
use std::time::{Duration, Instant};

use nerve_core::thread::{End, Entry, Intent, Launch, Origin, StateName};
use nerve_core::{BuildId, Effects, Epoch, RawJson, ThreadId, Timestamp};
use nerve_store::{JournalEntry, SqliteStore, Store, ThreadRow, Turn};
use rusqlite::Connection;

/// Steps of a thread.
const STEPS: u32 = 20;

/// A thread and what it writes next.
struct Driven {
    row: ThreadRow,
    entries: u32,
    launch: Launch,
    turn: u32,
}

impl Driven {
    fn new(n: u64) -> Self {
        let at = Timestamp::from_millis(1_790_000_000_000 + i64::try_from(n / 20).unwrap_or(0));
        // The bits behind the time are random in life; a multiplication scatters them here.
        let random = (u128::from(n) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_be_bytes();
        let mut bits = [0; 10];
        bits.copy_from_slice(&random[..10]);
        let launch = Launch {
            thread: ThreadId::new(at, bits),
            workflow: "count-to-twenty".to_owned(),
            prompt: format!("count number {n}"),
            max_rounds: 30,
            dry_run: false,
            origin: Origin::Cli,
            workdir: None,
            key: None,
            accepted_at: at,
        };
        let row = ThreadRow {
            id: launch.thread,
            seq: 0,
            workflow: launch.workflow.clone(),
            state: StateName::Queued,
            exit_code: None,
            build: None,
            origin: Origin::Cli,
            reason: None,
            key: None,
            dry_run: false,
            accepted_at: at,
            started_at: None,
            ended_at: None,
        };
        Self { row, entries: 0, launch, turn: 0 }
    }

    fn is_over(&self) -> bool {
        self.turn > STEPS + 1
    }

    /// The steps that the last turn finished: none while it is being accepted and started.
    fn steps(&self) -> u64 {
        u64::from(self.turn > 2)
    }

    fn next(&mut self) -> Turn {
        let at = self.launch.accepted_at;
        let intent = |step| {
            Entry::Intent(Intent {
                step,
                role: "counter".to_owned(),
                reason: None,
                hosted: None,
                effects: Effects::Repeatable,
                continues: false,
                timeout_ms: 60_000,
                workdir: None,
            })
        };
        let done = |step| Entry::Done {
            step,
            attempt: 1,
            content: format!("this is what step {step} has to say: {}", "all is well, go on. ".repeat(5)),
            meta: RawJson::parse(format!(r#"{{"count":{step}}}"#)).unwrap_or_default(),
        };
        let entries = match self.turn {
            0 => vec![Entry::Accepted(self.launch.clone())],
            1 => {
                self.row.state = StateName::Started;
                self.row.started_at = Some(at);
                self.row.build = Some(BuildId("builtin-0.1.0".to_owned()));
                vec![Entry::Started { build: BuildId("builtin-0.1.0".to_owned()) }, intent(1)]
            }
            n if n == STEPS + 1 => {
                self.row.state = StateName::Completed;
                self.row.exit_code = Some(0);
                self.row.ended_at = Some(at);
                vec![done(STEPS), Entry::Ended(End::Completed { reason: None })]
            }
            n => vec![done(n - 1), intent(n)],
        };
        self.turn += 1;
        // The row changes when the thread is accepted, starts and ends.
        let threads = if self.turn <= 2 || self.is_over() { vec![self.row.clone()] } else { Vec::new() };
        let first = self.entries + 1;
        self.entries += u32::try_from(entries.len()).unwrap_or(0);
        let entries = entries.into_iter().zip(first..).map(|(entry, n)| JournalEntry::thread(self.row.id, n, entry, at)).collect();
        Turn { entries, threads, ..Turn::default() }
    }
}

/// Processor time of this process so far, in microseconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let own: f64 = stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0);
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let all: f64 = tasks
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()))
        .sum();
    all.max(own) / 1000.0
}

/// Commits a second of one row each, synced, by SQLite alone.
fn bare(folder: &Path, time: Duration) -> f64 {
    let connection = Connection::open(folder.join("bare.db")).expect("it opens");
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE bare (seq INTEGER PRIMARY KEY, text TEXT)")
        .expect("it runs");
    let mut insert = connection.prepare("INSERT INTO bare (text) VALUES (?)").expect("it prepares");
    let text = "a row of two hundred and fifty bytes".repeat(7);
    let begun = Instant::now();
    let mut commits = 0.0;
    while begun.elapsed() < time {
        insert.execute([&text]).expect("it writes");
        commits += 1.0;
    }
    commits / begun.elapsed().as_secs_f64()
}

struct Figures {
    steps: f64,
    seconds: f64,
    cpu: f64,
}

async fn commit(store: &SqliteStore, epoch: Epoch, turns: Vec<Turn>) {
    for answer in store.commit(epoch, turns).await {
        answer.expect("it is written");
    }
}

/// One caller with a turn of each thread at a time, as the engine is.
async fn together(store: &SqliteStore, epoch: Epoch, at_once: usize, first: &mut u64, time: Duration) -> Figures {
    let mut figures = Figures { steps: 0.0, seconds: 0.0, cpu: 0.0 };
    let mut fresh = || {
        *first += 1;
        Driven::new(*first)
    };
    let mut threads: Vec<_> = (0..at_once).map(|_| fresh()).collect();
    // Not all are at the same place of their lives.
    for (n, thread) in threads.iter_mut().enumerate() {
        let ahead = n % 20;
        let turns: Vec<_> = (0..ahead).map(|_| thread.next()).collect();
        commit(store, epoch, turns).await;
    }
    while figures.seconds < time.as_secs_f64() {
        let mut rounds = Vec::new();
        let mut steps = 0;
        for _ in 0..(2000 / at_once).max(1) {
            let mut turns = Vec::with_capacity(at_once);
            for thread in &mut threads {
                if thread.is_over() {
                    *thread = fresh();
                }
                turns.push(thread.next());
                steps += thread.steps();
            }
            rounds.push(turns);
        }
        let (begun, used) = (Instant::now(), cpu());
        for turns in rounds {
            commit(store, epoch, turns).await;
        }
        figures.seconds += begun.elapsed().as_secs_f64();
        figures.cpu += cpu() - used;
        figures.steps += steps as f64;
    }
    figures
}

/// A caller for each thread.
async fn apart(store: &SqliteStore, epoch: Epoch, at_once: usize, first: &mut u64, time: Duration) -> Figures {
    let (begun, used) = (Instant::now(), cpu());
    let callers: Vec<_> = (0..at_once)
        .map(|n| {
            let (store, mut next) = (store.clone(), *first + 1 + n as u64 * 1_000_000);
            tokio::spawn(async move {
                let mut steps = 0;
                while begun.elapsed() < time {
                    let mut thread = Driven::new(next);
                    next += 1;
                    while !thread.is_over() {
                        let turn = thread.next();
                        commit(&store, epoch, vec![turn]).await;
                        steps += thread.steps();
                    }
                }
                steps
            })
        })
        .collect();
    let mut steps = 0;
    for caller in callers {
        steps += caller.await.expect("it ends");
    }
    *first += at_once as u64 * 1_000_000;
    Figures { steps: steps as f64, seconds: begun.elapsed().as_secs_f64(), cpu: cpu() - used }
}

async fn fill(store: &SqliteStore, epoch: Epoch, count: u64) {
    let mut done = 0;
    while done < count {
        let mut turns = Vec::new();
        for n in done..count.min(done + 100) {
            let mut thread = Driven::new(n);
            turns.push(thread.next());
            turns.push(thread.next());
            thread.turn = STEPS + 1;
            turns.push(thread.next());
        }
        commit(store, epoch, turns).await;
        done += 100;
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| arguments.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok());
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let time = Duration::from_secs(number("seconds").unwrap_or(2));
    let mut at_once: Vec<usize> = arguments.iter().filter_map(|word| word.parse().ok()).collect();
    if at_once.is_empty() {
        at_once = vec![1, 8, 64, 512];
    }
    let one = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir_in(".").expect("a folder");
    let file = folder.path().join("nerve.db");
    let begun = Instant::now();
    let mut store = one.block_on(SqliteStore::open(&file)).expect("it opens");
    println!("fresh store opened in {:.1} ms", begun.elapsed().as_secs_f64() * 1000.0);
    let mut first = 0;
    let mut epoch = one.block_on(store.begin_epoch(Timestamp::from_millis(0))).expect("a life begins");
    if let Some(count) = number("stored") {
        one.block_on(fill(&store, epoch, count));
        first = count;
        one.block_on(store.close());
        let begun = Instant::now();
        store = one.block_on(SqliteStore::open(&file)).expect("it opens");
        epoch = one.block_on(store.begin_epoch(Timestamp::from_millis(0))).expect("a life begins");
        let open = one.block_on(store.open_threads()).expect("readable").len();
        println!("{count} stored threads opened in {:.1} ms, {open} open", begun.elapsed().as_secs_f64() * 1000.0);
    }
    println!("threads  steps/s  ratio  cpu µs/step  bytes/step  bare/s");
    for at_once in at_once {
        let bare = if has("nobare") { 1.0 } else { bare_pair(folder.path(), time / 2) };
        let size = one.block_on(store.health()).expect("readable").bytes;
        let figures = if has("callers") {
            one.block_on(apart(&store, epoch, at_once, &mut first, time))
        } else {
            one.block_on(together(&store, epoch, at_once, &mut first, time))
        };
        let grown = one.block_on(store.health()).expect("readable").bytes - size;
        let rate = figures.steps / figures.seconds;
        println!(
            "{at_once:7}  {rate:7.0}  {:5.2}  {:11.1}  {:10.0}  {bare:6.0}",
            rate / bare,
            figures.cpu / figures.steps,
            grown as f64 / figures.steps,
        );
    }
    one.block_on(store.close());
}

fn bare_pair(folder: &Path, time: Duration) -> f64 {
    let _ = std::fs::remove_file(folder.join("bare.db"));
    let _ = std::fs::remove_file(folder.join("bare.db-wal"));
    let _ = std::fs::remove_file(folder.join("bare.db-shm"));
    bare(folder, time)
}
