//! The Unix socket: where it lies, and how both sides find it.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use super::Layout;

/// The longest path that every system takes, with room to spare (Linux refuses 108 bytes, macOS 104).
const LONGEST: usize = 100;

/// Opens the socket, mode 0600, and writes down where it is.
///
/// A socket file that is there already belonged to a daemon that is gone: the caller holds the lock.
pub(crate) fn open(layout: &Layout) -> io::Result<(UnixListener, PathBuf)> {
    let preferred = layout.default_socket();
    let opened =
        if preferred.as_os_str().len() <= LONGEST { bind(&preferred).map(|listener| (listener, preferred)) } else { Err(too_long()) };
    let (listener, path) = match opened {
        Ok(opened) => opened,
        // The path is too long, or the file system has no sockets.
        Err(_) => {
            let path = private_folder(layout)?.join("nerve.sock");
            (bind(&path)?, path)
        }
    };
    listener.set_nonblocking(true)?;
    fs::write(layout.socket_pointer(), path.as_os_str().as_encoded_bytes())?;
    Ok((listener, path))
}

/// Takes the socket away, at the end of a daemon's life.
pub(crate) fn close(layout: &Layout, path: &Path) {
    // What is left behind does no harm: the next daemon replaces it.
    let _ = fs::remove_file(path);
    let _ = fs::remove_file(layout.socket_pointer());
    if let Some(folder) = path.parent().filter(|folder| *folder != layout.run()) {
        let _ = fs::remove_dir(folder);
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// A folder of this user's and this workspace's own, mode 0700.
fn private_folder(layout: &Layout) -> io::Result<PathBuf> {
    let base = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let hash = super::hash_files([(layout.root().to_string_lossy().into_owned(), [].as_slice().into())]);
    let folder = base.join(format!("nerve-{}-{}", nix::unistd::getuid(), &hash[..12]));
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    use std::os::unix::fs::MetadataExt;
    let found = fs::symlink_metadata(&folder)?;
    if !found.is_dir() || found.uid() != nix::unistd::getuid().as_raw() || found.mode() & 0o077 != 0 {
        return Err(io::Error::other(format!("{} is not a private folder of this user", folder.display())));
    }
    Ok(folder)
}

fn too_long() -> io::Error {
    io::Error::other("the path is too long for a socket")
}
