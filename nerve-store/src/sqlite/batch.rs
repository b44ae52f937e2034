//! One commit: the rows of a batch, kind by kind, each by one prepared statement.

use std::collections::HashMap;

use nerve_core::Epoch;
use rusqlite::{Connection, Statement};

use super::insert;
use crate::record::{JournalRecord, Record};
use crate::{SenseRow, ThreadRow, TickRow};

/// The rows of a batch by kind. Of several rows of one thread, sense or counter the last one stands, at the place of
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
            rows.ticks.extend(record.turn.tick.as_deref());
            record.turn.threads.iter().for_each(|row| put(&mut rows.threads, &mut threads, row.id, row));
            record.turn.sense.as_deref().into_iter().for_each(|row| put(&mut rows.senses, &mut senses, row.name.as_str(), row));
            record.turn.counters.iter().for_each(|row| put(&mut rows.counters, &mut counters, row.0.as_str(), row));
        }
        rows
    }
}

fn put<'a, K: std::hash::Hash + Eq, T>(rows: &mut Vec<&'a T>, places: &mut HashMap<K, usize>, key: K, row: &'a T) {
    let place = *places.entry(key).or_insert(rows.len());
    match rows.get_mut(place) {
        Some(slot) => *slot = row,
        None => rows.push(row),
    }
}

/// Writes these records in one transaction, which a failure may leave open.
pub(super) fn write(connection: &Connection, epoch: Epoch, records: &[&Record]) -> rusqlite::Result<()> {
    let rows = Rows::of(records);
    let run = |sql| connection.prepare_cached(sql)?.execute([]);
    run("BEGIN IMMEDIATE")?;
    // First, so that nothing is written behind a later life.
    connection.prepare_cached("INSERT INTO fence (epoch) VALUES (?)")?.execute([epoch.0])?;
    insert_all(connection, insert::BODY, &rows.bodies, insert::body)?;
    insert_all(connection, insert::THREAD, &rows.threads, insert::thread)?;
    insert_all(connection, insert::TICK, &rows.ticks, insert::tick)?;
    insert_all(connection, insert::SENSE, &rows.senses, insert::sense)?;
    insert_all(connection, insert::COUNTER, &rows.counters, insert::counter)?;
    insert_all(connection, insert::JOURNAL, &rows.journal, insert::journal)?;
    run("COMMIT")?;
    Ok(())
}

fn insert_all<T>(
    connection: &Connection,
    sql: &str,
    rows: &[&T],
    insert: fn(&mut Statement<'_>, &T) -> rusqlite::Result<usize>,
) -> rusqlite::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(sql)?;
    rows.iter().try_for_each(|row| insert(&mut statement, row).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Turn;

    #[test]
    fn the_last_of_several_rows_stands_at_the_place_of_the_first() {
        let record = |counters: &[(&str, &str)]| {
            let counters = counters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Record::of(Turn { counters, ..Turn::default() }).expect("nothing to write out")
        };
        let (first, second) = (record(&[("a", "1"), ("b", "2")]), record(&[("c", "3"), ("a", "4")]));
        let rows = Rows::of(&[&first, &second]);
        let counters: Vec<_> = rows.counters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(counters, [("a", "4"), ("b", "2"), ("c", "3")]);
    }
}
