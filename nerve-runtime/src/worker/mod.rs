//! The worker: a process that runs user code for the daemon.
//!
//! It decides (moderators, prompts) and runs hand-written roles and senses. Every call that leaves the machine is the
//! daemon's, so this process may die at any moment without an agent's work being lost.

mod beat;
mod channel;
mod contexts;
mod decide;
mod end;
mod entry;
mod inbox;
pub(crate) mod limits;
mod out;
mod panics;
mod serve;
mod stand_in;

#[cfg(all(test, feature = "daemon", target_os = "linux"))]
pub(crate) use channel::{Channel, inherit};
pub(crate) use decide::{check, decide, replay};
pub use entry::{WorkerError, worker};
pub(crate) use panics::{catch, catching};
