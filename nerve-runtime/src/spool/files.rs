//! Writing so that a file is there whole or not at all, and reading what may be neither.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the name of a file or folder begins with until it is whole.
pub(super) const UNFINISHED: &str = ".new-";

/// Writes a record, in one rename.
pub(super) fn save<T: Serialize>(folder: &Path, name: &str, record: &T) -> io::Result<()> {
    let aside = folder.join(format!("{UNFINISHED}{name}"));
    write(&aside, &serde_json::to_vec(record)?)?;
    fs::rename(aside, folder.join(name))
}

/// Reads a record; none when it is missing or cannot be read.
pub(super) fn load<T: DeserializeOwned>(folder: &Path, name: &str) -> Option<T> {
    serde_json::from_slice(&fs::read(folder.join(name)).ok()?).ok()
}

/// Writes a file that only this user may read.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(bytes)
}

/// Reads a text; one that was never begun is empty.
pub(super) fn text(path: &Path) -> io::Result<String> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// Reads the end of a text, from the first whole character on.
pub(super) fn tail(path: &Path, bytes: u64) -> io::Result<String> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
    let mut end = Vec::new();
    file.take(bytes).read_to_end(&mut end)?;
    // At most three bytes of a character can stand before the first whole one.
    let cut = if length > bytes { end.iter().take(3).take_while(|byte| **byte & 0xC0 == 0x80).count() } else { 0 };
    Ok(String::from_utf8_lossy(&end[cut..]).into_owned())
}

/// Removes a folder or a stray file; one that is not there is no failure.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    removed.or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
}
