//! The daemon: one process per workspace that owns every call, every child and the journal.

pub mod api;
mod build_record;
mod builds;
mod calls;
mod clock;
mod config_file;
mod engine;
mod error;
mod journal;
mod layout;
mod log;
mod run;
mod socket;
mod source_hash;
mod supervisor;
mod watch;

pub use build_record::BuildRecord;
pub(crate) use builds::BuildSpec;
pub use builds::Builtin;
pub use error::DaemonError;
pub use layout::Layout;
pub use run::{Options, Started, run};
pub use source_hash::{hash_files, hash_folder};
