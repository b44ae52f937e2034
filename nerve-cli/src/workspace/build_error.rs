//! Why `nerve build` made nothing current.

use std::io;
use std::path::{Path, PathBuf};

use nerve_core::config::Diagnostic;

use super::SdkError;

/// Why there is no new build; the one that was current still is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// No cargo anywhere.
    #[error("there is no cargo on the PATH or in ~/.cargo/bin: install Rust (https://rustup.rs), then run `nerve build` again")]
    NoCargo,
    /// Another build of this workspace runs.
    #[error("another build runs in this workspace: wait until it is through, then try again")]
    Busy,
    /// Somebody stopped it.
    #[error("the build was stopped; the current build stays")]
    Cancelled,
    /// nerve.yaml has errors, or names what the build does not have.
    #[error("nerve.yaml does not fit: {}", summary(.0))]
    Config(Vec<Diagnostic>),
    /// Cargo.toml links an sdk that is not there.
    #[error("Cargo.toml links nerve {named}, and this is nerve {ours}: write `.nerve/sdk/{ours}` for `.nerve/sdk/{named}` in Cargo.toml")]
    OtherSdk {
        /// The version in Cargo.toml.
        named: String,
        /// The version that this `nerve` carries.
        ours: String,
    },
    /// cargo or the compiler refused.
    #[error("the workspace does not build{}: {}", at(places), next_step(places, said))]
    Failed {
        /// All that cargo and the compiler said.
        said: String,
        /// `FILE:LINE:COL` of each error of the compiler.
        places: Vec<String>,
    },
    /// The build has no worker.
    #[error("cargo built no program named `worker`: Cargo.toml needs [[bin]] with name = \"worker\" and path = \"src/main.rs\"")]
    NoWorker,
    /// The worker could not say what it registers.
    #[error("the built worker does not say what it registers: {0}; mend src/lib.rs, where senses and workflows are registered")]
    Manifest(String),
    /// The sdk could not be put in place.
    #[error(transparent)]
    Sdk(#[from] SdkError),
    /// The disk said no.
    #[error("cannot {what} {}: {source}; mend that and run `nerve build` again", path.display())]
    Disk {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl BuildError {
    pub(super) fn disk(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { what, path: path.to_owned(), source }
    }
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    let first = diagnostics.first().map(|found| format!("{}: {}", found.place(), found.message)).unwrap_or_default();
    format!("{first}{}", and_more(diagnostics.len()))
}

fn at(places: &[String]) -> String {
    places.first().map(|first| format!(" at {first}{}", and_more(places.len()))).unwrap_or_default()
}

fn and_more(count: usize) -> String {
    if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() }
}

fn next_step(places: &[String], said: &str) -> String {
    if !places.is_empty() {
        return "mend it and run `nerve build` again".to_owned();
    }
    const NETWORK: [&str; 4] = ["failed to download", "failed to fetch", "download of ", "spurious network error"];
    if NETWORK.iter().any(|sign| said.contains(sign)) {
        return "cargo could not fetch a crate; the first build needs the network once".to_owned();
    }
    said.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or("see what cargo said").to_owned()
}
