//! What must be true of a workspace after anything: checked from the store, the calls file, and what callers were told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use nerve_core::thread::{Acting, AskState, End, Entry, Launch, MAX_LOST, Origin, Phase, StateName, Thread};
use nerve_store::{JournalFilter, SqliteOptions, SqliteStore, Store, StoredThread, ThreadFilter, ThreadRow};

use super::TestWorkspace;
use super::journal::Call;

/// What was promised to callers, and what was there to be seen.
#[derive(Debug, Default)]
pub(crate) struct Promised {
    /// The ids that were printed for each key.
    pub(crate) keys: BTreeMap<String, BTreeSet<String>>,
    /// The files that were put into `inbox/` and left there until a thread had them.
    pub(crate) files: BTreeSet<String>,
}

/// What the store and the calls file say.
pub(crate) struct Seen {
    /// In the order of acceptance.
    pub(crate) threads: Vec<StoredThread>,
    pub(crate) calls: Vec<Call>,
    /// Threads in the order in which they first started.
    starts: Vec<String>,
}

impl Seen {
    /// Reads all of it; the store's own check is part of that.
    pub(crate) fn of(workspace: &TestWorkspace) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (threads, starts) = runtime.block_on(read(&workspace.root().join(".nerve/nerve.db")));
        Self { threads, calls: workspace.calls(), starts }
    }

    /// How often each end was reached.
    pub(crate) fn ends(&self) -> BTreeMap<&'static str, usize> {
        let mut ends = BTreeMap::new();
        self.threads.iter().for_each(|thread| *ends.entry(thread.row.state.name()).or_insert(0) += 1);
        ends
    }

    /// Everything that holds whatever was killed. `one_at_a_time`: all the time no more than one thread could run.
    pub(crate) fn hold(&self, promised: &Promised, one_at_a_time: bool) {
        for thread in &self.threads {
            one_end_and_last(thread);
            legal_order(thread);
            row_is_the_fold(thread);
            ended_for_a_reason(thread);
        }
        self.every_key_is_one_thread(promised);
        self.every_file_is_one_thread(promised);
        self.no_answer_is_paid_twice();
        if one_at_a_time {
            self.starts_follow_acceptance();
        }
    }

    fn every_key_is_one_thread(&self, promised: &Promised) {
        let mut by_key = BTreeMap::new();
        for launch in self.threads.iter().map(launch) {
            if let Some(key) = launch.key.as_deref() {
                let other = by_key.insert(key, launch.thread.to_string());
                assert_eq!(other, None, "{key} has two threads, one of them {}", launch.thread);
            }
        }
        for (key, ids) in &promised.keys {
            let kept = by_key.get(key.as_str());
            assert!(ids.len() == 1 && kept == ids.first(), "{ids:?} was printed for {key}, and its thread is {kept:?}");
        }
        let strangers: Vec<_> = by_key.keys().filter(|key| !promised.keys.contains_key(**key)).collect();
        assert!(strangers.is_empty(), "threads with keys that nobody used: {strangers:?}");
    }

    fn every_file_is_one_thread(&self, promised: &Promised) {
        let mut started = BTreeMap::new();
        for launch in self.threads.iter().map(launch) {
            if let Origin::Sense { signal, .. } = &launch.origin {
                *started.entry(signal.clone()).or_insert(0) += 1;
            }
        }
        for file in &promised.files {
            let name = format!("\"inbox/{file}\"");
            let threads: usize = started.iter().filter(|(signal, _)| signal.contains(&name)).map(|(_, threads)| threads).sum();
            assert_eq!(threads, 1, "{file} started {threads} threads");
        }
        let threads: usize = started.values().sum();
        assert_eq!(threads, promised.files.len(), "a sense started threads for what was not there: {started:#?}");
    }

    /// Every call belongs to an attempt that began before its step had an answer, and to each attempt belongs one call at most.
    fn no_answer_is_paid_twice(&self) {
        let mut left = self.calls.clone();
        for thread in &self.threads {
            let id = thread.row.id.to_string();
            let mut allowed = allowed_calls(thread);
            left.retain(|call| {
                if call.thread != id {
                    return true;
                }
                let Some(place) = allowed.iter().position(|(role, attempt)| *role == call.role && *attempt == call.attempt) else {
                    panic!("{call:?} was made without need:\n{}", told(thread));
                };
                allowed.swap_remove(place);
                false
            });
        }
        assert!(left.is_empty(), "calls for threads that are not in the journal: {left:?}");
    }

    fn starts_follow_acceptance(&self) {
        let accepted: Vec<String> = self.threads.iter().map(|thread| thread.row.id.to_string()).collect();
        let accepted: Vec<&String> = accepted.iter().filter(|id| self.starts.contains(id)).collect();
        assert_eq!(self.starts.iter().collect::<Vec<_>>(), accepted, "threads did not start in the order of their acceptance");
    }
}

