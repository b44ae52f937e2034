//! Addresses of the API.

use reqwest::Url;

use crate::error::{CliError, codes};

/// A path of the API with its query; what is given is encoded, whatever it contains.
#[derive(Debug)]
pub(crate) struct Address {
    segments: Vec<String>,
    query: Vec<(&'static str, String)>,
}

impl Address {
    /// `/v1/` and these segments.
    pub(crate) fn v1(segments: &[&str]) -> Self {
        Self { segments: segments.iter().map(|segment| (*segment).to_owned()).collect(), query: Vec::new() }
    }

    /// Adds a parameter, when there is a value.
    pub(crate) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    pub(super) fn url(self) -> Result<Url, CliError> {
        // The socket decides where it goes; the name only has to be one that the daemon takes for its own.
        let mut url = Url::parse("http://localhost/v1").map_err(|error| CliError::new(codes::ANSWER, "no address").because(error))?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(&self.segments);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(self.query);
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn names_and_values_are_encoded() {
        let address =
            Address::v1(&["threads", "a/b?", "entries"]).query("limit", Some(5)).query("offset", None::<u64>).query("x", Some("a&b"));
        assert_eq!(address.url().expect("a URL").as_str(), "http://localhost/v1/threads/a%2Fb%3F/entries?limit=5&x=a%26b");
    }
}
