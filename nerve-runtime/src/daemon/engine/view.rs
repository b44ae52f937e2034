//! What the engine knows, for those who look.

use std::time::Duration;

use jiff::Timestamp as Moment;
use nerve_core::config::format_duration;

use super::super::api::dto::{LimitsState, SenseItem, StoreState, WorkerItem, WorkflowItem, moment};
use super::super::clock;
use super::{Engine, Look};

impl Engine {
    pub(super) fn look(&self) -> Look {
        Look {
            build: self.build.id.clone(),
            senses: self.sense_items(),
            workflows: self.workflow_items(),
            workers: self.worker_items(),
            limits: LimitsState {
                waiting: self.brakes.held.front().map(|(_, reason)| reason.clone()),
                calls_last_hour: self.brakes.calls_last_hour(clock::now()) as u64,
                failures_in_a_row: u64::from(self.brakes.failures),
            },
            store: StoreState { ok: self.outage.is_none(), problem: self.outage.clone() },
            config_problem: self.config_problem.clone(),
            build_problem: self.build_problem.clone(),
        }
    }

    fn sense_items(&self) -> Vec<SenseItem> {
        let mut items: Vec<_> = self
            .senses
            .iter()
            .map(|(name, sense)| {
                let text = |duration: Duration| format_duration(duration);
                let next = sense.next_at.map(|at| at.saturating_duration_since(tokio::time::Instant::now()));
                let state = match (&sense.tick, &sense.row.last_error) {
                    (Some(_), _) => "ticking",
                    (None, Some(_)) => "failing",
                    (None, None) => "ok",
                };
                SenseItem {
                    name: name.clone(),
                    group: sense.config.group.clone(),
                    state: state.to_owned(),
                    interval: sense.config.interval.map(text),
                    on: sense.config.on.clone(),
                    throttle: sense.config.throttle.map(text),
                    timeout: text(sense.config.timeout),
                    grace_period: text(sense.config.grace_period),
                    last_tick: sense.row.last_tick_at.map(moment),
                    next_tick: next.and_then(|wait| Moment::now().checked_add(wait).ok()),
                    last_signal: sense.row.last_signal_at.map(moment),
                    last_error: sense.row.last_error.clone(),
                }
            })
            .collect();
        items.sort_by(|left, right| left.name.cmp(&right.name));
        items
    }

    fn workflow_items(&self) -> Vec<WorkflowItem> {
        let item = |(name, settings): (&String, &nerve_core::config::WorkflowConfig)| {
            let line = self.lines.get(name);
            let manifest = self.manifest.workflow(name);
            WorkflowItem {
                name: name.clone(),
                concurrency: settings.concurrency,
                overflow: settings.overflow,
                max_queue: settings.max_queue,
                active: line.map_or(0, |line| line.active.len() as u64),
                queued: line.map_or(0, |line| line.queue.len() as u64),
                held: self.held(name),
                roles: manifest.map(|workflow| workflow.roles.iter().map(|role| role.name.clone()).collect()).unwrap_or_default(),
                build: Some(self.build.id.clone()),
            }
        };
        self.config.workflows.iter().map(item).collect()
    }

    fn worker_items(&self) -> Vec<WorkerItem> {
        let mut items: Vec<_> = self
            .workers
            .iter()
            .map(|(key, worker)| WorkerItem {
                key: key.to_string(),
                kind: key.kind().to_owned(),
                build: Some(key.build().clone()),
                thread: key.alone(),
                pid: worker.pid,
                state: match (&worker.blocked, worker.pid) {
                    (Some(_), _) => "crash_limit",
                    (None, Some(_)) => "ready",
                    (None, None) if worker.crashes > 0 => "starting",
                    (None, None) => "stopped",
                }
                .to_owned(),
                crashes: u32::try_from(worker.crashes).unwrap_or(u32::MAX),
                reason: worker.blocked.clone(),
            })
            .collect();
        items.sort_by(|left, right| left.key.cmp(&right.key));
        items
    }
}
