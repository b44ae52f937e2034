//! The journal writer: the engine hands it turns, it answers when they are durable.
//!
//! When the store cannot write, turns wait here in their order and are tried again; only a new thread's acceptance is
//! answered with the error, for nobody has been promised anything yet.

use std::sync::Arc;
use std::time::Duration;

use nerve_core::Epoch;
use nerve_store::{JournalEntry, Store, StoreError, Turn};
use tokio::sync::mpsc;

use crate::crash_point::{Commit, Point, crash_point};

/// The longest pause between two tries of a store that cannot write.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Names a turn in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TurnNo(pub u64);

/// A turn to write.
#[derive(Debug)]
pub(crate) struct Order {
    pub no: TurnNo,
    pub turn: Turn,
    /// Whether the turn may be refused when the store cannot write.
    pub refusable: bool,
}

/// What became of turns.
#[derive(Debug)]
pub(crate) enum Written {
    /// Each is durable, or refused for what it says.
    Done(Vec<(TurnNo, Result<(), StoreError>)>),
    /// The store cannot write; what was handed in waits.
    Outage(String),
    /// The store writes again.
    Recovered,
}

/// How often turns that wait are tried once more after the engine has gone.
const LAST_TRIES: u32 = 5;

/// Writes turns in order until the sender is gone and everything is written, or cannot be.
pub(crate) async fn write<S: Store>(store: Arc<S>, epoch: Epoch, mut orders: mpsc::UnboundedReceiver<Vec<Order>>, tell: impl Fn(Written)) {
    let mut waiting: Vec<(Order, bool)> = Vec::new();
    let mut pause = Duration::ZERO;
    let mut last_tries = 0;
    loop {
        let mut chunks = Vec::new();
        if pause.is_zero() {
            if orders.recv_many(&mut chunks, 64).await == 0 {
                return;
            }
        } else {
            tokio::time::sleep(pause).await;
            while let Ok(chunk) = orders.try_recv() {
                chunks.push(chunk);
            }
            if orders.is_closed() && chunks.is_empty() {
                last_tries += 1;
                if waiting.is_empty() || last_tries > LAST_TRIES {
                    tracing::error!(turns = waiting.len(), "the store cannot write: what is not written is lost with this life");
                    return;
                }
            }
        }
        waiting.extend(chunks.into_iter().flatten().map(|order| (order, false)));

        let mut turns: Vec<Turn> = waiting.iter().map(|(order, _)| order.turn.clone()).collect();
        if turns.is_empty() {
            // Nothing waits, but somebody has to find out that the store writes again.
            turns.push(Turn { counters: vec![("store_probe".to_owned(), "1".to_owned())], ..Turn::default() });
        }
        let commits = commits(&turns);
        commits.iter().for_each(|commit| crash_point(Point::BeforeCommit(*commit)));
        let results = store.commit(epoch, turns).await;
        commits.iter().for_each(|commit| crash_point(Point::AfterCommit(*commit)));
        let outage = results.iter().find_map(|result| result.as_ref().err().filter(|error| error.is_outage()).map(ToString::to_string));
        let mut done = Vec::with_capacity(waiting.len());
        let mut kept = Vec::new();
        for ((order, tried), result) in waiting.drain(..).zip(results) {
            match result {
                Err(error) if error.is_outage() && !order.refusable => kept.push((order, true)),
                // The try before did get through after all, although the store could not say so.
                Err(StoreError::Duplicate(_)) if tried => done.push((order.no, Ok(()))),
                result => done.push((order.no, result)),
            }
        }
        waiting = kept;
        let recovered = outage.is_none() && !pause.is_zero();
        if recovered {
            pause = Duration::ZERO;
            tell(Written::Recovered);
        }
        if !done.is_empty() {
            tell(Written::Done(done));
        }
        if let Some(problem) = outage {
            pause = (pause * 2).clamp(Duration::from_millis(50), MAX_PAUSE);
            tell(Written::Outage(problem));
        }
    }
}

/// What these turns make durable, for the crash points.
fn commits(turns: &[Turn]) -> Vec<Commit> {
    if cfg!(not(feature = "crash-points")) {
        return Vec::new();
    }
    let entry = |entry: &JournalEntry| match entry {
        JournalEntry::Thread { entry, .. } => Commit::of(entry),
        JournalEntry::Sense { kind: "signal", .. } => Commit::Signal,
        JournalEntry::Sense { .. } => Commit::TickFailure,
        JournalEntry::System { kind: "worker_exit", .. } => Commit::WorkerExit,
        JournalEntry::System { kind: "config_reload", .. } => Commit::ConfigReload,
        JournalEntry::System { kind: "build_reload", .. } => Commit::BuildReload,
        JournalEntry::System { .. } => Commit::Note,
    };
    let of = |turn: &Turn| {
        let mut commits: Vec<Commit> = turn.entries.iter().map(entry).collect();
        commits.extend(turn.counters.iter().map(|_| Commit::Counter));
        commits.extend(turn.sense.iter().filter(|_| turn.tick.is_none()).map(|_| Commit::SenseState));
        commits
    };
    turns.iter().flat_map(of).collect()
}
