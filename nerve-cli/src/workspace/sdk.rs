//! `.nerve/sdk/<version>/`: the sources that a workspace links, brought back whenever they are missing or changed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use nerve_runtime::daemon::Layout;

use super::embed::{SDK, SDK_VERSION};

/// What [`restore`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restored {
    /// Everything was in place.
    Kept,
    /// The sources were written.
    Written,
    /// The folder now leads to a checkout.
    Linked,
}

/// Why the sources could not be put in place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SdkError {
    /// `--sdk` names something else.
    #[error("`{}` is not a checkout of nerve: it has no nerve-runtime/Cargo.toml; name the folder that holds nerve-core and nerve-runtime", .0.display())]
    NoCheckout(PathBuf),
    /// The disk said no.
    #[error("cannot write the sdk to {}: {source}; mend that, or remove the folder, and try again", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Puts the sdk in place: this `nerve`'s own sources, or a link to a checkout. A link made before stays until another is asked for.
///
/// # Errors
/// When the checkout is none, or the folder cannot be written.
pub(crate) fn restore(layout: &Layout, checkout: Option<&Path>) -> Result<Restored, SdkError> {
    let place = layout.sdk(SDK_VERSION);
    let result = match checkout {
        Some(checkout) => link(&place, &checkout_root(checkout)?),
        None => unpack(&place),
    };
    result.map_err(|source| SdkError::Write { path: place, source })
}

fn checkout_root(checkout: &Path) -> Result<PathBuf, SdkError> {
    let root = checkout.canonicalize().map_err(|_| SdkError::NoCheckout(checkout.to_owned()))?;
    if is_checkout(&root) { Ok(root) } else { Err(SdkError::NoCheckout(checkout.to_owned())) }
}

fn is_checkout(folder: &Path) -> bool {
    folder.join("nerve-runtime").join("Cargo.toml").is_file()
}

fn link(place: &Path, checkout: &Path) -> io::Result<Restored> {
    if fs::read_link(place).is_ok_and(|target| target == checkout) {
        return Ok(Restored::Kept);
    }
    let aside = aside(place, "new")?;
    std::os::unix::fs::symlink(checkout, &aside)?;
    swap(&aside, place)?;
    Ok(Restored::Linked)
}

fn unpack(place: &Path) -> io::Result<Restored> {
    if (place.is_symlink() && is_checkout(place)) || is_intact(place)? {
        return Ok(Restored::Kept);
    }
    let aside = aside(place, "new")?;
    // A disk that is full must not stay full of half an sdk.
    write(&aside).and_then(|()| swap(&aside, place)).inspect_err(|_| drop(remove(&aside)))?;
    Ok(Restored::Written)
}

fn write(folder: &Path) -> io::Result<()> {
    for (path, bytes) in SDK {
        let file = folder.join(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, bytes)?;
    }
    Ok(())
}

/// Whether the folder holds the embedded files and no others. Cargo builds anew what has a newer time, so what is right is left alone.
fn is_intact(place: &Path) -> io::Result<bool> {
    if place.is_symlink() || !place.is_dir() {
        return Ok(false);
    }
    let mut found = BTreeSet::new();
    list(place, "", &mut found)?;
    let same = |(path, bytes): &(&str, &[u8])| found.contains(*path) && fs::read(place.join(path)).is_ok_and(|there| there == *bytes);
    Ok(found.len() == SDK.len() && SDK.iter().all(same))
}

fn list(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{path}/"), found)?;
        } else {
            found.insert(path);
        }
    }
    Ok(())
}

/// A free name beside `place`, whose folder exists then.
fn aside(place: &Path, word: &str) -> io::Result<PathBuf> {
    let folder = place.parent().ok_or(ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    let aside = folder.join(format!(".{word}-{}", std::process::id()));
    remove(&aside)?;
    Ok(aside)
}

/// Puts `new` where `place` is. A folder cannot be replaced in one rename, so the old one steps aside first.
fn swap(new: &Path, place: &Path) -> io::Result<()> {
    let old = aside(place, "old")?;
    match fs::rename(place, &old) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => fs::rename(new, place)?,
    }
    remove(&old)
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_symlink() || path.is_file() { fs::remove_file(path) } else { fs::remove_dir_all(path) };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
