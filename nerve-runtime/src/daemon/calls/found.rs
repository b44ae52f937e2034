//! What an earlier life of the daemon left of its calls.

use std::time::Duration;

use nerve_adapters::host::Form;
use nerve_adapters::host::extract::{self, Extraction};
use nerve_core::config::{ExtractPolicy, OutputForm};
use nerve_core::thread::CallAnswer;
use nerve_core::{RawJson, ThreadId};
use tokio::time::{Instant, sleep};

use super::super::engine::Finished;
use super::agent::AgentEnd;
use super::line::remove;
use super::{Host, jobs, outcome};
use crate::crash_point::{Moment, Point, crash_point};
use crate::spool::{CallName, Evidence, Spool, What};

/// The longest that a thread's kill waits for what it started.
const GONE: Duration = Duration::from_secs(5);

/// How often is looked whether it is gone.
const GLANCE: Duration = Duration::from_millis(20);

/// A call that had begun.
#[derive(Debug)]
pub(crate) struct Found {
    pub call: CallName,
    pub thread: ThreadId,
    pub step: u32,
    pub attempt: u32,
    pub what: What,
    spool: Spool,
}

/// The answer of a call that was found.
#[derive(Debug)]
pub(crate) struct FoundText {
    pub answer: CallAnswer,
    /// The meta that an ask wanted.
    pub meta: Option<RawJson>,
}

impl Found {
    fn of(spool: Spool) -> Self {
        let begun = spool.begun();
        Self { call: spool.name(), thread: begun.thread, step: begun.step, attempt: begun.attempt, what: begun.what, spool }
    }

    /// The answer, when what lies there proves that it is one; `schema` is that of the meta that was asked for. Without it
    /// all that is known is that the call had begun.
    pub(crate) fn answer(&self, schema: Option<&RawJson>) -> Option<FoundText> {
        match self.spool.evidence() {
            Evidence::Reply(reply) => {
                let answer = CallAnswer {
                    form: reply.form,
                    evidence: reply.evidence,
                    ..CallAnswer::plain(reply.adapter, reply.content, reply.usage)
                };
                // Only the last reply of an ask is kept, with its meta.
                (schema.is_none() || reply.meta.is_some() || !self.is_ask()).then_some(FoundText { answer, meta: reply.meta })
            }
            Evidence::Ended => self.of_command(schema),
            Evidence::None | Evidence::Started => None,
        }
    }

    fn is_ask(&self) -> bool {
        matches!(self.what, What::Ask { .. })
    }

    fn of_command(&self, schema: Option<&RawJson>) -> Option<FoundText> {
        let begun = self.spool.begun();
        let form = begun.form.as_ref().and_then(|form| Form::from_raw(form).ok()).unwrap_or(Form::Plain);
        let end = AgentEnd::read(&self.spool).ok()??;
        // A folder of before profiles holds a plain command's.
        let called = begun.called.clone().unwrap_or_default();
        let read = outcome::answer(&end, &called, &self.spool).ok()?;
        // Where no last word proves it, only its meta can show that a text is whole.
        let proven = called.profile.output == OutputForm::Lines || called.usage_file();
        if end.exit.stopped && !proven && !is_finished(&read.content, &form, schema?) {
            return None;
        }
        let answer = CallAnswer {
            form: begun.form.clone(),
            evidence: read.evidence,
            ..CallAnswer::plain(begun.adapter.clone(), read.content, read.usage)
        };
        match schema.filter(|_| self.is_ask()) {
            Some(schema) => jobs::with_meta(answer, schema).ok().map(|(answer, meta)| FoundText { answer, meta: Some(meta) }),
            None => Some(FoundText { answer, meta: None }),
        }
    }
}

/// Whether a text that may be cut off is whole: it is when the meta that it was to end with can be read.
fn is_finished(text: &str, form: &Form, schema: &RawJson) -> bool {
    matches!(extract::read(text, form, schema, ExtractPolicy::default()), Extraction::Meta { .. })
}

impl Host {
    /// What earlier lives left, in the order in which it began; to be read before anything is called in this one.
    pub(crate) fn found(&self) -> Vec<Found> {
        match Spool::all(&self.layout) {
            Ok(spools) => spools.into_iter().map(Found::of).collect(),
            Err(error) => {
                tracing::error!(%error, "what earlier calls left cannot be read: they count as lost");
                Vec::new()
            }
        }
    }

    /// Says when nothing of these commands runs any more, or what would not die.
    pub(crate) fn await_gone(&self, thread: ThreadId, commands: Vec<CallName>) {
        let children = self.children.clone();
        self.spawn(async move {
            let deadline = Instant::now() + GONE;
            let mut none_seen = false;
            loop {
                // Its keeper counts: while that runs, the agent may.
                let left: Vec<u32> = commands.iter().flat_map(|call| children.running(&call.owner())).collect();
                // A first look may come before a keeper that was being started when the call was stopped.
                if Instant::now() >= deadline || (left.is_empty() && std::mem::replace(&mut none_seen, true)) {
                    return Finished::Gone { thread, left };
                }
                none_seen &= left.is_empty();
                sleep(GLANCE).await;
            }
        });
    }

    /// Removes what a call left, off the caller's thread: its answer is durable, or nobody waits for it any more.
    pub(crate) fn forget(&self, call: CallName) {
        let layout = self.layout.clone();
        self.aside(async move {
            if let Some(spool) = Spool::of(&layout, &call) {
                remove(&spool);
                crash_point(Point::At(Moment::CallForgotten));
            }
        });
    }

    /// Removes what all calls of a thread left, off the caller's thread: it is over.
    pub(crate) fn forget_thread(&self, thread: ThreadId) {
        let layout = self.layout.clone();
        self.aside(async move {
            // By their names: other calls begin at the same time.
            let names = std::fs::read_dir(layout.calls()).into_iter().flatten().flatten().map(|entry| entry.file_name());
            let calls = names.filter_map(|name| name.to_str()?.parse::<CallName>().ok()).filter(|call| call.thread() == thread);
            calls.filter_map(|call| Spool::of(&layout, &call)).for_each(|spool| remove(&spool));
        });
    }
}
