//! A freshly compiled worker on its way to becoming a build: copied aside, stripped, named by its hash, asked what it registers.

use std::env;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use nerve_core::BuildId;
use nerve_core::wire::Manifest;
use nerve_runtime::daemon::Layout;
use sha2::{Digest, Sha256};

use super::BuildError;
use super::process::{End, Stream, run};

/// How long a worker may take to print its manifest: `workspace()` is user code.
const MANIFEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The name of every folder that a build is made in, before its process id.
const ASIDE: &str = ".new-";

/// A worker in a folder of its own, which is removed unless it becomes a build.
#[derive(Debug)]
pub(super) struct Produced {
    folder: PathBuf,
    /// The hash of the executable.
    pub(super) id: BuildId,
}

impl Produced {
    /// Copies an executable aside, strips it and hashes it.
    pub(super) fn take(layout: &Layout, executable: &Path) -> Result<Self, BuildError> {
        let folder = layout.builds().join(format!("{ASIDE}{}", std::process::id()));
        let mut produced = Self { folder, id: BuildId(String::new()) };
        let worker = produced.worker();
        fs::create_dir(&produced.folder).map_err(BuildError::disk("make", &produced.folder))?;
        fs::copy(executable, &worker).map_err(BuildError::disk("write", &worker))?;
        strip(&worker);
        fs::File::open(&worker).and_then(|file| file.sync_all()).map_err(BuildError::disk("write", &worker))?;
        produced.id = hash(&worker).map_err(BuildError::disk("read", &worker))?;
        Ok(produced)
    }

    /// The folder it lies in for now.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn worker(&self) -> PathBuf {
        self.folder.join("worker")
    }

    /// Asks it what it registers.
    pub(super) fn manifest(&self, layout: &Layout, cancel: &AtomicBool) -> Result<Manifest, BuildError> {
        let mut command = Command::new(self.worker());
        command.arg("--manifest").current_dir(layout.root()).env_clear();
        // As a worker of the daemon gets it: a registration must not depend on this terminal's variables.
        command.envs(["PATH", "HOME", "USER", "LANG", "TERM", "TMPDIR"].iter().filter_map(|name| Some((name, env::var_os(name)?))));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let end = run(command, cancel, Some(MANIFEST_TIMEOUT), &mut |stream, line| match stream {
            Stream::Stdout => out.push(line.to_owned()),
            Stream::Stderr => err.push(line.to_owned()),
        });
        match end.map_err(BuildError::disk("run", &self.worker()))? {
            End::Cancelled => Err(BuildError::Cancelled),
            End::TimedOut => Err(BuildError::Manifest(format!("it was not through after {} s", MANIFEST_TIMEOUT.as_secs()))),
            End::Exited(status) if status.success() => read(&out),
            End::Exited(status) if err.is_empty() => Err(BuildError::Manifest(status.to_string())),
            End::Exited(_) => Err(BuildError::Manifest(err.join("\n").trim_start_matches("Error: ").to_owned())),
        }
    }

    /// Puts it in place under its hash. A build of the same hash that is whole stays, for it may be running; its record is renewed.
    pub(super) fn settle(self, layout: &Layout) -> Result<(), BuildError> {
        let place = layout.build(&self.id);
        if hash(&layout.worker(&self.id)).is_ok_and(|there| there == self.id) {
            let record = place.join("build.json");
            return fs::rename(self.folder.join("build.json"), &record).map_err(BuildError::disk("write", &record));
        }
        if let Err(error) = fs::remove_dir_all(&place)
            && error.kind() != ErrorKind::NotFound
        {
            return Err(BuildError::disk("replace", &place)(error));
        }
        fs::rename(&self.folder, &place).map_err(BuildError::disk("write", &place))
    }
}

impl Drop for Produced {
    fn drop(&mut self) {
        // Gone already when it became a build.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes what builds that were cut off left; call it under the lock.
pub(super) fn clear_leftovers(layout: &Layout) -> io::Result<()> {
    for entry in fs::read_dir(layout.builds())? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(ASIDE) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Takes the symbols out, where there is a `strip`; a build runs as well with them.
fn strip(worker: &Path) {
    let _ = Command::new("strip").arg(worker).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

fn hash(file: &Path) -> io::Result<BuildId> {
    let mut hash = Sha256::new();
    io::copy(&mut fs::File::open(file)?, &mut hash)?;
    let hex = format!("{:x}", hash.finalize());
    Ok(BuildId(hex[..16].to_owned()))
}

/// The manifest is the last thing printed; user code may have printed before.
fn read(out: &[String]) -> Result<Manifest, BuildError> {
    let last = out.iter().rev().find(|line| !line.trim().is_empty()).map_or("", String::as_str);
    serde_json::from_str(last).map_err(|error| BuildError::Manifest(format!("it printed no manifest ({error})")))
}
