//! Records as the fewest statements: a commit is one text, and there are few distinct texts.

use std::collections::HashMap;
use std::sync::Arc;

use nerve_core::Epoch;
use sqlx::sqlite::SqliteArguments;

use super::values::{self, Fields, Words};
use crate::record::{JournalRecord, Record};
use crate::{SenseRow, ThreadRow, TickRow};

/// Where one kind of row goes. `max` is how many rows one text takes at most: a power of two.
struct Section {
    into: &'static str,
    columns: usize,
    conflict: &'static str,
    max: usize,
}

/// In the order in which a text has them.
const SECTIONS: [Section; 6] = [
    Section { into: "bodies (hash, text)", columns: 2, conflict: " ON CONFLICT (hash) DO NOTHING", max: 8 },
    Section {
        into: "threads (id, text, workflow, state, exit_code, build, origin, reason, key, dry_run, accepted_at, started_at, ended_at)",
        columns: 13,
        conflict: " ON CONFLICT (id) DO UPDATE SET state = excluded.state, exit_code = excluded.exit_code, build = excluded.build, \
                   reason = excluded.reason, started_at = excluded.started_at, ended_at = excluded.ended_at",
        max: 32,
    },
    Section {
        into: "ticks (sense, id, number, at, result, took_ms, causes, reason, signal, thread, state_before, state_after)",
        columns: 12,
        conflict: "",
        max: 8,
    },
    Section {
        into: "senses (name, state, last_tick, last_tick_at, last_signal_at, last_signal, last_error, ticks, signals, failures)",
        columns: 10,
        conflict: " ON CONFLICT (name) DO UPDATE SET state = excluded.state, last_tick = excluded.last_tick, \
                   last_tick_at = excluded.last_tick_at, last_signal_at = excluded.last_signal_at, last_signal = excluded.last_signal, \
                   last_error = excluded.last_error, ticks = excluded.ticks, signals = excluded.signals, failures = excluded.failures",
        max: 8,
    },
    Section { into: "counters (name, value)", columns: 2, conflict: " ON CONFLICT (name) DO UPDATE SET value = excluded.value", max: 8 },
    Section { into: "journal (source, kind, thread, n, subject, at, payload, body_hash, calls)", columns: 9, conflict: "", max: 128 },
];

/// What a text looks like: whether it begins and ends the transaction, and how many rows of each section it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shape {
    first: bool,
    last: bool,
    sizes: [usize; SECTIONS.len()],
}

impl Shape {
    /// Whether it is a commit of journal lines only, as most are. One statement is a transaction of its own; every statement less
    /// is a wake-up less of whoever waits for the commit.
    fn is_bare(&self) -> bool {
        let [others @ .., journal] = &self.sizes;
        self.first && self.last && *journal > 0 && others.iter().all(|size| *size == 0)
    }
}

/// A text with its values.
pub(super) struct Piece {
    pub(super) sql: Arc<str>,
    pub(super) arguments: SqliteArguments,
    /// Whether it looks at the fence itself, and then writes no row behind it.
    pub(super) writes_or_is_fenced: bool,
}

/// The texts made so far, so that each is built once, and the words that rows have again and again.
#[derive(Debug, Default)]
pub(super) struct Texts {
    shapes: HashMap<Shape, Arc<str>>,
    words: Words,
}

/// The rows of a batch by section. Of several rows of one thread, sense or counter the last one stands, at the place of
/// the first: that keeps the order of acceptance.
#[derive(Default)]
struct Rows<'a> {
    bodies: Vec<&'a ([u8; 32], String)>,
    threads: Vec<&'a ThreadRow>,
    ticks: Vec<&'a TickRow>,
    senses: Vec<&'a SenseRow>,
    counters: Vec<&'a (String, String)>,
    journal: Vec<&'a JournalRecord>,
}

impl<'a> Rows<'a> {
    fn of(records: &[&'a Record]) -> Self {
        let mut rows = Self::default();
        let (mut threads, mut senses, mut counters) = (HashMap::new(), HashMap::new(), HashMap::new());
        for record in records {
            rows.bodies.extend(&record.bodies);
            rows.journal.extend(&record.journal);
            rows.ticks.extend(&record.turn.tick);
            record.turn.threads.iter().for_each(|row| put(&mut rows.threads, &mut threads, row.id, row));
            record.turn.sense.iter().for_each(|row| put(&mut rows.senses, &mut senses, row.name.as_str(), row));
            record.turn.counters.iter().for_each(|row| put(&mut rows.counters, &mut counters, row.0.as_str(), row));
        }
        rows
    }

    fn lengths(&self) -> [usize; SECTIONS.len()] {
        [self.bodies.len(), self.threads.len(), self.ticks.len(), self.senses.len(), self.counters.len(), self.journal.len()]
    }

    fn bind(&self, section: usize, row: usize, words: &mut Words, fields: &mut Fields) -> Result<(), sqlx::Error> {
        match section {
            0 => values::body(self.bodies[row], fields),
            1 => values::thread(self.threads[row], fields),
            2 => values::tick(self.ticks[row], fields),
            3 => values::sense(self.senses[row], fields),
            4 => values::counter(self.counters[row], fields),
            _ => values::journal(self.journal[row], words, fields),
        }
    }
}

fn put<'a, K: std::hash::Hash + Eq, T>(rows: &mut Vec<&'a T>, places: &mut HashMap<K, usize>, key: K, row: &'a T) {
    let place = *places.entry(key).or_insert(rows.len());
    match rows.get_mut(place) {
        Some(slot) => *slot = row,
        None => rows.push(row),
    }
}

