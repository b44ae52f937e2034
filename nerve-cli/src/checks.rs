//! What must be right before a daemon starts: nerve.yaml, and something that can run it.

use nerve_core::config::{Config, Diagnostic, Parsed, check_manifest, parse};
use nerve_core::wire::Manifest;
use nerve_runtime::daemon::{BuildRecord, Layout, hash_folder};

use crate::error::{CliError, codes};
use crate::workspace;

/// What serves the workspace.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Serving {
    /// The template's code, which this `nerve` contains.
    Builtin,
    /// A build of exactly these sources.
    Build(BuildRecord),
    /// A build of earlier sources.
    Stale(BuildRecord),
    /// Nothing: the sources were edited and never built.
    Nothing,
}

impl Serving {
    /// Looks at the sources and the builds.
    pub(crate) fn of(layout: &Layout) -> Result<Self, CliError> {
        if workspace::unedited(layout) {
            return Ok(Self::Builtin);
        }
        let read = |error| {
            CliError::new(codes::FILE, "cannot read the record of the current build")
                .at(layout.current_build().display().to_string())
                .because(error)
        };
        let Some(record) = BuildRecord::current(layout).map_err(read)? else { return Ok(Self::Nothing) };
        // Sources that cannot be read are not those of the build either.
        let same = hash_folder(&layout.sources()).is_ok_and(|hash| hash == record.sources);
        Ok(if same { Self::Build(record) } else { Self::Stale(record) })
    }

    /// What it registers.
    pub(crate) fn manifest(&self) -> Option<Manifest> {
        match self {
            Self::Builtin => Some(workspace_template().manifest()),
            Self::Build(record) | Self::Stale(record) => Some(record.manifest.clone()),
            Self::Nothing => None,
        }
    }

    /// What a person should know of it.
    pub(crate) fn remark(&self) -> Option<String> {
        match self {
            Self::Stale(record) => Some(format!("sources changed since build {}: nerve build", record.build)),
            _ => None,
        }
    }
}

/// The template's workspace, as the worker inside this `nerve` runs it.
pub(crate) fn workspace_template() -> nerve_runtime::Workspace {
    ::workspace::workspace()
}

/// Reads nerve.yaml and compares it with what serves; errors are ours, warnings come back.
pub(crate) fn config(layout: &Layout, serving: &Serving) -> Result<(Config, Vec<Diagnostic>), CliError> {
    let path = layout.config();
    let source = std::fs::read_to_string(&path)
        .map_err(|error| CliError::new(codes::CONFIG, "cannot read nerve.yaml").at(path.display().to_string()).because(error))?;
    let parsed = parse(&source, "nerve.yaml");
    let Some(config) = parsed.config.clone() else { return Err(CliError::config(parsed.diagnostics)) };
    let mut diagnostics = parsed.diagnostics.clone();
    if let Some(manifest) = serving.manifest() {
        diagnostics.extend(against(&config, &parsed, &manifest));
    }
    diagnostics.sort_by_key(|found| (found.line, found.column));
    if diagnostics.iter().any(|found| found.severity == nerve_core::config::Severity::Error) {
        return Err(CliError::config(diagnostics));
    }
    Ok((config, diagnostics))
}

fn against(config: &Config, parsed: &Parsed, manifest: &Manifest) -> Vec<Diagnostic> {
    let senses: Vec<&str> = manifest.senses.iter().map(String::as_str).collect();
    let roles: Vec<Vec<&str>> =
        manifest.workflows.iter().map(|workflow| workflow.roles.iter().map(|role| role.name.as_str()).collect()).collect();
    let workflows: Vec<(&str, &[&str])> =
        manifest.workflows.iter().zip(&roles).map(|(workflow, roles)| (workflow.name.as_str(), roles.as_slice())).collect();
    check_manifest(config, parsed, &senses, &workflows)
}

/// All that `start` wants: a usable nerve.yaml and something to run; warnings come back with what serves.
pub(crate) fn before_start(layout: &Layout) -> Result<(Serving, Vec<Diagnostic>), CliError> {
    let serving = Serving::of(layout)?;
    let (_, warnings) = config(layout, &serving)?;
    if serving == Serving::Nothing {
        return Err(CliError::new(codes::NO_BUILD, "the sources were edited and never built").at("src/").help("nerve build"));
    }
    Ok((serving, warnings))
}
