//! The real agents: each in a home of its own, with a model that llmock plays.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::part;

/// The model that every agent asks for.
const MODEL: &str = "mock-model";

/// The key that it is asked with, where the agent takes one from its caller; the daemon has it as `MOCK_KEY`.
pub(crate) const KEY: &str = "sk-mock-4711-key";

/// An agent that people use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agent {
    Hermes,
    Codex,
    Qwen,
}

impl Agent {
    /// Its program's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hermes => "hermes",
            Self::Codex => "codex",
            Self::Qwen => "qwen",
        }
    }

    fn installed(self) -> &'static str {
        match self {
            Self::Hermes => "hermes/bin/hermes",
            Self::Codex => "node/node_modules/.bin/codex",
            Self::Qwen => "node/node_modules/.bin/qwen",
        }
    }

    /// Prepares a home in which it asks the model at this URL, with the program in its folder `bin`.
    pub(crate) fn settle(self, home: &Path, url: &str) {
        fs::create_dir(home.join("bin")).expect("a folder");
        symlink(part(self.installed()), home.join("bin").join(self.name())).expect("a link");
        let (file, text) = match self {
            Self::Hermes => {
                let model = format!("{{ provider: custom, default: {MODEL}, base_url: '{url}', api_key: x, context_length: 200000 }}");
                (".hermes/config.yaml", format!("model: {model}\n"))
            }
            Self::Codex => {
                let provider = format!("name = \"mock\"\nbase_url = \"{url}\"\nwire_api = \"responses\"\nenv_key = \"MOCK_KEY\"\n");
                (".codex/config.toml", format!("model_provider = \"mock\"\n[model_providers.mock]\n{provider}"))
            }
            // Its own waits for a server that limits its rate are ten minutes and more.
            Self::Qwen => (".qwen/settings.json", "{\"model\":{\"generationConfig\":{\"maxRetries\":0}}}".to_owned()),
        };
        let file = home.join(file);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }

    /// Its adapter, as a flow map of nerve.yaml.
    pub(crate) fn adapter(self, url: &str) -> String {
        let its_own = match self {
            Self::Hermes => "kind: hermes, env: [HERMES_HOME]".to_owned(),
            Self::Codex => "kind: cli, profile: codex, env: [MOCK_KEY]".to_owned(),
            Self::Qwen => {
                let args = format!("--auth-type, openai, --openai-base-url, '{url}', --openai-api-key, '${{MOCK_KEY}}'");
                format!("kind: cli, profile: qwen, args: [{args}]")
            }
        };
        format!("{{ {its_own}, model: {MODEL}, timeout: 150s, idle: 150s }}")
    }
}
