//! `nerve init`: a runnable workspace, whole or not at all.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nerve_runtime::daemon::Layout;

use super::embed::workspace_files;
use super::name::package_name;
use super::{InitError, restore};

/// How a workspace is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct InitOptions {
    /// Whether to make a git repository when the folder is in none.
    pub(crate) git: bool,
    /// A checkout of nerve to link instead of the sources that this `nerve` carries.
    pub(crate) sdk: Option<PathBuf>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InitReport {
    /// The workspace's folder, absolute.
    pub(crate) root: PathBuf,
    /// The package's name.
    pub(crate) name: String,
    /// The files, relative to the folder and in order; `.nerve/` is not among them.
    pub(crate) files: Vec<PathBuf>,
    /// What became of the repository.
    pub(crate) git: Git,
}

/// What became of the git repository. None of this fails an init.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Git {
    /// One was made.
    Created,
    /// The folder lies in one already.
    Inside,
    /// None was wanted.
    Unwanted,
    /// There is no git on the PATH.
    NotInstalled,
    /// git refused, and said this.
    Failed(String),
}

/// Makes a workspace in this folder, which may exist as long as nothing in it is in the way.
///
/// # Errors
/// When something is there already or cannot be written; the disk is then as it was.
pub(crate) fn init(dir: &Path, options: &InitOptions) -> Result<InitReport, InitError> {
    let root = std::path::absolute(dir).map_err(InitError::write(dir))?;
    // `..` at the end has no name; what it leads to has.
    let root = root.canonicalize().unwrap_or(root);
    let name = package_name(&root);
    let files = workspace_files(&name);
    let exists = match fs::metadata(&root) {
        Ok(found) if found.is_dir() => true,
        Ok(_) => return Err(InitError::NotAFolder(root)),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(InitError::write(&root)(error)),
    };
    if exists {
        check_free(&root, &files)?;
        let mut written = Written::default();
        fill(&root, &files, options, &mut written).inspect_err(|_| written.undo())?;
    } else {
        create(&root, &files, options)?;
    }
    let git = if options.git { start_repository(&root) } else { Git::Unwanted };
    Ok(InitReport { root, name, files: files.iter().map(|(path, _)| PathBuf::from(path)).collect(), git })
}

/// Fills a folder beside the new one and renames it, so that nobody sees half a workspace.
fn create(root: &Path, files: &[(&str, Vec<u8>)], options: &InitOptions) -> Result<(), InitError> {
    let parent = root.parent().unwrap_or(root);
    let mut written = Written::default();
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    let aside = parent.join(format!(".{name}.new-{}", std::process::id()));
    let done = written.folder(&aside).and_then(|()| {
        fill(&aside, files, options, &mut written)?;
        fs::rename(&aside, root).map_err(InitError::write(root))
    });
    done.inspect_err(|_| written.undo()).map_err(|error| error.instead_of(&aside, root))
}

/// Refuses when a file would be overwritten, or a folder is needed where a file is.
fn check_free(root: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), InitError> {
    if root.join("nerve.yaml").symlink_metadata().is_ok() {
        return Err(InitError::Workspace(root.to_owned()));
    }
    let mut taken: Vec<PathBuf> = Vec::new();
    for (path, _) in files {
        let path = Path::new(path);
        let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
        let in_the_way = folders.filter(|folder| root.join(folder).symlink_metadata().is_ok() && !root.join(folder).is_dir());
        taken.extend(in_the_way.map(Path::to_owned));
        if root.join(path).symlink_metadata().is_ok() {
            taken.push(path.to_owned());
        }
    }
    taken.sort();
    taken.dedup();
    if taken.is_empty() { Ok(()) } else { Err(InitError::Occupied { dir: root.to_owned(), files: taken }) }
}

fn fill(root: &Path, files: &[(&str, Vec<u8>)], options: &InitOptions, written: &mut Written) -> Result<(), InitError> {
    for (path, bytes) in files {
        written.file(&root.join(path), bytes)?;
    }
    let layout = Layout::new(root);
    written.folder(&layout.data())?;
    restore(&layout, options.sdk.as_deref())?;
    write_schema(&layout).map_err(InitError::write(&layout.schema()))
}

/// Writes the schema that editors check nerve.yaml against.
fn write_schema(layout: &Layout) -> std::io::Result<()> {
    let schema = serde_json::to_vec_pretty(&nerve_core::config::json_schema())?;
    let path = layout.schema();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, schema)
}

/// What was made so far, in order, so that it can be removed again.
#[derive(Debug, Default)]
struct Written {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Written {
    fn file(&mut self, path: &Path, bytes: &[u8]) -> Result<(), InitError> {
        if let Some(folder) = path.parent() {
            self.folder(folder)?;
        }
        // Whoever made the file since it was checked keeps it.
        let mut file = fs::File::create_new(path).map_err(InitError::write(path))?;
        self.files.push(path.to_owned());
        std::io::Write::write_all(&mut file, bytes).map_err(InitError::write(path))
    }

    fn folder(&mut self, path: &Path) -> Result<(), InitError> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        fs::create_dir(path).map_err(InitError::write(path))?;
        self.folders.push(path.to_owned());
        Ok(())
    }

    /// Removes it all, as far as that goes: the error that led here matters more.
    fn undo(&self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            // The data folder was made here and holds what `restore` wrote; any other is only removed when it is empty.
            let _ = if folder.ends_with(".nerve") { fs::remove_dir_all(folder) } else { fs::remove_dir(folder) };
        }
    }
}

fn start_repository(root: &Path) -> Git {
    if root.ancestors().any(|folder| folder.join(".git").exists()) {
        return Git::Inside;
    }
    let mut git = Command::new("git");
    git.args(["init", "--quiet"]).current_dir(root).stdin(Stdio::null());
    // A hook of another repository has these set, and they would lead git there.
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        git.env_remove(variable);
    }
    match git.output() {
        Ok(output) if output.status.success() => Git::Created,
        Ok(output) => Git::Failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Git::NotInstalled,
        Err(error) => Git::Failed(error.to_string()),
    }
}
