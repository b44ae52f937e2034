//! Reading nerve.yaml.

use std::path::Path;
use std::sync::Arc;

use nerve_core::config::{self, Config, Diagnostic, Severity};

use super::{DaemonError, Layout};

/// Reads nerve.yaml; errors come rendered, all of them.
pub(crate) fn load(layout: &Layout) -> Result<Arc<Config>, DaemonError> {
    let path = layout.config();
    let source = std::fs::read_to_string(&path).map_err(|error| DaemonError::io("reading nerve.yaml", path.clone(), error))?;
    let name = path.file_name().map_or_else(|| "nerve.yaml".into(), |name| Path::new(name).to_string_lossy());
    let parsed = config::parse(&source, &name);
    let errors: Vec<_> = parsed.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).cloned().collect();
    match parsed.config {
        Some(config) if errors.is_empty() => Ok(Arc::new(config)),
        _ => Err(DaemonError::Config { brief: brief(&errors), rendered: config::render(&errors) }),
    }
}

/// The first error in one line, and how many more there are.
fn brief(errors: &[Diagnostic]) -> String {
    match errors {
        [] => "nothing can be read of it".to_owned(),
        [only] => format!("{}: {}", only.place(), only.message),
        [first, more @ ..] => format!("{}: {} (and {} more)", first.place(), first.message, more.len()),
    }
}
