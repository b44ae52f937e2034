//! The connections, and what was learnt about endpoints.

use std::collections::HashSet;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use nerve_core::{CallFailure, FailureKind};
use reqwest::{Client, ClientBuilder, Url, redirect};

use super::dialect::{NativeSchema, native_schema};
use super::{Endpoint, shown};
use crate::host::Form;

type Built = OnceLock<Result<Client, String>>;

/// What all calls share: connections, and which endpoints refuse a schema. One for a daemon's life.
#[derive(Debug)]
pub struct LlmClient {
    // Two, so that a machine without root certificates can still call a model of its own.
    plain: Built,
    secure: Built,
    without_schema: Mutex<HashSet<(String, String)>>,
}

impl Default for LlmClient {
    fn default() -> Self {
        Self::new()
    }
}

impl LlmClient {
    /// Makes the client; connections are made with the first call.
    pub fn new() -> Self {
        // A second install fails, and then the first one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { plain: OnceLock::new(), secure: OnceLock::new(), without_schema: Mutex::default() }
    }

    /// The HTTP client for this URL.
    pub(super) fn http(&self, url: &Url) -> Result<&Client, CallFailure> {
        let built = match url.scheme() {
            // No root certificates are needed, and a proxy that serves the web does not know this machine's ports.
            "http" => self.plain.get_or_init(|| build(Client::builder().tls_certs_only([]).no_proxy())),
            _ => self.secure.get_or_init(|| build(Client::builder())),
        };
        built.as_ref().map_err(|error| CallFailure::new(FailureKind::Config, format!("no HTTP client: {error}")))
    }

    /// The form that this endpoint can do, as far as is known.
    pub(super) fn form(&self, endpoint: &Endpoint, wanted: &Form) -> Form {
        let learnt = self.without_schema.lock().unwrap_or_else(PoisonError::into_inner).contains(&key(endpoint));
        if learnt || native_schema(endpoint.dialect) == NativeSchema::No { wanted.without_schema() } else { wanted.clone() }
    }

    /// Remembers that this endpoint refused a schema.
    pub(super) fn refuses_schema(&self, endpoint: &Endpoint) {
        self.without_schema.lock().unwrap_or_else(PoisonError::into_inner).insert(key(endpoint));
    }
}

// The model belongs to it: one provider may know schemas for some of its models only.
fn key(endpoint: &Endpoint) -> (String, String) {
    (endpoint.base_url.clone(), endpoint.model.clone())
}

fn build(builder: ClientBuilder) -> Result<Client, String> {
    builder
        .connect_timeout(Duration::from_secs(10))
        // Following one would turn the POST into a GET, or carry the prompt to another host.
        .redirect(redirect::Policy::none())
        .user_agent(concat!("nerve/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| shown::causes(&error))
}