/// The texts that write these records in one transaction: one for a usual batch.
pub(super) fn pieces(texts: &mut Texts, epoch: Epoch, records: &[&Record]) -> Result<Vec<Piece>, sqlx::Error> {
    let rows = Rows::of(records);
    let lengths = rows.lengths();
    let count = SECTIONS.iter().zip(lengths).map(|(section, length)| length.div_ceil(section.max)).max().unwrap_or(0).max(1);
    (0..count)
        .map(|at| {
            let ranges: Vec<_> = SECTIONS
                .iter()
                .zip(lengths)
                .map(|(section, length)| (at * section.max).min(length)..((at + 1) * section.max).min(length))
                .collect();
            let mut shape = Shape { first: at == 0, last: at + 1 == count, sizes: [0; SECTIONS.len()] };
            for (size, range) in shape.sizes.iter_mut().zip(&ranges) {
                // Sizes are rounded up to a power of two, so that texts stay few; the limit keeps the rows that are none out.
                *size = if range.is_empty() { 0 } else { range.len().next_power_of_two() };
            }
            let bare = shape.is_bare();
            let mut fields = Fields::default();
            if shape.first && !bare {
                fields.push(epoch.0)?;
            }
            for (section, range) in ranges.into_iter().enumerate() {
                let (given, size) = (range.len(), shape.sizes[section]);
                for row in range {
                    rows.bind(section, row, &mut texts.words, &mut fields)?;
                }
                fields.nulls((size - given) * SECTIONS[section].columns)?;
                if bare && size > 0 {
                    fields.push(epoch.0)?;
                }
                if size > 1 || bare && size > 0 {
                    fields.push(i64::try_from(given).unwrap_or(i64::MAX))?;
                }
            }
            let sql = texts.shapes.entry(shape).or_insert_with(|| text(shape).into()).clone();
            Ok(Piece { sql, arguments: fields.done(), writes_or_is_fenced: bare })
        })
        .collect()
}

/// A refused row ends the whole transaction (`OR ROLLBACK`): that is wanted, and spares SQLite a journal of each statement,
/// which it keeps when only the statement may be undone.
fn text(shape: Shape) -> String {
    let mut sql = String::new();
    let bare = shape.is_bare();
    if shape.first && !bare {
        sql.push_str("BEGIN IMMEDIATE; INSERT INTO fence (epoch) VALUES (?); ");
    }
    for (section, size) in SECTIONS.iter().zip(shape.sizes).filter(|(_, size)| *size > 0) {
        let row = vec!["?"; section.columns].join(", ");
        let (into, conflict) = (section.into, section.conflict);
        // Selects without a table hand their values on as they are; `SELECT * FROM (VALUES …)` would copy each text twice.
        let selects = || vec![format!("SELECT {row}"); size].join(" UNION ALL ");
        let rows = match size {
            _ if bare => selects() + " LIMIT CASE WHEN (SELECT max(epoch) FROM epochs) IS ? THEN ? ELSE 0 END",
            1 => format!("VALUES ({row})"),
            // A plain `LIMIT ?` is read while planning, and then each new set of values costs a new plan.
            _ => selects() + " LIMIT ? + 0",
        };
        sql.extend(["INSERT OR ROLLBACK INTO ", into, " ", &rows, conflict, "; "]);
    }
    if shape.last && !bare {
        sql.push_str("COMMIT");
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Turn;

    #[test]
    fn batches_of_like_size_share_a_text() {
        let mut texts = Texts::default();
        let record = |counters: usize| {
            let counters = (0..counters).map(|n| (format!("c{n}"), String::new())).collect();
            Record::of(Turn { counters, ..Turn::default() }).expect("nothing to write out")
        };
        for count in [3, 4] {
            let record = record(count);
            assert_eq!(pieces(&mut texts, Epoch(1), &[&record]).map_err(|error| error.to_string()).expect("values bind").len(), 1);
        }
        assert_eq!(texts.shapes.len(), 1);
        let record = record(20);
        let pieces = pieces(&mut texts, Epoch(1), &[&record]).map_err(|error| error.to_string()).expect("values bind");
        let marks: Vec<_> = pieces.iter().map(|piece| (piece.sql.starts_with("BEGIN"), piece.sql.ends_with("COMMIT"))).collect();
        assert_eq!(marks, [(true, false), (false, false), (false, true)]);
    }
}
