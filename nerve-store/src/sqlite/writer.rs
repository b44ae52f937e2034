//! The one connection that writes, and its thread, where turns that wait share a commit.
//!
//! Waking a thread and being woken by it takes longer than writing a few turns. So whoever has no more than that writes them where it is,
//! while the thread has nothing to do.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nerve_core::{Epoch, Timestamp};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::batch;
use super::connection::WritableFile;
use super::fault::Place;
use super::open::BUSY_TIMEOUT;
use crate::StoreError;
use crate::record::Record;

/// The most turns that share a commit.
const MAX_BATCH: usize = 1024;

/// The most turns that are written by whoever has them: beyond, its time is better spent on what follows.
const FEW: usize = 8;

/// A commit that takes longer is one of a disk in trouble; a checkpoint takes some ten milliseconds.
const LONG: Duration = Duration::from_millis(100);

/// What the writer is asked.
#[derive(Debug)]
pub(super) enum Command {
    /// Begin a daemon's life.
    Begin(Timestamp, oneshot::Sender<Result<Epoch, StoreError>>),
    /// Write these.
    Commit(Job),
    /// Finish and end.
    Close(oneshot::Sender<()>),
}

/// Turns of one caller and where the answers go.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) epoch: Epoch,
    pub(super) records: Vec<Record>,
    pub(super) reply: oneshot::Sender<Vec<Result<(), StoreError>>>,
}

/// The writer of a store, for its thread and for whoever writes a few turns in its place.
#[derive(Debug)]
pub(super) struct Shared {
    /// Absent once it is closed. The lock is held for one commit, never across an await.
    writer: Mutex<Option<Writer>>,
    /// Commands on their way to the thread or served by it now: what comes after them is written after them.
    ahead: AtomicUsize,
    /// The last commit took long: until one is quick again, all go through the thread, so that nobody's own thread is held up.
    slow: AtomicBool,
}

impl Shared {
    /// Writes these turns, when they are few, nothing is ahead of them and the last commit was quick. Another process that holds the file is
    /// not waited for here.
    pub(super) fn write_few(&self, epoch: Epoch, records: &[Record]) -> Option<Vec<Result<(), StoreError>>> {
        if records.len() > FEW || self.ahead.load(Ordering::Acquire) > 0 || self.slow.load(Ordering::Acquire) {
            return None;
        }
        let mut writer = self.writer.try_lock().ok()?;
        let begin = Instant::now();
        let answers = writer.as_mut()?.answers_at_once(epoch, &records.iter().collect::<Vec<_>>());
        self.took(begin.elapsed());
        answers
    }

    fn took(&self, time: Duration) {
        self.slow.store(time > LONG, Ordering::Release);
    }

    /// A command goes to the thread.
    pub(super) fn handed_over(&self) {
        self.ahead.fetch_add(1, Ordering::AcqRel);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Writer>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut inbox: mpsc::Receiver<Command>) {
        let mut waiting = VecDeque::new();
        let mut drained = Vec::new();
        while inbox.blocking_recv_many(&mut drained, MAX_BATCH) > 0 {
            let commands = drained.len();
            waiting.extend(drained.drain(..));
            let mut writer = self.lock();
            let Some(open) = writer.as_mut() else { return };
            let begin = Instant::now();
            let served = open.serve(&mut waiting);
            self.took(begin.elapsed());
            if let ControlFlow::Break(closed) = served {
                inbox.close();
                // Whoever waits for the answer may open the file at once.
                *writer = None;
                let _ = closed.send(());
                return;
            }
            drop(writer);
            self.ahead.fetch_sub(commands, Ordering::AcqRel);
        }
        // Nobody is left to ask.
        *self.lock() = None;
    }
}

#[derive(Debug)]
pub(super) struct Writer {
    file: WritableFile,
    /// Absent after a failure that left it in doubt; the next commit opens a new one.
    connection: Option<Connection>,
    place: Place,
}

