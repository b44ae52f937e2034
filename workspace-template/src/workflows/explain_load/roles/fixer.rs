//! The fixer: a role written by hand, which asks an adapter and could do anything besides.

use nerve_runtime::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::analyst::ANALYST;

/// Whether the fixer is through.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Fix {
    /// true when the load was dealt with
    pub done: bool,
}

/// Names the fixer's steps.
pub const FIXER: RoleKey<Fix> = RoleKey::new("fixer");

/// A hand-written role: an async function that returns content and meta.
pub fn fixer() -> Role {
    Role::written(FIXER, fix).timeout(minutes(10)).effects(Effects::Repeatable)
}

async fn fix(ctx: RoleContext) -> Result<RoleResult<Fix>> {
    if ctx.dry_run() {
        return Ok(RoleResult { content: "Dry run: nothing was changed.".to_owned(), meta: Fix { done: true } });
    }
    let Some(diagnosis) = ctx.thread().latest(ANALYST) else {
        return Err("the fixer acts on a diagnosis, and there is none yet".into());
    };
    let culprit = diagnosis.meta.culprit.as_deref().unwrap_or("not named");
    let prompt = format!("Deal with this load. Culprit: {culprit}.\n\n{}", diagnosis.content);
    // The answer is kept: an attempt that is repeated gets it back without a second call.
    ctx.ask_for::<Fix>(adapter("fixer"), prompt).await
}
