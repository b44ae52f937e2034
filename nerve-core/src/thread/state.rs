//! A thread's durable state: the fold of its entries.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Acting, AgentSession, AskRecord, AskState, CrashCause, End, Entry, Launch, ParkReason, Refusal, Stage, TextRecord};
use crate::wire::ContextStep;
use crate::{BuildId, RawJson, Usage};

/// The name of a thread's state, as every face shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    /// Accepted, without a slot yet.
    Queued,
    /// Under way.
    Started,
    /// Parked.
    Waiting,
    /// Ended well.
    Completed,
    /// Ended by a failure.
    Failed,
    /// Ended by somebody.
    Killed,
    /// Never ran.
    Dropped,
    /// Ended for a restart of its workflow.
    Interrupted,
    /// Ended because what ran it died.
    Crashed,
}

impl StateName {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Started,
        Self::Waiting,
        Self::Completed,
        Self::Failed,
        Self::Killed,
        Self::Dropped,
        Self::Interrupted,
        Self::Crashed,
    ];

    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Started => "started",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Killed => "killed",
            Self::Dropped => "dropped",
            Self::Interrupted => "interrupted",
            Self::Crashed => "crashed",
        }
    }

    /// Reads the word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing can follow.
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Queued | Self::Started | Self::Waiting)
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a thread is at.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Waits for a slot.
    Queued,
    /// The moderator is to decide.
    Deciding {
        /// How many decisions after the same step were cut off.
        lost: u32,
    },
    /// A role is to act.
    Acting(Box<Acting>),
    /// Parked; goes on with what it holds.
    Waiting {
        /// Why.
        reason: ParkReason,
        /// What it was at.
        then: Box<Phase>,
    },
    /// Over.
    Ended(End),
}

/// A complete step.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedStep {
    /// The role.
    pub role: String,
    /// What it said.
    pub content: String,
    /// Its checked meta.
    pub meta: RawJson,
}

/// A session that a role's next turn may go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSession {
    /// The session.
    pub session: AgentSession,
    /// The step in which it was last used: what the agent knows ends with that step.
    pub step: u32,
    /// What all its turns cost so far: some agents tell the sum of a whole session with each turn.
    pub usage: Usage,
}

/// Somebody wants a thread gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillRequest {
    /// Who.
    pub by: String,
    /// Whether it goes for a restart of its workflow.
    pub interrupt: bool,
}

impl KillRequest {
    /// The end that it leads to; `left` are processes that would not die.
    pub fn end(self, left: Vec<u32>) -> End {
        if self.interrupt { End::Interrupted } else { End::Killed { by: self.by, left } }
    }
}

/// A thread as its entries tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Thread {
    /// What it was accepted with.
    pub launch: Launch,
    /// The build it is pinned to, once it has started.
    pub build: Option<BuildId>,
    /// Its finished steps.
    pub steps: Vec<FinishedStep>,
    /// Each role's last session, and the step that it was last used in.
    pub sessions: BTreeMap<String, KnownSession>,
    /// What it is at.
    pub phase: Phase,
    /// Who wants it gone, and how it will end then.
    pub kill: Option<KillRequest>,
    /// How many entries made this state.
    pub entries: u32,
}

impl Thread {
    /// The state after the first entry.
    pub fn accepted(launch: Launch) -> Self {
        Self { launch, build: None, steps: Vec::new(), sessions: BTreeMap::new(), phase: Phase::Queued, kill: None, entries: 1 }
    }

    /// The state's name.
    pub fn state(&self) -> StateName {
        match &self.phase {
            Phase::Queued => StateName::Queued,
            Phase::Deciding { .. } | Phase::Acting(_) => StateName::Started,
            Phase::Waiting { .. } => StateName::Waiting,
            Phase::Ended(end) => end.state(),
        }
    }

