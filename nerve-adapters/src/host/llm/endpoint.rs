//! Where a model is.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use nerve_core::config::{Dialect, Quirks};
use nerve_core::{CallFailure, FailureKind};
use reqwest::Url;
use serde_json::Value;

use super::dialect::{Ways, ways};

/// A model behind a URL, every variable expanded. `Debug` shows neither the key nor header values nor a proxy.
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    /// The URL up to and with the version, with or without a trailing slash.
    pub base_url: String,
    /// The key, sent as the dialect wants it.
    pub api_key: Option<String>,
    /// The model.
    pub model: String,
    /// Whose ways it has; OpenAI's when absent.
    pub dialect: Option<Dialect>,
    /// Where it differs from the dialect.
    pub quirks: Quirks,
    /// Whether answers are asked for as a stream; as the dialect does when absent.
    pub stream: Option<bool>,
    /// Most tokens that an answer may have; the endpoint's own limit when absent.
    pub max_tokens: Option<u32>,
    /// More headers.
    pub headers: BTreeMap<String, String>,
    /// More keys for each request's body; they go before our own.
    pub extra_body: BTreeMap<String, Value>,
    /// The URL of a proxy; what the environment says when absent.
    pub proxy: Option<String>,
    /// A PEM file with certificates that are trusted beside the system's.
    pub ca: Option<PathBuf>,
}

impl Endpoint {
    /// A model behind a URL, treated as OpenAI's, without a key.
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            api_key: None,
            model: model.into(),
            dialect: None,
            quirks: Quirks::default(),
            stream: None,
            max_tokens: None,
            headers: BTreeMap::new(),
            extra_body: BTreeMap::new(),
            proxy: None,
            ca: None,
        }
    }

    /// What it wants to be sent.
    pub fn ways(&self) -> Ways {
        ways(self.dialect).with(self.stream, &self.quirks)
    }

    /// The key, when there is one to send.
    pub(super) fn key(&self) -> Option<&str> {
        self.api_key.as_deref().map(str::trim).filter(|key| !key.is_empty())
    }

    /// The URL that chats are posted to.
    pub(super) fn url(&self) -> Result<Url, CallFailure> {
        let bad = |why: &str| CallFailure::new(FailureKind::Config, format!("the provider's base_url {why}"));
        let mut url = Url::parse(self.base_url.trim()).map_err(|error| bad(&format!("is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("must begin with http:// or https://"));
        }
        match url.path_segments_mut() {
            Ok(mut path) => path.pop_if_empty().extend(["chat", "completions"]),
            Err(()) => return Err(bad("has no place for a path")),
        };
        Ok(url)
    }

    /// The URL as messages show it: a query or password in it may be secret.
    pub(super) fn shown(&self) -> String {
        let Ok(mut url) = self.url() else { return "the endpoint".to_owned() };
        url.set_query(None);
        let _ = url.set_password(None);
        let _ = url.set_username("");
        url.to_string()
    }

    /// Every text that no message may hold.
    pub(super) fn secrets(&self) -> Vec<String> {
        // Short values (`1`, `true`, the `x` that stands in for a key) are no secrets, and taking them out would garble messages.
        let mut secrets: Vec<String> = self.key().filter(|key| key.len() >= 4).map(str::to_owned).into_iter().collect();
        // A header may be `Bearer KEY`, and its key alone be told.
        let words = self.headers.values().flat_map(|value| std::iter::once(value.as_str()).chain(value.split_whitespace()));
        secrets.extend(words.filter(|word| word.len() >= 8).map(str::to_owned));
        for url in [Some(&self.base_url), self.proxy.as_ref()].into_iter().flatten().filter_map(|url| Url::parse(url.trim()).ok()) {
            let values = url.query_pairs().filter(|(name, value)| name != "api-version" && value.len() >= 8);
            secrets.extend(values.map(|(_, value)| value.into_owned()));
            secrets.extend(url.password().filter(|password| password.len() >= 4).map(str::to_owned));
        }
        // Quoted in JSON or a URL, a key with unusual letters is spelled in another way.
        let spelled: Vec<String> = secrets.iter().filter_map(|secret| spelled(secret)).collect();
        secrets.extend(spelled);
        // The longest first, or what is left of one of which another is a part would stay.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
    }
}

fn spelled(secret: &str) -> Option<String> {
    let quoted = serde_json::to_string(secret).ok()?;
    let quoted = quoted.trim_matches('"');
    (quoted != secret).then(|| quoted.to_owned())
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.shown())
            .field("api_key", &self.api_key.as_ref().map(|_| "***"))
            .field("model", &self.model)
            .field("dialect", &self.dialect)
            .field("ways", &self.ways())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("extra_body", &self.extra_body.keys().collect::<Vec<_>>())
            .field("proxy", &self.proxy.as_ref().map(|_| "***"))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(base_url: &str) -> Endpoint {
        Endpoint { api_key: Some("sk-secret".into()), ..Endpoint::new(base_url, "m") }
    }

    #[test]
    fn the_path_is_added_once() {
        for (base, url) in [
            ("http://h/v1", "http://h/v1/chat/completions"),
            ("http://h/v1/", "http://h/v1/chat/completions"),
            ("http://h", "http://h/chat/completions"),
            ("http://h/v1?api-version=2", "http://h/v1/chat/completions?api-version=2"),
            (
                "https://x.openai.azure.com/openai/deployments/d?api-version=1",
                "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=1",
            ),
        ] {
            assert_eq!(endpoint(base).url().map(String::from), Ok(url.to_owned()));
        }
        assert_eq!(endpoint("ftp://h").url().map_err(|failure| failure.kind), Err(FailureKind::Config));
        assert_eq!(endpoint("h/v1").url().map_err(|failure| failure.kind), Err(FailureKind::Config));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let endpoint = Endpoint { proxy: Some("http://me:hunter22@p:1".into()), ..endpoint("http://user:pass@h/v1?key=query-secret") };
        let shown = format!("{endpoint:?}");
        for secret in ["sk-secret", "pass", "query-secret", "hunter22"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let secrets = endpoint.secrets();
        assert!(["sk-secret", "query-secret", "hunter22"].iter().all(|secret| secrets.iter().any(|known| known == secret)), "{secrets:?}");
    }
}
