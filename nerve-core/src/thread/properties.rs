//! The machine under any order of events, with crashes of the daemon at any moment.

use proptest::prelude::*;

use super::{
    AgentSession, AttemptFound, CallAnswer, CrashCause, Effect, End, Entry, Found, Input, Launch, MAX_LOST, Machine, Origin, Phase, Resume,
    Rules, Stage,
};
use crate::wire::{Choice, HostedWork, Work};
use crate::{AdapterSource, BuildId, CallFailure, Effects, Evidence, Extractor, FailureKind, RawJson, ThreadId, Timestamp, Usage};

/// What the world does next; each is tried, and the machine may refuse it.
#[derive(Debug, Clone)]
enum Act {
    Durable,
    Start,
    DecideRole { written: bool, effects: Effects },
    DecideEnd,
    DecideFails,
    DecisionLost,
    Answer { stale: bool },
    CallFails,
    MetaRead,
    MetaRefused,
    MetaAccepted,
    RoleDone { stale: bool },
    RoleFails,
    AttemptLost { stale: bool, suspected: bool },
    Ask(u8),
    AskAnswered(u8),
    AskFails(u8),
    SessionSeen(u8),
    SessionLost,
    Resume,
    Kill,
    Stopped,
    DaemonDies { found: u8, slot: bool },
}

fn act() -> impl Strategy<Value = Act> {
    let effects = prop_oneof![4 => Just(Effects::Repeatable), 1 => Just(Effects::AskBeforeRepeat), 1 => Just(Effects::NeverRepeat)];
    prop_oneof![
        12 => Just(Act::Durable),
        4 => Just(Act::Start),
        6 => (any::<bool>(), effects).prop_map(|(written, effects)| Act::DecideRole { written, effects }),
        1 => Just(Act::DecideEnd),
        1 => Just(Act::DecideFails),
        1 => Just(Act::DecisionLost),
        5 => any::<bool>().prop_map(|stale| Act::Answer { stale }),
        1 => Just(Act::CallFails),
        5 => Just(Act::MetaRead),
        1 => Just(Act::MetaRefused),
        5 => Just(Act::MetaAccepted),
        5 => any::<bool>().prop_map(|stale| Act::RoleDone { stale }),
        1 => Just(Act::RoleFails),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(stale, suspected)| Act::AttemptLost { stale, suspected }),
        2 => (0u8..3).prop_map(Act::Ask),
        2 => (0u8..3).prop_map(Act::AskAnswered),
        1 => (0u8..3).prop_map(Act::AskFails),
        2 => (0u8..2).prop_map(Act::SessionSeen),
        1 => Just(Act::SessionLost),
        1 => Just(Act::Resume),
        1 => Just(Act::Kill),
        1 => Just(Act::Stopped),
        2 => (0u8..3, any::<bool>()).prop_map(|(found, slot)| Act::DaemonDies { found, slot }),
    ]
}

/// A machine, its journal, and what runs outside.
struct World {
    machine: Machine,
    journal: Vec<Entry>,
    /// What the machine wrote and the journal does not hold yet.
    pending: Vec<Entry>,
    /// Attempts that were started by an effect, over all lives: (step, attempt, rung).
    started: Vec<(u32, u32, u32)>,
    /// The attempt that runs in this life.
    running: Option<(u32, u32)>,
    asks_called: Vec<(u32, u32)>,
}

const ROUNDS: u32 = 3;

impl World {
    fn new() -> Self {
        let launch = Launch {
            thread: ThreadId::new(Timestamp::default(), [1; 10]),
            workflow: "w".into(),
            prompt: "p".into(),
            max_rounds: ROUNDS,
            dry_run: false,
            origin: Origin::Cli,
            workdir: None,
            key: None,
            accepted_at: Timestamp::default(),
        };
        let (machine, pending) = Machine::accept(launch, Rules::default());
        Self { machine, journal: Vec::new(), pending, started: Vec::new(), running: None, asks_called: Vec::new() }
    }

