//! A model described in code.

use nerve_core::{AdapterRef, AdapterSource, IntoAdapter};

/// A model behind a provider of nerve.yaml: `LlmAdapter::provider("openai").model("gpt-4o")`.
///
/// It names the provider and never holds a URL or key: those stay with the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LlmAdapter {
    provider: String,
    model: Option<String>,
}

impl LlmAdapter {
    /// The provider of this name under `providers:`, with the model that it names there.
    pub fn provider(name: impl Into<String>) -> Self {
        Self { provider: name.into(), model: None }
    }

    /// This model instead of the provider's.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }
}

impl IntoAdapter for LlmAdapter {
    fn into_adapter(self) -> AdapterRef {
        AdapterRef::hosted(AdapterSource::Llm { provider: self.provider, model: self.model })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_provider_and_model() {
        assert_eq!(LlmAdapter::provider("openai").model("gpt-4o").into_adapter().source().to_string(), "openai/gpt-4o");
        assert_eq!(LlmAdapter::provider("local").into_adapter().source().to_string(), "local");
    }
}
