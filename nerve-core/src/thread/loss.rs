//! What is lost when a process dies, and what follows from it.

use super::machine::{Live, Machine, Outcome, Refused};
use super::{AskState, AttemptFound, CrashCause, End, Entry, Found, Intent, MAX_LOST, ParkReason, Phase, Stage};
use crate::Effects;

impl Machine {
    /// What a restored thread must write before it goes on: what was found of the attempt that the daemon's end cut off, or
    /// its loss; or the end of a kill. `slot` says whether it counts among its workflow's active threads from now on; one
    /// without waits for its turn.
    pub fn recover(&mut self, found: Found, slot: bool) -> Vec<Entry> {
        self.slot = slot && matches!(self.thread.phase, Phase::Deciding { .. } | Phase::Acting(_));
        if self.thread.end().is_some() {
            return Vec::new();
        }
        if let Some(request) = self.thread.kill.clone() {
            return self.write(vec![Entry::Ended(request.end(Vec::new()))]);
        }
        let is_open = |ask: &super::AskTextEntry| {
            let asked = self.thread.acting().and_then(|acting| acting.asks.get(ask.ask.0 as usize));
            asked.is_some_and(|asked| asked.state == AskState::Open)
        };
        // A parked thread's asks went on as well.
        let mut entries: Vec<_> = found.asks.into_iter().filter(is_open).map(Entry::AskText).collect();
        let cut_off = match &self.thread.phase {
            Phase::Acting(acting) => acting.next_attempt.is_none() && acting.stage() != Stage::Extract,
            _ => false,
        };
        if !cut_off {
            entries.extend(if self.slot { self.begin_next_attempt() } else { None });
            return self.write(entries);
        }
        let hosted = self.thread.acting().is_some_and(|acting| acting.intent.hosted.is_some());
        match found.attempt {
            AttemptFound::Answered(text) if hosted => entries.push(Entry::Text(*text)),
            AttemptFound::NotBegun => {}
            AttemptFound::Answered(_) | AttemptFound::Lost => entries.extend(self.lost(CrashCause::Daemon, false)),
        }
        self.write(entries)
    }

    /// The entry that begins the attempt which waits for a slot.
    pub(super) fn begin_next_attempt(&self) -> Option<Entry> {
        let acting = self.thread.acting()?;
        acting.next_attempt.map(|attempt| Entry::Retry { step: acting.intent.step, attempt })
    }

    /// The attempt under way is lost. One that may be repeated begins again at once when the thread has a slot, else with it.
    pub(super) fn lost(&self, cause: CrashCause, suspected: bool) -> Vec<Entry> {
        let Some(acting) = self.thread.acting() else { return Vec::new() };
        let Intent { step, role, continues, .. } = &acting.intent;
        // The agent knows itself how far it came.
        let goes_on = *continues && acting.session.is_some() && cause != CrashCause::Session;
        let effects = if goes_on { Effects::Repeatable } else { acting.intent.effects };
        let mut entries = vec![Entry::AttemptLost { step: *step, attempt: acting.attempt, cause: cause.clone(), suspected }];
        if self.thread.kill.is_some() {
            return entries;
        }
        entries.extend(match effects {
            Effects::Repeatable if !suspected && acting.lost + 1 >= MAX_LOST => {
                Some(Entry::Ended(End::Crashed { cause: format!("`{role}` was lost {MAX_LOST} times; the last time {}", cause.words()) }))
            }
            Effects::Repeatable => self.slot.then_some(Entry::Retry { step: *step, attempt: acting.attempt + 1 }),
            Effects::AskBeforeRepeat => Some(Entry::Waiting { reason: ParkReason::AttemptLost { role: role.clone() } }),
            Effects::NeverRepeat => {
                Some(Entry::Ended(End::Failed { error: format!("attempt lost: `{role}` may not be repeated; {}", cause.words()) }))
            }
        });
        entries
    }

    pub(super) fn decision_lost(&mut self, cause: CrashCause, suspected: bool) -> Outcome {
        match (&self.live, &self.thread.phase) {
            (Live::Deciding, Phase::Deciding { lost }) => {
                let last = !suspected && lost + 1 >= MAX_LOST;
                self.live = Live::Idle;
                let upto = u32::try_from(self.thread.steps.len()).unwrap_or(u32::MAX);
                let mut entries = vec![Entry::DecisionLost { upto, cause: cause.clone(), suspected }];
                if last && self.thread.kill.is_none() {
                    entries.push(Entry::Ended(End::Crashed { cause: format!("deciding what comes next: {}", cause.words()) }));
                }
                Ok(entries)
            }
            (Live::Checking { asked: true, .. }, Phase::Acting(_)) => {
                // The text is kept; reading it again costs nothing, unless it is what kills the worker.
                self.live = Live::Idle;
                self.checks_lost += u32::from(!suspected);
                if self.checks_lost < MAX_LOST || self.thread.kill.is_some() {
                    return Ok(Vec::new());
                }
                Ok(vec![Entry::Ended(End::Crashed { cause: format!("checking a meta: {}", cause.words()) })])
            }
            _ => Err(Refused::NotExpected("the loss of a decision")),
        }
    }
}
