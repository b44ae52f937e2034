//! `nerve build`: from the workspace's sources to the current build.

use std::fs::{self, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use nerve_core::Timestamp;
use nerve_core::config::{Config, Diagnostic, Parsed, Severity, check_manifest, parse};
use nerve_core::wire::Manifest;
use nerve_runtime::daemon::{BuildRecord, Layout, hash_folder};

use super::process::End;
use super::produced::{Produced, clear_leftovers};
use super::{BuildError, SDK_VERSION, cargo, restore};

/// How a workspace is built.
#[derive(Debug, Clone, Default)]
pub(crate) struct BuildOptions {
    /// Optimised instead of quick to compile.
    pub(crate) release: bool,
    /// A checkout of nerve to link instead of the sources that this `nerve` carries.
    pub(crate) sdk: Option<PathBuf>,
    /// Set from elsewhere, it stops the build and all that the build started.
    pub(crate) cancel: Arc<AtomicBool>,
}

/// What was built.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BuildReport {
    /// The build that is current now.
    pub(crate) record: BuildRecord,
    /// How long it took.
    pub(crate) took: Duration,
    /// Whether the same build was current before.
    pub(crate) unchanged: bool,
    /// What nerve.yaml leaves out.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Compiles the workspace and makes the result the current build. It blocks; `on_line` gets what cargo and the compiler say, as they say it.
///
/// # Errors
/// When anything on the way fails; the current build is then as it was.
pub(crate) fn build(layout: &Layout, options: &BuildOptions, on_line: &mut dyn FnMut(&str)) -> Result<BuildReport, BuildError> {
    let started = Instant::now();
    // A nerve.yaml that cannot be read is worth knowing before a minute of compiling.
    read_config(layout)?;
    let cargo = cargo::find().ok_or(BuildError::NoCargo)?;
    let _lock = lock(layout)?;
    clear_leftovers(layout).map_err(BuildError::disk("clear", &layout.builds()))?;
    restore(layout, options.sdk.as_deref())?;
    let sdk = linked_sdk(layout)?;
    // Before compiling: what is edited meanwhile counts as changed since.
    let sources = hash_folder(&layout.sources()).map_err(BuildError::disk("read", &layout.sources()))?;

    let run = cargo::build(&cargo, layout, options.release, &options.cancel, on_line).map_err(BuildError::disk("run", &cargo))?;
    match run.end {
        End::Exited(status) if status.success() => {}
        End::Exited(_) => return Err(BuildError::Failed { places: cargo::places(&run.said), said: run.said }),
        End::Cancelled | End::TimedOut => return Err(BuildError::Cancelled),
    }
    let produced = Produced::take(layout, &run.worker.ok_or(BuildError::NoWorker)?)?;
    let manifest = produced.manifest(layout, &options.cancel)?;
    let warnings = check(layout, &manifest)?;

    let record = BuildRecord { build: produced.id.clone(), sources, sdk, made_at: now(), manifest };
    let before = BuildRecord::current(layout).ok().flatten();
    record.save(produced.folder()).map_err(BuildError::disk("write", produced.folder()))?;
    produced.settle(layout)?;
    record.make_current(layout).map_err(BuildError::disk("write", &layout.current_build()))?;
    let unchanged = before.is_some_and(|before| before.build == record.build);
    Ok(BuildReport { record, took: started.elapsed(), unchanged, warnings })
}

fn read_config(layout: &Layout) -> Result<(Config, Parsed), BuildError> {
    let path = layout.config();
    let source = fs::read_to_string(&path).map_err(BuildError::disk("read", &path))?;
    let mut parsed = parse(&source, "nerve.yaml");
    match parsed.config.take() {
        Some(config) => Ok((config, parsed)),
        None => Err(BuildError::Config(errors(parsed.diagnostics))),
    }
}

/// Whether the build has what nerve.yaml names; gives what is only worth a warning.
fn check(layout: &Layout, manifest: &Manifest) -> Result<Vec<Diagnostic>, BuildError> {
    let (config, parsed) = read_config(layout)?;
    let senses: Vec<&str> = manifest.senses.iter().map(String::as_str).collect();
    let roles: Vec<Vec<&str>> =
        manifest.workflows.iter().map(|workflow| workflow.roles.iter().map(|role| role.name.as_str()).collect()).collect();
    let workflows: Vec<(&str, &[&str])> =
        manifest.workflows.iter().zip(&roles).map(|(workflow, roles)| (workflow.name.as_str(), &roles[..])).collect();
    let found = check_manifest(&config, &parsed, &senses, &workflows);
    if found.iter().any(|found| found.severity == Severity::Error) { Err(BuildError::Config(errors(found))) } else { Ok(found) }
}

fn errors(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.retain(|found| found.severity == Severity::Error);
    diagnostics
}

/// The claim to build here, held until the file is closed.
fn lock(layout: &Layout) -> Result<fs::File, BuildError> {
    let folder = layout.builds();
    fs::create_dir_all(&folder).map_err(BuildError::disk("make", &folder))?;
    let path = folder.join(".lock");
    let file = fs::File::options().create(true).truncate(false).write(true).open(&path).map_err(BuildError::disk("write", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BuildError::Busy),
        Err(TryLockError::Error(error)) => Err(BuildError::disk("lock", &path)(error)),
    }
}

/// The version of the sdk that Cargo.toml names, which must be in place.
fn linked_sdk(layout: &Layout) -> Result<String, BuildError> {
    let path = layout.root().join("Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(BuildError::disk("read", &path))?;
    let named = manifest.split(".nerve/sdk/").skip(1).filter_map(|rest| rest.split(['/', '"']).next());
    let mut linked = SDK_VERSION.to_owned();
    for version in named {
        if !layout.sdk(version).is_dir() {
            return Err(BuildError::OtherSdk { named: version.to_owned(), ours: SDK_VERSION.to_owned() });
        }
        linked = version.to_owned();
    }
    Ok(linked)
}

#[expect(clippy::disallowed_methods, reason = "a build is stamped once, here, at the edge")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
