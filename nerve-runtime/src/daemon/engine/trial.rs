//! Trying an adapter, for a person who asks.

use std::collections::BTreeMap;

use nerve_core::{AdapterSource, CallFailure, FailureKind};

use super::super::api::dto::{AdapterTest, ErrorBody, ErrorKind};
use super::super::calls::{Place, held, not_tried};
use super::super::clock;
use super::Engine;
use super::brakes::Pass;
use super::message::Reply;

/// A trial under way: what it holds, and who asked.
#[derive(Debug)]
pub(crate) struct Tried {
    pass: Pass,
    reply: Reply<AdapterTest>,
}

impl Engine {
    /// Calls the adapter once, as a role's call would be: with the same limits, and counted.
    pub(super) fn try_adapter(&mut self, name: String, reply: Reply<AdapterTest>) {
        let answer = |reply: Reply<AdapterTest>, answer| {
            // Whoever asked may be gone.
            let _ = reply.send(answer);
        };
        if !self.config.adapters.contains_key(&name) {
            let known: Vec<&str> = self.config.adapters.keys().map(String::as_str).collect();
            let body = ErrorBody::new(ErrorKind::NotFound, "NV0319", format!("nerve.yaml has no adapter `{name}`"));
            return answer(reply, Err(body.help(format!("adapters: {}", known.join(", ")))));
        }
        // A thread that nobody else has: its folder is its own.
        let (thread, _) = clock::new_thread(clock::now());
        let place = Place { thread, workflow: "", role: "test", workdir: None };
        let resolved = match self.host.resolve(&self.config, place, &AdapterSource::Named(name.clone())) {
            Ok(resolved) => resolved,
            Err(failure) => return answer(reply, Ok(not_tried(name, &failure))),
        };
        match self.brakes.pass(&resolved.gates, resolved.counts(), clock::now()) {
            Ok(pass) => self.host.try_adapter(name, thread, resolved, Tried { pass, reply }),
            Err(reason) => answer(reply, Ok(held(name, reason))),
        }
    }

    pub(super) fn tried(&mut self, test: AdapterTest, tried: Tried) {
        let kind = test.problem.as_ref().map(|problem| problem.kind.unwrap_or(FailureKind::BadResponse));
        self.give_back(&tried.pass, kind.map(|kind| CallFailure::new(kind, "")).as_ref());
        let details = BTreeMap::from([
            ("ok", test.ok.to_string()),
            ("calls", test.usage.calls.to_string()),
            ("cost", test.cost.clone()),
            ("problem", test.problem.as_ref().map(|problem| problem.message.clone()).unwrap_or_default()),
        ]);
        self.note("adapter_test", &test.name, details);
        let _ = tried.reply.send(Ok(test));
    }
}
