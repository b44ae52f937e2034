//! What can go wrong, sorted by what to do about it.

use std::fmt;

/// A store's refusal or failure; nothing of what was asked has been written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no room.
    #[error("no space left to write {place}: free some disk space; what is already stored is safe")]
    Full {
        /// The store's file.
        place: String,
    },
    /// It may not be written.
    #[error("{place} may only be read: make the file and its folder writable for this user")]
    ReadOnly {
        /// The store's file.
        place: String,
    },
    /// Another process holds it.
    #[error("{place} is in use by another process: end what holds it, or try again later")]
    Busy {
        /// The store's file.
        place: String,
    },
    /// It cannot be opened.
    #[error("cannot open {place}: check that its folder exists and is writable for this user ({detail})")]
    Open {
        /// The store's file.
        place: String,
        /// What the system says.
        detail: String,
    },
    /// The disk failed.
    #[error("the disk failed under {place} ({detail}): check the disk and its file system")]
    Io {
        /// The store's file.
        place: String,
        /// What the database says.
        detail: String,
    },
    /// A later daemon has taken the store over.
    #[error("another daemon has taken over {place}: this one must stop")]
    Fenced {
        /// The store's file.
        place: String,
    },
    /// It is there already.
    #[error("{0} is already stored: nothing to do")]
    Duplicate(Duplicated),
    /// A newer nerve wrote it.
    #[error("{place} was written by a newer nerve (its format is {found}, this one knows {ours}): use the newer nerve")]
    Newer {
        /// The store's file.
        place: String,
        /// The format found.
        found: i64,
        /// The newest format that this version knows.
        ours: i64,
    },
    /// A stored text is not the one that was written.
    #[error("the text {hash} in {place} is damaged: restore the file from a backup")]
    CorruptBody {
        /// The store's file.
        place: String,
        /// The hash under which it was stored.
        hash: String,
    },
    /// What is stored cannot be understood.
    #[error("{place} is damaged ({detail}): restore the file from a backup")]
    Corrupt {
        /// The store's file.
        place: String,
        /// What is wrong.
        detail: String,
    },
    /// The store was closed.
    #[error("the store is closed: the daemon is stopping")]
    Closed,
    /// Anything else.
    #[error("{what} failed in {place}: {detail}")]
    Other {
        /// The store's file.
        place: String,
        /// What was being done.
        what: &'static str,
        /// What the database says.
        detail: String,
    },
}

/// What was there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicated {
    /// The tick of this sense.
    Tick,
    /// A thread of the workflow with this key.
    Key,
    /// A thread's entry of this number.
    Entry,
}

impl fmt::Display for Duplicated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tick => "this tick",
            Self::Key => "a thread of this workflow with this key",
            Self::Entry => "an entry of this thread with this number",
        })
    }
}

impl StoreError {
    /// Whether the store itself cannot be written, so that every turn fails alike and may be tried again later.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::ReadOnly { .. } | Self::Busy { .. } | Self::Open { .. } | Self::Io { .. })
    }
}