    fn act(&mut self, act: Act) {
        let step = self.machine.thread().acting().map_or(1, |acting| acting.intent.step);
        let attempt = self.machine.thread().acting().map_or(1, |acting| acting.attempt);
        let upto = self.machine.thread().steps.len();
        let old = |stale: bool| if stale { attempt.wrapping_sub(1) } else { attempt };
        let cause = CrashCause::Worker { exit: "signal 9".into() };
        let input = match act {
            Act::Durable => return self.durable(),
            Act::DaemonDies { found, slot } => return self.daemon_dies(found, slot),
            Act::Start => Input::Start { build: BuildId("b".into()) },
            Act::DecideRole { written, effects } => {
                Input::Decided { upto, choice: choice(written, effects), workdir: None, continues: !written }
            }
            Act::DecideEnd => Input::Decided { upto, choice: Choice::End { reason: None }, workdir: None, continues: false },
            Act::DecideFails => Input::DecideFailed { upto, error: "no".into() },
            Act::DecisionLost => Input::DecisionLost { cause, suspected: false },
            Act::Answer { stale } => Input::Answered { step, attempt: old(stale), answer: CallAnswer::plain("a", "text", Usage::ONE_CALL) },
            Act::SessionSeen(n) => Input::SessionSeen { step, attempt, session: session(n) },
            Act::AskFails(n) => {
                let Some(ask) = self.machine.ask_no(&n.to_string(), 0) else { return };
                Input::AskFailed { step, ask, failure: CallFailure::new(FailureKind::Transport, "down") }
            }
            Act::SessionLost => Input::AttemptLost { step, attempt, cause: CrashCause::Session, suspected: false },
            Act::CallFails => Input::CallFailed { step, attempt, failure: CallFailure::new(FailureKind::Transport, "down") },
            Act::MetaRead => Input::MetaRead { step, meta: RawJson::null(), rung: "native".into(), cut: None, edits: Vec::new() },
            Act::MetaRefused => Input::MetaRefused { step, errors: vec!["bad".into()] },
            Act::MetaAccepted => Input::MetaAccepted { step },
            Act::RoleDone { stale } => Input::RoleDone { step, attempt: old(stale), content: "done".into(), meta: RawJson::null() },
            Act::RoleFails => Input::RoleFailed { step, attempt, error: "boom".into() },
            Act::AttemptLost { stale, suspected } => Input::AttemptLost { step, attempt: old(stale), cause, suspected },
            Act::Ask(n) => Input::Ask {
                step,
                attempt,
                key: n.to_string(),
                count: 0,
                adapter: AdapterSource::Named("a".into()),
                prompt: "q".into(),
                schema: None,
            },
            Act::AskAnswered(n) => {
                let Some(ask) = self.machine.ask_no(&n.to_string(), 0) else { return };
                Input::AskAnswered { step, ask, answer: CallAnswer::plain("a", "yes", Usage::ONE_CALL), meta: None }
            }
            Act::Resume => Input::Resume(Resume::TryAgain),
            Act::Kill => Input::Kill { by: "user".into(), interrupt: false },
            Act::Stopped => Input::Stopped { left: Vec::new() },
        };
        let before = self.machine.clone();
        match self.machine.handle(input.clone()) {
            Ok(entries) => {
                self.pending.extend(entries);
                if matches!(
                    input,
                    Input::Answered { .. }
                        | Input::CallFailed { .. }
                        | Input::RoleDone { .. }
                        | Input::RoleFailed { .. }
                        | Input::AttemptLost { .. }
                ) {
                    assert_eq!(self.running, Some((step, attempt)), "a result was taken of an attempt that does not run");
                    self.running = None;
                }
                if let Input::Stopped { .. } = input {
                    self.running = None;
                }
            }
            Err(_) => assert_eq!(self.machine, before, "a refused input changed something"),
        }
    }

    /// Everything that was written is durable: the machine may act.
    fn durable(&mut self) {
        self.journal.append(&mut self.pending);
        for effect in self.machine.effects() {
            match effect {
                Effect::Call { step, attempt, rung } => self.begin(step, attempt, rung),
                Effect::Run { step, attempt } => self.begin(step, attempt, 0),
                Effect::CallAsk { step, ask } => self.asks_called.push((step, ask.0)),
                // What runs may still give its result before the stop is through.
                _ => {}
            }
        }
    }

