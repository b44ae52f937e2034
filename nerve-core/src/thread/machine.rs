//! The machine: inputs in, entries out; once those are in the journal, effects out.

use std::collections::BTreeSet;

use super::{
    Acting, AskEntry, AskNo, AskState, AskTextEntry, CallAnswer, CallFailedEntry, Checked, Cut, Effect, End, Entry, Input, Intent, Launch,
    Phase, Stage, StateName, StepText, Thread,
};
use crate::wire::{Choice, Work};
use crate::{Effects, RawJson};

/// What one role attempt may take when neither the role nor its adapter says: 5 minutes.
const DEFAULT_TIMEOUT_MS: u64 = 300_000;

/// Bounds that do not belong to one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How often a text without a readable meta may be sent back.
    pub max_reasks: u32,
    /// How many tokens the answers to one step may have taken, read and written, for another re-ask to be made.
    pub reask_tokens: u64,
}

impl Default for Rules {
    /// Two re-asks, and 200,000 tokens.
    fn default() -> Self {
        Self { max_reasks: 2, reask_tokens: 200_000 }
    }
}

/// An input that the thread's state does not allow; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A terminal state never changes.
    #[error("the thread has ended: {0}")]
    Ended(StateName),
    /// It answers nothing that is open: a late message of a dead attempt, for one.
    #[error("not expected now: {0}")]
    NotExpected(&'static str),
}

/// What is going on right now; a crash of the daemon forgets it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Live {
    /// Nothing; [`Machine::effects`] will start what is due.
    Idle,
    /// The worker is asked for a decision.
    Deciding,
    /// The role's type is asked about this meta.
    Checking { meta: RawJson, rung: String, cut: Option<Cut>, edits: Vec<String>, asked: bool },
    /// The attempt runs.
    Attempt,
    /// The last text is being read.
    Extracting,
}

/// One thread: its durable state, and what is going on.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    pub(super) thread: Thread,
    rules: Rules,
    pub(super) live: Live,
    /// Whether it counts among its workflow's active threads.
    pub(super) slot: bool,
    /// What has been announced by [`Machine::effects`] and must not be twice.
    announced: Option<Announced>,
    asks_in_flight: BTreeSet<AskNo>,
    asks_due: Vec<Effect>,
    pub(super) checks_lost: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    Requeue,
    Parked,
    Stop,
    Ended,
}

pub(super) type Outcome = Result<Vec<Entry>, Refused>;

impl Machine {
    /// A thread that is being accepted, with its first entry.
    pub fn accept(launch: Launch, rules: Rules) -> (Self, Vec<Entry>) {
        let entry = Entry::Accepted(launch.clone());
        (Self::new(Thread::accepted(launch), rules), vec![entry])
    }

    /// Folds a journal; `None` when it does not begin with an acceptance.
    pub fn restore(entries: impl IntoIterator<Item = Entry>, rules: Rules) -> Option<Self> {
        let mut entries = entries.into_iter();
        let Some(Entry::Accepted(launch)) = entries.next() else { return None };
        let mut thread = Thread::accepted(launch);
        entries.for_each(|entry| thread.apply(&entry));
        Some(Self::new(thread, rules))
    }

    fn new(thread: Thread, rules: Rules) -> Self {
        let slot = thread.state() == StateName::Started;
        Self {
            thread,
            rules,
            live: Live::Idle,
            slot,
            announced: None,
            asks_in_flight: BTreeSet::new(),
            asks_due: Vec::new(),
            checks_lost: 0,
        }
    }

    /// Other bounds from now on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// The durable state.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Whether it counts among its workflow's active threads.
    pub fn has_slot(&self) -> bool {
        self.slot
    }

    /// Whether an attempt runs right now, and which.
    pub fn attempt_in_flight(&self) -> Option<(u32, u32)> {
        match (&self.live, self.thread.acting()) {
            (Live::Attempt, Some(acting)) => Some((acting.intent.step, acting.attempt)),
            _ => None,
        }
    }

    /// Whether a worker has been asked for a decision or a check.
    pub fn decision_in_flight(&self) -> bool {
        matches!(self.live, Live::Deciding | Live::Checking { asked: true, .. })
    }

    /// The question that a worker has been asked and not answered, to put it again.
    pub fn pending_question(&self) -> Option<Effect> {
        let steps = self.thread.steps.len();
        match &self.live {
            Live::Deciding => Some(Effect::Decide { upto: steps, check: None }),
            Live::Checking { meta, cut, asked: true, .. } => {
                Some(Effect::Decide { upto: steps + 1, check: Some(checked(self.thread.acting()?, meta, *cut)) })
            }
            _ => None,
        }
    }

