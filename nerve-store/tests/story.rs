//! The story that every backend passes: a daemon's life, its end, and the next one.

mod common;

use common::{Driven, all_good, at, id, json, launch};
use nerve_core::thread::{End, Entry, Input, Machine, Rules, StateName};
use nerve_core::{Cause, TickId};
use nerve_store::{
    Duplicated, JournalEntry, JournalFilter, SenseRow, SqliteStore, Store, StoreError, ThreadFilter, TickFilter, TickResult, TickRow, Turn,
};

/// A text that is too long to stand in its journal line.
fn long(word: &str) -> String {
    word.repeat(3000)
}

async fn threads_live_and_end<S: Store>(store: &S) {
    let epoch = store.begin_epoch(at(0)).await.expect("a life begins");
    let (mut first, accepted) = Driven::accept(launch(1, "plan", Some("monday")), at(1));
    let (mut second, queued) = Driven::accept(launch(2, "plan", None), at(2));
    all_good(store.commit(epoch, vec![accepted, queued]).await);

    all_good(store.commit(epoch, first.begin(&long("prompt "), at(3))).await);
    all_good(store.commit(epoch, second.begin(&long("prompt "), at(3))).await);
    let answers = vec![first.answer("openai/gpt", &long("answer "), at(4)), second.answer("scripted", "short", at(5))];
    all_good(store.commit(epoch, answers).await);
    all_good(store.commit(epoch, vec![second.happens(Input::Kill { by: "tester".to_owned(), interrupt: false }, at(6))]).await);
    all_good(store.commit(epoch, vec![second.happens(Input::Stopped { left: Vec::new() }, at(7))]).await);

    let open = store.open_threads().await.expect("readable");
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].0.id, open[0].0.state, open[0].1.len()), (id(1), StateName::Started, 4));
    let restored = Machine::restore(open[0].1.clone(), Rules::default()).expect("it begins with its acceptance");
    assert_eq!(restored.thread(), first.machine.thread());

    let killed = store.thread(id(2)).await.expect("readable").expect("it is there");
    assert_eq!((killed.row.state, killed.row.exit_code, killed.row.ended_at), (StateName::Killed, Some(137), Some(at(7))));
    assert_eq!(killed.row.reason.as_deref(), Some("killed by tester"));
    assert_eq!(killed.entries.first().map(|(when, _)| *when), Some(at(2)));
    assert_eq!(killed.entries.last(), Some(&(at(7), Entry::Ended(End::Killed { by: "tester".to_owned(), left: Vec::new() }))));
    assert_eq!(store.thread(id(99)).await, Ok(None));
}

async fn each_key_and_entry_occurs_once<S: Store>(store: &S) {
    let epoch = store.begin_epoch(at(10)).await.expect("a life begins");
    assert_eq!(store.thread_by_key("plan", "monday").await, Ok(Some(id(1))));
    assert_eq!(store.thread_by_key("other", "monday").await, Ok(None));

    let (_, same_key) = Driven::accept(launch(3, "plan", Some("monday")), at(11));
    let (_, good) = Driven::accept(launch(4, "plan", Some("tuesday")), at(11));
    let (_, other_workflow) = Driven::accept(launch(5, "other", Some("monday")), at(11));
    let again = Turn { entries: vec![JournalEntry::thread(id(1), 1, Entry::Queued, at(11))], ..Turn::default() };
    let answers = store.commit(epoch, vec![good, same_key, again, other_workflow]).await;
    let (key, entry) = (StoreError::Duplicate(Duplicated::Key), StoreError::Duplicate(Duplicated::Entry));
    assert_eq!(answers, [Ok(()), Err(key), Err(entry), Ok(())], "a bad turn fails alone");
    assert_eq!(store.thread(id(3)).await, Ok(None));
    let order: Vec<_> = store.open_threads().await.expect("readable").iter().map(|(row, _)| row.id).collect();
    assert_eq!(order, [id(1), id(4), id(5)], "in the order of acceptance");
}

