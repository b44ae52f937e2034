//! What a workspace's files import: `use nerve_runtime::prelude::*;`.

pub use nerve_adapters::{LlmAdapter, RoleBuilder, create_role, minutes, seconds};
pub use nerve_core::{
    Adapter, Answer, Cause, Effects, Meta, Next, Observation, Prompt, Reply, Request, Result, Role, RoleContext, RoleKey, RoleResult,
    Sense, SenseContext, Step, ThreadContext, Workflow, adapter, extractor, schema_for,
};

pub use crate::Workspace;
