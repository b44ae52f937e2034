//! What one call has cost so far, over all of its requests.

use nerve_core::{CallFailure, CallRecord, Evidence, Usage};

use super::{Endpoint, shown};

/// Kept outside of the call itself, so that one that is stopped by its timer does not forget what it sent.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    usage: Usage,
    failed_tries: Vec<String>,
    /// What the provider last said of its limits.
    limits: Option<String>,
    in_flight: bool,
}

impl Ledger {
    /// A request goes out.
    pub(super) fn sent(&mut self) {
        self.in_flight = true;
    }

    /// A request came back, well or not.
    pub(super) fn back(&mut self, record: &CallRecord) {
        self.in_flight = false;
        self.usage.add(&record.usage);
        if record.evidence.limits.is_some() {
            self.limits.clone_from(&record.evidence.limits);
        }
    }

    /// Another request follows one that failed like this.
    pub(super) fn failed(&mut self, failure: &CallFailure, endpoint: &Endpoint) {
        self.failed_tries.push(shown::event(&failure.message, endpoint));
    }

    /// What the call cost, and what this last request of it and the ones before prove.
    pub(super) fn close(self, last: Evidence) -> (Usage, Evidence) {
        let mut usage = self.usage;
        if self.in_flight {
            usage.add(&Usage::ONE_CALL);
        }
        (usage, Evidence { failed_tries: self.failed_tries, limits: self.limits, ..last })
    }
}