    /// The number of the ask with this key and count in the step under way.
    pub fn ask_no(&self, key: &str, count: u32) -> Option<AskNo> {
        let asks = &self.thread.acting()?.asks;
        asks.iter().map(|ask| &ask.entry).find(|ask| ask.key == key && ask.count == count).map(|ask| ask.ask)
    }

    /// Takes what happened and gives the entries that must be durable before [`Machine::effects`] is called.
    ///
    /// # Errors
    /// When the state does not allow it; nothing has changed then.
    pub fn handle(&mut self, input: Input) -> Outcome {
        if let Some(end) = self.thread.end() {
            return Err(Refused::Ended(end.state()));
        }
        let entries = self.decide(input)?;
        Ok(self.write(entries))
    }

    pub(super) fn write(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        for entry in &entries {
            self.thread.apply(entry);
        }
        entries
    }

    fn decide(&mut self, input: Input) -> Outcome {
        match input {
            Input::Queue => match self.thread.phase {
                Phase::Queued if self.thread.entries == 1 => Ok(vec![Entry::Queued]),
                _ => Err(Refused::NotExpected("queueing")),
            },
            Input::Start { build } => self.start(build),
            Input::Decided { upto, choice, workdir, continues } => self.decided(upto, choice, workdir, continues),
            Input::DecideFailed { upto, error } => {
                self.expect_decision(upto)?;
                self.live = Live::Idle;
                Ok(vec![Entry::Ended(End::Failed { error })])
            }
            Input::DecisionLost { cause, suspected } => self.decision_lost(cause, suspected),
            Input::Answered { step, attempt, answer } => {
                let acting = self.expect_work(step, attempt, true)?;
                let CallAnswer { adapter, content, usage, form, evidence, session } = answer;
                let session = session.filter(|session| acting.session.as_ref() != Some(session));
                self.live = Live::Idle;
                let mut entries: Vec<Entry> = session.map(|session| Entry::Session { step, attempt, session }).into_iter().collect();
                entries.push(Entry::Text(StepText { step, attempt, adapter, content, usage, form, evidence }));
                Ok(entries)
            }
            Input::SessionSeen { step, attempt, session } => {
                let acting = self.expect_work(step, attempt, true)?;
                let known = acting.session.as_ref() == Some(&session);
                Ok(if known { Vec::new() } else { vec![Entry::Session { step, attempt, session }] })
            }
            Input::CallFailed { step, attempt, failure } => {
                let role = self.expect_work(step, attempt, true)?.intent.role.clone();
                self.live = Live::Idle;
                let error = format!("`{role}`: {failure}");
                let mut entries = vec![Entry::CallFailed(CallFailedEntry { step, attempt, ask: None, failure })];
                entries.extend(self.failed(error));
                Ok(entries)
            }
            Input::MetaRead { step, meta, rung, cut, edits } => {
                self.expect_step(step, self.live == Live::Extracting)?;
                self.live = Live::Checking { meta, rung, cut, edits, asked: false };
                Ok(Vec::new())
            }
            Input::MetaAccepted { step } => {
                self.expect_step(step, matches!(self.live, Live::Checking { asked: true, .. }))?;
                let Live::Checking { meta, rung, cut, edits, .. } = std::mem::replace(&mut self.live, Live::Deciding) else {
                    return Err(Refused::NotExpected("a checked meta"));
                };
                self.checks_lost = 0;
                Ok(vec![Entry::Meta { step, meta, rung, cut, edits }])
            }
            Input::MetaRefused { step, errors } => self.meta_refused(step, errors),
            Input::RoleDone { step, attempt, content, meta } => {
                self.expect_work(step, attempt, false)?;
                self.asks_in_flight.clear();
                // The worker goes on to the decision by itself.
                self.live = Live::Deciding;
                Ok(vec![Entry::Done { step, attempt, content, meta }])
            }
            Input::RoleFailed { step, attempt, error } => {
                let role = self.expect_attempt(step, attempt)?.intent.role.clone();
                self.live = Live::Idle;
                Ok(self.failed(format!("`{role}` failed: {error}")))
            }
            Input::AttemptLost { step, attempt, cause, suspected } => {
                self.expect_attempt(step, attempt)?;
                self.live = Live::Idle;
                Ok(self.lost(cause, suspected))
            }
            Input::NotBegun { step, attempt } => {
                self.expect_attempt(step, attempt)?;
                self.live = Live::Idle;
                Ok(Vec::new())
            }
            Input::Ask { step, attempt, key, count, adapter, prompt, schema } => {
                let asks = &self.expect_work(step, attempt, false)?.asks;
                let known = asks.iter().find(|ask| ask.entry.key == key && ask.entry.count == count);
                let (ask, answered) = match known {
                    Some(known) => (known.entry.ask, Some(matches!(known.state, AskState::Answered(_)))),
                    None => (AskNo(u32::try_from(asks.len()).unwrap_or(u32::MAX)), None),
                };
                match answered {
                    Some(true) => self.asks_due.push(Effect::AnswerAsk { step, ask }),
                    // Its call goes on from an attempt before this one.
                    Some(false) if self.asks_in_flight.contains(&ask) => {}
                    _ => {
                        self.asks_in_flight.insert(ask);
                        self.asks_due.push(Effect::CallAsk { step, ask });
                    }
                }
                Ok(match answered {
                    Some(_) => Vec::new(),
                    None => vec![Entry::Asked(AskEntry { step, ask, key, count, adapter, prompt, schema })],
                })
            }
            Input::AskAnswered { step, ask, answer, meta } => {
                self.expect_ask(step, ask)?;
                self.asks_in_flight.remove(&ask);
                self.asks_due.push(Effect::AnswerAsk { step, ask });
                let CallAnswer { adapter, content, usage, evidence, .. } = answer;
                Ok(vec![Entry::AskText(AskTextEntry { step, ask, adapter, content, meta, usage, evidence })])
            }
            Input::AskFailed { step, ask, failure } => {
                let attempt = self.expect_ask(step, ask)?.attempt;
                self.asks_in_flight.remove(&ask);
                Ok(vec![Entry::CallFailed(CallFailedEntry { step, attempt, ask: Some(ask), failure })])
            }
            Input::Park { reason } => {
                if self.live == Live::Attempt || !matches!(self.thread.phase, Phase::Deciding { .. } | Phase::Acting(_)) {
                    return Err(Refused::NotExpected("parking"));
                }
                Ok(self.park(reason))
            }
            Input::Resume(resume) => self.resume(resume),
            Input::Kill { by, interrupt } => self.kill(by, interrupt),
            Input::Stopped { left } => match self.thread.kill.clone() {
                Some(request) => Ok(vec![Entry::Ended(request.end(left))]),
                None => Err(Refused::NotExpected("the end of a stop")),
            },
            Input::End(end) => match self.live {
                Live::Attempt => Err(Refused::NotExpected("an end while an attempt runs")),
                _ => Ok(vec![Entry::Ended(end)]),
            },
        }
    }

