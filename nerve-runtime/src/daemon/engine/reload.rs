//! Taking over a new config or build while everything runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use nerve_core::config::Config;
use nerve_core::wire::Manifest;

use super::super::{BuildRecord, BuildSpec};
use super::{Engine, WorkerKey};
use crate::crash_point::{Moment, Point, crash_point};

/// A build that is to become the current one when its first worker is ready.
pub(super) struct Candidate {
    pub(super) spec: BuildSpec,
    probe: WorkerKey,
}

impl Engine {
    /// Takes over a config that was read without errors.
    pub(super) fn reload(&mut self, config: Arc<Config>) {
        self.config_problem = None;
        self.waiting_config = None;
        if *self.config == *config {
            return;
        }
        if let Some(missing) = lacking(&config, &self.manifest) {
            let problem = format!(
                "nerve.yaml was not taken over: it names {missing}, which build {} lacks (mend it, or: nerve build)",
                self.build.id
            );
            tracing::error!(problem);
            self.config_problem = Some(problem);
            self.waiting_config = Some(config);
            return;
        }
        crash_point(Point::At(Moment::ReloadBegun));
        self.brakes.set(&config.limits);
        self.config = config;
        crash_point(Point::At(Moment::ReloadDone));
        tracing::info!("nerve.yaml was taken over");
        self.note("config_reload", "nerve.yaml", BTreeMap::new());
        self.reload_senses();
        self.respecify_workers();
        let workflows: Vec<String> = self.lines.keys().cloned().collect();
        for workflow in workflows {
            self.pump(&workflow);
        }
        let workers: Vec<_> = self.workers.keys().filter(|key| matches!(key, WorkerKey::Workflow { .. })).cloned().collect();
        workers.iter().for_each(|key| self.retire_if_unused(key));
        let open: Vec<_> = self.slots.keys().copied().collect();
        open.into_iter().for_each(|id| self.refresh_rules(id));
        self.release_brakes();
    }

    /// Starts the first worker of a new build; it becomes current when that worker is ready and covers what is needed.
    pub(super) fn try_build(&mut self, record: BuildRecord, spec: BuildSpec) {
        if self.candidate.as_ref().is_some_and(|candidate| candidate.spec.id == spec.id) {
            return;
        }
        if let Some(given_up) = self.candidate.take() {
            self.retire_if_unused(&given_up.probe);
        }
        if spec.id == self.build.id {
            return;
        }
        let config = self.waiting_config.as_ref().unwrap_or(&self.config);
        let probe = match (config.workflows.keys().next(), config.senses.values().next()) {
            (Some(name), _) => WorkerKey::workflow(name, &spec.id),
            (None, sense) => {
                let group = sense.map_or_else(|| "default".to_owned(), |sense| sense.group.clone());
                WorkerKey::Senses { group, build: spec.id.clone() }
            }
        };
        tracing::info!(build = %record.build, "trying the new build");
        crash_point(Point::At(Moment::BuildTried));
        self.builds.insert(spec.id.clone(), spec.clone());
        self.candidate = Some(Candidate { spec, probe: probe.clone() });
        match self.ensure_worker(&probe) {
            Ok(()) => match self.workers.get(&probe).map(|worker| (worker.pid, worker.manifest.clone())) {
                // A build that open threads still run on comes back.
                Some((Some(_), Some(manifest))) => self.candidate_ready(&probe, &manifest),
                _ => {
                    self.unblock(&probe);
                    // It was made known just now.
                    let _ = self.supervisor.start(&probe);
                }
            },
            Err(why) => self.candidate_failed(&probe, &why),
        }
    }

    pub(super) fn candidate_ready(&mut self, key: &WorkerKey, manifest: &Manifest) {
        let Some(candidate) = self.candidate.take_if(|candidate| candidate.probe == *key) else { return };
        if let Some(missing) = self.not_covered(manifest) {
            return self.refuse_build(&candidate.spec, key, &missing);
        }
        crash_point(Point::At(Moment::BuildReady));
        let old = std::mem::replace(&mut self.build, candidate.spec);
        self.manifest = manifest.clone();
        self.build_problem = None;
        let waits = self.slots.values().filter(|slot| slot.machine.thread().build.as_ref() == Some(&old.id)).count();
        tracing::info!(build = %self.build.id, "build taken over; {waits} open threads stay on {}", old.id);
        let details =
            BTreeMap::from([("from", old.id.to_string()), ("to", self.build.id.to_string()), ("open_threads", waits.to_string())]);
        crash_point(Point::At(Moment::BuildTaken));
        let current = self.build.id.to_string();
        self.note("build_reload", &current, details);
        let others: Vec<_> = self.workers.keys().filter(|key| *key.build() != self.build.id).cloned().collect();
        for key in others {
            self.retire_if_unused(&key);
        }
        let workflows: Vec<String> = self.lines.keys().cloned().collect();
        for workflow in workflows {
            self.pump(&workflow);
        }
        if let Some(config) = self.waiting_config.take() {
            self.reload(config);
        }
    }

    pub(super) fn candidate_failed(&mut self, key: &WorkerKey, why: &str) {
        if let Some(candidate) = self.candidate.take_if(|candidate| candidate.probe == *key) {
            self.refuse_build(&candidate.spec, key, why);
        }
    }

    fn refuse_build(&mut self, spec: &BuildSpec, probe: &WorkerKey, why: &str) {
        let problem = format!("build {} was not taken over, {} serves: {why}", spec.id, self.build.id);
        tracing::error!(problem);
        self.build_problem = Some(problem);
        self.retire_if_unused(probe);
    }

    /// What nerve.yaml or a waiting thread needs and this build lacks.
    fn not_covered(&self, manifest: &Manifest) -> Option<String> {
        let queued = self.slots.values().find(|slot| slot.is_queued() && manifest.workflow(slot.workflow()).is_none());
        let queued = queued.map(|slot| format!("workflow `{}`, for which threads wait", slot.workflow()));
        // A config that waits for this build says best what is wanted of it.
        let config = self.waiting_config.as_ref().unwrap_or(&self.config);
        lacking(config, manifest).or(queued).map(|what| format!("it lacks {what}"))
    }
}

/// The first sense or workflow that nerve.yaml names and this build lacks.
fn lacking(config: &Config, manifest: &Manifest) -> Option<String> {
    let sense = config.senses.keys().find(|name| !manifest.senses.contains(name)).map(|name| format!("sense `{name}`"));
    sense.or_else(|| config.workflows.keys().find(|name| manifest.workflow(name).is_none()).map(|name| format!("workflow `{name}`")))
}