async fn a_signal_starts_once<S: Store>(store: &S) {
    let epoch = store.begin_epoch(at(20)).await.expect("a life begins");
    let tick = TickId::new(at(20), [1; 10]);
    let sense = SenseRow {
        name: "cpu".to_owned(),
        state: Some(json(r#"{"high":3}"#)),
        last_tick: Some(tick),
        last_tick_at: Some(at(20)),
        last_signal_at: Some(at(20)),
        last_signal: Some(json("97")),
        ticks: 40,
        signals: 1,
        ..SenseRow::default()
    };
    let row = TickRow {
        id: tick,
        sense: "cpu".to_owned(),
        number: 40,
        at: at(20),
        result: TickResult::Signal,
        took_ms: 12,
        causes: vec![Cause::Interval, Cause::Signal { sense: "fan".to_owned(), payload: json("[1,2]") }],
        reason: None,
        signal: Some(json("97")),
        thread: Some(id(6)),
        state_before: None,
        state_after: Some(json(r#"{"high":3}"#)),
    };
    let turn = |n: u8| {
        let (_, mut turn) = Driven::accept(launch(n, "react", None), at(20));
        let entry = JournalEntry::Sense { sense: "cpu".to_owned(), kind: "signal", payload: json("97"), at: at(20) };
        turn.entries.insert(0, entry);
        turn.sense = Some(Box::new(sense.clone()));
        turn.tick = Some(Box::new(row.clone()));
        turn
    };
    all_good(store.commit(epoch, vec![turn(6)]).await);
    assert_eq!(store.commit(epoch, vec![turn(7)]).await, [Err(StoreError::Duplicate(Duplicated::Tick))]);
    assert_eq!(store.thread(id(7)).await, Ok(None), "a refused turn changes nothing");

    let silent = Turn { sense: Some(Box::new(SenseRow { ticks: 41, ..sense.clone() })), ..Turn::default() };
    all_good(store.commit(epoch, vec![silent]).await);
    assert_eq!(store.senses().await, Ok(vec![SenseRow { ticks: 41, ..sense }]));
    let ticks = TickFilter { sense: "cpu".to_owned(), signals_only: true, before: None, limit: 10 };
    let page = store.ticks(ticks).await.expect("readable");
    assert_eq!((page.items, page.total, page.next), (vec![row], 1, None));
}

async fn lists_have_pages_and_ids_have_prefixes<S: Store>(store: &S) {
    let newest = store.list_threads(ThreadFilter { limit: 2, ..ThreadFilter::default() }).await.expect("readable");
    assert_eq!(newest.items.iter().map(|row| row.id).collect::<Vec<_>>(), [id(6), id(5)]);
    assert_eq!(newest.total, 5);
    let rest = store.list_threads(ThreadFilter { before_seq: newest.next, limit: 3, ..ThreadFilter::default() }).await.expect("readable");
    assert_eq!(rest.items.iter().map(|row| row.id).collect::<Vec<_>>(), [id(4), id(2), id(1)]);
    assert_eq!((rest.total, rest.next), (5, None));
    let plans = ThreadFilter { state: Some(StateName::Killed), workflow: Some("plan".to_owned()), ..ThreadFilter::default() };
    let plans = store.list_threads(plans).await.expect("readable");
    assert_eq!((plans.items.len(), plans.total), (1, 1));

    let text = id(4).to_string();
    assert_eq!(store.find_threads(&text[..8], 5).await, Ok(vec![id(4)]));
    assert_eq!(store.find_threads(&text[3..].to_uppercase(), 5).await, Ok(vec![id(4)]));
    assert_eq!(store.find_threads("", 2).await.map(|ids| ids.len()), Ok(2));
    assert_eq!(store.find_threads("th_!", 2).await, Ok(Vec::new()));
}

async fn the_journal_tells_it_all<S: Store>(store: &S) {
    let epoch = store.begin_epoch(at(30)).await.expect("a life begins");
    let system = JournalEntry::System { kind: "config_reload", subject: None, payload: json(r#"{"ok":true}"#), at: at(30) };
    let counters = vec![("failures".to_owned(), "2".to_owned())];
    all_good(store.commit(epoch, vec![Turn { entries: vec![system], counters, ..Turn::default() }]).await);
    let counters = vec![("failures".to_owned(), "3".to_owned()), ("brake".to_owned(), "off".to_owned())];
    all_good(store.commit(epoch, vec![Turn { counters, ..Turn::default() }]).await);
    let expected = vec![("brake".to_owned(), "off".to_owned()), ("failures".to_owned(), "3".to_owned())];
    assert_eq!(store.counters().await, Ok(expected));

    let all = store.journal(0, JournalFilter { limit: 100, ..JournalFilter::default() }).await.expect("readable");
    assert!(all.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert_eq!(
        all.last().map(|line| (line.source.name(), line.kind.as_str(), line.payload.get())),
        Some(("system", "config_reload", r#"{"ok":true}"#))
    );
    let later = store.journal(all[2].seq, JournalFilter { limit: 1, ..JournalFilter::default() }).await.expect("readable");
    assert_eq!(later, [all[3].clone()]);
    let thread = JournalFilter { thread: Some(id(1)), limit: 100, ..JournalFilter::default() };
    let thread = store.journal(0, thread).await.expect("readable");
    assert_eq!(thread.iter().map(|line| line.kind.as_str()).collect::<Vec<_>>(), ["accepted", "started", "step_intent", "step_text"]);
    assert_eq!(thread.iter().map(|line| line.n).collect::<Vec<_>>(), [Some(1), Some(2), Some(3), Some(4)]);
    assert!(thread[3].payload.get().contains(&long("answer ")), "a long text is put back");
    assert_eq!(thread[0].subject, Some(id(1).to_string()));
    let sense = JournalFilter { sense: Some("cpu".to_owned()), limit: 100, ..JournalFilter::default() };
    assert_eq!(store.journal(0, sense).await.map(|lines| lines.len()), Ok(1));

    assert_eq!(store.calls_since(at(0)).await, Ok(vec![at(4)]), "a scripted answer is no call");
    assert_eq!(store.calls_since(at(5)).await, Ok(Vec::new()));
}

async fn a_later_life_fences_off_an_earlier_one<S: Store>(earlier: &S, later: &S) {
    let old = earlier.begin_epoch(at(40)).await.expect("a life begins");
    let new = later.begin_epoch(at(41)).await.expect("a life begins");
    assert!(new > old);
    let turn = || Turn { counters: vec![("who".to_owned(), "old".to_owned())], ..Turn::default() };
    let answers = earlier.commit(old, vec![turn(), turn()]).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Fenced { .. }))) && answers.len() == 2, "{answers:?}");
    let line =
        || Turn { entries: vec![JournalEntry::System { kind: "note", subject: None, payload: json("1"), at: at(41) }], ..Turn::default() };
    let last = earlier.health().await.map(|health| health.last_seq);
    let answers = earlier.commit(old, vec![line(), line(), line()]).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Fenced { .. }))) && answers.len() == 3, "{answers:?}");
    assert_eq!(earlier.health().await.map(|health| health.last_seq), last, "nothing of it is written");
    all_good(later.commit(new, vec![Turn { counters: vec![("who".to_owned(), "new".to_owned())], ..Turn::default() }]).await);
    assert!(earlier.counters().await.expect("readable").contains(&("who".to_owned(), "new".to_owned())));
    assert_eq!(later.health().await.map(|health| health.epoch), Ok(Some(new)));
}

/// From callers that do not wait for each other.
async fn many_share_a_commit<S: Store>(store: &S) {
    let epoch = store.begin_epoch(at(50)).await.expect("a life begins");
    let accept = |n: u8| Driven::accept(launch(n, "bulk", None), at(50)).1;
    let batches = [(100..170).map(accept).collect::<Vec<_>>(), (170..171).map(accept).collect(), (171..200).map(accept).collect()];
    let [first, second, third] = batches.map(|batch| store.commit(epoch, batch));
    let (first, second, third) = tokio::join!(first, second, third);
    assert_eq!((first.len(), second.len(), third.len()), (70, 1, 29));
    [first, second, third].into_iter().for_each(all_good);
    let bulk = ThreadFilter { workflow: Some("bulk".to_owned()), limit: 500, ..ThreadFilter::default() };
    let mut ids: Vec<_> = store.list_threads(bulk).await.expect("readable").items.iter().map(|row| row.id).collect();
    ids.reverse();
    assert_eq!(ids, (100..200).map(id).collect::<Vec<_>>(), "in the order of acceptance");
    assert_eq!(store.commit(epoch, Vec::new()).await, []);
}

async fn a_closed_store_refuses<S: Store>(store: &S) {
    store.close().await;
    assert_eq!(store.begin_epoch(at(60)).await, Err(StoreError::Closed));
    assert_eq!(store.counters().await, Err(StoreError::Closed));
    store.close().await;
}

async fn story<S: Store>(open: impl AsyncFn() -> S) {
    let store = open().await;
    threads_live_and_end(&store).await;
    each_key_and_entry_occurs_once(&store).await;
    a_signal_starts_once(&store).await;
    store.close().await;
    let store = open().await;
    lists_have_pages_and_ids_have_prefixes(&store).await;
    the_journal_tells_it_all(&store).await;
    many_share_a_commit(&store).await;
    let later = open().await;
    a_later_life_fences_off_an_earlier_one(&store, &later).await;
    assert_eq!(later.integrity_check().await, Ok(Vec::new()));
    a_closed_store_refuses(&store).await;
    later.close().await;
}

#[tokio::test]
async fn sqlite_passes_the_story() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nerve.db");
    story(async || SqliteStore::open(&file).await.expect("it opens")).await;
}
