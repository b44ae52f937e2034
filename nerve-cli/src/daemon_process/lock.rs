//! The lock that a daemon holds while it lives.

use std::fs::{File, TryLockError};

use nerve_runtime::daemon::Layout;

/// Whether no daemon claims this workspace. A lock that cannot be looked at counts as free: then nothing can hold it.
pub(crate) fn is_free(layout: &Layout) -> bool {
    let Ok(file) = File::open(layout.lock()) else { return true };
    !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use nerve_runtime::daemon::Layout;

    use super::is_free;

    #[test]
    fn only_a_held_lock_counts() {
        let root = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(root.path());
        assert!(is_free(&layout), "no file");
        fs::create_dir_all(layout.run()).expect("folders");
        let file = File::create(layout.lock()).expect("a file");
        assert!(is_free(&layout), "a file that nobody holds");
        file.lock().expect("the lock");
        assert!(!is_free(&layout), "held");
        drop(file);
        assert!(is_free(&layout), "let go");
    }
}
