//! Rows, and how they come from figures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::catalogue::{Better, Budget, Spec, catalogue};
use super::peers::Peers;
use crate::figures::Figures;
use crate::machine::Machine;
use crate::session::Size;

/// The form of the document.
const SCHEMA: &str = "nerve.bench/1";

/// All that was measured in one session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) schema: String,
    /// The day, as `2026-11-23`.
    pub(crate) date: String,
    pub(crate) machine: Machine,
    /// Runs whose median a row is.
    pub(crate) runs: usize,
    /// Whether it is a look: its stores held a tenth of the threads that the rows name.
    pub(crate) quick: bool,
    pub(crate) rows: Vec<Row>,
    /// Ids of rows that should be here and could not be measured.
    pub(crate) missing: Vec<String>,
    /// Why not.
    pub(crate) failures: Vec<(String, String)>,
}

/// One figure and what stands beside it, all in the same unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    /// In words; in a peer's own row what its driver says of it.
    pub(crate) what: String,
    /// Absent in a peer's own row.
    pub(crate) ours: Option<f64>,
    pub(crate) unit: String,
    pub(crate) budget: Option<f64>,
    pub(crate) peer: Option<BTreeMap<String, f64>>,
    pub(crate) limit: Option<Limit>,
    /// Ours by the limit, or by the best peer where there is no limit.
    pub(crate) ratio: Option<f64>,
    pub(crate) met: Option<bool>,
    /// The least and the greatest sample: of ours, or of the peer's in its own row.
    pub(crate) spread: Option<[f64; 2]>,
}

/// A limit of the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Limit {
    pub(crate) id: String,
    pub(crate) value: f64,
}

impl Report {
    /// Puts together what was measured.
    pub(crate) fn of(figures: &Figures, peers: Option<&Peers>, machine: Machine, date: String, size: Size) -> Self {
        let (mut rows, mut missing) = (Vec::new(), Vec::new());
        for spec in catalogue() {
            match row(&spec, figures, peers) {
                Some(row) => rows.push(row),
                None => missing.push(spec.id.to_owned()),
            }
        }
        if let Some(peers) = peers {
            rows.extend(peers.rows());
            missing.extend(peers.missing());
        }
        Self {
            schema: SCHEMA.to_owned(),
            date,
            machine,
            runs: size.runs,
            quick: size.is_quick(),
            rows,
            missing,
            failures: figures.failures().to_vec(),
        }
    }

    /// The row of this id.
    pub(crate) fn row(&self, id: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// Whether every row is there.
    pub(crate) fn is_whole(&self) -> bool {
        self.missing.is_empty()
    }

    /// Rows whose budget is missed.
    pub(crate) fn missed(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.met == Some(false))
    }
}

fn row(spec: &Spec, figures: &Figures, peers: Option<&Peers>) -> Option<Row> {
    let ours = figures.get(spec.id)?;
    let limit = spec.limit.and_then(|id| {
        let value = figures.limit_beside(spec.id).or_else(|| figures.get(id).map(|limit| limit.value))?;
        Some(Limit { id: id.to_owned(), value })
    });
    let budget = match spec.budget {
        Budget::None => None,
        Budget::Fixed(budget) => Some(budget),
        Budget::OfLimit(factor) => Some(limit.as_ref()?.value * factor),
        Budget::OfRow(id, factor) => Some(figures.get(id)?.value * factor),
    };
    let met = budget.map(|budget| match spec.better {
        Better::More => ours.value >= budget,
        Better::Less => ours.value <= budget,
    });
    let peer = peers.map(|peers| peers.beside(spec.id)).filter(|peers| !peers.is_empty());
    let best = peer.iter().flat_map(BTreeMap::values).copied().reduce(match spec.better {
        Better::More => f64::max,
        Better::Less => f64::min,
    });
    let base = limit.as_ref().map(|limit| limit.value).or(best);
    let ratio = base.filter(|base| *base > 0.0).map(|base| ours.value / base);
    Some(Row {
        id: spec.id.to_owned(),
        what: spec.what.to_owned(),
        ours: Some(ours.value),
        unit: spec.unit.to_owned(),
        budget,
        peer,
        limit,
        ratio,
        met,
        spread: Some(ours.spread),
    })
}
