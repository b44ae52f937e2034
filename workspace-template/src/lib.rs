//! Everything this workspace contains. A new sense or workflow is registered here, and named in nerve.yaml.

pub mod senses {
    //! One file per sense.
    pub mod cpu_usage;
    pub mod inbox;
}

pub mod workflows {
    //! One folder per workflow.
    pub mod explain_load;
}

use nerve_runtime::prelude::*;

/// What the worker registers.
pub fn workspace() -> Workspace {
    Workspace::new().sense(senses::cpu_usage::sense()).sense(senses::inbox::sense()).workflow(workflows::explain_load::workflow())
}