    fn begin(&mut self, step: u32, attempt: u32, rung: u32) {
        assert_eq!(self.running, None, "an attempt was started beside a live one");
        assert!(!self.started.contains(&(step, attempt, rung)), "the same attempt was started twice: {step}/{attempt}/{rung}");
        let recorded = self.journal.iter().any(|entry| match entry {
            Entry::Intent(intent) => intent.step == step && (attempt == 1 || rung > 0),
            Entry::Retry { step: of, attempt: recorded } => *of == step && *recorded == attempt,
            _ => false,
        });
        assert!(recorded, "an act came before its record");
        let texts = self.journal.iter().filter(|entry| matches!(entry, Entry::Text(text) if text.step == step)).count();
        assert_eq!(texts as u32, rung, "a call was made whose text is in the journal");
        self.started.push((step, attempt, rung));
        self.running = Some((step, attempt));
    }

    /// What was not durable is lost with everything that ran.
    fn daemon_dies(&mut self, found: u8, slot: bool) {
        self.pending.clear();
        self.running = None;
        if self.journal.is_empty() {
            *self = Self::new();
            return;
        }
        let restored = Machine::restore(self.journal.iter().cloned(), Rules::default()).expect("a journal begins with its acceptance");
        self.machine = restored;
        let acting = self.machine.thread().acting();
        // Whether it had begun in any life before is known; an answer is there only of what had.
        let begun = acting.is_some_and(|acting| {
            let rung = u32::try_from(acting.texts.len()).unwrap_or(u32::MAX);
            self.started.contains(&(acting.intent.step, acting.attempt, rung))
        });
        let attempt = match (found, acting, begun) {
            (1, Some(_), false) => AttemptFound::NotBegun,
            (2, Some(acting), true) => AttemptFound::Answered(Box::new(super::StepText {
                step: acting.intent.step,
                attempt: acting.attempt,
                adapter: "spool".into(),
                content: "text".into(),
                usage: Usage::ONE_CALL,
                form: None,
                evidence: Evidence::default(),
            })),
            _ => AttemptFound::Lost,
        };
        self.pending = self.machine.recover(Found { attempt, asks: Vec::new() }, slot);
    }
}

fn session(n: u8) -> AgentSession {
    AgentSession { id: format!("s{n}"), agent: "cursor".into(), model: None, workdir: "/w".into() }
}

