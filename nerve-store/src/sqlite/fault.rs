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

    /// Sorts an error of a connection that reads, or sets the file up, by what to do about it.
    pub(super) fn error(&self, what: &'static str, error: &sqlx::Error) -> StoreError {
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::PoolClosed => StoreError::Closed,
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => self.corrupt(error.to_string()),
                _ => self.other(what, error),
            };
        };
        let code = database.code().and_then(|code| code.parse().ok()).unwrap_or(0);
        self.sorted(what, code, database.message().to_owned())
    }

    /// Sorts an error of the connection that writes by what to do about it.
    pub(super) fn write_error(&self, what: &'static str, error: &rusqlite::Error) -> StoreError {
        match error {
            rusqlite::Error::SqliteFailure(cause, message) => {
                let message = message.clone().unwrap_or_else(|| rusqlite::ffi::code_to_str(cause.extended_code).to_owned());
                // To the message of a failed opening it adds the path, which is named anyway.
                let detail = message.strip_suffix(&format!(": {}", self.0)).unwrap_or(&message);
                self.sorted(what, cause.extended_code, detail.to_owned())
            }
            rusqlite::Error::SqlInputError { error, msg, .. } => self.sorted(what, error.extended_code, msg.clone()),
            _ => self.other(what, error),
        }
    }

    /// `code` is SQLite's extended one: its low byte is the primary code, the rest tells its kinds apart.
    fn sorted(&self, what: &'static str, code: i32, detail: String) -> StoreError {
        let place = self.name();
        match code & 0xff {
            5 | 6 => StoreError::Busy { place },
            8 => StoreError::ReadOnly { place },
            10 => StoreError::Io { place, detail },
            11 | 26 => StoreError::Corrupt { place, detail },
            13 => StoreError::Full { place },
            14 => StoreError::Open { place, detail },
            19 => self.constraint(what, detail),
            _ => self.other(what, format!("error returned from database: (code: {code}) {detail}")),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What rusqlite says of a code, extended or not.
    fn sorted(code: i32, message: &str) -> StoreError {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(message.to_owned()));
        Place::new(Path::new("/n.db")).write_error("writing to the store", &error)
    }

    #[test]
    fn errors_are_sorted_by_their_primary_code() {
        let place = || "/n.db".to_owned();
        for busy in [5, 261, 517, 6, 262] {
            assert_eq!(sorted(busy, "database is locked"), StoreError::Busy { place: place() });
        }
        for read_only in [8, 1032, 1544] {
            assert_eq!(sorted(read_only, "attempt to write a readonly database"), StoreError::ReadOnly { place: place() });
        }
        for io in [10, 778, 1034, 4874] {
            assert_eq!(sorted(io, "disk I/O error"), StoreError::Io { place: place(), detail: "disk I/O error".to_owned() });
        }
        for corrupt in [11, 523, 26] {
            assert_eq!(sorted(corrupt, "malformed"), StoreError::Corrupt { place: place(), detail: "malformed".to_owned() });
        }
        assert_eq!(sorted(13, "database or disk is full"), StoreError::Full { place: place() });
        let open = StoreError::Open { place: place(), detail: "unable to open database file".to_owned() };
        assert_eq!([sorted(14, "unable to open database file: /n.db"), sorted(526, "unable to open database file")], [open.clone(), open]);
        assert_eq!(sorted(1811, "nerve: fenced"), StoreError::Fenced { place: place() });
        assert_eq!(sorted(2067, "UNIQUE constraint failed: journal.thread, journal.n"), StoreError::Duplicate(Duplicated::Entry));
        let other = sorted(1, "no such table: threads").to_string();
        assert_eq!(other, "writing to the store failed in /n.db: error returned from database: (code: 1) no such table: threads");
    }
}
