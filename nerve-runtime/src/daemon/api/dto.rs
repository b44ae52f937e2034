//! The JSON shapes of the control API, for both of its sides.
//!
//! The daemon writes these and the command line reads them; with `--json` they reach scripts unchanged. A field may be
//! added within one schema number, never renamed or removed. Moments are RFC 3339 in UTC.

mod adapter;
mod error;
mod journal;
mod list;
mod moment;
mod origin;
mod request;
pub mod schema;
mod sense;
mod status;
mod thread;
mod usage;
mod workflow;

pub use adapter::{AdapterProblem, AdapterTest, Culprit};
pub use error::{ErrorBody, ErrorDetail, ErrorKind};
pub use journal::{JournalLine, JournalSource};
pub use list::List;
pub use moment::moment;
pub use origin::OriginView;
pub use request::{
    Caller, EntriesQuery, JournalQuery, OtherBuild, ResumeRequest, StopRequest, ThreadsQuery, TriggerRequest, WaitQuery, WorkerResetRequest,
};
pub use sense::{SenseItem, SenseTriggered};
pub use status::{Done, Health, LimitsState, Parked, Status, Stopping, StoreState, WorkerItem, WorkflowLoad};
pub use thread::{StepView, ThreadItem, ThreadView, Triggered};
pub use usage::{UsageBy, UsageItem, UsageQuery, UsageReport, UsageSum};
pub use workflow::{Restarted, WorkflowItem};
