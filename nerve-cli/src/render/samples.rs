//! Documents for the tests of the text forms.

use jiff::Timestamp;
use nerve_core::thread::StateName;
use nerve_core::{BuildId, RawJson, ThreadId, TickId, Usage};
use nerve_runtime::daemon::api::dto::{
    LimitsState, OriginView, Parked, SenseItem, Status, StepView, StoreState, ThreadItem, ThreadView, WorkerItem, WorkflowLoad, schema,
};

/// The moment at which the samples are looked at: 2026-11-22T14:03:22Z.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_795_356_202, 0);

fn earlier(seconds: i64) -> Timestamp {
    Timestamp::constant(NOW.as_second() - seconds, 0)
}

fn thread_id(n: u8) -> ThreadId {
    ThreadId::new(nerve_core::Timestamp::from_millis(1_795_356_000_000), [n; 10])
}

fn tick_id() -> TickId {
    TickId::new(nerve_core::Timestamp::from_millis(1_795_356_000_000), [7; 10])
}

/// A thread of a list.
pub(crate) fn item(n: u8, state: StateName, reason: Option<&str>) -> ThreadItem {
    ThreadItem {
        id: thread_id(n),
        workflow: "explain-load".to_owned(),
        state,
        exit_code: (state == StateName::Failed).then_some(1),
        build: Some(BuildId("builtin-0.1.0".to_owned())),
        origin: if n.is_multiple_of(2) { OriginView::Cli } else { sensed() },
        reason: reason.map(str::to_owned),
        seq: u64::from(n) * 10,
        accepted_at: earlier(i64::from(n) * 61),
        started_at: Some(earlier(i64::from(n) * 61)),
        ended_at: None,
    }
}

fn sensed() -> OriginView {
    OriginView::Sense { sense: "inbox".to_owned(), tick: tick_id(), signal: serde_json::json!({ "file": "inbox/hello.txt" }) }
}

/// A thread whose steps have texts of `length` characters.
pub(crate) fn thread(state: StateName, steps: u32, length: usize) -> ThreadView {
    ThreadView {
        schema: schema::THREAD_SHOW.to_owned(),
        id: thread_id(1),
        workflow: "explain-load".to_owned(),
        state,
        exit_code: (state == StateName::Completed).then_some(0),
        build: Some(BuildId("builtin-0.1.0".to_owned())),
        prompt: "A new file came in: inbox/hello.txt".to_owned(),
        origin: sensed(),
        reason: None,
        usage: Usage::FREE_CALL,
        cost: "$0".to_owned(),
        max_rounds: 10,
        dry_run: false,
        accepted_at: earlier(60),
        started_at: Some(earlier(60)),
        ended_at: None,
        steps: (1..=steps).map(|n| step(n, length)).collect(),
    }
}

/// A finished step.
pub(crate) fn step(n: u32, length: usize) -> StepView {
    StepView {
        n,
        role: if n % 2 == 1 { "analyst" } else { "critic" }.to_owned(),
        attempt: 1,
        state: StateName::Completed,
        adapter: Some("scripted".to_owned()),
        prompt: Some("Read it.".to_owned()),
        content: Some(format!("text {n} ").chars().cycle().take(length).collect()),
        meta: RawJson::parse(r#"{"calm":true}"#).ok(),
        reason: None,
        error: None,
        usage: Usage::FREE_CALL,
        cost: "$0".to_owned(),
        started_at: earlier(50 - i64::from(n)),
        ended_at: Some(earlier(49 - i64::from(n))),
    }
}

/// A daemon that is well.
pub(crate) fn status() -> Status {
    Status {
        schema: schema::STATUS.to_owned(),
        running: true,
        pid: 4121,
        version: "0.1.0".to_owned(),
        hostname: "here".to_owned(),
        workspace: "/home/ada/hello".to_owned(),
        since: earlier(7860),
        uptime_ms: 7_860_000,
        stale: false,
        build: Some(BuildId("builtin-0.1.0".to_owned())),
        senses: vec![sense()],
        workflows: vec![WorkflowLoad { name: "explain-load".to_owned(), active: 1, queued: 3, concurrency: 2, held: None }],
        workers: vec![WorkerItem {
            key: "sense/default".to_owned(),
            kind: "sense".to_owned(),
            build: None,
            thread: None,
            pid: Some(4130),
            state: "ready".to_owned(),
            crashes: 0,
            reason: None,
        }],
        limits: LimitsState { waiting: None, calls_last_hour: 12, failures_in_a_row: 0 },
        store: StoreState { ok: true, problem: None },
        parked: Vec::new(),
        config_problem: None,
        build_problem: None,
    }
}

/// A daemon that has every trouble there is.
pub(crate) fn troubled_status() -> Status {
    let mut status = status();
    status.stale = true;
    status.senses[0].last_error = Some("no such folder".to_owned());
    status.workers[0].state = "crash_limit".to_owned();
    status.workers[0].crashes = 6;
    status.workers[0].reason = Some("crashed 6 times; the last time: exit code 1\nno such folder".to_owned());
    status.limits.waiting = Some("200 calls in the last hour".to_owned());
    status.store = StoreState { ok: false, problem: Some("disk full".to_owned()) };
    status.config_problem = Some("unknown key `intervall`".to_owned());
    status.build_problem = Some("build 9f2c was not taken over, 77ab serves: it lacks workflow `explain-load`".to_owned());
    status.workflows[0].held = Some("its worker crashed 6 times".to_owned());
    status.parked = vec![Parked {
        id: thread_id(9),
        workflow: "explain-load".to_owned(),
        reason: "an attempt of `fixer` was cut off".to_owned(),
        since: earlier(720),
    }];
    status
}

/// A sense.
pub(crate) fn sense() -> SenseItem {
    SenseItem {
        name: "inbox".to_owned(),
        group: "default".to_owned(),
        state: "idle".to_owned(),
        interval: Some("1s".to_owned()),
        on: Vec::new(),
        throttle: None,
        timeout: "30s".to_owned(),
        grace_period: "5s".to_owned(),
        last_tick: Some(earlier(3)),
        next_tick: Some(earlier(-4)),
        last_signal: None,
        last_error: None,
    }
}
