//! What the machine allows: the limits beside which our own figures stand.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::failure::Result;

/// The bytes of the row that one bare commit writes: about what a step writes.
const ROW: usize = 250;

/// Durable one-row commits a second, of SQLite called directly: WAL, `synchronous=FULL`, nothing else.
pub(crate) fn sqlite_commits(folder: &Path, lasting: Duration) -> Result<f64> {
    let temp = tempfile::tempdir_in(folder)?;
    let connection = Connection::open(temp.path().join("bare.db"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT")?;
    let mut insert = connection.prepare("INSERT INTO rows (body) VALUES (?1)")?;
    let body = [7_u8; ROW];
    let (mut commits, start) = (0_u32, Instant::now());
    while start.elapsed() < lasting {
        insert.execute([&body[..]])?;
        commits += 1;
    }
    Ok(f64::from(commits) / start.elapsed().as_secs_f64())
}
