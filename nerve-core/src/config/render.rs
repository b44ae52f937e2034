//! Diagnostics as plain text.

use super::{Diagnostic, Severity};

/// The diagnostics in order, an empty line between two: code and message, place, the line with a marker, help. No colours.
pub fn render(diagnostics: &[Diagnostic]) -> String {
    let texts: Vec<String> = diagnostics.iter().map(one).collect();
    texts.join("\n")
}

fn one(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let number = diagnostic.line.to_string();
    let margin = " ".repeat(number.len() + 2);
    let marker = format!("{}{}", " ".repeat(diagnostic.column - 1), "^".repeat(diagnostic.span_len));
    let label = diagnostic.label.as_ref().map(|label| format!(" {}", printable(label))).unwrap_or_default();
    let mut lines = vec![
        format!("{severity}[{}]: {}", diagnostic.code, printable(&diagnostic.message)),
        format!("{}--> {}", &margin[1..], diagnostic.place()),
        format!("{margin}|"),
        format!(" {number} | {}", printable(&diagnostic.source_line)),
        format!("{margin}| {marker}{label}"),
    ];
    for (index, line) in diagnostic.help.iter().flat_map(|help| help.lines()).enumerate() {
        lines.push(format!("{}{}", if index == 0 { "help: " } else { "      " }, printable(line)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// One column for each character, and nothing that moves a terminal's cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
