//! The daemon: one process per workspace that owns every call, every child and the journal.

pub mod api;
mod build_record;
mod layout;
mod source_hash;

pub use build_record::BuildRecord;
pub use layout::Layout;
pub use source_hash::{hash_files, hash_folder};