async fn read(file: &Path) -> (Vec<StoredThread>, Vec<String>) {
    let options = SqliteOptions { read_only: true, ..SqliteOptions::default() };
    let store = SqliteStore::open_with(file, options).await.expect("the store opens");
    assert_eq!(store.integrity_check().await.expect("a check"), Vec::<String>::new());
    let mut threads = Vec::new();
    let mut before = None;
    loop {
        let filter = ThreadFilter { before_seq: before, limit: 500, ..ThreadFilter::default() };
        let page = store.list_threads(filter).await.expect("a list");
        for row in page.items {
            threads.push(store.thread(row.id).await.expect("a thread").expect("it is there"));
        }
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    threads.sort_by_key(|thread| thread.row.seq);
    let mut starts = Vec::new();
    let mut after = 0;
    loop {
        let lines = store.journal(after, JournalFilter { limit: 5000, ..JournalFilter::default() }).await.expect("a journal");
        let Some(last) = lines.last() else { break };
        after = last.seq;
        let started = lines.iter().filter(|line| line.kind == "started").filter_map(|line| line.subject.clone());
        for id in started {
            if !starts.contains(&id) {
                starts.push(id);
            }
        }
    }
    store.close().await;
    (threads, starts)
}

fn launch(thread: &StoredThread) -> &Launch {
    match thread.entries.first() {
        Some((_, Entry::Accepted(launch))) => launch,
        other => panic!("{} begins with {other:?}", thread.row.id),
    }
}

/// The entries as a message shows them.
fn told(thread: &StoredThread) -> String {
    let lines = thread.entries.iter().map(|(at, entry)| format!("{} {} {entry:?}", at.millis(), entry.kind()));
    lines.collect::<Vec<_>>().join("\n")
}

fn one_end_and_last(thread: &StoredThread) {
    let ends = thread.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Ended(_))).count();
    let last = matches!(thread.entries.last(), Some((_, Entry::Ended(_))));
    assert!(ends == 1 && last, "{} has {ends} ends:\n{}", thread.row.id, told(thread));
}

/// Folds the entries, each of which the state before it must allow.
fn legal_order(thread: &StoredThread) {
    let mut state = Thread::accepted(launch(thread).clone());
    for (_, entry) in &thread.entries[1..] {
        assert!(allows(&state, entry), "{} was written to {} {:?}:\n{}", entry.kind(), thread.row.id, state.phase, told(thread));
        state.apply(entry);
    }
}

fn allows(state: &Thread, entry: &Entry) -> bool {
    match (&state.phase, entry) {
        (Phase::Ended(_), _) | (_, Entry::Accepted(_)) => false,
        (_, Entry::Ended(End::Killed { .. })) => state.kill.is_some(),
        (_, Entry::Ended(End::Interrupted)) => state.kill.as_ref().is_some_and(|kill| kill.interrupt),
        (_, Entry::Ended(End::Dropped { .. })) => state.build.is_none(),
        (_, Entry::Ended(_)) => true,
        (_, Entry::KillRequested { .. }) => state.kill.is_none(),
        (Phase::Queued, Entry::Queued) => state.entries == 1,
        (Phase::Queued, Entry::Started { .. }) => true,
        // It has its slot again after it was parked.
        (_, Entry::Started { build }) => state.build.as_ref() == Some(build),
        (Phase::Deciding { .. }, Entry::Intent(intent)) => intent.step as usize == state.steps.len() + 1,
        (Phase::Deciding { .. }, Entry::DecisionLost { .. } | Entry::Waiting { .. }) => true,
        (Phase::Waiting { .. }, Entry::Resumed | Entry::BuildChanged { .. }) => true,
        (Phase::Acting(acting), entry) => allows_of_step(acting, entry),
        // What came for a step while it was parked.
        (Phase::Waiting { then, .. }, entry) => matches!(then.as_ref(), Phase::Acting(acting) if allows_of_step(acting, entry)),
        _ => false,
    }
}

