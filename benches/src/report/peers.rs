//! What the drivers of the peers print: one JSON line for each figure.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::row::Row;
use crate::failure::{Failure, Result};

/// Rows without which a report with peers is not whole.
const NEEDED: [&str; 9] = [
    "langgraph_steps_1",
    "langgraph_steps_8",
    "langgraph_steps_64",
    "dbos_steps_1",
    "dbos_steps_8",
    "dbos_steps_64",
    "restate_steps_1",
    "restate_steps_8",
    "restate_steps_64",
];

/// One line of a driver.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Figure {
    id: String,
    value: f64,
    unit: String,
    /// What it is and who acknowledges when.
    #[serde(default)]
    note: String,
    #[serde(default)]
    spread: Option<[f64; 2]>,
}

/// The figures of all peers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Peers {
    figures: Vec<Figure>,
}

impl Peers {
    /// Reads what the drivers printed; lines that are no objects are what they say besides.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let lines = text.lines().map(str::trim).filter(|line| line.starts_with('{'));
        let figure = |line: &str| serde_json::from_str(line).map_err(|error| Failure::new(format!("no peer's figure: {line}: {error}")));
        Ok(Self { figures: lines.map(figure).collect::<Result<_>>()? })
    }

    /// What peers have beside a row of ours: their figures by their names.
    pub(super) fn beside(&self, row: &str) -> BTreeMap<String, f64> {
        let beside = self.figures.iter().filter_map(|figure| figure.id.split_once('_').map(|(peer, what)| (peer, what, figure.value)));
        beside.filter(|(_, what, _)| ours(what) == row).map(|(peer, _, value)| (peer.to_owned(), value)).collect()
    }

    /// Their own rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> {
        self.figures.iter().map(|figure| {
            let peer = figure.id.split('_').next().unwrap_or_default().to_owned();
            Row {
                id: figure.id.clone(),
                what: figure.note.clone(),
                ours: None,
                unit: figure.unit.clone(),
                budget: None,
                peer: Some(BTreeMap::from([(peer, figure.value)])),
                limit: None,
                ratio: None,
                met: None,
                spread: figure.spread,
            }
        })
    }

    /// Rows that should be there.
    pub(super) fn missing(&self) -> impl Iterator<Item = String> {
        let there = |id: &&str| self.figures.iter().any(|figure| figure.id == **id);
        NEEDED.into_iter().filter(move |id| !there(id)).map(str::to_owned)
    }
}

/// The row of ours that does the same work.
fn ours(what: &str) -> &str {
    match what {
        "round_trip" => "round_trip_small",
        same => same,
    }
}
