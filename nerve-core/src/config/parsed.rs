//! The result of reading nerve.yaml.

use std::fmt;

use super::{Config, Diagnostic, Place, Severity, Tree, checks, codes, diagnostic::Finding, mask::Mask, references, shape, tree::At, yaml};

/// What [`parse`] found. Its `Debug` form leaves the source out.
#[derive(Clone)]
pub struct Parsed {
    /// The config; there if and only if no diagnostic is an error.
    pub config: Option<Config>,
    /// Everything found, by line and column.
    pub diagnostics: Vec<Diagnostic>,
    /// Where each value stands; empty when the file is not readable as YAML.
    pub tree: Tree,
    source: String,
    file: String,
    mask: Mask,
}

impl fmt::Debug for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parsed").field("config", &self.config).field("diagnostics", &self.diagnostics).finish_non_exhaustive()
    }
}

/// Reads nerve.yaml and finds all that is wrong with it in one pass. `file_name` is only shown.
pub fn parse(source: &str, file_name: &str) -> Parsed {
    let mut parsed = Parsed {
        config: None,
        diagnostics: Vec::new(),
        tree: Tree::empty(),
        source: source.to_owned(),
        file: file_name.to_owned(),
        mask: Mask::default(),
    };
    match yaml::read(source) {
        Ok(tree) => parsed.tree = tree,
        Err(finding) => {
            parsed.mask = Mask::of_text(source);
            parsed.diagnostics = parsed.finish(vec![finding]);
            return parsed;
        }
    }
    let shaped = shape::check(&parsed.tree, source);
    let mut findings = yaml::duplicates(&parsed.tree);
    findings.extend(shaped.findings);
    findings.extend(references::check(&parsed.tree, &shaped.value));
    findings.extend(checks::check(&parsed.tree, &shaped.value));
    if findings.iter().all(|finding| finding.severity != Severity::Error) {
        match serde_json::from_value::<Option<Config>>(shaped.value.clone()) {
            Ok(config) => parsed.config = Some(config.unwrap_or_default()),
            Err(error) => findings.push(Finding::error(codes::WRONG_VALUE, At::START, format!("this file cannot be read: {error}"))),
        }
    }
    parsed.mask = Mask::of_value(&parsed.tree, &shaped.value);
    parsed.diagnostics = parsed.finish(findings);
    parsed
}

impl Parsed {
    /// Where the value at a JSON pointer such as `/adapters/analyst/provider` stands; for a map, its key.
    pub fn place(&self, pointer: &str) -> Option<Place> {
        self.tree.at(pointer).map(|at| Place { line: at.line, column: at.column })
    }

    /// An error about a value that shows only later, such as a variable that is not set. At the file's start if `pointer` leads nowhere.
    pub fn error_at(&self, pointer: &str, code: &'static str, message: impl Into<String>, help: Option<String>) -> Diagnostic {
        let at = self.tree.at(pointer).unwrap_or(At::START);
        let lines: Vec<&str> = self.source.lines().collect();
        self.diagnostic(Finding { help, ..Finding::error(code, at, message) }, &lines)
    }

    /// Whether any diagnostic is an error.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Findings as diagnostics, ordered by place, each once.
    pub(super) fn finish(&self, findings: Vec<Finding>) -> Vec<Diagnostic> {
        let lines: Vec<&str> = self.source.lines().collect();
        let mut diagnostics: Vec<Diagnostic> = findings.into_iter().map(|finding| self.diagnostic(finding, &lines)).collect();
        diagnostics.sort_by(|a, b| (a.line, a.column, a.code, &a.message).cmp(&(b.line, b.column, b.code, &b.message)));
        diagnostics.dedup();
        diagnostics
    }

    fn diagnostic(&self, finding: Finding, lines: &[&str]) -> Diagnostic {
        let Finding { severity, code, at, message, label, help } = finding;
        let line = lines.get(at.line - 1).copied().unwrap_or_default();
        let line = if at.line == 1 { line.trim_start_matches('\u{feff}') } else { line };
        // A value of several lines is marked up to the end of its first.
        let rest = line.chars().count().saturating_sub(at.column - 1).max(1);
        Diagnostic {
            severity,
            code,
            message: self.mask.text(&message),
            file: self.file.clone(),
            line: at.line,
            column: at.column,
            source_line: self.mask.line(at.line, line),
            span_len: at.len.clamp(1, rest),
            label: label.map(|label| self.mask.text(&label)),
            help: help.map(|help| self.mask.text(&help)),
        }
    }
}
