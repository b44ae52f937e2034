//! Which executable serves: the current build, or the worker inside `nerve`.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nerve_core::BuildId;
use nerve_core::wire::Manifest;

use super::{BuildRecord, DaemonError, Layout, hash_folder};

/// What the ids of embedded builds start with.
const BUILTIN: &str = "builtin-";

/// A build that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BuildSpec {
    pub id: BuildId,
    pub program: PathBuf,
    pub args: Vec<OsString>,
}

/// The worker that `nerve` itself contains: the template, unedited.
#[derive(Debug, Clone)]
pub struct Builtin {
    /// This executable.
    pub program: PathBuf,
    /// Its build id, `builtin-<version>`.
    pub id: BuildId,
    /// The hash of the template's `src/`.
    pub sources_hash: String,
    /// What the template registers.
    pub manifest: Manifest,
}

/// What serves new threads, and whether `src/` has changed since.
pub(crate) struct Current {
    pub spec: BuildSpec,
    pub manifest: Manifest,
}

impl BuildSpec {
    /// How this build is run, whether or not its file is still there.
    pub(crate) fn of(layout: &Layout, id: &BuildId) -> Self {
        // The embedded worker is `nerve` itself, which has other commands besides.
        let args = if id.0.starts_with(BUILTIN) { vec!["worker".into()] } else { vec!["--worker".into()] };
        Self { id: id.clone(), program: layout.worker(id), args }
    }
}

/// Chooses what serves: a build of just these sources, the embedded worker when they are unedited, else the last build.
pub(crate) fn choose(layout: &Layout, builtin: &Builtin) -> Result<Current, DaemonError> {
    let sources = hash_folder(&layout.sources()).unwrap_or_default();
    let record =
        BuildRecord::current(layout).map_err(|error| DaemonError::io("reading the current build", layout.current_build(), error))?;
    match record {
        Some(record) if record.sources == sources || sources != builtin.sources_hash => {
            Ok(Current { spec: BuildSpec::of(layout, &record.build), manifest: record.manifest })
        }
        _ if sources == builtin.sources_hash => {
            keep_copy(layout, builtin)
                .map_err(|error| DaemonError::io("keeping a copy of the embedded worker", layout.worker(&builtin.id), error))?;
            Ok(Current { spec: BuildSpec::of(layout, &builtin.id), manifest: builtin.manifest.clone() })
        }
        _ => Err(DaemonError::NoBuild),
    }
}

/// Whether `src/` differs from what the serving build was made of.
pub(crate) fn is_stale(layout: &Layout, builtin: &Builtin, serving: &BuildId) -> bool {
    let sources = hash_folder(&layout.sources()).unwrap_or_default();
    if *serving == builtin.id {
        return sources != builtin.sources_hash;
    }
    BuildRecord::of(layout, serving).ok().flatten().is_none_or(|record| record.sources != sources)
}

/// Keeps this executable under `builds/`, so that an upgrade strands no thread that is pinned to it.
fn keep_copy(layout: &Layout, builtin: &Builtin) -> io::Result<()> {
    let (folder, kept) = (layout.build(&builtin.id), layout.worker(&builtin.id));
    if same_file(&builtin.program, &kept) {
        return Ok(());
    }
    std::fs::create_dir_all(&folder)?;
    let aside = folder.join("worker.new");
    match std::fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Another file system, or one without links.
    if std::fs::hard_link(&builtin.program, &aside).is_err() {
        std::fs::copy(&builtin.program, &aside).inspect_err(|_| {
            // What was copied so far is of no use and only fills the disk further.
            let _ = std::fs::remove_file(&aside);
        })?;
    }
    std::fs::rename(aside, kept)
}

/// How old a folder is before it may go: `nerve build` makes a folder first and says that it is current after.
const SETTLED: Duration = Duration::from_secs(60);

/// Removes the builds that nothing needs: neither current nor in `needed`. A build that cannot be removed now is tried again
/// the next time.
pub(crate) fn collect(layout: &Layout, needed: &HashSet<BuildId>) -> io::Result<Vec<BuildId>> {
    let current = BuildRecord::current(layout)?.map(|record| record.build);
    let mut gone = Vec::new();
    for entry in std::fs::read_dir(layout.builds())? {
        let entry = entry?;
        let (metadata, id) = (entry.metadata()?, BuildId(entry.file_name().to_string_lossy().into_owned()));
        let settled = metadata.modified()?.elapsed().is_ok_and(|age| age >= SETTLED);
        if metadata.is_dir() && settled && current.as_ref() != Some(&id) && !needed.contains(&id) {
            std::fs::remove_dir_all(entry.path())?;
            gone.push(id);
        }
    }
    Ok(gone)
}

fn same_file(left: &std::path::Path, right: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (std::fs::metadata(left), std::fs::metadata(right)) {
        (Ok(left), Ok(right)) => {
            (left.dev(), left.ino()) == (right.dev(), right.ino())
                || (left.len() == right.len() && left.modified().ok() == right.modified().ok())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, FileTimes};
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn only_builds_that_nothing_needs_and_that_are_not_just_being_made_are_removed() {
        let temp = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(temp.path());
        let id = |name: &str| BuildId(name.to_owned());
        for name in ["current", "pinned", "unused", "new"].map(|name| format!("b-{name}")) {
            let folder = layout.build(&id(&name));
            fs::create_dir_all(&folder).expect("a folder");
            fs::write(folder.join("worker"), "").expect("a file");
            if name != "b-new" {
                let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
                File::open(&folder).and_then(|file| file.set_times(FileTimes::new().set_modified(past))).expect("a time");
            }
        }
        let record = BuildRecord {
            build: id("b-current"),
            sources: String::new(),
            sdk: String::new(),
            made_at: nerve_core::Timestamp::default(),
            manifest: Manifest::default(),
        };
        record.make_current(&layout).expect("a current build");
        let gone = collect(&layout, &HashSet::from([id("b-pinned")])).expect("it collects");
        assert_eq!(gone, [id("b-unused")]);
        let left = ["current", "pinned", "new"].map(|name| layout.worker(&id(&format!("b-{name}"))).exists());
        assert_eq!((left, layout.build(&id("b-unused")).exists()), ([true; 3], false));
    }
}
