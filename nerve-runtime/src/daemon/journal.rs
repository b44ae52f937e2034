//! The journal writer: the engine hands it turns, it answers when they are durable.
//!
//! When the store cannot write, turns wait here in their order and are tried again; only a new thread's acceptance is
//! answered with the error, for nobody has been promised anything yet.

use std::sync::Arc;
use std::time::Duration;

use nerve_core::Epoch;
use nerve_store::{Store, StoreError, Turn};
use tokio::sync::mpsc;

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

/// Writes turns in order until the sender is gone and everything is written.
pub(crate) async fn write<S: Store>(store: Arc<S>, epoch: Epoch, mut orders: mpsc::UnboundedReceiver<Vec<Order>>, tell: impl Fn(Written)) {
    let mut waiting: Vec<Order> = Vec::new();
    let mut pause = Duration::ZERO;
    loop {
        let mut chunks = Vec::new();
        if waiting.is_empty() {
            if orders.recv_many(&mut chunks, 64).await == 0 {
                return;
            }
        } else {
            tokio::time::sleep(pause).await;
            while let Ok(chunk) = orders.try_recv() {
                chunks.push(chunk);
            }
        }
        waiting.extend(chunks.into_iter().flatten());

        let turns = waiting.iter().map(|order| order.turn.clone()).collect();
        let results = store.commit(epoch, turns).await;
        let outage = results.iter().find_map(|result| result.as_ref().err().filter(|error| error.is_outage()).map(ToString::to_string));
        let mut done = Vec::new();
        let mut kept = Vec::new();
        for (order, result) in waiting.drain(..).zip(results) {
            match result {
                Err(error) if error.is_outage() && !order.refusable => kept.push(order),
                result => done.push((order.no, result)),
            }
        }
        waiting = kept;
        if !done.is_empty() {
            tell(Written::Done(done));
        }
        match outage {
            Some(problem) => {
                pause = (pause * 2).clamp(Duration::from_millis(50), MAX_PAUSE);
                tell(Written::Outage(problem));
            }
            None if !pause.is_zero() => {
                pause = Duration::ZERO;
                tell(Written::Recovered);
            }
            None => {}
        }
    }
}
