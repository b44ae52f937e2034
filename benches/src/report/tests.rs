//! A report from figures that nobody measured.

use super::catalogue::catalogue;
use super::{Peers, Report, chart, markdown, table};
use crate::failure::Failure;
use crate::figures::Figures;
use crate::machine::Machine;
use crate::session::Size;

const PEERS: &str = r#"installing
{"id": "langgraph_steps_1", "value": 900, "unit": "steps/s", "note": "SQLite saver | WAL"}
{"id": "langgraph_steps_8", "value": 910, "unit": "steps/s"}
{"id": "langgraph_steps_64", "value": 920.5, "unit": "steps/s", "note": ""}
{"id": "node_round_trip", "value": 22.7, "unit": "µs", "note": "p50"}"#;

fn machine() -> Machine {
    let text = str::to_owned;
    Machine {
        cores: 2,
        processor: text("one & <another>"),
        memory_gib: 24,
        kernel: text("6.18"),
        filesystem: text("ext2/ext3"),
        version: text("0.1.0"),
        commit: text("abc1234"),
    }
}

/// Each row of ours has the samples 1900, 2000 and 2100, and the limit 5000 beside it; one row fails.
fn figures(without: &str) -> Figures {
    let mut figures = Figures::default();
    for spec in catalogue() {
        let id = spec.id;
        figures.attempt(id, |figures| {
            if id == without {
                return Err(Failure::new("it would not"));
            }
            [2000.0, 1900.0, 2100.0].into_iter().for_each(|sample| figures.add(id, sample));
            figures.add_limit(id, 5000.0);
            Ok(())
        });
    }
    figures
}

fn report(without: &str, peers: Option<&str>) -> Report {
    let peers = peers.map(|text| Peers::read(text).expect("figures"));
    Report::of(&figures(without), peers.as_ref(), machine(), "2026-11-23".to_owned(), Size::FULL)
}

#[test]
fn a_report_with_every_row_is_whole_and_one_without_a_row_is_not() {
    assert!(report("none", None).is_whole());
    let torn = report("steps_8", None);
    assert!(!torn.is_whole());
    assert_eq!((torn.missing, torn.failures), (vec!["steps_8".to_owned()], vec![("steps_8".to_owned(), "it would not".to_owned())]));
}

#[test]
fn peers_that_were_asked_for_must_all_be_there() {
    let report = report("none", Some(PEERS));
    assert_eq!(report.missing, ["dbos_steps_1", "dbos_steps_8", "dbos_steps_64", "restate_steps_1", "restate_steps_8", "restate_steps_64"]);
    assert!(Peers::read("{\"id\": 3}").is_err());
}

#[test]
fn a_row_has_its_median_its_budget_by_the_limit_beside_it_and_its_peers() {
    let report = report("none", Some(PEERS));
    let row = report.row("steps_1").expect("a row");
    assert_eq!(
        (row.ours, row.spread, row.budget, row.ratio, row.met),
        (Some(2000.0), Some([1900.0, 2100.0]), Some(2000.0), Some(0.4), Some(true))
    );
    assert_eq!(row.peer.as_ref().and_then(|peers| peers.get("langgraph")), Some(&900.0));
    assert_eq!(report.row("steps_8").expect("a row").met, Some(false));
    let trip = report.row("round_trip_small").expect("a row");
    assert_eq!((trip.met, trip.peer.as_ref().and_then(|peers| peers.get("node"))), (Some(false), Some(&22.7)));
    assert_eq!(report.row("round_trip_64k").expect("a row").ratio, None);
    let theirs = report.row("langgraph_steps_64").expect("a row");
    assert_eq!((theirs.ours, theirs.unit.as_str(), theirs.met), (None, "steps/s", None));
}

#[test]
fn the_page_and_the_table_have_what_the_document_has() {
    let report = report("hosted_8", Some(PEERS));
    let document = serde_json::to_string(&report).expect("JSON");
    let read: Report = serde_json::from_str(&document).expect("a report");
    assert_eq!(read, report);
    let (page, table) = (markdown(&read), table(&read));
    let rows = |text: &str, start: &str, end: char| {
        let ids = text.lines().filter_map(|line| line.strip_prefix(start)?.split(end).next().map(str::to_owned));
        ids.collect::<Vec<_>>()
    };
    let ids: Vec<String> = report.rows.iter().map(|row| row.id.clone()).collect();
    assert_eq!(rows(&page, "| `", '`'), ids);
    assert_eq!(rows(&table, "", ' ')[1..], ids);
    assert!(page.contains("2,000 steps/s (1,900-2,100)") && page.contains("SQLite saver \\| WAL"), "{page}");
    assert!(!page.contains("A quick look") && markdown(&Report { quick: true, ..read }).contains("A quick look"), "{page}");
    assert!(page.contains("## Missing") && page.contains("- hosted_8: it would not"), "{page}");
    // A table's rows have as many cells as its head.
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    for table in page.split("\n\n").filter(|part| part.starts_with('|')) {
        let head = table.lines().next().map(cells);
        assert!(table.lines().all(|line| Some(cells(line)) == head), "{table}");
    }
}

#[test]
fn the_chart_is_well_formed() {
    for report in [report("steps_8", Some(PEERS)), report("none", None), Report { rows: Vec::new(), ..report("none", None) }] {
        let svg = chart(&report);
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let (inside, text) = tag.split_once('>').expect("a tag that ends");
            assert!(!text.contains(['&', '<']) || text.contains(';'), "{text}");
            assert_eq!(inside.matches('"').count() % 2, 0, "{inside}");
            match inside.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name)),
                None if inside.ends_with('/') => {}
                None => open.push(inside.split(' ').next().expect("a name")),
            }
            assert!(!inside.contains("NaN") && !inside.contains("inf"), "{inside}");
        }
        assert!(open.is_empty(), "{open:?}");
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }
}
