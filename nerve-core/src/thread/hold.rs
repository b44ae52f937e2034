//! Parking a thread, letting it go on, and killing it.

use super::machine::{Live, Machine, Outcome, Refused};
use super::{Entry, ParkReason, Phase, Resume, StepText};
use crate::{Evidence, Usage};

impl Machine {
    pub(super) fn park(&mut self, reason: ParkReason) -> Vec<Entry> {
        self.live = Live::Idle;
        vec![Entry::Waiting { reason }]
    }

    /// The thread waits for a slot from now on; an attempt that was lost begins again when it has one.
    pub(super) fn resume(&mut self, resume: Resume) -> Outcome {
        let Phase::Waiting { reason, .. } = &self.thread.phase else {
            return Err(Refused::NotExpected("a resume: the thread is not parked"));
        };
        let acting = self.thread.acting();
        let entries = match (reason, resume, acting) {
            (_, Resume::TryAgain, _) => vec![Entry::Resumed],
            (_, Resume::OnBuild(build), _) => vec![Entry::BuildChanged { build }, Entry::Resumed],
            (ParkReason::AttemptLost { .. }, Resume::WithText(content), Some(acting)) if acting.intent.hosted.is_some() => {
                let text = StepText {
                    step: acting.intent.step,
                    attempt: acting.attempt,
                    adapter: "person".to_owned(),
                    content,
                    usage: Usage::default(),
                    form: None,
                    evidence: Evidence::default(),
                };
                vec![Entry::Resumed, Entry::Text(text)]
            }
            _ => return Err(Refused::NotExpected("a text: no adapter's answer is missing")),
        };
        // Also when the park has not been acted on yet.
        self.slot = false;
        Ok(entries)
    }

    pub(super) fn kill(&mut self, by: String, interrupt: bool) -> Outcome {
        if self.thread.kill.is_some() {
            return Ok(Vec::new());
        }
        let mut entries = vec![Entry::KillRequested { by: by.clone(), interrupt }];
        if !self.slot {
            entries.push(Entry::Ended(super::KillRequest { by, interrupt }.end(Vec::new())));
        }
        Ok(entries)
    }
}
