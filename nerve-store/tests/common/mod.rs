//! Threads that a real machine drives, and the turns they give.

#![allow(dead_code, reason = "each test file uses its part")]

use nerve_core::thread::{CallAnswer, Entry, Input, Launch, Machine, Origin, Rules};
use nerve_core::wire::{Choice, HostedWork, Work};
use nerve_core::{AdapterSource, BuildId, Extractor, RawJson, ThreadId, Timestamp, Usage};
use nerve_store::{JournalEntry, ThreadRow, Turn};

/// A moment of the story, in seconds.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + seconds * 1000)
}

/// The id of the story's n-th thread.
pub(crate) fn id(n: u8) -> ThreadId {
    ThreadId::new(at(0), [n.wrapping_mul(37), n, 3, n.wrapping_mul(8), 5, 6, 7, 8, 9, n])
}

/// JSON from its text.
pub(crate) fn json(text: &str) -> RawJson {
    RawJson::parse(text).expect("JSON")
}

/// What a thread is accepted with.
pub(crate) fn launch(n: u8, workflow: &str, key: Option<&str>) -> Launch {
    Launch {
        thread: id(n),
        workflow: workflow.to_owned(),
        prompt: format!("do thing {n}"),
        max_rounds: 5,
        dry_run: false,
        origin: Origin::Cli,
        workdir: None,
        key: key.map(str::to_owned),
        accepted_at: at(i64::from(n)),
    }
}

/// A role's turn with this prompt.
pub(crate) fn turn_of_role(prompt: &str) -> Choice {
    Choice::Role {
        role: "planner".to_owned(),
        reason: None,
        work: Work::Hosted(HostedWork {
            adapter: AdapterSource::Named("fast".to_owned()),
            prompt: prompt.to_owned(),
            schema: json("{}"),
            extractor: Extractor("default".to_owned()),
            example: None,
        }),
        timeout_ms: None,
        effects: None,
    }
}

/// A thread's machine, and how much of it has been written.
pub(crate) struct Driven {
    pub(crate) machine: Machine,
    written: u32,
}

impl Driven {
    /// Accepts a thread; the turn makes it durable.
    pub(crate) fn accept(launch: Launch, now: Timestamp) -> (Self, Turn) {
        let (machine, entries) = Machine::accept(launch, Rules::default());
        let mut driven = Self { machine, written: 0 };
        let turn = driven.turn(entries, now);
        (driven, turn)
    }

    /// What happened, as a turn.
    pub(crate) fn happens(&mut self, input: Input, now: Timestamp) -> Turn {
        self.machine.effects();
        let entries = self.machine.handle(input).expect("the machine expects this");
        self.turn(entries, now)
    }

    /// Starts it and gives a role its turn.
    pub(crate) fn begin(&mut self, prompt: &str, now: Timestamp) -> Vec<Turn> {
        let start = self.happens(Input::Start { build: BuildId("b1".to_owned()) }, now);
        vec![start, self.happens(Input::Decided { upto: 0, choice: turn_of_role(prompt), workdir: None, continues: false }, now)]
    }

    /// The role's answer.
    pub(crate) fn answer(&mut self, adapter: &str, content: &str, now: Timestamp) -> Turn {
        let answer = CallAnswer::plain(adapter, content, Usage::ONE_CALL);
        self.happens(Input::Answered { step: 1, attempt: 1, answer }, now)
    }

    fn turn(&mut self, entries: Vec<Entry>, now: Timestamp) -> Turn {
        let thread = self.machine.thread();
        let id = thread.launch.thread;
        let first = self.written + 1;
        self.written = thread.entries;
        let entries = entries.into_iter().zip(first..).map(|(entry, n)| JournalEntry::thread(id, n, entry, now)).collect();
        let ended = thread.end().map(|_| now);
        Turn { entries, threads: vec![ThreadRow::of(thread, None, ended)], ..Turn::default() }
    }
}

/// Every answer must be good.
pub(crate) fn all_good(answers: Vec<Result<(), nerve_store::StoreError>>) {
    for answer in answers {
        answer.expect("the turn is written");
    }
}
