//! The codes of the command line's own failures; nerve.yaml's are in `nerve_core::config::CODES`.

use nerve_runtime::daemon::api::dto::ErrorKind;

/// A code, its kind, and what it means.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Code {
    /// The code as shown.
    pub(crate) code: &'static str,
    /// What its exit code follows from.
    pub(crate) kind: ErrorKind,
    /// One line that says what it means.
    pub(crate) meaning: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $kind:ident, $meaning:literal;)*) => {
        $(pub(crate) const $name: Code = Code { code: $code, kind: ErrorKind::$kind, meaning: $meaning };)*

        /// Every code, in order.
        pub(crate) const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    USAGE = "NV0001", Usage, "the command line cannot be read";
    NO_WORKSPACE = "NV0002", NotFound, "there is no workspace here: no nerve.yaml in this folder or above it";
    OCCUPIED = "NV0003", Conflict, "the folder holds a workspace or other files already";
    NOT_RUNNING = "NV0004", NotRunning, "no daemon runs in this workspace";
    RUNNING = "NV0005", Conflict, "a daemon runs in this workspace already";
    NOT_STARTED = "NV0006", Failed, "the daemon did not start; its log says why";
    NOT_STOPPED = "NV0007", Failed, "the daemon was told to stop and still runs";
    NO_BUILD = "NV0008", Config, "the sources were edited and never built";
    BUILD_FAILED = "NV0009", Failed, "the workspace does not compile, or its worker cannot start";
    ANSWER = "NV0010", Failed, "the daemon broke off, or answered something that cannot be read";
    FILE = "NV0011", Failed, "a file cannot be read or written";
    NO_SUCH_CODE = "NV0012", NotFound, "no error has this code";
    NOT_IN_TIME = "NV0013", Timeout, "it took longer than the time that was given";
    WORKER = "NV0014", Failed, "a worker could not run";
    CONFIG = "NV0015", Config, "nerve.yaml cannot be used";
    DEMO = "NV0016", Failed, "the demo did not come to its end";
    NO_ID = "NV0017", NotFound, "no thread has this id";
    RUNNING_BUILD = "NV0018", Conflict, "another build runs in this workspace";
}
