//! A turn as the rows it becomes: the part of writing that every backend shares.

use nerve_core::thread::Entry;
use nerve_core::{RawJson, Timestamp};
use sha2::{Digest, Sha256};

use crate::{JournalEntry, Source, Turn};

/// The longest text, in bytes, that stands in its journal line; a longer one is stored once, under its hash.
pub(crate) const MAX_INLINE: usize = 4096;

/// A journal line, ready to be written.
#[derive(Debug)]
pub(crate) struct JournalRecord {
    pub(crate) source: Source,
    pub(crate) kind: &'static str,
    pub(crate) thread: Option<[u8; 16]>,
    pub(crate) n: Option<u32>,
    pub(crate) subject: Option<String>,
    pub(crate) at: Timestamp,
    pub(crate) payload: String,
    pub(crate) body_hash: Option<[u8; 32]>,
    pub(crate) calls: Option<u32>,
}

/// A turn whose entries are written out.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) turn: Turn,
    pub(crate) journal: Vec<JournalRecord>,
    pub(crate) bodies: Vec<([u8; 32], String)>,
}

impl Record {
    /// Writes a turn's entries as JSON, long texts apart.
    pub(crate) fn of(mut turn: Turn) -> Result<Self, serde_json::Error> {
        let mut bodies = Vec::new();
        let entries = std::mem::take(&mut turn.entries);
        let journal = entries.into_iter().map(|entry| journal_record(entry, &mut bodies)).collect::<Result<_, _>>()?;
        Ok(Self { turn, journal, bodies })
    }
}

fn journal_record(entry: JournalEntry, bodies: &mut Vec<([u8; 32], String)>) -> Result<JournalRecord, serde_json::Error> {
    Ok(match entry {
        JournalEntry::Thread { thread, n, entry, at } => {
            let mut payload = serde_json::to_string(&*entry)?;
            let mut body_hash = None;
            // A text is never longer than the JSON that it stands in.
            if payload.len() > MAX_INLINE {
                let mut apart = Entry::clone(&entry);
                if let Some(text) = apart.body_mut().filter(|text| text.len() > MAX_INLINE).map(std::mem::take) {
                    payload = serde_json::to_string(&apart)?;
                    let hash = hash(&text);
                    bodies.push((hash, text));
                    body_hash = Some(hash);
                }
            }
            JournalRecord {
                source: Source::Workflow,
                kind: entry.kind(),
                thread: Some(thread.bytes()),
                n: Some(n),
                subject: None,
                at,
                calls: outside_calls(&entry),
                payload,
                body_hash,
            }
        }
        JournalEntry::Sense { sense, kind, payload, at } => plain(Source::Sense, kind, Some(sense), payload, at),
        JournalEntry::System { kind, subject, payload, at } => plain(Source::System, kind, subject, payload, at),
    })
}

fn plain(source: Source, kind: &'static str, subject: Option<String>, payload: RawJson, at: Timestamp) -> JournalRecord {
    JournalRecord { source, kind, thread: None, n: None, subject, at, payload: payload.get().to_owned(), body_hash: None, calls: None }
}

/// How many calls to the outside this answer took; scripted answers cost nobody anything.
fn outside_calls(entry: &Entry) -> Option<u32> {
    let (adapter, usage) = match entry {
        Entry::Text(text) => (text.adapter.as_str(), text.usage),
        Entry::AskText(text) => (text.adapter.as_str(), text.usage),
        Entry::CallFailed(failed) => ("", failed.failure.usage()),
        _ => return None,
    };
    (usage.calls > 0 && !adapter.starts_with("scripted")).then_some(usage.calls)
}

/// The name of a long text.
pub(crate) fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// A hash as people read it.
pub(crate) fn hex(hash: &[u8]) -> String {
    hash.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

/// Puts a text back into the entry it was taken from.
pub(crate) fn with_body(mut entry: Entry, text: Option<String>) -> Entry {
    if let (Some(slot), Some(text)) = (entry.body_mut(), text) {
        *slot = text;
    }
    entry
}
