//! Whether a workspace's `src/` is as it was: a hash over paths and bytes, with LF line ends.

use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

/// Hashes a set of files given as (path with `/`, bytes); the order does not matter.
pub fn hash_files<'a>(files: impl IntoIterator<Item = (String, std::borrow::Cow<'a, [u8]>)>) -> String {
    let mut files: Vec<_> = files.into_iter().collect();
    files.sort_by(|left, right| left.0.cmp(&right.0));
    let mut hash = Sha256::new();
    for (path, bytes) in files {
        // An editor on another system may have changed line ends; that is no edit.
        let bytes: Vec<u8> = String::from_utf8_lossy(&bytes).replace("\r\n", "\n").into_bytes();
        hash.update((path.len() as u64).to_be_bytes());
        hash.update(path.as_bytes());
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(&bytes);
    }
    format!("{:x}", hash.finalize())
}

/// Hashes every file below a folder.
///
/// # Errors
/// When a file or folder cannot be read.
pub fn hash_folder(folder: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    collect(folder, "", &mut files)?;
    Ok(hash_files(files.into_iter().map(|(path, bytes)| (path, bytes.into()))))
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.push((path, std::fs::read(entry.path())?));
        }
    }
    Ok(())
}
