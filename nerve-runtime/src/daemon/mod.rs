//! The daemon: one process per workspace that owns every call, every child and the journal.

pub mod api;
mod build_record;
mod builds;
mod calls;
pub(crate) mod children;
mod claim;
pub(crate) mod clock;
mod config_file;
mod engine;
mod error;
mod journal;
mod layout;
mod leftovers;
mod life;
mod log;
mod run;
mod socket;
mod source_hash;
mod supervisor;
mod sweeper;
mod watch;

pub use build_record::BuildRecord;
pub(crate) use builds::BuildSpec;
pub use builds::Builtin;
pub use calls::variable;
pub use children::{Beside, spawn_beside};
pub use error::DaemonError;
pub use layout::Layout;
pub(crate) use life::LifeId;
pub use run::{Options, Started, run};
pub use source_hash::{hash_files, hash_folder};
