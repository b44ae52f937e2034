//! The name and number of each document, its `schema`.

/// [`ErrorBody`](super::ErrorBody).
pub const ERROR: &str = "nerve.error/1";
/// [`Triggered`](super::Triggered) of `workflow trigger`.
pub const WORKFLOW_TRIGGER: &str = "nerve.workflow.trigger/1";
/// [`Restarted`](super::Restarted) of `workflow restart`.
pub const WORKFLOW_RESTART: &str = "nerve.workflow.restart/1";
/// `workflow list`.
pub const WORKFLOW_LIST: &str = "nerve.workflow.list/1";
/// [`ThreadView`](super::ThreadView).
pub const THREAD_SHOW: &str = "nerve.thread.show/1";
/// `thread list`.
pub const THREAD_LIST: &str = "nerve.thread.list/1";
/// `thread inspect`: a thread's journal.
pub const THREAD_INSPECT: &str = "nerve.thread.inspect/1";
/// [`Triggered`](super::Triggered) of `thread kill`.
pub const THREAD_KILL: &str = "nerve.thread.kill/1";
/// [`Triggered`](super::Triggered) of `thread resume`.
pub const THREAD_RESUME: &str = "nerve.thread.resume/1";
/// `sense list`.
pub const SENSE_LIST: &str = "nerve.sense.list/1";
/// [`SenseTriggered`](super::SenseTriggered).
pub const SENSE_TRIGGER: &str = "nerve.sense.trigger/1";
/// The journal of the whole workspace.
pub const LOGS: &str = "nerve.logs/1";
/// `adapter list`.
pub const ADAPTER_LIST: &str = "nerve.adapter.list/1";
/// [`AdapterTest`](super::AdapterTest).
pub const ADAPTER_TEST: &str = "nerve.adapter.test/1";
/// `adapter extract`.
pub const ADAPTER_EXTRACT: &str = "nerve.adapter.extract/1";
/// [`UsageReport`](super::UsageReport).
pub const USAGE: &str = "nerve.usage/1";
/// [`Status`](super::Status).
pub const STATUS: &str = "nerve.status/1";
/// [`Stopping`](super::Stopping).
pub const STOP: &str = "nerve.stop/1";
/// [`Done`](super::Done) of `limits reset`.
pub const LIMITS_RESET: &str = "nerve.limits.reset/1";
/// [`Done`](super::Done) of `worker reset`.
pub const WORKER_RESET: &str = "nerve.worker.reset/1";
