//! Prompts: a text, or a function of the thread.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::{BoxFuture, Error, Result, ThreadContext};

type Render = dyn Fn(ThreadContext) -> BoxFuture<'static, Result<String>> + Send + Sync;

/// A role's prompt, rendered once per step.
#[derive(Clone)]
pub struct Prompt(Arc<Render>);

impl Prompt {
    /// A prompt that awaits something, such as a file or a query.
    pub fn from_async<F, Fut, T>(f: F) -> Self
    where
        F: Fn(ThreadContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: PromptText,
    {
        Self(Arc::new(move |thread| {
            let text = f(thread);
            Box::pin(async move { text.await.into_text() })
        }))
    }

    /// Renders it for this thread.
    pub fn render(&self, thread: &ThreadContext) -> BoxFuture<'static, Result<String>> {
        (self.0)(thread.clone())
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prompt")
    }
}

/// What a prompt function may return: a string, or a `Result` of one.
#[diagnostic::on_unimplemented(
    message = "a prompt function cannot return `{Self}`",
    note = "return a String, a &'static str, or a Result of one"
)]
pub trait PromptText {
    /// The text, or why there is none.
    fn into_text(self) -> Result<String>;
}

impl PromptText for String {
    fn into_text(self) -> Result<String> {
        Ok(self)
    }
}

impl PromptText for &'static str {
    fn into_text(self) -> Result<String> {
        Ok(self.to_owned())
    }
}

impl<T: PromptText, E: Into<Error>> PromptText for Result<T, E> {
    fn into_text(self) -> Result<String> {
        self.map_err(Into::into).and_then(PromptText::into_text)
    }
}

/// What may stand as a prompt: `&str`, `String`, a [`Prompt`], or a closure `|thread: &ThreadContext| …`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a prompt",
    note = "a prompt is a string, or a closure `|thread: &ThreadContext| …` that returns one"
)]
pub trait IntoPrompt {
    /// Makes the prompt.
    fn into_prompt(self) -> Prompt;
}

impl IntoPrompt for Prompt {
    fn into_prompt(self) -> Prompt {
        self
    }
}

impl IntoPrompt for &str {
    fn into_prompt(self) -> Prompt {
        self.to_owned().into_prompt()
    }
}

impl IntoPrompt for String {
    fn into_prompt(self) -> Prompt {
        Prompt(Arc::new(move |_| {
            let text = self.clone();
            Box::pin(async move { Ok(text) })
        }))
    }
}

impl<F, R> IntoPrompt for F
where
    F: Fn(&ThreadContext) -> R + Send + Sync + 'static,
    R: PromptText,
{
    fn into_prompt(self) -> Prompt {
        Prompt(Arc::new(move |thread| {
            let text = self(&thread).into_text();
            Box::pin(async move { text })
        }))
    }
}
