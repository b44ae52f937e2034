//! The profiles that nerve knows, and which of them an adapter has.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use nerve_core::config::{Adapter, AgentProfile, Profile};

static PROFILES: LazyLock<BTreeMap<String, Profile>> = LazyLock::new(|| {
    // A test reads the same text, so that it cannot fail here; without it a profile would be that of a plain command.
    serde_saphyr::from_str(include_str!("profiles.yaml")).unwrap_or_default()
});

/// The profile of this name, as nerve knows it.
pub fn known(name: &str) -> Profile {
    PROFILES.get(name).cloned().unwrap_or_default()
}

/// How the agent of an adapter is called and read, with what nerve.yaml sets otherwise; none for an adapter without an agent.
pub fn profile(adapter: &Adapter) -> Option<Profile> {
    match adapter {
        Adapter::Cursor(_) => Some(known("cursor")),
        Adapter::Hermes(_) => Some(known("hermes")),
        Adapter::Cli(cli) => {
            let base = known(cli.profile.unwrap_or(AgentProfile::Text).name());
            Some(cli.profile_override.as_ref().map_or_else(|| base.clone(), |set| base.clone().with(set)))
        }
        Adapter::Llm(_) | Adapter::Scripted(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use nerve_core::config::{Argument, OutputForm, PromptWay};

    use super::*;

    #[test]
    fn every_profile_is_read_and_can_be_named() {
        let all: BTreeMap<String, Profile> = serde_saphyr::from_str(include_str!("profiles.yaml")).expect("profiles");
        let names: Vec<&str> = all.keys().map(String::as_str).collect();
        assert_eq!(names, ["claude", "codex", "cursor", "gemini", "hermes", "opencode", "qwen", "text"]);
        for named in AgentProfile::ALL {
            assert!(all.contains_key(named.name()), "{named:?}");
        }
        for (name, profile) in &all {
            let lines = profile.output == OutputForm::Lines;
            assert_eq!(lines, profile.events.iter().any(|rule| rule.terminal) && name != "hermes", "{name}");
            let says = |words: &[Argument], what: &str| {
                words.iter().any(|word| match word {
                    Argument::One(word) => word.contains(what),
                    Argument::Group(words) => words.iter().any(|word| word.contains(what)),
                })
            };
            assert_eq!(says(&profile.fresh, "{prompt}"), profile.prompt == PromptWay::Argument, "{name}");
            assert_eq!(says(&profile.resume, "{session}"), profile.can_resume(), "{name}");
            assert_eq!(profile.can_resume(), name != "text", "{name}");
        }
    }
}