fn choice(written: bool, effects: Effects) -> Choice {
    let hosted = HostedWork {
        adapter: AdapterSource::Named("a".into()),
        prompt: "do".into(),
        schema: RawJson::null(),
        extractor: Extractor("default".into()),
        example: None,
    };
    Choice::Role {
        role: "r".into(),
        reason: None,
        work: if written { Work::Written } else { Work::Hosted(hosted) },
        timeout_ms: None,
        effects: Some(effects),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_keeps_the_promises(acts in prop::collection::vec(act(), 1..120)) {
        let mut world = World::new();
        for act in acts {
            world.act(act);
        }
        world.durable();
        let ends = world.journal.iter().filter(|entry| matches!(entry, Entry::Ended(_))).count();
        prop_assert!(ends <= 1, "more than one terminal state");
        if let Some(at) = world.journal.iter().position(|entry| matches!(entry, Entry::Ended(_))) {
            prop_assert_eq!(at + 1, world.journal.len(), "something was written after the end");
        }
        let intents = world.journal.iter().filter(|entry| matches!(entry, Entry::Intent(_))).count();
        prop_assert!(intents <= ROUNDS as usize, "more rounds than allowed");
        let lost = world.journal.iter().filter(|entry| matches!(entry, Entry::AttemptLost { .. })).count();
        prop_assert!(lost <= (MAX_LOST as usize) * ROUNDS as usize + 2, "attempts are lost for ever");
        // The fold of the journal is the machine's own state.
        let folded = Machine::restore(world.journal.iter().cloned(), Rules::default()).expect("begins well");
        prop_assert_eq!(folded.thread(), world.machine.thread());
        prop_assert_eq!(folded.thread().entries as usize, world.journal.len());
    }

    #[test]
    fn a_thread_that_is_served_well_from_anywhere_ends(acts in prop::collection::vec(act(), 1..80)) {
        let mut world = World::new();
        acts.into_iter().for_each(|act| world.act(act));
        // From here on everything goes well; the thread must come to its end by itself.
        for _ in 0..200 {
            world.durable();
            if world.machine.thread().end().is_some() {
                return Ok(());
            }
            for act in [Act::Stopped, Act::Resume, Act::Start, Act::MetaRead, Act::Durable, Act::MetaAccepted] {
                world.act(act);
            }
            match &world.machine.thread().phase {
                Phase::Acting(acting) if acting.stage() == Stage::Run => world.act(Act::RoleDone { stale: false }),
                Phase::Acting(_) => world.act(Act::Answer { stale: false }),
                Phase::Deciding { .. } => world.act(Act::DecideEnd),
                _ => {}
            }
        }
        prop_assert!(false, "still open: {:?}", world.machine);
    }
}

#[test]
fn a_kill_is_honoured_after_a_crash() {
    let mut world = World::new();
    for act in
        [Act::Start, Act::Durable, Act::DecideRole { written: true, effects: Effects::Repeatable }, Act::Durable, Act::Kill, Act::Durable]
    {
        world.act(act);
    }
    world.act(Act::DaemonDies { found: 0, slot: true });
    world.durable();
    assert_eq!(world.machine.thread().end(), Some(&End::Killed { by: "user".into(), left: Vec::new() }));
}

#[test]
fn an_ask_that_was_answered_is_not_called_again_by_the_next_attempt() {
    let mut world = World::new();
    let acts = [
        Act::Start,
        Act::Durable,
        Act::DecideRole { written: true, effects: Effects::Repeatable },
        Act::Durable,
        Act::Ask(0),
        Act::Durable,
        Act::AskAnswered(0),
        Act::Durable,
        Act::AttemptLost { stale: false, suspected: false },
        Act::Durable,
        Act::Ask(0),
        Act::Durable,
    ];
    acts.into_iter().for_each(|act| world.act(act));
    assert_eq!(world.asks_called, [(1, 0)]);
    assert_eq!(world.machine.attempt_in_flight(), Some((1, 2)));
}

#[test]
fn three_lost_attempts_are_a_crash() {
    let mut world = World::new();
    for act in [Act::Start, Act::Durable, Act::DecideRole { written: false, effects: Effects::Repeatable }, Act::Durable] {
        world.act(act);
    }
    for _ in 0..MAX_LOST {
        world.act(Act::DaemonDies { found: 0, slot: true });
        world.durable();
    }
    assert_eq!(world.machine.thread().end().and_then(End::exit_code), Some(255));
}

#[test]
fn an_attempt_whose_session_is_known_goes_on_in_it_and_one_without_waits_for_a_person() {
    for (seen, goes_on) in [(true, true), (false, false)] {
        let mut world = World::new();
        let acts = [Act::Start, Act::Durable, Act::DecideRole { written: false, effects: Effects::AskBeforeRepeat }, Act::Durable];
        acts.into_iter().for_each(|act| world.act(act));
        if seen {
            world.act(Act::SessionSeen(1));
            world.act(Act::Durable);
        }
        world.act(Act::DaemonDies { found: 0, slot: true });
        world.durable();
        let thread = world.machine.thread();
        assert_eq!(matches!(thread.phase, Phase::Waiting { .. }), !goes_on, "{:?}", thread.phase);
        assert_eq!(thread.sessions.get("r").map(|known| (known.session.clone(), known.step)), goes_on.then(|| (session(1), 1)));
    }
}

#[test]
fn a_session_that_is_lost_is_not_gone_on_with() {
    let mut world = World::new();
    for act in [
        Act::Start,
        Act::Durable,
        Act::DecideRole { written: false, effects: Effects::AskBeforeRepeat },
        Act::Durable,
        Act::SessionSeen(1),
        Act::Durable,
        Act::SessionLost,
        Act::Durable,
    ] {
        world.act(act);
    }
    assert!(matches!(world.machine.thread().phase, Phase::Waiting { .. }));
    assert!(world.machine.thread().sessions.is_empty());
}

#[test]
fn answers_that_took_too_many_tokens_are_not_asked_for_again() {
    for (tokens, goes_on) in [(199_000, true), (200_000, false)] {
        let mut world = World::new();
        let acts = [Act::Start, Act::Durable, Act::DecideRole { written: false, effects: Effects::Repeatable }, Act::Durable];
        acts.into_iter().for_each(|act| world.act(act));
        let usage = Usage { input_tokens: Some(tokens), ..Usage::ONE_CALL };
        let answer = CallAnswer::plain("a", "text", usage);
        world.machine.handle(Input::Answered { step: 1, attempt: 1, answer }).expect("it runs");
        world.machine.effects();
        world.machine.handle(Input::MetaRefused { step: 1, errors: vec!["bad".into()] }).expect("it is being read");
        assert_eq!(world.machine.thread().end().is_none(), goes_on, "{tokens}");
    }
}