impl Writer {
    /// Starts the thread; it ends when it is told to close or nobody is left to ask.
    pub(super) async fn start(file: WritableFile, place: Place, inbox: mpsc::Receiver<Command>) -> Result<Arc<Shared>, StoreError> {
        let (tell, opened) = oneshot::channel();
        let failed = place.clone();
        let body = move || match Self::open(file, place) {
            Ok(writer) => {
                let shared =
                    Arc::new(Shared { writer: Mutex::new(Some(writer)), ahead: AtomicUsize::new(0), slow: AtomicBool::new(false) });
                let _ = tell.send(Ok(Arc::clone(&shared)));
                shared.run(inbox);
            }
            Err(error) => {
                let _ = tell.send(Err(error));
            }
        };
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(body);
        thread.map_err(|error| failed.other("starting the thread that writes", error))?;
        opened.await.map_err(|_| StoreError::Closed)?
    }

    fn open(file: WritableFile, place: Place) -> Result<Self, StoreError> {
        let connection = file.open().map_err(|error| place.write_error("opening the store", &error))?;
        #[cfg(feature = "fill")]
        if !file.options.read_only {
            super::fill::bound(&connection).map_err(|error| place.write_error("bounding the store", &error))?;
        }
        Ok(Self { file, connection: Some(connection), place })
    }

    fn serve(&mut self, waiting: &mut VecDeque<Command>) -> ControlFlow<oneshot::Sender<()>> {
        while let Some(command) = waiting.pop_front() {
            match command {
                Command::Begin(now, reply) => {
                    let _ = reply.send(self.begin(now));
                }
                Command::Commit(job) => {
                    let mut jobs = vec![job];
                    let mut turns = jobs[0].records.len();
                    while turns < MAX_BATCH
                        && let Some(Command::Commit(next)) = waiting.front()
                        && next.epoch == jobs[0].epoch
                    {
                        turns += next.records.len();
                        if let Some(Command::Commit(next)) = waiting.pop_front() {
                            jobs.push(next);
                        }
                    }
                    self.commit(jobs);
                }
                Command::Close(reply) => return ControlFlow::Break(reply),
            }
        }
        ControlFlow::Continue(())
    }

    fn begin(&mut self, now: Timestamp) -> Result<Epoch, StoreError> {
        let connection = self.connected()?;
        // Not by RETURNING: of a statement with rows, rusqlite does not say whether its end, which is the commit, went well.
        let done = connection.execute("INSERT INTO epochs (began_at) VALUES (?)", [now.millis()]);
        let epoch = done.map(|_| Epoch(connection.last_insert_rowid()));
        epoch.map_err(|error| self.place.write_error("beginning a daemon's life", &error))
    }

    fn commit(&mut self, jobs: Vec<Job>) {
        let Some(epoch) = jobs.first().map(|job| job.epoch) else { return };
        let records: Vec<_> = jobs.iter().flat_map(|job| &job.records).collect();
        let mut answers = self.answers(epoch, &records).into_iter();
        for job in jobs {
            let _ = job.reply.send(answers.by_ref().take(job.records.len()).collect());
        }
    }

    /// [`answers`](Self::answers), unless another process holds the file just now.
    fn answers_at_once(&mut self, epoch: Epoch, records: &[&Record]) -> Option<Vec<Result<(), StoreError>>> {
        self.patience(Duration::ZERO);
        let answers = self.answers(epoch, records);
        self.patience(BUSY_TIMEOUT);
        // Then nothing was written: the file is asked for first.
        let held = matches!(answers.first(), Some(Err(StoreError::Busy { .. })));
        (!held).then_some(answers)
    }

    fn patience(&self, time: Duration) {
        if let Some(connection) = &self.connection {
            // It cannot fail: SQLite only keeps the number.
            let _ = connection.busy_timeout(time);
        }
    }

    /// Writes them in one commit.
    fn answers(&mut self, epoch: Epoch, records: &[&Record]) -> Vec<Result<(), StoreError>> {
        match self.write(epoch, records) {
            Err(error) if alone(&error) && records.len() > 1 => self.one_by_one(epoch, records),
            same => vec![same; records.len()],
        }
    }

