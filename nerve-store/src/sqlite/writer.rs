//! The one task that writes: it owns its connection, and turns that wait share a commit.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use nerve_core::{Epoch, Timestamp};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::batch::{self, Texts};
use super::fault::Place;
use crate::StoreError;
use crate::record::Record;

/// The most turns that share a commit.
const MAX_BATCH: usize = 1024;

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

#[derive(Debug)]
pub(super) struct Writer {
    options: SqliteConnectOptions,
    /// Absent after a failure that left it in doubt; the next commit opens a new one.
    connection: Option<SqliteConnection>,
    texts: Texts,
    place: Place,
}

impl Writer {
    pub(super) fn new(options: SqliteConnectOptions, connection: SqliteConnection, place: Place) -> Self {
        Self { options, connection: Some(connection), texts: Texts::default(), place }
    }

    /// Serves until it is told to close or nobody is left to ask.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut waiting = VecDeque::new();
        let mut drained = Vec::new();
        loop {
            if inbox.recv_many(&mut drained, MAX_BATCH).await == 0 {
                break;
            }
            waiting.extend(drained.drain(..));
            if let ControlFlow::Break(closed) = self.serve(&mut waiting).await {
                inbox.close();
                self.shut().await;
                // Whoever waits for the answer may open the file at once.
                let _ = closed.send(());
                return;
            }
        }
        self.shut().await;
    }

    async fn serve(&mut self, waiting: &mut VecDeque<Command>) -> ControlFlow<oneshot::Sender<()>> {
        while let Some(command) = waiting.pop_front() {
            match command {
                Command::Begin(now, reply) => {
                    let _ = reply.send(self.begin(now).await);
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
                    self.commit(jobs).await;
                }
                Command::Close(reply) => return ControlFlow::Break(reply),
            }
        }
        ControlFlow::Continue(())
    }

    async fn begin(&mut self, now: Timestamp) -> Result<Epoch, StoreError> {
        let place = self.place.clone();
        let connection = self.connected().await?;
        let sql = "INSERT INTO epochs (began_at) VALUES (?) RETURNING epoch";
        let epoch = sqlx::query_scalar(sql).bind(now.millis()).fetch_one(connection).await;
        epoch.map(Epoch).map_err(|error| place.error("beginning a daemon's life", &error))
    }

    async fn commit(&mut self, jobs: Vec<Job>) {
        let Some(epoch) = jobs.first().map(|job| job.epoch) else { return };
        let records: Vec<_> = jobs.iter().flat_map(|job| &job.records).collect();
        let mut answers = match self.write(epoch, &records).await {
            Err(error) if alone(&error) && records.len() > 1 => self.one_by_one(epoch, &records).await,
            same => vec![same; records.len()],
        }
        .into_iter();
        for job in jobs {
            let _ = job.reply.send(answers.by_ref().take(job.records.len()).collect());
        }
    }

    /// So that a bad turn fails alone. Once the store itself fails, the rest is not tried: what waits stays in order.
    async fn one_by_one(&mut self, epoch: Epoch, records: &[&Record]) -> Vec<Result<(), StoreError>> {
        let mut answers = Vec::with_capacity(records.len());
        let mut stopped: Option<StoreError> = None;
        for record in records {
            let answer = match &stopped {
                Some(error) => Err(error.clone()),
                None => self.write(epoch, &[record]).await,
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

    async fn write(&mut self, epoch: Epoch, records: &[&Record]) -> Result<(), StoreError> {
        let place = self.place.clone();
        let failed = |error| place.error("writing to the store", &error);
        let pieces = batch::pieces(&mut self.texts, epoch, records).map_err(failed)?;
        let connection = self.connected().await?;
        for piece in pieces {
            let done = sqlx::query_with(AssertSqlSafe(piece.sql), piece.arguments).execute(&mut *connection).await;
            match done {
                Ok(done) if piece.writes_or_is_fenced && done.rows_affected() == 0 => {
                    return Err(StoreError::Fenced { place: place.name() });
                }
                Ok(_) => {}
                Err(error) => {
                    self.roll_back().await;
                    return Err(failed(error));
                }
            }
        }
        Ok(())
    }

    /// A failed statement leaves the transaction open, unless SQLite has ended it already.
    async fn roll_back(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let sound = match sqlx::query("ROLLBACK").execute(&mut connection).await {
            Ok(_) => true,
            Err(error) => error.as_database_error().is_some_and(|error| error.message().contains("no transaction is active")),
        };
        if sound {
            self.connection = Some(connection);
        }
    }

    async fn connected(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.options.connect().await.map_err(|error| self.place.error("reopening the store", &error))?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn shut(self) {
        if let Some(connection) = self.connection {
            // What was committed is durable whether or not the file closes well.
            let _ = connection.close().await;
        }
    }
}

/// Whether an error may be one turn's own, so that the others can go on without it.
fn alone(error: &StoreError) -> bool {
    matches!(error, StoreError::Duplicate(_) | StoreError::Other { .. })
}
