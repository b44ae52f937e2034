//! A thread as `thread show` has it: the fold of its journal, step by step.

use nerve_core::thread::{End, Entry, StateName};
use nerve_core::{Timestamp, Usage};
use nerve_store::StoredThread;

use super::dto::{OriginView, StepView, ThreadView, moment, schema};

pub(super) fn view(stored: &StoredThread) -> ThreadView {
    let row = &stored.row;
    let mut steps: Vec<StepView> = Vec::new();
    let (mut prompt, mut max_rounds) = (String::new(), 0);
    // Of the step under way: only a first answer has a part that is no part of what the role said.
    let mut texts = 0;
    for (at, entry) in &stored.entries {
        if let Entry::Accepted(launch) = entry {
            (prompt, max_rounds) = (launch.prompt.clone(), launch.max_rounds);
        }
        fold(&mut steps, &mut texts, *at, entry);
    }
    for step in &mut steps {
        step.cost = step.usage.money();
    }
    let usage: Usage = steps.iter().map(|step| step.usage).sum();
    ThreadView {
        schema: schema::THREAD_SHOW.to_owned(),
        id: row.id,
        workflow: row.workflow.clone(),
        state: row.state,
        exit_code: row.exit_code,
        build: row.build.clone(),
        prompt,
        origin: OriginView::from(&row.origin),
        reason: row.reason.clone(),
        usage,
        cost: usage.money(),
        max_rounds,
        dry_run: row.dry_run,
        accepted_at: moment(row.accepted_at),
        started_at: row.started_at.map(moment),
        ended_at: row.ended_at.map(moment),
        steps,
    }
}

fn fold(steps: &mut Vec<StepView>, texts: &mut u32, at: Timestamp, entry: &Entry) {
    if let Entry::Intent(intent) = entry {
        *texts = 0;
        let hosted = intent.hosted.as_ref();
        steps.push(StepView {
            n: intent.step,
            role: intent.role.clone(),
            attempt: 1,
            state: StateName::Started,
            adapter: hosted.map(|work| work.adapter.to_string()),
            prompt: hosted.map(|work| work.prompt.clone()),
            content: None,
            meta: None,
            reason: intent.reason.clone(),
            error: None,
            usage: Usage::default(),
            cost: String::new(),
            started_at: moment(at),
            ended_at: None,
        });
        return;
    }
    let Some(step) = steps.last_mut().filter(|step| step.ended_at.is_none()) else { return };
    match entry {
        Entry::Text(text) => {
            *texts += 1;
            step.adapter = Some(text.adapter.clone());
            // The first text is the role's answer; later ones only mend its meta.
            step.content.get_or_insert_with(|| text.content.clone());
            step.usage.add(&text.usage);
        }
        Entry::AskText(answer) => step.usage.add(&answer.usage),
        Entry::CallFailed(failed) => {
            step.usage.add(&failed.failure.usage());
            step.error = Some(failed.failure.to_string());
        }
        Entry::Refused { errors, .. } => step.error = Some(errors.join("; ")),
        Entry::Meta { meta, cut, .. } => {
            step.meta = Some(meta.clone());
            if let (Some(cut), Some(content), 1) = (cut, &mut step.content, *texts) {
                *content = cut.out_of(content);
            }
            finish(step, at, StateName::Completed);
        }
        Entry::Done { content, meta, .. } => {
            (step.content, step.meta) = (Some(content.clone()), Some(meta.clone()));
            finish(step, at, StateName::Completed);
        }
        Entry::AttemptLost { cause, .. } => step.error = Some(format!("attempt lost: {}", cause.words())),
        Entry::Retry { attempt, .. } => (step.attempt, step.state) = (*attempt, StateName::Started),
        Entry::Waiting { .. } => step.state = StateName::Waiting,
        Entry::Resumed => step.state = StateName::Started,
        Entry::Ended(end) => {
            step.error = end.reason().or(step.error.take());
            let state = if let End::Completed { .. } = end { StateName::Completed } else { end.state() };
            step.ended_at = Some(moment(at));
            step.state = state;
        }
        _ => {}
    }
}

/// A complete step carries no error of an attempt or answer before the good one.
fn finish(step: &mut StepView, at: Timestamp, state: StateName) {
    step.error = None;
    step.state = state;
    step.ended_at = Some(moment(at));
}
