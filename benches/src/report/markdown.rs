//! The report for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::row::{Report, Row};

/// The page of one session.
pub(crate) fn markdown(report: &Report) -> String {
    let Report { date, machine, runs, .. } = report;
    let mut page = format!("# Measured on {date}\n\n");
    let at = format!("{} cores ({}), {} GiB of memory", machine.cores, machine.processor, machine.memory_gib);
    push(&mut page, format_args!("{at}, Linux {}, {}.\n", machine.kernel, machine.filesystem));
    push(
        &mut page,
        format_args!("nerve {}, commit {}. Medians of {runs} runs, least and greatest in brackets.\n", machine.version, machine.commit),
    );
    if report.quick {
        page.push_str("**A quick look, not to be compared with a full report**: short runs, and stores with a tenth of the threads that the rows name.\n");
    }
    page.push_str("How to read it: [README.md](README.md).\n\n");
    push(&mut page, format_args!("![Steps a second over threads at once]({date}.svg)\n\n"));
    line(&mut page, &["row", "what", "ours", "budget", "met", "limit", "ratio", "peers"]);
    line(&mut page, &["---"; 8]);
    for row in report.rows.iter().filter(|row| row.ours.is_some()) {
        let budget = with_unit(row.budget, &row.unit);
        let id = format!("`{}`", row.id);
        line(&mut page, &[&id, &row.what, &ours(row), &budget, met(row), &limit(row), &ratio(row), &peers(row)]);
    }
    let theirs: Vec<&Row> = report.rows.iter().filter(|row| row.ours.is_none()).collect();
    if !theirs.is_empty() {
        page.push_str("\n## Peers\n\n");
        line(&mut page, &["row", "theirs", "how"]);
        line(&mut page, &["---"; 3]);
        for row in theirs {
            let value = row.peer.iter().flat_map(BTreeMap::values).next().copied();
            line(&mut page, &[&format!("`{}`", row.id), &figure(value, row), &row.what]);
        }
    }
    if !report.missing.is_empty() {
        push(&mut page, format_args!("\n## Missing\n\n{}\n\n", report.missing.join(", ")));
        for (what, why) in &report.failures {
            push(&mut page, format_args!("- {what}: {}\n", why.lines().next().unwrap_or_default()));
        }
    }
    page
}

/// A line of a table; a cell cannot hold what ends it.
fn line(page: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    push(page, format_args!("| {} |\n", cells.join(" | ")));
}

/// The rows in columns, for a terminal.
pub(crate) fn table(report: &Report) -> String {
    let head = ["row", "ours", "budget", "met", "limit", "ratio", "peers"].map(str::to_owned);
    let cells =
        |row: &Row| [row.id.clone(), ours(row), with_unit(row.budget, &row.unit), met(row).to_owned(), limit(row), ratio(row), peers(row)];
    let lines: Vec<[String; 7]> = std::iter::once(head).chain(report.rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut text = String::new();
    for line in lines {
        let padded = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect::<Vec<_>>();
        push(&mut text, format_args!("{}\n", padded.join("  ").trim_end()));
    }
    text
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = page.write_fmt(text);
}

fn ours(row: &Row) -> String {
    figure(row.ours, row)
}

/// A value of the row with its unit and the spread.
fn figure(value: Option<f64>, row: &Row) -> String {
    let Some(value) = value else { return String::new() };
    let spread = row.spread.filter(|[least, most]| least < most);
    let spread = spread.map_or_else(String::new, |[least, most]| format!(" ({}-{})", number(least), number(most)));
    format!("{} {}{spread}", number(value), row.unit)
}

fn with_unit(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(String::new, |value| format!("{} {unit}", number(value)))
}

fn met(row: &Row) -> &'static str {
    match row.met {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    }
}

fn limit(row: &Row) -> String {
    row.limit.as_ref().map_or_else(String::new, |limit| format!("{} {}", limit.id, number(limit.value)))
}

fn ratio(row: &Row) -> String {
    row.ratio.map_or_else(String::new, number)
}

fn peers(row: &Row) -> String {
    let one = |(name, value): (&String, &f64)| format!("{name} {}", number(*value));
    row.peer.iter().flat_map(BTreeMap::iter).map(one).collect::<Vec<_>>().join(", ")
}

/// Three digits that count, and thousands apart.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        0.0 => "0".to_owned(),
        ..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n) % 3 == 0 && digit.is_ascii_digit() && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}
