//! The connections, and what was learnt about endpoints.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use nerve_core::{CallFailure, FailureKind};
use reqwest::{Certificate, Client, ClientBuilder, Proxy, Url, redirect};

use super::learnt::{Learnt, Refused};
use super::response::End;
use super::{Endpoint, shown};

/// So many streams of one call that end without `[DONE]` are the server's way and no chance.
const NO_CHANCE: u32 = 3;

type Built = OnceLock<Result<Client, String>>;

/// A proxy and a file of certificates.
type Own = (Option<String>, Option<PathBuf>);

/// What all calls share: connections, and what was learnt of endpoints. One for a daemon's life. `Debug` shows nothing of them.
pub struct LlmClient {
    // Two, so that a machine without root certificates can still call a model of its own.
    plain: Built,
    secure: Built,
    /// Clients of providers with a proxy or certificates of their own.
    own: Mutex<HashMap<Own, Client>>,
    // The model belongs to it: one provider may know schemas for some of its models only.
    learnt: Mutex<HashMap<(String, String), Learnt>>,
    /// Whether a server ends its streams with `[DONE]`, once that is known, by its base URL.
    says_done: Mutex<HashMap<String, bool>>,
}

impl fmt::Debug for LlmClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The maps' keys are URLs, which may hold passwords.
        f.debug_struct("LlmClient").finish_non_exhaustive()
    }
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
        Self {
            plain: OnceLock::new(),
            secure: OnceLock::new(),
            own: Mutex::default(),
            learnt: Mutex::default(),
            says_done: Mutex::default(),
        }
    }

    /// The HTTP client for this URL of the endpoint.
    pub(super) fn http(&self, endpoint: &Endpoint, url: &Url) -> Result<Client, CallFailure> {
        let failed = |error: &str| CallFailure::new(FailureKind::Config, format!("no HTTP client: {}", shown::shown(error, endpoint)));
        if endpoint.proxy.is_some() || endpoint.ca.is_some() {
            return self.own(endpoint).map_err(|error| failed(&error));
        }
        let built = if url.scheme() == "http" && is_here(url) {
            // No root certificates are needed, and a proxy that serves the web does not know this machine's ports.
            self.plain.get_or_init(|| build(Client::builder().tls_certs_only([]).no_proxy()))
        } else {
            self.secure.get_or_init(|| build(Client::builder()))
        };
        built.clone().map_err(|error| failed(&error))
    }

    fn own(&self, endpoint: &Endpoint) -> Result<Client, String> {
        let key = (endpoint.proxy.clone(), endpoint.ca.clone());
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = own.get(&key) {
            return Ok(client.clone());
        }
        let mut builder = Client::builder();
        if let Some(proxy) = &endpoint.proxy {
            // The error may hold the URL and with it a password.
            builder = builder.proxy(Proxy::all(proxy.trim()).map_err(|_| "the provider's `proxy` is not a URL".to_owned())?);
        }
        if let Some(file) = &endpoint.ca {
            builder = builder.tls_certs_merge(certificates(file)?);
        }
        let client = build(builder)?;
        own.insert(key, client.clone());
        Ok(client)
    }

    /// What is known of this endpoint.
    pub(super) fn learnt(&self, endpoint: &Endpoint) -> Learnt {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner).get(&key(endpoint)).copied().unwrap_or_default()
    }

    /// Remembers what this endpoint refused.
    pub(super) fn refuses(&self, endpoint: &Endpoint, refused: Refused) {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner).entry(key(endpoint)).or_default().add(refused);
    }

    /// Whether an answer with this end is the last word of its server, as far as that is known. `before` is how many streams of the same call
    /// ended without `[DONE]`. Having said it once outweighs all streams without it: those were cut.
    pub(super) fn takes(&self, endpoint: &Endpoint, end: End, before: u32) -> bool {
        let mut says_done = self.says_done.lock().unwrap_or_else(PoisonError::into_inner);
        match (end, says_done.get(&endpoint.base_url)) {
            (End::Body, _) | (End::Done, Some(true)) | (End::FinishReason, Some(false)) => return true,
            (End::FinishReason, Some(true)) => return false,
            (End::FinishReason, None) if before + 1 < NO_CHANCE => return false,
            (End::Done, _) | (End::FinishReason, None) => {}
        }
        says_done.insert(endpoint.base_url.clone(), end == End::Done);
        true
    }
}

fn key(endpoint: &Endpoint) -> (String, String) {
    (endpoint.base_url.clone(), endpoint.model.clone())
}

/// Whether the URL is of this machine.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, String> {
    let named = |why: &dyn fmt::Display| format!("the provider's `ca` file {}: {why}", file.display());
    let pem = std::fs::read(file).map_err(|error| named(&error))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| named(&shown::causes(&error)))?;
    if certificates.is_empty() { Err(named(&"there is no certificate in it")) } else { Ok(certificates) }
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
