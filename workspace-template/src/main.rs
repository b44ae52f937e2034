//! The worker: the process that the daemon starts to run this workspace's code.

fn main() -> Result<(), nerve_runtime::WorkerError> {
    nerve_runtime::worker(workspace::workspace())
}
