//! Where a model is.

use std::collections::BTreeMap;
use std::fmt;

use nerve_core::config::Dialect;
use nerve_core::{CallFailure, FailureKind};
use reqwest::Url;

/// A model behind a URL, every variable expanded. `Debug` shows neither the key nor header values.
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    /// The URL up to and with the version, with or without a trailing slash.
    pub base_url: String,
    /// The key, sent as bearer token.
    pub api_key: Option<String>,
    /// The model.
    pub model: String,
    /// Whose ways it has; OpenAI's when absent.
    pub dialect: Option<Dialect>,
    /// More headers.
    pub headers: BTreeMap<String, String>,
}

impl Endpoint {
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
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        // Short header values (`1`, `true`) are no secrets, and taking them out would garble messages.
        let headers = self.headers.values().map(String::as_str).filter(|value| value.len() >= 8);
        self.api_key.iter().map(String::as_str).filter(|key| !key.is_empty()).chain(headers)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.shown())
            .field("api_key", &self.api_key.as_ref().map(|_| "***"))
            .field("model", &self.model)
            .field("dialect", &self.dialect)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(base_url: &str) -> Endpoint {
        Endpoint {
            base_url: base_url.into(),
            api_key: Some("sk-secret".into()),
            model: "m".into(),
            dialect: None,
            headers: BTreeMap::new(),
        }
    }

    #[test]
    fn the_path_is_added_once() {
        for (base, url) in [
            ("http://h/v1", "http://h/v1/chat/completions"),
            ("http://h/v1/", "http://h/v1/chat/completions"),
            ("http://h", "http://h/chat/completions"),
            ("http://h/v1?api-version=2", "http://h/v1/chat/completions?api-version=2"),
        ] {
            assert_eq!(endpoint(base).url().map(String::from), Ok(url.to_owned()));
        }
        assert_eq!(endpoint("ftp://h").url().map_err(|failure| failure.kind), Err(FailureKind::Config));
        assert_eq!(endpoint("h/v1").url().map_err(|failure| failure.kind), Err(FailureKind::Config));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let shown = format!("{:?}", endpoint("http://user:pass@h/v1?key=k1"));
        assert!(!shown.contains("sk-secret") && !shown.contains("pass") && !shown.contains("k1"), "{shown}");
    }
}
