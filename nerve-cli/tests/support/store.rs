//! The store's file, touched from outside as another program could.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::TestWorkspace;

/// A second connection to the store.
pub(crate) struct Outside {
    runtime: tokio::runtime::Runtime,
    connection: SqliteConnection,
}

impl Outside {
    pub(crate) fn open(workspace: &TestWorkspace) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let file = workspace.root().join(".nerve/nerve.db");
        let options = SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(20));
        let connection = runtime.block_on(options.connect()).expect("a connection");
        Self { runtime, connection }
    }

    /// Runs a statement.
    pub(crate) fn run(&mut self, sql: &str) {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.connection);
        self.runtime.block_on(query).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The first column of what a query finds.
    pub(crate) fn texts(&mut self, sql: &str) -> Vec<String> {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.connection);
        let rows = self.runtime.block_on(rows).unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Nobody else can write before [`let_go`](Self::let_go).
    pub(crate) fn hold_the_write_lock(&mut self) {
        self.run("BEGIN IMMEDIATE");
    }

    pub(crate) fn let_go(&mut self) {
        self.run("ROLLBACK");
    }

    pub(crate) fn close(self) {
        self.runtime.block_on(self.connection.close()).expect("it closes");
    }
}
