//! Who answers, by the config of this moment.

use std::collections::BTreeMap;

use nerve_adapters::host::llm::{CallLimits, Endpoint};
use nerve_adapters::host::scripted::ScriptedAdapter;
use nerve_core::config::{self, Config, Secret, Text};
use nerve_core::{AdapterSource, CallFailure, FailureKind};

use super::pricing::Pricing;
use super::workdir::Place;
use super::{CliCommand, Host};

/// An adapter, ready to be called.
pub(crate) struct Resolved {
    /// How the journal names it: `provider/model`, `scripted`, `cursor`, `hermes`, `cli/codex`, `cli/program`, or `own`.
    pub label: String,
    /// What is limited, and to how many calls at once.
    pub gates: Vec<(String, u32)>,
    /// What its tokens cost, as far as is known.
    pub pricing: Pricing,
    pub kind: Kind,
}

/// How it is called.
pub(crate) enum Kind {
    Llm {
        endpoint: Endpoint,
        limits: CallLimits,
    },
    Scripted(ScriptedAdapter),
    Cli(Box<CliCommand>),
    /// The worker has it.
    Own,
}

impl Resolved {
    /// Whether its calls may leave the machine and count against the limits; of a user's own adapter nobody knows better.
    pub(crate) fn counts(&self) -> bool {
        matches!(self.kind, Kind::Llm { .. } | Kind::Cli(_) | Kind::Own)
    }

    /// Whether a call leaves a folder from before it goes out until its answer is durable. A script that counts its calls
    /// stands in for a model that is paid.
    pub(crate) fn leaves_folder(&self) -> bool {
        match &self.kind {
            Kind::Llm { .. } | Kind::Cli(_) => true,
            Kind::Scripted(script) => script.calls.is_some(),
            Kind::Own => false,
        }
    }
}

impl Host {
    /// The adapter of a role: the one that nerve.yaml sets for it, or the one in code.
    pub(super) fn source(config: &Config, workflow: &str, role: &str, written: &AdapterSource) -> AdapterSource {
        let set = config.workflows.get(workflow).and_then(|workflow| workflow.roles.get(role)).and_then(|role| role.adapter.clone());
        set.map_or_else(|| written.clone(), AdapterSource::Named)
    }

    /// Who answers for this role.
    pub(crate) fn resolve_role(&self, config: &Config, place: Place<'_>, written: &AdapterSource) -> Result<Resolved, CallFailure> {
        self.resolve(config, place, &Self::source(config, place.workflow, place.role, written))
    }

    /// Who answers for this name, at this place.
    pub(crate) fn resolve(&self, config: &Config, place: Place<'_>, source: &AdapterSource) -> Result<Resolved, CallFailure> {
        match source {
            AdapterSource::Own => Ok(Resolved { label: "own".to_owned(), gates: Vec::new(), pricing: Pricing::default(), kind: Kind::Own }),
            AdapterSource::Llm { provider, model } => {
                let model = model.as_ref().map(|model| Text::new(model.clone()));
                self.llm(config, provider, model.as_ref(), CallLimits::default(), Vec::new())
            }
            AdapterSource::Named(name) => {
                let adapter = config.adapters.get(name).ok_or_else(|| unknown("adapter", "adapters", name, config.adapters.keys()))?;
                let gate = adapter.common().max_concurrent.map(|most| (format!("adapter `{name}`"), most));
                match adapter {
                    config::Adapter::Llm(llm) => {
                        let limits = CallLimits::new(llm.common.timeout, llm.idle);
                        self.llm(config, &llm.provider, llm.model.as_ref(), limits, gate.into_iter().collect())
                    }
                    config::Adapter::Cli(_) | config::Adapter::Cursor(_) | config::Adapter::Hermes(_) => {
                        self.command(config, place, adapter, gate.into_iter().collect())
                    }
                    config::Adapter::Scripted(scripted) => {
                        let path = |text: &Text| Ok::<_, CallFailure>(self.layout.root().join(self.expand(text)?));
                        let replies = scripted.replies.as_ref().map(path).transpose()?;
                        let calls = scripted.calls.as_ref().map(path).transpose()?;
                        let delay = scripted.delay.map(|delay| (delay.min, delay.max));
                        let kind = Kind::Scripted(ScriptedAdapter { replies, delay, calls });
                        Ok(Resolved { label: "scripted".to_owned(), gates: gate.into_iter().collect(), pricing: Pricing::default(), kind })
                    }
                }
            }
        }
    }

