//! The name of a daemon's life.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::clock;

/// Tells what this life of the daemon started from what others did; every process that it starts carries it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct LifeId(String);

impl LifeId {
    /// A new one, by chance.
    pub(crate) fn new() -> Self {
        Self(format!("{}{}", clock::random_tag(), clock::random_tag()))
    }

    /// One that is known.
    #[cfg(test)]
    pub(crate) fn given(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it stands in environments.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LifeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