    /// What to do now. Call it when every entry that was handed out is durable; each thing is said once.
    pub fn effects(&mut self) -> Vec<Effect> {
        let mut effects = self.due_asks();
        if let Some(effect) = self.next() {
            effects.push(effect);
        }
        effects
    }

    /// The part of [`effects`](Self::effects) that a step needs which runs already: its asks. The rest stays due.
    pub fn due_asks(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.asks_due)
    }

    fn next(&mut self) -> Option<Effect> {
        if let Some(end) = self.thread.end().cloned() {
            return self.announce(Announced::Ended).then(|| {
                self.slot = false;
                Effect::Ended(end)
            });
        }
        if self.thread.kill.is_some() {
            return self.announce(Announced::Stop).then_some(Effect::Stop);
        }
        let (live, effect) = match &self.thread.phase {
            Phase::Queued | Phase::Ended(_) => return None,
            Phase::Waiting { .. } => {
                self.slot = false;
                return self.announce(Announced::Parked).then_some(Effect::Parked);
            }
            Phase::Deciding { .. } | Phase::Acting(_) if !self.slot => return self.announce(Announced::Requeue).then_some(Effect::Requeue),
            Phase::Deciding { .. } if self.live == Live::Idle => {
                (Live::Deciding, Effect::Decide { upto: self.thread.steps.len(), check: None })
            }
            Phase::Acting(acting) => self.next_of(acting)?,
            Phase::Deciding { .. } => return None,
        };
        self.live = live;
        Some(effect)
    }

    fn next_of(&self, acting: &Acting) -> Option<(Live, Effect)> {
        let (step, attempt) = (acting.intent.step, acting.attempt);
        match (&self.live, acting.stage()) {
            (Live::Idle, Stage::Call { rung }) => Some((Live::Attempt, Effect::Call { step, attempt, rung })),
            (Live::Idle, Stage::Run) => Some((Live::Attempt, Effect::Run { step, attempt })),
            (Live::Idle, Stage::Extract) => Some((Live::Extracting, Effect::Extract { step })),
            (Live::Checking { meta, rung, cut, edits, asked: false }, _) => Some((
                Live::Checking { meta: meta.clone(), rung: rung.clone(), cut: *cut, edits: edits.clone(), asked: true },
                Effect::Decide { upto: self.thread.steps.len() + 1, check: Some(checked(acting, meta, *cut)) },
            )),
            _ => None,
        }
    }

    fn announce(&mut self, what: Announced) -> bool {
        let first = self.announced != Some(what);
        self.announced = Some(what);
        first
    }

    fn start(&mut self, build: crate::BuildId) -> Outcome {
        match &self.thread.phase {
            _ if self.slot || self.thread.kill.is_some() => Err(Refused::NotExpected("a start")),
            Phase::Queued => {
                self.slot = true;
                Ok(vec![Entry::Started { build }])
            }
            Phase::Deciding { .. } | Phase::Acting(_) => {
                self.slot = true;
                // It may be parked and go on once more.
                self.announced = None;
                Ok(self.begin_next_attempt().into_iter().collect())
            }
            Phase::Waiting { .. } | Phase::Ended(_) => Err(Refused::NotExpected("a start")),
        }
    }

    fn decided(&mut self, upto: usize, choice: Choice, workdir: Option<String>, continues: bool) -> Outcome {
        self.expect_decision(upto)?;
        self.live = Live::Idle;
        let (role, reason, work, timeout_ms, effects) = match choice {
            Choice::End { reason } => return Ok(vec![Entry::Ended(End::Completed { reason })]),
            Choice::Role { role, reason, work, timeout_ms, effects } => (role, reason, work, timeout_ms, effects),
        };
        let max_rounds = self.thread.launch.max_rounds;
        let step = u32::try_from(self.thread.steps.len() + 1).unwrap_or(u32::MAX);
        if step > max_rounds {
            return Ok(vec![Entry::Ended(End::RoundsUsedUp { max_rounds })]);
        }
        Ok(vec![Entry::Intent(Intent {
            step,
            role,
            reason,
            hosted: match work {
                Work::Hosted(hosted) => Some(hosted),
                Work::Written => None,
            },
            effects: effects.unwrap_or(Effects::Repeatable),
            continues,
            timeout_ms: timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS),
            workdir: workdir.or_else(|| self.thread.launch.workdir.clone()),
        })])
    }

    fn meta_refused(&mut self, step: u32, errors: Vec<String>) -> Outcome {
        let open = matches!(self.live, Live::Extracting | Live::Checking { .. });
        let acting = self.expect_step(step, open)?;
        let used_up = acting.refusals.len() >= self.rules.max_reasks as usize || acting.tokens() >= self.rules.reask_tokens;
        let error = format!("no meta could be read from the answer of `{}`: {}", acting.intent.role, errors.join("; "));
        self.live = Live::Idle;
        self.checks_lost = 0;
        let mut entries = vec![Entry::Refused { step, errors }];
        if used_up {
            entries.extend(self.failed(error));
        }
        Ok(entries)
    }

    /// The end of a thread that failed, unless it is being killed anyway.
    fn failed(&self, error: String) -> Vec<Entry> {
        match self.thread.kill {
            Some(_) => Vec::new(),
            None => vec![Entry::Ended(End::Failed { error })],
        }
    }

    fn expect_decision(&self, upto: usize) -> Result<(), Refused> {
        let open = self.live == Live::Deciding && matches!(self.thread.phase, Phase::Deciding { .. }) && self.thread.steps.len() == upto;
        if open && self.thread.kill.is_none() { Ok(()) } else { Err(Refused::NotExpected("a decision")) }
    }

    fn expect_attempt(&self, step: u32, attempt: u32) -> Result<&Acting, Refused> {
        match &self.thread.phase {
            Phase::Acting(acting) if self.live == Live::Attempt && acting.intent.step == step && acting.attempt == attempt => Ok(acting),
            _ => Err(Refused::NotExpected("a result of that attempt")),
        }
    }

    /// A result of the attempt that runs, and of its kind: a hand-written role gives no text for a meta to be read from.
    fn expect_work(&self, step: u32, attempt: u32, hosted: bool) -> Result<&Acting, Refused> {
        let acting = self.expect_attempt(step, attempt)?;
        if acting.intent.hosted.is_some() == hosted { Ok(acting) } else { Err(Refused::NotExpected("a result of that kind")) }
    }

    fn expect_ask(&self, step: u32, ask: AskNo) -> Result<&Acting, Refused> {
        let open =
            |acting: &&Acting| acting.intent.step == step && acting.asks.get(ask.0 as usize).is_some_and(|ask| ask.state == AskState::Open);
        match self.thread.acting().filter(open) {
            Some(acting) if self.asks_in_flight.contains(&ask) => Ok(acting),
            _ => Err(Refused::NotExpected("what came of that ask")),
        }
    }

    fn expect_step(&self, step: u32, open: bool) -> Result<&Acting, Refused> {
        match &self.thread.phase {
            Phase::Acting(acting) if open && acting.intent.step == step => Ok(acting),
            _ => Err(Refused::NotExpected("a meta of that step")),
        }
    }
}

fn checked(acting: &Acting, meta: &RawJson, cut: Option<Cut>) -> Checked {
    Checked { role: acting.intent.role.clone(), content: acting.said(cut), meta: meta.clone() }
}
