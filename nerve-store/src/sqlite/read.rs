//! Columns as values.

use nerve_core::thread::Entry;
use nerve_core::{RawJson, ThreadId, TickId, Timestamp};
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

use super::fault::Place;
use crate::StoreError;
use crate::record::{hash, hex, with_body};

/// A row and where it comes from; each method reads one column by name.
pub(super) struct Columns<'r> {
    row: &'r SqliteRow,
    place: &'r Place,
}

impl<'r> Columns<'r> {
    pub(super) fn new(row: &'r SqliteRow, place: &'r Place) -> Self {
        Self { row, place }
    }

    pub(super) fn get<T: Decode<'r, Sqlite> + Type<Sqlite>>(&self, column: &str) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|error| self.place.error("reading the store", &error))
    }

    pub(super) fn at(&self, column: &str) -> Result<Timestamp, StoreError> {
        self.get(column).map(Timestamp::from_millis)
    }

    pub(super) fn maybe_at(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_millis))
    }

    pub(super) fn thread_id(&self, column: &str) -> Result<ThreadId, StoreError> {
        self.maybe_thread_id(column)?.ok_or_else(|| self.place.corrupt(format!("`{column}` is missing")))
    }

    pub(super) fn maybe_thread_id(&self, column: &str) -> Result<Option<ThreadId>, StoreError> {
        Ok(self.maybe_bytes(column)?.map(ThreadId::from_bytes))
    }

    pub(super) fn maybe_tick_id(&self, column: &str) -> Result<Option<TickId>, StoreError> {
        Ok(self.maybe_bytes(column)?.map(TickId::from_bytes))
    }

    pub(super) fn tick_id(&self, column: &str) -> Result<TickId, StoreError> {
        self.maybe_tick_id(column)?.ok_or_else(|| self.place.corrupt(format!("`{column}` is missing")))
    }

    fn maybe_bytes(&self, column: &str) -> Result<Option<[u8; 16]>, StoreError> {
        let bytes: Option<&[u8]> = self.get(column)?;
        let fit = |bytes: &[u8]| bytes.try_into().map_err(|_| self.place.corrupt(format!("`{column}` is not an id")));
        bytes.map(fit).transpose()
    }

    /// A word of a closed list.
    pub(super) fn word<T>(&self, column: &str, read: fn(&str) -> Option<T>) -> Result<T, StoreError> {
        let word: &str = self.get(column)?;
        read(word).ok_or_else(|| self.place.corrupt(format!("`{word}` is no {column}")))
    }

    pub(super) fn read<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.get(column)?).map_err(|error| self.place.corrupt(format!("`{column}`: {error}")))
    }

    pub(super) fn maybe_json(&self, column: &str) -> Result<Option<RawJson>, StoreError> {
        let json: Option<String> = self.get(column)?;
        json.map(RawJson::parse).transpose().map_err(|error| self.place.corrupt(format!("`{column}`: {error}")))
    }

    /// The entry of a journal row. A text that stands apart is put back: from `long_body` once that still has its hash, or from
    /// `body`, where the first format kept the short ones.
    pub(super) fn entry(&self) -> Result<Entry, StoreError> {
        let entry: Entry = self.read("payload")?;
        let text = match self.get::<Option<&[u8]>>("body_hash")? {
            None => self.get("body")?,
            Some(expected) => {
                let text: Option<String> = self.get("long_body")?;
                let sound = text.as_deref().is_some_and(|text| hash(text) == expected);
                if !sound {
                    return Err(StoreError::CorruptBody { place: self.place.name(), hash: hex(expected) });
                }
                text
            }
        };
        Ok(with_body(entry, text))
    }
}
