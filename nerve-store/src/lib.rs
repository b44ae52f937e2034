//! What nerve keeps: the journal, and beside it the rows that make it quick to read.
//!
//! [`Store`] speaks in [`Turn`]s: what one step of the engine changes, all or nothing. [`SqliteStore`] is its form in a
//! file. Nothing here reads a clock or makes an id; both come in as arguments.

mod error;
mod query;
mod record;
mod rows;
mod sqlite;
mod store;
mod turn;

pub use error::{Duplicated, StoreError};
pub use query::{Health, JournalFilter, JournalLine, Page, Source, StoredThread, ThreadFilter, TickFilter, UsageBy, UsageGroup};
pub use rows::{SenseRow, ThreadRow, TickResult, TickRow};
#[cfg(feature = "fill")]
pub use sqlite::MAX_PAGES;
pub use sqlite::{SqliteOptions, SqliteStore};
pub use store::Store;
pub use turn::{JournalEntry, Turn};
