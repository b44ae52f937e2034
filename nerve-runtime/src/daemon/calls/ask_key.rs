//! What makes two asks the same.

use nerve_core::{AdapterSource, RawJson};
use sha2::{Digest, Sha256};

/// The hash of adapter, prompt and schema: with the count of equal asks it tells a recorded answer from a new question.
pub(crate) fn ask_key(adapter: &AdapterSource, prompt: &str, schema: Option<&RawJson>) -> String {
    let mut hash = Sha256::new();
    for part in [adapter.to_string().as_str(), prompt, schema.map_or("", RawJson::get)] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    format!("{:x}", hash.finalize())[..32].to_owned()
}
