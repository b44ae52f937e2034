//! Running the user's cargo.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use nerve_runtime::daemon::Layout;
use serde::Deserialize;

use super::process::{End, Stream, run};

/// What became of a run of cargo.
#[derive(Debug)]
pub(super) struct CargoRun {
    pub(super) end: End,
    /// Where the worker lies, when one was made.
    pub(super) worker: Option<PathBuf>,
    /// What cargo and the compiler said.
    pub(super) said: String,
}

/// The cargo on the PATH, or the one where rustup puts it.
pub(super) fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    find_in(env::split_paths(&path).chain(home.map(|home| home.join("bin"))))
}

fn find_in(folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join("cargo")).find(|cargo| cargo.is_file())
}

/// Builds the worker and passes on each line that a person reads.
pub(super) fn build(
    cargo: &Path,
    layout: &Layout,
    release: bool,
    cancel: &AtomicBool,
    on_line: &mut dyn FnMut(&str),
) -> io::Result<CargoRun> {
    let mut command = Command::new(cargo);
    command.args(["build", "--bin", "worker", "--message-format=json-render-diagnostics", "--target-dir"]);
    command.arg(layout.root().join("target")).current_dir(layout.root());
    if release {
        command.arg("--release");
    }
    for (name, _) in env::vars_os().filter(|(name, _)| is_foreign(name)) {
        command.env_remove(name);
    }
    if let Some(path) = path_with(cargo) {
        command.env("PATH", path);
    }
    let (mut worker, mut said) = (None, String::new());
    let end = run(command, cancel, None, &mut |stream, line| match stream {
        Stream::Stdout => worker = worker_in(line).or(worker.take()),
        Stream::Stderr => {
            on_line(line);
            said.push_str(line);
            said.push('\n');
        }
    })?;
    Ok(CargoRun { end, worker, said })
}

/// Whether a variable would carry a running cargo's settings for another package into this build. Those that say where crates come from stay.
fn is_foreign(name: &OsStr) -> bool {
    const KEPT: [&str; 7] =
        ["CARGO_HOME", "CARGO_BUILD_JOBS", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_REGISTRY_", "CARGO_SOURCE_"];
    let name = name.to_string_lossy();
    name == "OUT_DIR" || name == "CARGO" || (name.starts_with("CARGO_") && !KEPT.iter().any(|kept| name.starts_with(kept)))
}

/// The PATH with cargo's own folder, where rustc lies as well.
fn path_with(cargo: &Path) -> Option<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folder = cargo.parent()?;
    if env::split_paths(&path).any(|there| there == folder) {
        return None;
    }
    env::join_paths(env::split_paths(&path).chain([folder.to_owned()])).ok()
}

#[derive(Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// The worker's path, if this line of cargo's JSON announces it.
fn worker_in(line: &str) -> Option<PathBuf> {
    let artifact: Artifact = serde_json::from_str(line).ok()?;
    if artifact.target.name == "worker" { artifact.executable } else { None }
}

/// The `FILE:LINE:COL` of each error in what the compiler said.
pub(super) fn places(said: &str) -> Vec<String> {
    let (mut places, mut in_error) = (Vec::new(), false);
    for line in said.lines() {
        if line.starts_with("error") || line.starts_with("warning") {
            in_error = line.starts_with("error");
        } else if let Some(place) = line.trim_start().strip_prefix("--> ").filter(|_| in_error) {
            places.push(place.to_owned());
            // Further arrows of the same error point to what it is about, not to where it is.
            in_error = false;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worker_is_found_among_the_artifacts() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"worker","kind":["bin"]},"executable":"/w/target/debug/worker"}"#;
        assert_eq!(worker_in(line), Some(PathBuf::from("/w/target/debug/worker")));
        assert_eq!(worker_in(&line.replace("\"worker\"", "\"other\"")), None);
        assert_eq!(worker_in("a script printed this"), None);
    }

    #[test]
    fn errors_have_places_and_warnings_do_not() {
        let said = "warning: unused\n --> src/a.rs:1:1\nerror[E0308]: mismatched\n  --> src/b.rs:2:3\nnote: here\n  --> src/c.rs:4:5\n";
        assert_eq!(places(said), ["src/b.rs:2:3"]);
    }

    #[test]
    fn a_parents_settings_go_and_the_users_stay() {
        for name in ["CARGO", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_TARGET_DIR", "OUT_DIR"] {
            assert!(is_foreign(OsStr::new(name)), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_REGISTRIES_MINE_INDEX", "PATH", "RUSTFLAGS"] {
            assert!(!is_foreign(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn an_empty_path_has_no_cargo() {
        assert_eq!(find_in(env::split_paths("")), None);
    }
}
