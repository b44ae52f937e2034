//! Answers for hand-written roles in a test.

use std::sync::{Arc, Mutex, PoisonError};

use nerve_core::{Answer, Ask, AskRequest, BoxFuture, Error, Result, Usage};

use super::{Script, next};

/// Answers asks from the test's script, by the adapter's name.
#[derive(Clone)]
pub(super) struct KitAsks(Arc<Mutex<Inner>>);

struct Inner {
    script: Script,
    prompts: Vec<(String, String)>,
}

impl KitAsks {
    pub(super) fn new(script: Script) -> Self {
        Self(Arc::new(Mutex::new(Inner { script, prompts: Vec::new() })))
    }

    pub(super) fn take_prompts(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).prompts)
    }

    fn answer(&self, request: AskRequest) -> Result<Answer> {
        let name = request.adapter.to_string();
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.prompts.push((name.clone(), request.prompt));
        match next(&mut inner.script, &name) {
            Some(reply) => Ok(Answer { text: reply.content, meta: reply.meta, usage: Usage::default() }),
            None => Err(Error::message(format!("the test gives no answer: add .answer(\"{name}\", …)"))),
        }
    }
}

impl Ask for KitAsks {
    fn ask(&self, request: AskRequest) -> BoxFuture<'static, Result<Answer>> {
        let answer = self.answer(request);
        Box::pin(async move { answer })
    }
}
