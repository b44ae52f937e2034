//! `nerve adapter list`.

use nerve_adapters::host::agent;
use nerve_adapters::host::llm::ways;
use nerve_core::config::{Adapter, CliAdapter, Config, CursorAdapter, HermesAdapter, Profile, PromptWay, SchemaSupport, Text};
use nerve_runtime::daemon::api::dto::{List, schema};
use nerve_runtime::daemon::{Layout, variable};
use serde::Serialize;

use crate::checks::{self, Serving};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::count;
use crate::render::table::{cell, table};

/// An adapter of nerve.yaml.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct AdapterItem {
    /// Its name.
    name: String,
    /// Its kind.
    kind: &'static str,
    /// The provider or program.
    through: Option<String>,
    /// The model that is asked for.
    model: Option<String>,
    /// Variables that it needs and that are set neither here nor in `.env`.
    missing: Vec<String>,
    /// What it can do, in words.
    capabilities: String,
    /// `workflow/role` of each role that nerve.yaml gives it to; roles that name it in code are not known here.
    roles: Vec<String>,
}

pub(super) fn run(context: &Context) -> Result<Exit, CliError> {
    let layout = context.layout()?;
    let serving = Serving::of(&layout)?;
    let (config, _) = checks::config(&layout, &serving)?;
    let items: Vec<AdapterItem> = config.adapters.iter().map(|(name, adapter)| item(&config, &layout, name, adapter)).collect();
    let page = List { schema: schema::ADAPTER_LIST.to_owned(), total: items.len() as u64, items, next: None };
    context.ui.show(&page, lines)?;
    Ok(Exit::OK)
}

fn item(config: &Config, layout: &Layout, name: &str, adapter: &Adapter) -> AdapterItem {
    let mut texts: Vec<&Text> = Vec::new();
    let (through, model) = match adapter {
        Adapter::Llm(llm) => {
            let provider = config.providers.get(&llm.provider);
            texts.extend(provider.iter().flat_map(|provider| provider.headers.values().chain([&provider.base_url])));
            let model = llm.model.as_ref().or_else(|| provider?.model.as_ref());
            texts.extend(model);
            (Some(llm.provider.clone()), model.map(Text::raw))
        }
        Adapter::Scripted(scripted) => (scripted.replies.as_ref().map(Text::raw), None),
        Adapter::Cli(CliAdapter { command, model, .. })
        | Adapter::Cursor(CursorAdapter { command, model, .. })
        | Adapter::Hermes(HermesAdapter { command, model, .. }) => {
            texts.extend(command.iter().flatten().chain(model));
            let program = command.as_ref().and_then(|words| words.first()).map(Text::raw);
            let known = || agent::profile(adapter)?.program.first().cloned();
            (program.or_else(known), model.as_ref().map(Text::raw))
        }
    };
    let mut wanted: Vec<&str> = texts.iter().flat_map(|text| text.variables()).collect();
    if let Adapter::Llm(llm) = adapter
        && let Some(key) = config.providers.get(&llm.provider).and_then(|provider| provider.api_key.as_ref())
    {
        wanted.extend(key.variables());
    }
    wanted.sort_unstable();
    wanted.dedup();
    let missing = wanted.into_iter().filter(|name| variable(layout, name).is_none()).map(str::to_owned).collect();
    let roles = config.workflows.iter().flat_map(|(workflow, set)| {
        let mine = set.roles.iter().filter(|(_, role)| role.adapter.as_deref() == Some(name));
        mine.map(move |(role, _)| format!("{workflow}/{role}"))
    });
    AdapterItem {
        name: name.to_owned(),
        kind: adapter.kind(),
        through,
        model,
        missing,
        capabilities: capabilities(config, adapter),
        roles: roles.collect(),
    }
}

fn capabilities(config: &Config, adapter: &Adapter) -> String {
    match adapter {
        Adapter::Llm(llm) => {
            let provider = config.providers.get(&llm.provider);
            let ways = ways(provider.and_then(|provider| provider.dialect));
            let ways = provider.map_or(ways, |provider| ways.with(provider.stream, &provider.quirks));
            let schema = match ways.schema {
                SchemaSupport::None => "schema by tagged block",
                SchemaSupport::JsonObject => "schema by prompt, JSON held",
                SchemaSupport::Loose => "schema native",
                SchemaSupport::Strict => "schema native, strict",
            };
            let stream = if ways.stream { "; streams" } else { "" };
            format!("{schema}{stream}; tokens told")
        }
        Adapter::Scripted(_) => "offline, free".to_owned(),
        Adapter::Cli(_) | Adapter::Cursor(_) | Adapter::Hermes(_) => {
            agent::profile(adapter).map(|profile| of_agent(&profile)).unwrap_or_default()
        }
    }
}

/// What an agent can do, by its profile.
fn of_agent(profile: &Profile) -> String {
    let mut can = vec!["schema by tagged block"];
    can.extend(profile.can_resume().then_some("goes on with its session"));
    can.extend((profile.prompt == PromptWay::Argument).then_some("prompt as argument or file"));
    let tells = profile.events.iter().any(|rule| rule.output.is_some());
    can.extend(tells.then_some("tokens told"));
    can.extend(profile.events.iter().any(|rule| rule.cost.is_some()).then_some("cost told"));
    can.join("; ")
}

fn lines(page: &List<AdapterItem>) -> String {
    if page.items.is_empty() {
        return "no adapters: nerve.yaml has none under `adapters:`\n".to_owned();
    }
    let rows: Vec<Vec<String>> = page
        .items
        .iter()
        .map(|item| {
            let missing = if item.missing.is_empty() { "-".to_owned() } else { format!("{} is not set", item.missing.join(", ")) };
            vec![
                item.name.clone(),
                item.kind.to_owned(),
                cell(item.through.as_ref()),
                cell(item.model.as_ref()),
                item.capabilities.clone(),
                missing,
            ]
        })
        .collect();
    let text = table(&["NAME", "KIND", "THROUGH", "MODEL", "CAN", "MISSING"], &rows);
    format!("{text}{}; to try one: nerve adapter test NAME\n", count(page.total, "adapter"))
}
