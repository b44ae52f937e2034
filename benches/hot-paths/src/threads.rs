//! A thread of [`STEPS`] steps through the machine.

use std::collections::VecDeque;

use nerve_core::thread::{CallAnswer, Effect, Entry, Input, Launch, Machine, Origin, Rules};
use nerve_core::wire::{Choice, HostedWork, Work};
use nerve_core::{AdapterSource, BuildId, Extractor, RawJson, ThreadId, Timestamp, Usage};

/// How many steps a thread has.
pub const STEPS: u32 = 20;

/// A thread of hand-written roles from its acceptance to its end; gives its journal.
pub fn run_written() -> Vec<Entry> {
    run(|| Work::Written)
}

/// A thread of hosted roles, text and meta apart; gives its journal.
pub fn run_hosted() -> Vec<Entry> {
    run(|| {
        Work::Hosted(HostedWork {
            adapter: AdapterSource::Named("analyst".to_owned()),
            prompt: "Explain this load.".to_owned(),
            schema: RawJson::null(),
            extractor: Extractor("default".to_owned()),
            example: None,
        })
    })
}

/// The journal that [`restore`] folds.
pub fn written_journal() -> Vec<Entry> {
    run_written()
}

/// A thread as recovery makes it: from its journal.
pub fn restore(journal: Vec<Entry>) -> Option<Machine> {
    Machine::restore(journal, Rules::default())
}

fn run(work: impl Fn() -> Work) -> Vec<Entry> {
    let launch = Launch {
        thread: ThreadId::new(Timestamp::default(), [7; 10]),
        workflow: "explain-load".to_owned(),
        prompt: "A build runs.".to_owned(),
        max_rounds: STEPS,
        dry_run: false,
        origin: Origin::Cli,
        workdir: None,
        key: None,
        accepted_at: Timestamp::default(),
    };
    let (mut machine, mut journal) = Machine::accept(launch, Rules::default());
    let mut inputs = VecDeque::from([Input::Start { build: BuildId("b1".to_owned()) }]);
    while let Some(input) = inputs.pop_front() {
        match machine.handle(input) {
            Ok(entries) => journal.extend(entries),
            Err(refused) => panic!("a usual thread was refused: {refused}"),
        }
        for effect in machine.effects() {
            inputs.extend(answer(effect, &work));
        }
    }
    let steps = journal.iter().filter(|entry| matches!(entry, Entry::Intent(_))).count();
    assert_eq!(steps, STEPS as usize, "not a whole thread: {:?}", journal.last());
    journal
}

/// What the world says to an effect. What follows a step comes with the step's end, as from a worker.
fn answer(effect: Effect, work: &impl Fn() -> Work) -> Vec<Input> {
    let decided = |upto: usize| Input::Decided { upto, choice: choose(upto, work), workdir: None, continues: false };
    match effect {
        Effect::Decide { upto, check: None } => vec![decided(upto)],
        Effect::Decide { upto, check: Some(_) } => vec![Input::MetaAccepted { step: upto as u32 }, decided(upto)],
        Effect::Run { step, attempt } => {
            vec![Input::RoleDone { step, attempt, content: CONTENT.to_owned(), meta: meta() }, decided(step as usize)]
        }
        Effect::Call { step, attempt, .. } => {
            vec![Input::Answered { step, attempt, answer: CallAnswer::plain("scripted/replies.yaml", CONTENT, Usage::ONE_CALL) }]
        }
        Effect::Extract { step } => vec![Input::MetaRead { step, meta: meta(), rung: "native".to_owned(), cut: None, edits: Vec::new() }],
        _ => Vec::new(),
    }
}

fn choose(upto: usize, work: &impl Fn() -> Work) -> Choice {
    if upto == STEPS as usize {
        return Choice::End { reason: None };
    }
    Choice::Role { role: "analyst".to_owned(), reason: None, work: work(), timeout_ms: None, effects: None }
}

const CONTENT: &str = "The load comes from a build that somebody started by hand; it will be over in a minute.";

fn meta() -> RawJson {
    RawJson::parse(r#"{"actionable":false,"culprit":"rustc"}"#).unwrap_or_default()
}
