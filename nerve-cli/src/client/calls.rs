//! One method for each call of the API that a command makes.

use nerve_runtime::daemon::api::dto::{
    AdapterTest, Done, JournalLine, JournalQuery, List, Restarted, ResumeRequest, SenseItem, SenseTriggered, Status, StopRequest, Stopping,
    ThreadItem, ThreadView, ThreadsQuery, TriggerRequest, Triggered, UsageQuery, UsageReport, WorkerResetRequest, WorkflowItem,
};

use super::{Address, Client};
use crate::error::CliError;

/// A body for calls that need none.
const NOTHING: serde_json::Value = serde_json::Value::Null;

impl Client {
    pub(crate) async fn status(&self) -> Result<Status, CliError> {
        self.get(Address::v1(&["status"])).await
    }

    pub(crate) async fn workflows(&self) -> Result<List<WorkflowItem>, CliError> {
        self.get(Address::v1(&["workflows"])).await
    }

    pub(crate) async fn senses(&self) -> Result<List<SenseItem>, CliError> {
        self.get(Address::v1(&["senses"])).await
    }

    pub(crate) async fn threads(&self, query: &ThreadsQuery) -> Result<List<ThreadItem>, CliError> {
        let address = Address::v1(&["threads"]).query("state", query.state.as_ref()).query("workflow", query.workflow.as_ref());
        self.get(address.query("limit", query.limit).query("before", query.before.as_ref())).await
    }

    pub(crate) async fn thread(&self, id: &str) -> Result<ThreadView, CliError> {
        self.get(Address::v1(&["threads", id])).await
    }

    /// A page of a thread's journal.
    pub(crate) async fn entries(&self, id: &str, limit: u32, offset: u64) -> Result<List<JournalLine>, CliError> {
        self.get(Address::v1(&["threads", id, "entries"]).query("limit", Some(limit)).query("offset", Some(offset))).await
    }

    /// The thread once it ended or waits for a person, or as it is after the time.
    pub(crate) async fn wait(&self, id: &str, timeout_ms: u64) -> Result<ThreadView, CliError> {
        self.get(Address::v1(&["threads", id, "wait"]).query("timeout_ms", Some(timeout_ms))).await
    }

    pub(crate) async fn journal(&self, query: &JournalQuery) -> Result<List<JournalLine>, CliError> {
        let address = Address::v1(&["journal"]).query("after", query.after).query("limit", query.limit).query("wait_ms", query.wait_ms);
        self.get(address.query("thread", query.thread.as_ref()).query("sense", query.sense.as_ref())).await
    }

    pub(crate) async fn trigger(&self, workflow: &str, request: &TriggerRequest) -> Result<Triggered, CliError> {
        self.post(Address::v1(&["workflows", workflow, "trigger"]), request).await
    }

    pub(crate) async fn restart_workflow(&self, workflow: &str) -> Result<Restarted, CliError> {
        self.post(Address::v1(&["workflows", workflow, "restart"]), &NOTHING).await
    }

    pub(crate) async fn trigger_sense(&self, sense: &str) -> Result<SenseTriggered, CliError> {
        self.post(Address::v1(&["senses", sense, "trigger"]), &NOTHING).await
    }

    pub(crate) async fn kill(&self, id: &str) -> Result<Triggered, CliError> {
        self.post(Address::v1(&["threads", id, "kill"]), &NOTHING).await
    }

    pub(crate) async fn resume(&self, id: &str, request: &ResumeRequest) -> Result<Triggered, CliError> {
        self.post(Address::v1(&["threads", id, "resume"]), request).await
    }

    pub(crate) async fn usage(&self, query: &UsageQuery) -> Result<UsageReport, CliError> {
        let by = serde_json::to_value(query.by).ok().and_then(|by| by.as_str().map(str::to_owned));
        self.get(Address::v1(&["usage"]).query("by", by).query("since_ms", query.since_ms)).await
    }

    /// Has the daemon call an adapter once.
    pub(crate) async fn test_adapter(&self, name: &str) -> Result<AdapterTest, CliError> {
        self.post(Address::v1(&["adapters", name, "test"]), &NOTHING).await
    }

    pub(crate) async fn reset_limits(&self) -> Result<Done, CliError> {
        self.post(Address::v1(&["limits", "reset"]), &NOTHING).await
    }

    pub(crate) async fn reset_worker(&self, key: &str) -> Result<Done, CliError> {
        self.post(Address::v1(&["workers", "reset"]), &WorkerResetRequest { key: key.to_owned() }).await
    }

    pub(crate) async fn stop(&self, now: bool) -> Result<Stopping, CliError> {
        self.post(Address::v1(&["stop"]), &StopRequest { now }).await
    }
}
