//! What only a file can suffer.

mod common;

use std::path::Path;

use common::{Driven, all_good, at, id, launch};
use nerve_store::{SqliteOptions, SqliteStore, Store, StoreError, Turn};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};

async fn raw(file: &Path) -> SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.expect("the file opens")
}

async fn run(file: &Path, sql: &str) {
    let mut connection = raw(file).await;
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect("it runs");
    connection.close().await.expect("it closes");
}

fn note(value: &str) -> Turn {
    Turn { counters: vec![("note".to_owned(), value.to_owned())], ..Turn::default() }
}

#[tokio::test]
async fn a_long_text_is_stored_once_and_never_given_back_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nerve.db");
    let store = SqliteStore::open(&file).await.expect("it opens");
    let epoch = store.begin_epoch(at(0)).await.expect("a life begins");
    let long = "same text ".repeat(1000);
    for n in [1, 2] {
        let (mut thread, accepted) = Driven::accept(launch(n, "plan", None), at(1));
        let mut turns = vec![accepted];
        turns.extend(thread.begin(&long, at(2)));
        all_good(store.commit(epoch, turns).await);
    }
    let mut connection = raw(&file).await;
    let bodies: i64 = sqlx::query_scalar("SELECT count(*) FROM bodies").fetch_one(&mut connection).await.expect("readable");
    assert_eq!(bodies, 1);
    connection.close().await.expect("it closes");

    run(&file, "UPDATE bodies SET text = replace(text, 'same', 'other')").await;
    let hash = match store.thread(id(1)).await {
        Err(StoreError::CorruptBody { hash, .. }) => hash,
        other => panic!("not noticed: {other:?}"),
    };
    assert_eq!(hash.len(), 64);
    assert!(matches!(store.open_threads().await, Err(StoreError::CorruptBody { .. })));
    assert_eq!(store.integrity_check().await, Ok(vec![format!("the text {hash} is damaged")]));
    store.close().await;
}

#[tokio::test]
async fn a_newer_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nerve.db");
    SqliteStore::open(&file).await.expect("it opens").close().await;
    run(&file, "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (900, 'x', 1, x'00', 0)")
        .await;
    for read_only in [false, true] {
        let options = SqliteOptions { read_only, ..SqliteOptions::default() };
        let error = SqliteStore::open_with(&file, options).await.expect_err("it is newer");
        assert!(matches!(error, StoreError::Newer { found: 900, ours: 2, .. }), "{error}");
        assert!(error.to_string().ends_with("use the newer nerve"));
    }
}

#[tokio::test]
async fn a_file_of_the_first_format_is_brought_up_to_date() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nerve.db");
    let store = SqliteStore::open(&file).await.expect("it opens");
    let epoch = store.begin_epoch(at(0)).await.expect("a life begins");
    let (mut thread, accepted) = Driven::accept(launch(1, "plan", None), at(1));
    all_good(store.commit(epoch, vec![accepted]).await);
    all_good(store.commit(epoch, thread.begin("prompt", at(2))).await);
    let before = store.thread(id(1)).await.expect("readable");
    store.close().await;
    run(
        &file,
        "ALTER TABLE threads ADD COLUMN last_n INTEGER NOT NULL DEFAULT 3; DELETE FROM _sqlx_migrations WHERE version > 1; \
         UPDATE journal SET payload = replace(payload, 'do thing 1', ''), body = 'do thing 1' WHERE n = 1",
    )
    .await;
    let store = SqliteStore::open(&file).await.expect("it opens");
    assert_eq!(store.thread(id(1)).await, Ok(before));
    assert_eq!(store.health().await.map(|health| health.version), Ok(2));
    store.close().await;
}

#[tokio::test]
async fn a_full_disk_fails_every_turn_and_room_heals_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nerve.db");
    let options = SqliteOptions { max_pages: Some(60), ..SqliteOptions::default() };
    let store = SqliteStore::open_with(&file, options).await.expect("it opens");
    let epoch = store.begin_epoch(at(0)).await.expect("a life begins");
    all_good(store.commit(epoch, vec![note("last")]).await);
    let large = Turn { counters: vec![("large".to_owned(), "large".repeat(100_000))], ..Turn::default() };
    let answers = store.commit(epoch, vec![note("before"), large, note("after")]).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(error @ StoreError::Full { .. }) if error.is_outage())), "{answers:?}");
    assert_eq!(store.counters().await, Ok(vec![("note".to_owned(), "last".to_owned())]), "nothing of it is left");
    all_good(store.commit(epoch, vec![note("fits")]).await);
    store.close().await;
    let store = SqliteStore::open(&file).await.expect("it opens");
    let epoch = store.begin_epoch(at(1)).await.expect("a life begins");
    all_good(store.commit(epoch, vec![note(&"large".repeat(100_000))]).await);
    store.close().await;
}

#[tokio::test]
async fn what_may_only_be_read_is_read_and_refuses_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nerve.db");
    let store = SqliteStore::open(&file).await.expect("it opens");
    let epoch = store.begin_epoch(at(0)).await.expect("a life begins");
    all_good(store.commit(epoch, vec![note("kept")]).await);
    let reader = SqliteStore::open_with(&file, SqliteOptions { read_only: true, ..SqliteOptions::default() }).await.expect("it opens");
    assert_eq!(reader.counters().await, Ok(vec![("note".to_owned(), "kept".to_owned())]));
    assert!(matches!(reader.begin_epoch(at(1)).await, Err(StoreError::ReadOnly { .. })));
    let answers = reader.commit(epoch, vec![note("a"), note("b")]).await;
    assert!(matches!(answers[..], [Err(StoreError::ReadOnly { .. }), Err(StoreError::ReadOnly { .. })]), "{answers:?}");
    reader.close().await;
    store.close().await;
}

#[tokio::test]
async fn what_cannot_be_opened_is_said_plainly() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("no such folder/nerve.db");
    let error = SqliteStore::open(&missing).await.expect_err("there is no folder");
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    assert!(error.to_string().contains("check that its folder exists and is writable"));

    let text = folder.path().join("text.db");
    std::fs::write(&text, "this is a letter and no database. ".repeat(100)).expect("written");
    let error = SqliteStore::open(&text).await.expect_err("it is no database");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_commit_goes_on_when_its_caller_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nerve.db");
    let store = SqliteStore::open(&file).await.expect("it opens");
    let epoch = store.begin_epoch(at(0)).await.expect("a life begins");
    tokio::select! {
        biased;
        // The writer may have been quicker; mostly it has hardly begun.
        _ = store.commit(epoch, vec![note("abandoned")]) => {}
        () = std::future::ready(()) => {}
    }
    store.close().await;
    let store = SqliteStore::open(&file).await.expect("it opens");
    assert_eq!(store.counters().await, Ok(vec![("note".to_owned(), "abandoned".to_owned())]));
    store.close().await;
}
