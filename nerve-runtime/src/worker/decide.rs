//! Asking the moderator, and rendering the prompt of the role that it chose.

use nerve_core::wire::{Choice, HostedWork, Work};
use nerve_core::{RawJson, Role, RoleBody, ThreadContext, Workflow};

use super::{catch, catching};

/// The moderator's choice, with the prompt rendered: once per step.
pub(crate) async fn decide(workflow: &Workflow, context: &ThreadContext) -> Result<Choice, String> {
    let next = catch(|| workflow.next(context)).map_err(|error| format!("the moderator of `{}` {error}", workflow.name()))?;
    let reason = next.reason().map(str::to_owned);
    let Some(name) = next.chosen() else { return Ok(Choice::End { reason }) };
    let role = workflow.role(name).ok_or_else(|| unknown(workflow, name))?;
    let options = role.options();
    Ok(Choice::Role {
        role: name.to_owned(),
        reason,
        work: work(role, context).await?,
        timeout_ms: options.timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        effects: options.effects,
    })
}

/// The moderator's choices after 0, 1, … `upto` steps, until it panics.
pub(crate) fn replay(workflow: &Workflow, context: &ThreadContext, upto: usize) -> (Vec<Option<String>>, Option<String>) {
    let mut chosen = Vec::with_capacity(upto + 1);
    for steps in 0..=upto {
        match catch(|| workflow.next(&context.clone().cut(steps))) {
            Ok(next) => chosen.push(next.chosen().map(str::to_owned)),
            Err(error) => return (chosen, Some(format!("the moderator of `{}` {error}", workflow.name()))),
        }
    }
    (chosen, None)
}

/// Whether the role's Rust type takes this meta.
pub(crate) fn check(workflow: &Workflow, role: &str, meta: &RawJson) -> Result<(), String> {
    workflow.role(role).ok_or_else(|| unknown(workflow, role))?.check(meta)
}

async fn work(role: &Role, context: &ThreadContext) -> Result<Work, String> {
    let RoleBody::Hosted(hosted) = role.body() else { return Ok(Work::Written) };
    let render = catch(|| hosted.prompt.render(context));
    let prompt = match render {
        Ok(rendering) => catching(rendering).await,
        Err(error) => Err(error),
    };
    let prompt = prompt
        .map_err(|error| format!("the prompt of `{}` {error}", role.name()))?
        .map_err(|error| format!("the prompt of `{}` failed: {error}", role.name()))?;
    let turn = context.steps().filter(|step| step.role == role.name()).count();
    Ok(Work::Hosted(HostedWork {
        adapter: hosted.adapter.source().clone(),
        prompt,
        schema: role.schema().clone(),
        extractor: hosted.extractor.clone(),
        example: hosted.dry_run.get(turn).or(hosted.dry_run.last()).cloned(),
    }))
}

fn unknown(workflow: &Workflow, role: &str) -> String {
    let known: Vec<_> = workflow.roles().iter().map(Role::name).collect();
    format!("`{role}` is not a role of workflow `{}`; registered are: {}", workflow.name(), known.join(", "))
}
