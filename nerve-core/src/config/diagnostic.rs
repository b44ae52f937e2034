//! One thing that is wrong with nerve.yaml.

use serde::Serialize;

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used.
    Warning,
}

/// What is wrong, where, and what to do. A secret that stands in the file is masked in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One of [`CODES`](super::CODES), such as `NV0102`.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// The file's name as given to [`parse`](super::parse).
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The whole line, without its end.
    pub source_line: String,
    /// How many characters from `column` on are meant, at least 1.
    pub span_len: usize,
    /// A few words beside the marker, such as ``did you mean `interval`?``.
    pub label: Option<String>,
    /// What to do; may have several lines.
    pub help: Option<String>,
}

impl Diagnostic {
    /// The place as `FILE:LINE:COL`.
    pub fn place(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Where something stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
}

/// A finding before it has a file and a line: what the passes hand to [`Parsed`](super::Parsed).
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) code: &'static str,
    pub(super) at: super::tree::At,
    pub(super) message: String,
    pub(super) label: Option<String>,
    pub(super) help: Option<String>,
}

impl Finding {
    pub(super) fn error(code: &'static str, at: super::tree::At, message: impl Into<String>) -> Finding {
        Finding { severity: Severity::Error, code, at, message: message.into(), label: None, help: None }
    }

    pub(super) fn warning(code: &'static str, at: super::tree::At, message: impl Into<String>) -> Finding {
        Finding { severity: Severity::Warning, ..Finding::error(code, at, message) }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Finding {
        self.label = Some(label.into());
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    /// Adds the nearest of `names` as label and all of them as help; `what` is their plural, `section` where more can be added.
    pub(super) fn choices(mut self, wrong: &str, names: &[&str], what: &str, or_else: &str) -> Finding {
        self.label = super::nearest::nearest(wrong, names.iter().copied()).map(|name| format!("did you mean `{name}`?"));
        self.help(if names.is_empty() { or_else.to_owned() } else { format!("{what}: {}", names.join(", ")) })
    }
}
