//! Where the demo happens.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use nerve_runtime::daemon::Layout;

use crate::commands::init::failed;
use crate::context::Context;
use crate::error::{CliError, codes};
use crate::workspace::{self, InitOptions};

/// A workspace made for the demo.
#[derive(Debug)]
pub(super) struct Place {
    layout: Layout,
    temporary: Option<PathBuf>,
}

impl Place {
    /// Makes the workspace, and says where.
    pub(super) fn make(context: &Context, dir: Option<PathBuf>) -> Result<Self, CliError> {
        let temporary = if dir.is_none() { Some(temporary()?) } else { None };
        let folder = dir.or_else(|| temporary.as_ref().map(|folder| folder.join("demo"))).unwrap_or_default();
        let made = workspace::init(&folder, &InitOptions::default()).inspect_err(|_| remove(temporary.as_ref())).map_err(failed)?;
        let fate = if temporary.is_some() { " (removed at the end)" } else { "" };
        context.ui.say(&format!("workspace {}{fate}", made.root.display()));
        Ok(Self { layout: Layout::new(made.root), temporary })
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What one can do next.
    pub(super) fn farewell(&self, nerve: &str) -> String {
        match &self.temporary {
            Some(_) => format!("\nthe daemon is stopped, the folder is gone\nnext:  {nerve} init hello && cd hello && {nerve} dev"),
            None => format!("\nthe daemon is stopped, the workspace stays\nnext:  cd {} && {nerve} dev", self.layout.root().display()),
        }
    }

    /// Removes what was only for the demo.
    pub(super) fn leave(self) {
        remove(self.temporary.as_ref());
    }
}

/// A folder that nobody else can look into or had before.
fn temporary() -> Result<PathBuf, CliError> {
    let folder = std::env::temp_dir().join(format!("nerve-demo-{}", std::process::id()));
    let made = DirBuilder::new().mode(0o700).create(&folder);
    made.map_err(|error| CliError::new(codes::FILE, "cannot make a temporary folder").at(folder.display().to_string()).because(error))?;
    Ok(folder)
}

fn remove(folder: Option<&PathBuf>) {
    if let Some(folder) = folder {
        // What cannot be removed lies in the temporary folder, where it is removed by others.
        let _ = fs::remove_dir_all(folder);
    }
}
