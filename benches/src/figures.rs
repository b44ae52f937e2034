//! What was measured, as it comes in.

use std::collections::BTreeMap;

use crate::failure::Result;
use crate::stats::{median, percentile, spread};

/// Samples by the id of their row, and why others are missing.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    samples: BTreeMap<String, Vec<f64>>,
    beside: BTreeMap<String, Vec<f64>>,
    failures: Vec<(String, String)>,
}

/// The median of a row's samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measure {
    pub(crate) value: f64,
    /// The least and the greatest sample.
    pub(crate) spread: [f64; 2],
}

impl Figures {
    /// Adds a sample.
    pub(crate) fn add(&mut self, id: &str, sample: f64) {
        self.samples.entry(id.to_owned()).or_default().push(sample);
    }

    /// Adds the percentile of what one run took as a sample; none for a run of nothing.
    pub(crate) fn add_percentile(&mut self, id: &str, run: &[f64], share: f64) {
        if let Some(value) = percentile(run, share) {
            self.add(id, value);
        }
    }

    /// Adds the rate of the limit that was measured in the same run as a sample of this row.
    pub(crate) fn add_limit(&mut self, id: &str, limit: f64) {
        self.beside.entry(id.to_owned()).or_default().push(limit);
    }

    /// Does a measurement; when it cannot be made, its rows are missing and the others are not.
    pub(crate) fn attempt(&mut self, what: &str, measure: impl FnOnce(&mut Self) -> Result<()>) {
        eprintln!("measuring {what}");
        if let Err(failure) = measure(self) {
            eprintln!("{what} could not be measured: {failure}");
            self.failures.push((what.to_owned(), failure.to_string()));
        }
    }

    /// The row's median.
    pub(crate) fn get(&self, id: &str) -> Option<Measure> {
        measure(self.samples.get(id)?)
    }

    /// The median of the limits that stood beside the row.
    pub(crate) fn limit_beside(&self, id: &str) -> Option<f64> {
        median(self.beside.get(id)?)
    }

    /// What could not be measured, and why.
    pub(crate) fn failures(&self) -> &[(String, String)] {
        &self.failures
    }
}

fn measure(samples: &[f64]) -> Option<Measure> {
    Some(Measure { value: median(samples)?, spread: spread(samples)? })
}
