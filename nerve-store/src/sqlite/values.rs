//! Rows as the values of a statement, column by column in the order of the batch's sections.

use std::collections::HashMap;
use std::sync::Arc;

use nerve_core::{RawJson, Timestamp};
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Encode, Sqlite, Type};

use crate::record::JournalRecord;
use crate::{SenseRow, ThreadRow, TickRow};

type Bound = Result<(), sqlx::Error>;

/// The values of one text.
#[derive(Default)]
pub(super) struct Fields(SqliteArguments);

/// Words of closed lists, each allocated once.
#[derive(Debug, Default)]
pub(super) struct Words(HashMap<&'static str, Arc<str>>);

impl Words {
    fn shared(&mut self, word: &'static str) -> Arc<str> {
        self.0.entry(word).or_insert_with(|| word.into()).clone()
    }
}

impl Fields {
    pub(super) fn push<'v, T: Encode<'v, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> Bound {
        self.0.add(value).map_err(sqlx::Error::Encode)
    }

    pub(super) fn nulls(&mut self, count: usize) -> Bound {
        (0..count).try_for_each(|_| self.push(None::<i64>))
    }

    pub(super) fn done(self) -> SqliteArguments {
        self.0
    }

    fn at(&mut self, at: Option<Timestamp>) -> Bound {
        self.push(at.map(Timestamp::millis))
    }

    fn json(&mut self, json: Option<&RawJson>) -> Bound {
        self.push(json.map(RawJson::get))
    }

    fn written<T: serde::Serialize>(&mut self, value: &T) -> Bound {
        self.push(serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))?)
    }
}

pub(super) fn body((hash, text): &([u8; 32], String), to: &mut Fields) -> Bound {
    to.push(&hash[..])?;
    to.push(text.as_str())
}

pub(super) fn thread(row: &ThreadRow, to: &mut Fields) -> Bound {
    let text = row.id.to_string();
    to.push(&row.id.bytes()[..])?;
    to.push(text.trim_start_matches(nerve_core::ThreadId::PREFIX))?;
    to.push(row.workflow.as_str())?;
    to.push(row.state.name())?;
    to.push(row.exit_code)?;
    to.push(row.build.as_ref().map(|build| build.0.as_str()))?;
    to.written(&row.origin)?;
    to.push(row.reason.as_deref())?;
    to.push(row.key.as_deref())?;
    to.push(row.dry_run)?;
    to.at(Some(row.accepted_at))?;
    to.at(row.started_at)?;
    to.at(row.ended_at)
}

pub(super) fn tick(row: &TickRow, to: &mut Fields) -> Bound {
    to.push(row.sense.as_str())?;
    to.push(&row.id.bytes()[..])?;
    to.push(row.number)?;
    to.at(Some(row.at))?;
    to.push(row.result.name())?;
    to.push(i64::try_from(row.took_ms).unwrap_or(i64::MAX))?;
    to.written(&row.causes)?;
    to.push(row.reason.as_deref())?;
    to.json(row.signal.as_ref())?;
    to.push(row.thread.map(|id| id.bytes().to_vec()))?;
    to.json(row.state_before.as_ref())?;
    to.json(row.state_after.as_ref())
}

pub(super) fn sense(row: &SenseRow, to: &mut Fields) -> Bound {
    to.push(row.name.as_str())?;
    to.json(row.state.as_ref())?;
    to.push(row.last_tick.map(|id| id.bytes().to_vec()))?;
    to.at(row.last_tick_at)?;
    to.at(row.last_signal_at)?;
    to.json(row.last_signal.as_ref())?;
    to.push(row.last_error.as_deref())?;
    to.push(row.ticks)?;
    to.push(row.signals)?;
    to.push(row.failures)
}

pub(super) fn counter((name, value): &(String, String), to: &mut Fields) -> Bound {
    to.push(name.as_str())?;
    to.push(value.as_str())
}

pub(super) fn journal(row: &JournalRecord, words: &mut Words, to: &mut Fields) -> Bound {
    to.push(words.shared(row.source.name()))?;
    to.push(words.shared(row.kind))?;
    to.push(row.thread.as_ref().map(|id| &id[..]))?;
    to.push(row.n)?;
    to.push(row.subject.as_deref())?;
    to.at(Some(row.at))?;
    to.push(row.payload.clone())?;
    to.push(row.body_hash.as_ref().map(|hash| &hash[..]))?;
    to.push(row.calls)
}
