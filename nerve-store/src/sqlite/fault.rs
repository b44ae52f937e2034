//! SQLite's error codes as [`StoreError`]s.

use std::path::Path;
use std::sync::Arc;

use crate::{Duplicated, StoreError};

/// The store's file by name, for error messages. Cloning is cheap.
#[derive(Debug, Clone)]
pub(super) struct Place(Arc<str>);

impl Place {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.display().to_string().into())
    }

    pub(super) fn name(&self) -> String {
        self.0.to_string()
    }

    /// What is stored does not make sense.
    pub(super) fn corrupt(&self, detail: impl Into<String>) -> StoreError {
        StoreError::Corrupt { place: self.name(), detail: detail.into() }
    }

    pub(super) fn other(&self, what: &'static str, detail: impl ToString) -> StoreError {
        StoreError::Other { place: self.name(), what, detail: detail.to_string() }
    }

    /// Sorts a database error by what to do about it.
    pub(super) fn error(&self, what: &'static str, error: &sqlx::Error) -> StoreError {
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::PoolClosed => StoreError::Closed,
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => self.corrupt(error.to_string()),
                _ => self.other(what, error),
            };
        };
        let code: i32 = database.code().and_then(|code| code.parse().ok()).unwrap_or(0);
        let (place, detail) = (self.name(), database.message().to_owned());
        // The low byte is the primary code; the rest tells its kinds apart.
        match code & 0xff {
            5 | 6 => StoreError::Busy { place },
            8 => StoreError::ReadOnly { place },
            10 => StoreError::Io { place, detail },
            11 | 26 => StoreError::Corrupt { place, detail },
            13 => StoreError::Full { place },
            14 => StoreError::Open { place, detail },
            19 => self.constraint(what, detail),
            _ => self.other(what, error),
        }
    }

    fn constraint(&self, what: &'static str, detail: String) -> StoreError {
        if detail.contains("nerve: fenced") {
            return StoreError::Fenced { place: self.name() };
        }
        let duplicated = [
            ("ticks.sense, ticks.id", Duplicated::Tick),
            ("threads.workflow, threads.key", Duplicated::Key),
            ("journal.thread, journal.n", Duplicated::Entry),
        ];
        match duplicated.into_iter().find(|(columns, _)| detail.contains(columns)) {
            Some((_, duplicated)) => StoreError::Duplicate(duplicated),
            None => self.other(what, detail),
        }
    }
}
