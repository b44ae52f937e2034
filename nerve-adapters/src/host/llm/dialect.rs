//! Where vendors differ, as data.

use nerve_core::config::Dialect;

/// What an endpoint does with a JSON schema in `response_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NativeSchema {
    /// It refuses or ignores it: the meta is asked for by a tagged block.
    No,
    /// It takes one, without a `strict` of its own.
    Loose,
    /// It takes one, and holds the model to it when `strict` is set.
    Strict,
}

/// What endpoints of this dialect do with a schema; one without a dialect is treated as OpenAI.
pub fn native_schema(dialect: Option<Dialect>) -> NativeSchema {
    match dialect {
        None | Some(Dialect::OpenAi | Dialect::OpenRouter | Dialect::Groq | Dialect::Mistral) => NativeSchema::Strict,
        Some(Dialect::Ollama | Dialect::LlamaCpp | Dialect::Vllm) => NativeSchema::Loose,
        // DeepSeek answers 400 to it; of others nothing is known.
        Some(Dialect::DeepSeek | Dialect::Generic) => NativeSchema::No,
    }
}
