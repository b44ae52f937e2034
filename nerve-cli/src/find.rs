//! Which workspace a command is for.

use std::path::{Path, PathBuf};

use nerve_runtime::daemon::Layout;

use crate::error::{CliError, codes};

/// The workspace that was named, or the nearest one above `here`.
pub(crate) fn workspace(named: Option<&Path>, here: &Path) -> Result<Layout, CliError> {
    let root = match named {
        Some(folder) => here.join(folder),
        None => nearest(here).ok_or_else(|| nothing(here))?,
    };
    if !root.join("nerve.yaml").is_file() {
        return Err(nothing(&root));
    }
    // The daemon and its commands must agree on one name for the folder.
    let root = root
        .canonicalize()
        .map_err(|error| CliError::new(codes::FILE, "cannot read the folder").at(root.display().to_string()).because(error))?;
    Ok(Layout::new(root))
}

fn nearest(here: &Path) -> Option<PathBuf> {
    here.ancestors().find(|folder| folder.join("nerve.yaml").is_file()).map(Path::to_owned)
}

fn nothing(place: &Path) -> CliError {
    CliError::new(codes::NO_WORKSPACE, "no workspace here: no nerve.yaml")
        .at(place.display().to_string())
        .help("make one: nerve init hello\nor name one: nerve -C DIR …, or set NERVE_WORKSPACE")
}

#[cfg(test)]
mod tests {
    use super::workspace;

    #[test]
    fn a_folder_inside_a_workspace_belongs_to_it() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::write(root.path().join("nerve.yaml"), "").expect("a file");
        let inside = root.path().join("src/roles");
        std::fs::create_dir_all(&inside).expect("folders");
        let found = workspace(None, &inside).expect("the workspace");
        assert_eq!(found.root(), root.path().canonicalize().expect("a path"));
    }

    #[test]
    fn a_named_folder_must_be_a_workspace_itself() {
        let root = tempfile::tempdir().expect("a folder");
        let error = workspace(Some(root.path()), root.path()).expect_err("no nerve.yaml");
        assert!(error.text().contains("NERVE_WORKSPACE"), "{}", error.text());
        assert_eq!(error.kind().exit_code(), 5);
    }
}
