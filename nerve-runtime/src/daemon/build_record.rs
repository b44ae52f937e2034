//! The record of a build beside its executable, and which build is current.

use std::io;
use std::path::Path;

use nerve_core::wire::Manifest;
use nerve_core::{BuildId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Layout;

/// What `.nerve/builds/<hash>/build.json` says of a build, and `.nerve/builds/current` of the current one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildRecord {
    /// Its id: the hash of the executable.
    pub build: BuildId,
    /// The hash of the `src/` that it was made from.
    pub sources: String,
    /// The version of the sdk that it links.
    pub sdk: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// What it registers.
    pub manifest: Manifest,
}

impl BuildRecord {
    /// The current build, or `None` when nothing was built yet.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn current(layout: &Layout) -> io::Result<Option<Self>> {
        read(&layout.current_build())
    }

    /// The record of one build, or `None` when its files are gone.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn of(layout: &Layout, build: &BuildId) -> io::Result<Option<Self>> {
        read(&layout.build(build).join("build.json"))
    }

    /// Writes it beside the executable; the build's folder must exist.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, folder: &Path) -> io::Result<()> {
        replace(&folder.join("build.json"), self)
    }

    /// Makes this the current build, in one rename.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn make_current(&self, layout: &Layout) -> io::Result<()> {
        replace(&layout.current_build(), self)
    }
}

fn read(path: &Path) -> io::Result<Option<BuildRecord>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn replace(path: &Path, record: &BuildRecord) -> io::Result<()> {
    let aside = path.with_extension("new");
    std::fs::write(&aside, serde_json::to_vec_pretty(record)?)?;
    std::fs::rename(aside, path)
}