    /// The second model that reads metas for this role, when one is configured.
    pub(crate) fn resolve_extractor(
        &self,
        config: &Config,
        workflow: &str,
        role: &str,
        written: &str,
    ) -> Result<Option<Resolved>, CallFailure> {
        let set = config.workflows.get(workflow).and_then(|workflow| workflow.roles.get(role)).and_then(|role| role.extract.as_deref());
        let name = set.unwrap_or(written);
        let model = if name == "default" { config.extract.as_ref() } else { config.extractors.get(name) };
        match model {
            Some(model) => self.llm(config, &model.provider, model.model.as_ref(), CallLimits::default(), Vec::new()).map(Some),
            None if name == "default" => Ok(None),
            None => Err(unknown("extractor", "extractors", name, config.extractors.keys())),
        }
    }

    /// Whether a second model stands ready for this role.
    pub(crate) fn has_extractor(&self, config: &Config, workflow: &str, role: &str, written: &str) -> bool {
        let set = config.workflows.get(workflow).and_then(|workflow| workflow.roles.get(role)).and_then(|role| role.extract.as_deref());
        match set.unwrap_or(written) {
            "default" => config.extract.is_some(),
            name => config.extractors.contains_key(name),
        }
    }

    fn llm(
        &self,
        config: &Config,
        name: &str,
        model: Option<&Text>,
        limits: CallLimits,
        mut gates: Vec<(String, u32)>,
    ) -> Result<Resolved, CallFailure> {
        let provider = config.providers.get(name).ok_or_else(|| unknown("provider", "providers", name, config.providers.keys()))?;
        let model = model.or(provider.model.as_ref()).ok_or_else(|| {
            CallFailure::new(
                FailureKind::Config,
                format!("provider `{name}` has no model: add `model:` to it or to the adapter in nerve.yaml"),
            )
        })?;
        let model = self.expand(model)?;
        let api_key = self.expand_secret(provider.api_key.as_ref(), "the key of provider", name)?;
        let headers: Result<BTreeMap<_, _>, CallFailure> =
            provider.headers.iter().map(|(name, value)| Ok((name.clone(), self.expand(value)?))).collect();
        gates.extend(provider.max_concurrent.map(|most| (format!("provider `{name}`"), most)));
        let endpoint = Endpoint {
            base_url: self.expand(&provider.base_url)?,
            api_key,
            model: model.clone(),
            dialect: provider.dialect,
            quirks: provider.quirks,
            stream: provider.stream,
            max_tokens: provider.max_tokens,
            headers: headers?,
            extra_body: provider.extra_body.clone(),
            proxy: self.expand_secret(provider.proxy.as_ref(), "the proxy of provider", name)?,
            ca: provider.ca.as_ref().map(|file| Ok::<_, CallFailure>(self.layout.root().join(self.expand(file)?))).transpose()?,
        };
        let pricing = Pricing::of_model(config, name, &model, &endpoint.base_url);
        Ok(Resolved { label: format!("{name}/{model}"), gates, pricing, kind: Kind::Llm { endpoint, limits } })
    }

    fn expand_secret(&self, secret: Option<&Secret>, what: &str, name: &str) -> Result<Option<String>, CallFailure> {
        let expanded = secret.map(|secret| secret.expand(|name| self.environment.get(name))).transpose();
        expanded.map_err(|missing| missing_variable(&missing.name, what, name))
    }

    pub(super) fn expand(&self, text: &Text) -> Result<String, CallFailure> {
        text.expand(|name| self.environment.get(name)).map_err(|missing| missing_variable(&missing.name, "a value of", "nerve.yaml"))
    }
}

fn missing_variable(variable: &str, what: &str, name: &str) -> CallFailure {
    let message = format!(
        "{what} `{name}` needs ${{{variable}}}, which is not set: export it before `nerve start`, or add {variable}=… to .env beside nerve.yaml"
    );
    CallFailure::new(FailureKind::Auth, message)
}

fn unknown<'a>(kind: &str, section: &str, name: &str, known: impl Iterator<Item = &'a String>) -> CallFailure {
    let known: Vec<_> = known.map(String::as_str).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    CallFailure::new(FailureKind::Config, format!("nerve.yaml has no {kind} `{name}` under `{section}:`; there are: {known}"))
}
