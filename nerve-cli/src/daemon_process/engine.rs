//! The daemon itself.

pub(crate) use nerve_runtime::daemon::{Builtin, DaemonError, Options, Started, run};