fn allows_of_step(acting: &Acting, entry: &Entry) -> bool {
    let (step, unread) = (acting.intent.step, acting.texts.len() - acting.refusals.len());
    match entry {
        Entry::Text(text) => text.step == step && text.attempt == acting.attempt && unread == 0 && acting.intent.hosted.is_some(),
        Entry::Refused { step: of, .. } | Entry::Meta { step: of, .. } => *of == step && unread == 1,
        Entry::Done { step: of, attempt, .. } => *of == step && *attempt == acting.attempt && acting.intent.hosted.is_none(),
        Entry::Asked(ask) => ask.step == step && ask.ask.0 as usize == acting.asks.len(),
        Entry::AskText(answer) => {
            let asked = acting.asks.get(answer.ask.0 as usize);
            answer.step == step && asked.is_some_and(|asked| matches!(asked.state, AskState::Open))
        }
        Entry::Session { step: of, attempt, .. } => *of == step && *attempt == acting.attempt && unread == 0,
        Entry::CallFailed(failed) => failed.step == step && failed.attempt == acting.attempt && unread == 0,
        Entry::AttemptLost { step: of, attempt, .. } => *of == step && *attempt == acting.attempt,
        Entry::Retry { step: of, attempt } => *of == step && acting.next_attempt == Some(*attempt),
        Entry::Waiting { .. } => true,
        _ => false,
    }
}

/// The row is what the entries make of a thread.
fn row_is_the_fold(thread: &StoredThread) {
    let mut state = Thread::accepted(launch(thread).clone());
    thread.entries[1..].iter().for_each(|(_, entry)| state.apply(entry));
    let started = thread.entries.iter().find(|(_, entry)| matches!(entry, Entry::Started { .. })).map(|(at, _)| *at);
    let ended = thread.entries.last().map(|(at, _)| *at);
    let expected = ThreadRow { seq: thread.row.seq, ..ThreadRow::of(&state, started, ended) };
    assert_eq!(thread.row, expected, "the row of {} is not what its journal says:\n{}", thread.row.id, told(thread));
}

/// Nothing crashes a thread but three losses of one step or of one decision. Those of a check leave no entry: the text is kept, and
/// reading it again costs nothing.
fn ended_for_a_reason(thread: &StoredThread) {
    if thread.row.state != StateName::Crashed {
        return;
    }
    let mut state = Thread::accepted(launch(thread).clone());
    let inner = thread.entries[1..].iter().filter(|(_, entry)| !matches!(entry, Entry::Ended(_)));
    inner.for_each(|(_, entry)| state.apply(entry));
    let lost_too_often = match &state.phase {
        Phase::Deciding { lost } => *lost >= MAX_LOST,
        Phase::Acting(acting) => acting.lost >= MAX_LOST || acting.texts.len() > acting.refusals.len(),
        _ => false,
    };
    assert!(lost_too_often, "{} crashed without three losses:\n{}", thread.row.id, told(thread));
}

/// The calls that a thread's journal allows, by role and attempt: one for each attempt that began before its step had its answer, and one
/// for each time that an answer was sent back.
fn allowed_calls(thread: &StoredThread) -> Vec<(String, u64)> {
    let mut allowed = Vec::new();
    let mut state = Thread::accepted(launch(thread).clone());
    for (_, entry) in &thread.entries[1..] {
        state.apply(entry);
        let Some(acting) = state.acting() else { continue };
        let calls = match entry {
            Entry::Intent(intent) => usize::from(intent.hosted.is_some()),
            Entry::Refused { .. } | Entry::Asked(_) => 1,
            Entry::Retry { .. } if acting.intent.hosted.is_some() => usize::from(acting.texts.len() == acting.refusals.len()),
            Entry::Retry { .. } => acting.asks.iter().filter(|asked| matches!(asked.state, AskState::Open)).count(),
            _ => 0,
        };
        allowed.extend(vec![(acting.intent.role.clone(), u64::from(acting.attempt)); calls]);
    }
    allowed
}
