//! What every command is given.

use std::path::PathBuf;

use nerve_runtime::daemon::Layout;

use crate::cli::Global;
use crate::client::Client;
use crate::error::{CliError, codes};
use crate::find;
use crate::ui::Ui;

/// The way this run talks, and the workspace it is for.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where output goes.
    pub(crate) ui: Ui,
    named: Option<PathBuf>,
}

impl Context {
    /// Made from the global flags.
    pub(crate) fn new(global: Global) -> Self {
        Self { ui: Ui::new(global.json, global.quiet), named: global.workspace }
    }

    /// The workspace.
    pub(crate) fn layout(&self) -> Result<Layout, CliError> {
        let here = std::env::current_dir().map_err(|error| CliError::new(codes::FILE, "cannot read the current folder").because(error))?;
        find::workspace(self.named.as_deref(), &here)
    }

    /// The running daemon of the workspace.
    pub(crate) fn client(&self) -> Result<Client, CliError> {
        Client::to(&self.layout()?)
    }

    /// How a hint starts a command for the same workspace.
    pub(crate) fn nerve(&self) -> String {
        match &self.named {
            // A variable holds for the next command too; only a flag has to be said again.
            Some(folder) if std::env::var_os("NERVE_WORKSPACE").is_none_or(|variable| folder.as_os_str() != variable) => {
                format!("nerve -C {}", folder.display())
            }
            _ => "nerve".to_owned(),
        }
    }
}
