//! The most that a worker may use, as the daemon's environment says; taken on before any of the user's code runs.
//!
//! The kernel holds the process to it, and whatever it starts inherits it.

use nix::sys::resource::{Resource, setrlimit};

/// The variable with the memory that this process may use, in bytes.
pub(crate) const MEMORY: &str = "NERVE_MEMORY_BYTES";

/// The variable with the processor time that this process may use, in seconds.
pub(crate) const CPU: &str = "NERVE_CPU_SECONDS";

/// What is counted as memory: on Linux what a process has for itself, elsewhere all that it can address.
#[cfg(target_os = "linux")]
const COUNTED: Resource = Resource::RLIMIT_DATA;
#[cfg(not(target_os = "linux"))]
const COUNTED: Resource = Resource::RLIMIT_AS;

pub(super) fn take_on() {
    limit(COUNTED, MEMORY, 0);
    // Told by a signal of its own first, so that its end says why.
    limit(Resource::RLIMIT_CPU, CPU, 1);
}

fn limit(resource: Resource, variable: &str, beyond: u64) {
    let Some(most) = std::env::var(variable).ok().and_then(|text| text.parse::<u64>().ok()) else { return };
    // A lower limit of the system's own stays, and is kept as well as this one.
    let _ = setrlimit(resource, most, most.saturating_add(beyond));
}