    /// So that a bad turn fails alone. Once the store itself fails, the rest is not tried: what waits stays in order.
    fn one_by_one(&mut self, epoch: Epoch, records: &[&Record]) -> Vec<Result<(), StoreError>> {
        let mut answers = Vec::with_capacity(records.len());
        let mut stopped: Option<StoreError> = None;
        for record in records {
            let answer = match &stopped {
                Some(error) => Err(error.clone()),
                None => self.write(epoch, &[record]),
            };
            if let Err(error) = &answer
                && !alone(error)
            {
                stopped = Some(error.clone());
            }
            answers.push(answer);
        }
        answers
    }

    fn write(&mut self, epoch: Epoch, records: &[&Record]) -> Result<(), StoreError> {
        batch::write(self.connected()?, epoch, records).map_err(|error| {
            self.roll_back();
            self.place.write_error("writing to the store", &error)
        })
    }

    /// A failed statement leaves the transaction open, unless SQLite has ended it already.
    fn roll_back(&mut self) {
        self.connection =
            self.connection.take().filter(|connection| connection.is_autocommit() || connection.execute("ROLLBACK", []).is_ok());
    }

    fn connected(&mut self) -> Result<&Connection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.file.open().map_err(|error| self.place.write_error("reopening the store", &error))?,
        };
        Ok(self.connection.insert(connection))
    }
}

/// Whether an error may be one turn's own, so that the others can go on without it.
fn alone(error: &StoreError) -> bool {
    matches!(error, StoreError::Duplicate(_) | StoreError::Other { .. })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{SqliteOptions, SqliteStore};
    use super::*;
    use crate::{Store, Turn};

    fn open(path: &Path) -> Writer {
        let file = WritableFile { path: path.to_owned(), options: SqliteOptions::default() };
        Writer::open(file, Place::new(path)).expect("it opens")
    }

    fn counter(value: &str) -> Record {
        Record::of(Turn { counters: vec![("a".to_owned(), value.to_owned())], ..Turn::default() }).expect("nothing to write out")
    }

    #[tokio::test]
    async fn what_fails_in_the_commit_itself_is_undone_and_the_next_turn_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("nerve.db");
        let store = SqliteStore::open(&path).await.expect("it opens");
        let mut writer = open(&path);
        let epoch = writer.begin(Timestamp::from_millis(0)).expect("a life begins");
        let mut torn = counter("torn");
        torn.journal.push(crate::record::JournalRecord {
            source: crate::Source::System,
            kind: "note",
            thread: None,
            n: None,
            subject: None,
            at: Timestamp::from_millis(0),
            payload: "1".to_owned(),
            body_hash: Some([7; 32]),
            calls: None,
        });
        let answers = writer.one_by_one(epoch, &[&torn, &counter("whole")]);
        assert!(
            matches!(&answers[..], [Err(StoreError::Other { detail, .. }), Ok(())] if detail == "FOREIGN KEY constraint failed"),
            "{answers:?}"
        );
        assert_eq!(store.counters().await, Ok(vec![("a".to_owned(), "whole".to_owned())]));
        assert_eq!(store.health().await.map(|health| health.last_seq), Ok(0));
        store.close().await;
    }

    #[tokio::test]
    async fn a_connection_in_doubt_is_opened_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("nerve.db");
        SqliteStore::open(&path).await.expect("it opens").close().await;
        let mut writer = open(&path);
        let epoch = writer.begin(Timestamp::from_millis(0)).expect("a life begins");
        writer.connection = None;
        let aside = folder.path().join("aside.db");
        std::fs::rename(&path, &aside).expect("it moves");
        let gone = StoreError::Open { place: path.display().to_string(), detail: "unable to open database file".to_owned() };
        assert_eq!(writer.write(epoch, &[&counter("lost")]), Err(gone));
        std::fs::rename(&aside, &path).expect("it moves");
        assert_eq!(writer.write(epoch, &[&counter("kept")]), Ok(()));
    }
}