    /// The end, when it is over.
    pub fn end(&self) -> Option<&End> {
        match &self.phase {
            Phase::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// The step that is under way.
    pub fn acting(&self) -> Option<&Acting> {
        match &self.phase {
            Phase::Acting(acting) => Some(acting),
            Phase::Waiting { then, .. } => match then.as_ref() {
                Phase::Acting(acting) => Some(acting),
                _ => None,
            },
            _ => None,
        }
    }

    /// The finished steps from index `from`, as the wire carries them.
    pub fn context(&self, from: usize) -> Vec<ContextStep> {
        let numbered = self.steps.iter().zip(1u32..).skip(from);
        numbered
            .map(|(step, n)| ContextStep { n, role: step.role.clone(), content: step.content.clone(), meta: step.meta.clone() })
            .collect()
    }

    /// Takes one more entry into account.
    ///
    /// The entry must be one that [`Machine::handle`](super::Machine::handle) gave for this state; others change as little as they can.
    pub fn apply(&mut self, entry: &Entry) {
        self.entries += 1;
        match entry {
            Entry::Accepted(_) | Entry::Queued => {}
            Entry::Started { build } => {
                self.build = Some(build.clone());
                if matches!(self.phase, Phase::Queued) {
                    self.phase = Phase::Deciding { lost: 0 };
                }
            }
            Entry::Intent(intent) => self.phase = Phase::Acting(Box::new(Acting::new(intent.clone()))),
            Entry::Meta { meta, cut, .. } => {
                let said = self.acting().map(|acting| acting.said(*cut)).unwrap_or_default();
                self.finish_step(said, meta);
            }
            Entry::Done { content, meta, .. } => self.finish_step(content.clone(), meta),
            Entry::DecisionLost { suspected, .. } => {
                if let Phase::Deciding { lost } = &mut self.phase {
                    *lost += u32::from(!suspected);
                }
            }
            Entry::Waiting { reason } => {
                if let Some(acting) = self.acting_mut() {
                    acting.apply(entry);
                }
                let then = std::mem::replace(&mut self.phase, Phase::Queued);
                self.phase = Phase::Waiting { reason: reason.clone(), then: Box::new(then) };
            }
            Entry::Resumed => {
                if let Phase::Waiting { then, .. } = &mut self.phase {
                    let then = std::mem::replace(then.as_mut(), Phase::Queued);
                    self.phase = then;
                }
            }
            Entry::BuildChanged { build } => self.build = Some(build.clone()),
            Entry::KillRequested { by, interrupt } => self.kill = Some(KillRequest { by: by.clone(), interrupt: *interrupt }),
            Entry::Ended(end) => self.phase = Phase::Ended(end.clone()),
            Entry::Session { step, session, .. } => {
                if let Some(acting) = self.acting_mut() {
                    acting.session = Some(session.clone());
                    let role = acting.intent.role.clone();
                    let before = self.sessions.remove(&role).filter(|known| known.session.id == session.id);
                    let usage = before.map(|known| known.usage).unwrap_or_default();
                    self.sessions.insert(role, KnownSession { session: session.clone(), step: *step, usage });
                }
            }
            Entry::AttemptLost { cause: CrashCause::Session, .. } => {
                if let Some(acting) = self.acting_mut() {
                    acting.session = None;
                    acting.apply(entry);
                    let role = acting.intent.role.clone();
                    self.sessions.remove(&role);
                }
            }
            Entry::Text(_) | Entry::CallFailed(_) => {
                self.spent(entry);
                if let Some(acting) = self.acting_mut() {
                    acting.apply(entry);
                }
            }
            Entry::Refused { .. } | Entry::Asked(_) | Entry::AskText(_) | Entry::AttemptLost { .. } | Entry::Retry { .. } => {
                if let Some(acting) = self.acting_mut() {
                    acting.apply(entry);
                }
            }
        }
    }

    fn acting_mut(&mut self) -> Option<&mut Acting> {
        match &mut self.phase {
            Phase::Acting(acting) => Some(acting),
            Phase::Waiting { then, .. } => match then.as_mut() {
                Phase::Acting(acting) => Some(acting),
                _ => None,
            },
            _ => None,
        }
    }

    /// What a call cost counts to the session that it had.
    fn spent(&mut self, entry: &Entry) {
        let Some(role) = self.acting().filter(|acting| acting.session.is_some()).map(|acting| acting.intent.role.clone()) else { return };
        // An ask goes on with no session.
        let asked = matches!(entry, Entry::CallFailed(failed) if failed.ask.is_some());
        if let (Some(known), Some(usage), false) = (self.sessions.get_mut(&role), entry.usage(), asked) {
            known.usage.add(&usage);
        }
    }

    fn finish_step(&mut self, content: String, meta: &RawJson) {
        let Phase::Acting(acting) = &self.phase else { return };
        let step = FinishedStep { role: acting.intent.role.clone(), content, meta: meta.clone() };
        self.steps.push(step);
        self.phase = Phase::Deciding { lost: 0 };
    }
}

impl Acting {
    fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Text(text) => {
                self.next_attempt = None;
                self.texts.push(TextRecord {
                    attempt: text.attempt,
                    adapter: text.adapter.clone(),
                    content: text.content.clone(),
                    form: text.form.clone(),
                    tokens: text.usage.tokens(),
                });
            }
            Entry::Refused { errors, .. } => self.refusals.push(Refusal { errors: errors.clone() }),
            Entry::Asked(ask) => {
                self.asks.push(AskRecord { entry: ask.clone(), state: AskState::Open });
            }
            Entry::AskText(answer) => {
                if let Some(ask) = self.asks.get_mut(answer.ask.0 as usize) {
                    ask.state = AskState::Answered(Box::new(answer.clone()));
                }
            }
            Entry::AttemptLost { cause, suspected, .. } => {
                self.lost += u32::from(!suspected);
                self.last_loss = Some(cause.clone());
                self.next_attempt = Some(self.attempt + 1);
            }
            // Parked before it could begin: the same attempt is still to be made.
            Entry::Waiting { .. } if self.stage() != Stage::Extract => self.next_attempt = self.next_attempt.or(Some(self.attempt)),
            Entry::Retry { attempt, .. } => {
                self.attempt = *attempt;
                self.next_attempt = None;
            }
            _ => {}
        }
    }
}

impl CrashCause {
    /// In words, for the end of a thread that crashed too often.
    pub fn words(&self) -> String {
        match self {
            Self::Daemon => "the daemon ended while it ran".to_owned(),
            Self::Worker { exit } => format!("the worker died: {exit}"),
            Self::Keeper => "the keeper of its agent died".to_owned(),
            Self::Session => "its agent did not go on with its session".to_owned(),
            Self::Deadline => "it took longer than it may".to_owned(),
        }
    }
}

impl ParkReason {
    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::AttemptLost { role } => format!("an attempt of `{role}` was lost and may have had effects; a person decides"),
            Self::Build { why } => format!("its build cannot run: {why}"),
        }
    }
}
