//! What a daemon of this `nerve` is given.

use nerve_runtime::daemon::{Builtin, Layout, Options, hash_folder};

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
        sources_hash: template_hash(layout),
        manifest: workspace_template().manifest(),
    };
    Ok(Options { layout: layout.clone(), builtin, foreground })
}

/// The hash of the sources that this `nerve` contains; only known to match while they are unedited, and it has to match nothing else.
fn template_hash(layout: &Layout) -> String {
    if workspace::unedited(layout) { hash_folder(&layout.sources()).unwrap_or_default() } else { "edited".to_owned() }
}
