//! What the machine allows: the limits beside which our own figures stand.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::failure::{Failure, Result, run};

/// The bytes of the row that one bare commit writes: about what a step writes.
const ROW: usize = 250;

/// The bytes with which the socket's round trip is counted.
const SMALL: usize = 100;

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

/// Appends of one row with `fdatasync` after each, a second: what the disk allows to anybody.
pub(crate) fn fdatasync(folder: &Path, lasting: Duration) -> Result<f64> {
    let temp = tempfile::tempdir_in(folder)?;
    let path = temp.path().join("bare");
    let mut file = File::create(&path).map_err(Failure::io("make", &path))?;
    // As a log that is reused: the file has its length before, so that a sync writes no new length.
    file.write_all(&vec![0; 4 * 1024 * 1024])?;
    file.sync_all()?;
    file.rewind()?;
    let body = [7_u8; ROW];
    let (mut syncs, start) = (0_u32, Instant::now());
    while start.elapsed() < lasting {
        if file.stream_position()? > 4_000_000 {
            file.rewind()?;
        }
        file.write_all(&body)?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(f64::from(syncs) / start.elapsed().as_secs_f64())
}

/// Round trips of 100 bytes between two OS threads over a socketpair, in microseconds each; both sides block.
pub(crate) fn socketpair(trips: usize) -> Result<Vec<f64>> {
    let (mut ours, mut theirs) = UnixStream::pair()?;
    std::thread::scope(move |scope| {
        // It ends when our side is closed.
        scope.spawn(move || {
            let mut bytes = [0; SMALL];
            while theirs.read_exact(&mut bytes).is_ok() && theirs.write_all(&bytes).is_ok() {}
        });
        let (mut bytes, mut took) = ([7; SMALL], Vec::with_capacity(trips));
        for _ in 0..trips {
            let start = Instant::now();
            ours.write_all(&bytes)?;
            ours.read_exact(&mut bytes)?;
            took.push(start.elapsed().as_secs_f64() * 1e6);
        }
        ours.shutdown(Shutdown::Both)?;
        Ok(took)
    })
}

/// From the start of the system's `true` to its end, in milliseconds each.
pub(crate) fn spawn_minimal(times: usize) -> Result<Vec<f64>> {
    (0..times)
        .map(|_| {
            let start = Instant::now();
            run(&mut Command::new("true"))?;
            Ok(start.elapsed().as_secs_f64() * 1e3)
        })
        .collect()
}
