//! What a daemon of this `nerve` is given.

use nerve_runtime::daemon::{Builtin, Layout, Options};

use crate::checks::workspace_template;
use crate::error::{CliError, codes};
use crate::workspace;

/// For the daemon of this workspace; in the foreground it leaves the terminal's signals to its caller.
pub(crate) fn options(layout: &Layout, foreground: bool) -> Result<Options, CliError> {
    let program =
        std::env::current_exe().map_err(|error| CliError::new(codes::NOT_STARTED, "cannot find this program's own file").because(error))?;
    let builtin = Builtin {
        program,
        id: nerve_core::BuildId(format!("builtin-{}", workspace::SDK_VERSION)),
        sources_hash: workspace::template_hash().to_owned(),
        manifest: workspace_template().manifest(),
    };
    Ok(Options { layout: layout.clone(), builtin, foreground })
}
