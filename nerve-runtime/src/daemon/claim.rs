//! A daemon's claim to its workspace: the lock that one daemon at a time holds.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{DaemonError, Layout};

/// The claim; it stands as long as a copy of it is held, and goes at once when the process dies.
#[derive(Debug, Clone)]
pub(crate) struct Claim(Arc<Held>);

#[derive(Debug)]
struct Held {
    path: PathBuf,
    /// Device and inode: a lock that was deleted and made anew is another one.
    id: (u64, u64),
    /// The lock is this file's.
    _file: File,
}

impl Claim {
    /// Takes the workspace's lock.
    ///
    /// # Errors
    /// When another daemon holds it, or it cannot be made.
    pub(crate) fn take(layout: &Layout) -> Result<Self, DaemonError> {
        let path = layout.lock();
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| DaemonError::io("opening the lock", path.clone(), error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DaemonError::AlreadyRuns(layout.root().to_owned())),
            Err(TryLockError::Error(error)) => return Err(DaemonError::io("taking the lock", path, error)),
        }
        let metadata = file.metadata().map_err(|error| DaemonError::io("reading the lock", path.clone(), error))?;
        Ok(Self(Arc::new(Held { path, id: (metadata.dev(), metadata.ino()), _file: file })))
    }

    /// Whether another lock lies in its place: somebody deleted this one, and another daemon took the workspace.
    ///
    /// One that is merely gone took nothing away yet: nobody else has made a new one.
    pub(crate) fn is_lost(&self) -> bool {
        fs::metadata(&self.0.path).is_ok_and(|seen| (seen.dev(), seen.ino()) != self.0.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_lost_when_another_lock_lies_in_its_place_and_not_when_it_is_merely_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(folder.path());
        fs::create_dir_all(layout.run()).expect("a folder");
        let older = Claim::take(&layout).expect("a claim");
        assert!(!older.is_lost());
        assert!(matches!(Claim::take(&layout), Err(DaemonError::AlreadyRuns(_))));
        fs::remove_file(layout.lock()).expect("the lock goes");
        assert!(!older.is_lost());
        let newer = Claim::take(&layout).expect("another claim");
        assert!(older.is_lost());
        assert!(!newer.is_lost());
    }
}
