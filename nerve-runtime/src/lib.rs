//! The worker that a workspace links, and (feature `daemon`) the daemon that runs it.

#[cfg(feature = "crash-points")]
pub mod crash_point;
#[cfg(not(feature = "crash-points"))]
mod crash_point;
#[cfg(feature = "daemon")]
pub mod daemon;
#[cfg(feature = "daemon")]
pub mod keeper;
pub mod prelude;
#[allow(dead_code, unused_imports, reason = "a worker needs but a part of it, and some callers follow")]
mod processes;
#[cfg(feature = "daemon")]
mod spool;
#[cfg(feature = "daemon")]
pub mod sweeper;
pub mod testkit;
mod worker;
mod workspace;

pub use worker::{WorkerError, worker};
pub use workspace::Workspace;
