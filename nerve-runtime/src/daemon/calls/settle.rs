//! What nerve.yaml and the adapter's kind say about a role's turn.

use std::time::Duration;

use nerve_adapters::host::agent::profile;
use nerve_core::config::{Adapter, Config};
use nerve_core::thread::Launch;
use nerve_core::wire::Work;
use nerve_core::{AdapterSource, Effects};

use super::Host;

/// What is settled when a role is chosen; the adapter itself is resolved for each attempt.
pub(crate) struct Settled {
    /// The timeout that nerve.yaml sets for the role; it wins over code.
    pub timeout_ms: Option<u64>,
    /// The adapter's timeout, for a role that sets none.
    pub default_timeout_ms: Option<u64>,
    /// What recovery may do, when nerve.yaml says it of the role; it wins over code.
    pub effects: Option<Effects>,
    /// What recovery may do with this kind of work.
    pub default_effects: Effects,
    /// Whether the adapter can go on with a session of its agent.
    pub continues: bool,
    /// Whether the adapter is scripted, so that a dry run may use it.
    pub scripted: bool,
    /// Where its agent works, when it is one that works in a folder or one is named.
    pub workdir: Option<String>,
}

impl Host {
    /// Settles a role's turn. Models, scripts and hand-written roles are repeatable unless code says otherwise; a command may have
    /// done things that must not be done twice.
    pub(crate) fn settle(&self, config: &Config, launch: &Launch, role: &str, work: &Work) -> Settled {
        let workflow = launch.workflow.as_str();
        let set = config.workflows.get(workflow).and_then(|workflow| workflow.roles.get(role));
        let adapter = match work {
            Work::Hosted(hosted) => match Self::source(config, workflow, role, &hosted.adapter) {
                AdapterSource::Named(name) => config.adapters.get(&name),
                AdapterSource::Llm { .. } | AdapterSource::Own => None,
            },
            Work::Written => None,
        };
        let profile = adapter.and_then(profile);
        let is_command = profile.is_some();
        let written = adapter.and_then(|adapter| adapter.common().workdir.as_ref());
        let workdir = match &launch.workdir {
            Some(folder) => Some(self.path_of(folder)),
            None => match self.set_workdir(config, workflow, role, written) {
                Ok(named) => named.or_else(|| is_command.then(|| self.layout.work(&launch.thread))),
                // A variable that is missing is told by the call that needs it.
                Err(_) => None,
            },
        };
        Settled {
            timeout_ms: set.and_then(|role| role.timeout).map(millis),
            default_timeout_ms: adapter.map(|adapter| millis(adapter.common().timeout)),
            effects: set.and_then(|role| role.effects).map(Effects::from),
            default_effects: if is_command { Effects::AskBeforeRepeat } else { Effects::Repeatable },
            continues: profile.is_some_and(|profile| profile.can_resume()),
            scripted: matches!(adapter, Some(Adapter::Scripted(_))),
            workdir: workdir.map(|folder| folder.to_string_lossy().into_owned()),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
