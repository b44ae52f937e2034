//! The file's format, step by step. A step that was released is never edited; a change is a new step.

use std::borrow::Cow;
use std::cmp::Ordering;

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{SqlSafeStr, SqliteConnection};

use super::fault::Place;
use crate::StoreError;

/// Number, name and text of each step; a test compares them with the folder.
pub(super) const STEPS: &[(i64, &str, &str)] = &[
    (1, "journal", include_str!("../../migrations/sqlite/0001_journal.sql")),
    (2, "lean_turns", include_str!("../../migrations/sqlite/0002_lean_turns.sql")),
];

/// The newest format that this version knows.
pub(super) fn ours() -> i64 {
    STEPS.iter().map(|(number, ..)| *number).max().unwrap_or(0)
}

/// Makes sure that a file which may only be read has a format that can be.
pub(super) async fn check(connection: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    let found = version(connection, place).await?;
    match found.cmp(&ours()) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(StoreError::Newer { place: place.name(), found, ours: ours() }),
        Ordering::Less => {
            Err(place.other("reading the store", format!("its format is {found}, this version needs {}; start the daemon once", ours())))
        }
    }
}

/// Brings a file up to date; a newer one is refused before anything is changed.
pub(super) async fn run(connection: &mut SqliteConnection, place: &Place) -> Result<(), StoreError> {
    let found = version(connection, place).await?;
    if found > ours() {
        return Err(StoreError::Newer { place: place.name(), found, ours: ours() });
    }
    if found == ours() {
        return Ok(());
    }
    let steps = STEPS
        .iter()
        .map(|(number, name, sql)| Migration::new(*number, Cow::Borrowed(*name), MigrationType::Simple, (*sql).into_sql_str(), false));
    Migrator::with_migrations(steps.collect()).run_direct(None, connection, false).await.map_err(|error| match &error {
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => place.error("setting up the store", cause),
        _ => place.other("setting up the store", error),
    })
}

/// The file's format; 0 for an empty file.
pub(super) async fn version(connection: &mut SqliteConnection, place: &Place) -> Result<i64, StoreError> {
    let read = |error| place.error("reading the format of the store", &error);
    let table = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
    let known: i64 = sqlx::query_scalar(table).fetch_one(&mut *connection).await.map_err(read)?;
    if known == 0 {
        return Ok(0);
    }
    if let Some(number) = connection.dirty_version("_sqlx_migrations").await.map_err(|error| place.other("reading the format", error))? {
        return Err(place.corrupt(format!("its format step {number} was left half done")));
    }
    let highest = "SELECT coalesce(max(version), 0) FROM _sqlx_migrations";
    sqlx::query_scalar(highest).fetch_one(connection).await.map_err(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_file_of_the_folder_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .map(|file| file.expect("a file").file_name().into_string().expect("a plain name"))
            .collect();
        files.sort();
        let listed: Vec<_> = STEPS.iter().map(|(number, name, _)| format!("{number:04}_{name}.sql")).collect();
        assert_eq!(files, listed);
        assert!(STEPS.iter().zip(1i64..).all(|((number, ..), at)| *number == at), "numbers have no gaps");
    }
}
