//! Replies from a file: offline, free, and counted.

mod calls;
mod replies;

use std::path::{Path, PathBuf};
use std::time::Duration;

use nerve_core::{CallFailure, Evidence, FailureKind, RawJson, ThreadId, Usage};

use super::{CallText, Form};
use replies::Reply;

/// An adapter that answers from a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptedAdapter {
    /// The file with the replies, looked at with each call and read anew when it has changed. Shape: YAML or JSON, a map from role to a
    /// list of replies, one a turn, of which the last repeats. A reply is a text, or a map of `text`, `meta`, `error` and `delay`.
    pub replies: Option<PathBuf>,
    /// The shortest and the longest wait before a reply; none without it. A reply's own `delay` goes before.
    pub delay: Option<(Duration, Duration)>,
    /// The file that gets one line `{"thread":…,"role":…,"attempt":…}` as each call starts.
    pub calls: Option<PathBuf>,
}

/// Which reply is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn<'a> {
    /// The thread.
    pub thread: ThreadId,
    /// The role.
    pub role: &'a str,
    /// The attempt, from 1; only written to the calls file.
    pub attempt: u32,
    /// How many steps this role has finished in the thread before this one.
    pub turn: u32,
}

impl ScriptedAdapter {
    /// The roles that the file has replies for.
    ///
    /// # Errors
    /// `Config` when the file cannot be read.
    pub async fn roles(&self) -> Result<Vec<String>, CallFailure> {
        replies::roles_of(self.file()?).await
    }

    fn file(&self) -> Result<&Path, CallFailure> {
        self.replies.as_deref().ok_or_else(|| config("a scripted adapter needs a file of replies: set `replies:`".to_owned()))
    }

    /// Gives the reply of this turn. A reply's `meta` is put into its text as a tagged block, so that it is read like a model's.
    ///
    /// # Errors
    /// `Config` when a file cannot be read or written or has nothing for the role; `BadResponse` for a reply with `error:`.
    pub async fn call(&self, turn: Turn<'_>, form: &Form) -> Result<CallText, CallFailure> {
        if let Some(file) = &self.calls {
            calls::append(file, turn).await?;
        }
        let file = self.file()?;
        let reply = replies::read(file, turn.role, turn.turn).await?;
        let wait = reply.delay.map(|delay| (delay.min, delay.max)).or(self.delay);
        if let Some((min, max)) = wait {
            tokio::time::sleep(between(min, max)).await;
        }
        answer(reply, form, file)
    }
}

fn answer(reply: Reply, form: &Form, file: &Path) -> Result<CallText, CallFailure> {
    if let Some(error) = reply.error {
        return Err(CallFailure::new(FailureKind::BadResponse, error));
    }
    let form = form.without_schema();
    let mut content = reply.text.unwrap_or_default();
    if let (Some(meta), Form::TaggedBlock { tag }) = (&reply.meta, &form) {
        let meta = RawJson::of(meta).map_err(|error| config(format!("{}: a meta cannot be written as JSON: {error}", file.display())))?;
        let gap = if content.is_empty() { "" } else { "\n\n" };
        content = format!("{content}{gap}```{tag}\n{}\n```", meta.get());
    }
    Ok(CallText { content, usage: Usage::FREE_CALL, form, evidence: Evidence::default() })
}

fn between(min: Duration, max: Duration) -> Duration {
    min + max.saturating_sub(min).mul_f64(fastrand::f64())
}

fn config(message: String) -> CallFailure {
    CallFailure::new(FailureKind::Config, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop where it fails")]
mod tests;
