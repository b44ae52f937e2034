//! A step under way: what was asked, and what has come back.

use super::{AgentSession, AskEntry, AskTextEntry, CrashCause, Cut, Intent};
use crate::RawJson;

/// A step between its intent and its checked meta.
#[derive(Debug, Clone, PartialEq)]
pub struct Acting {
    /// What was decided.
    pub intent: Intent,
    /// The attempt that counts, from 1.
    pub attempt: u32,
    /// The attempt that is to be made once the thread has a slot; none while the present one may run.
    pub next_attempt: Option<u32>,
    /// How many attempts were lost and count.
    pub lost: u32,
    /// What cut the last lost attempt off.
    pub last_loss: Option<CrashCause>,
    /// The role's answer, then the answers to re-asks.
    pub texts: Vec<TextRecord>,
    /// What was wrong with each text's meta.
    pub refusals: Vec<Refusal>,
    /// The asks of a hand-written role, by number.
    pub asks: Vec<AskRecord>,
    /// The session that the agent has in this step.
    pub session: Option<AgentSession>,
}

/// A text that is in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct TextRecord {
    /// The attempt that gave it.
    pub attempt: u32,
    /// The adapter as it was resolved.
    pub adapter: String,
    /// The text.
    pub content: String,
    /// How the meta was asked for.
    pub form: Option<RawJson>,
    /// Tokens that it took, read and written, as far as they are told.
    pub tokens: u64,
}

/// Why a text gave no meta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Each thing that is wrong.
    pub errors: Vec<String>,
}

/// An ask and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct AskRecord {
    /// The question.
    pub entry: AskEntry,
    /// The answer.
    pub state: AskState,
}

/// What became of an ask.
#[derive(Debug, Clone, PartialEq)]
pub enum AskState {
    /// No answer is in the journal.
    Open,
    /// Answered.
    Answered(Box<AskTextEntry>),
}

/// What the step needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The hand-written role has to run.
    Run,
    /// A call has to be made: 0 is the role's own, n the n-th re-ask.
    Call {
        /// Which.
        rung: u32,
    },
    /// The last text's meta has to be read.
    Extract,
}

impl Acting {
    /// A step whose intent was just decided.
    pub fn new(intent: Intent) -> Self {
        Self {
            intent,
            attempt: 1,
            next_attempt: None,
            lost: 0,
            last_loss: None,
            texts: Vec::new(),
            refusals: Vec::new(),
            asks: Vec::new(),
            session: None,
        }
    }

    /// What the role said: its first answer, for later texts only mend its meta. `cut` belongs to the last text.
    pub fn said(&self, cut: Option<Cut>) -> String {
        match (self.texts.as_slice(), cut) {
            ([only], Some(cut)) => cut.out_of(&only.content),
            ([first, ..], _) => first.content.clone(),
            ([], _) => String::new(),
        }
    }

    /// Tokens that its answers took, as far as they are told.
    pub fn tokens(&self) -> u64 {
        self.texts.iter().fold(0, |all, text| all.saturating_add(text.tokens))
    }

    /// What the step needs next.
    pub fn stage(&self) -> Stage {
        if self.intent.hosted.is_none() {
            Stage::Run
        } else if self.texts.len() > self.refusals.len() {
            Stage::Extract
        } else {
            Stage::Call { rung: u32::try_from(self.texts.len()).unwrap_or(u32::MAX) }
        }
    }
}
