//! What a call's tokens cost, as far as is known.

use std::collections::BTreeMap;

use nerve_adapters::host;
use nerve_core::Usage;
use nerve_core::config::{Config, Price};

/// By what a call is priced.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pricing {
    own: BTreeMap<String, Price>,
    provider: String,
    /// The model that is asked for; whoever answers may name a more exact one.
    model: Option<String>,
    /// Whether it is served on this machine.
    local: bool,
}

impl Pricing {
    /// Of a model behind a provider.
    pub(super) fn of_model(config: &Config, provider: &str, model: &str, base_url: &str) -> Self {
        Self { own: config.prices.clone(), provider: provider.to_owned(), model: Some(model.to_owned()), local: is_local(base_url) }
    }

    /// Of an agent, which has its own providers.
    pub(super) fn of_agent(config: &Config, label: &str, model: Option<String>) -> Self {
        Self { own: config.prices.clone(), provider: label.to_owned(), model, local: false }
    }

    /// The usage with its price, when one is known for what was asked for or for what answered.
    pub(super) fn price(&self, usage: Usage, served: Option<&str>) -> Usage {
        let models = self.model.as_deref().into_iter().chain(served);
        let price = models.into_iter().find_map(|model| host::price(&self.own, &self.provider, model, self.local));
        price.map_or(usage, |price| price.of(usage))
    }
}

/// Whether the endpoint is on this machine.
fn is_local(base_url: &str) -> bool {
    let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let name = match host.split_once(']') {
        Some((inside, _)) => inside.trim_start_matches('['),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn what_is_on_this_machine_is_known_by_its_address() {
        for url in ["http://127.0.0.1:11434/v1", "http://localhost/v1", "http://[::1]:80/v1", "http://user:key@127.9.9.9/v1?x=1"] {
            assert!(is_local(url), "{url}");
        }
        for url in ["https://api.openai.com/v1", "http://10.0.0.1/v1", "https://localhost.example.com/v1", "x"] {
            assert!(!is_local(url), "{url}");
        }
    }
}
