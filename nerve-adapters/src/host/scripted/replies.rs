//! The file of replies.

use std::collections::{BTreeMap, HashMap};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use nerve_core::CallFailure;
use nerve_core::config::Delay;
use serde::Deserialize;
use serde_json::Value;

use super::config;

/// One reply.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) meta: Option<Value>,
    #[serde(default)]
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) delay: Option<Delay>,
}

/// The replies of each role.
type Roles = BTreeMap<String, Vec<Value>>;

/// Files that were read, as they were then.
type Known = HashMap<PathBuf, (Stamp, Arc<Roles>)>;

/// Files that were read before, as long as they are as they were then.
static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// Files that are remembered at most.
const MOST_KNOWN: usize = 16;

/// A file younger than this could change once more without its time showing it.
const SETTLED: Duration = Duration::from_secs(1);

/// Tells a file from what it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
    place: (u64, u64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> std::io::Result<Self> {
        Ok(Self { modified: metadata.modified()?, length: metadata.len(), place: (metadata.dev(), metadata.ino()) })
    }
}

/// The reply that a file has for this role at this turn; past the end of its list the last one.
pub(super) async fn read(file: &Path, role: &str, turn: u32) -> Result<Reply, CallFailure> {
    let shown = file.display();
    let roles = roles(file).await?;
    let Some(replies) = roles.get(role) else {
        let names: Vec<&str> = roles.keys().map(String::as_str).collect();
        return Err(config(format!("{shown} has no replies for the role `{role}`; it has: {}", names.join(", "))));
    };
    let place = usize::try_from(turn).unwrap_or(usize::MAX).min(replies.len().saturating_sub(1));
    match replies.get(place) {
        Some(Value::String(text)) => Ok(Reply { text: Some(text.clone()), ..Reply::default() }),
        Some(reply) => {
            Reply::deserialize(reply).map_err(|error| config(format!("{shown}: reply {} of the role `{role}`: {error}", place + 1)))
        }
        None => Err(config(format!("{shown} has an empty list of replies for the role `{role}`"))),
    }
}

/// The roles that a file has replies for.
pub(super) async fn roles_of(file: &Path) -> Result<Vec<String>, CallFailure> {
    Ok(roles(file).await?.keys().cloned().collect())
}

/// What the file holds now: read and parsed anew only when it has changed.
async fn roles(file: &Path) -> Result<Arc<Roles>, CallFailure> {
    let shown = file.display();
    let unreadable = |error| config(format!("{shown} cannot be read: {error}"));
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    // Before it is read: what changes while it is read shows at the next call.
    let stamp = std::fs::metadata(file).and_then(|metadata| Stamp::of(&metadata)).map_err(unreadable)?;
    if let Some((_, roles)) = known().get(file).filter(|(of, _)| *of == stamp) {
        return Ok(Arc::clone(roles));
    }
    let source = tokio::fs::read_to_string(file).await.map_err(unreadable)?;
    // JSON is YAML too, but a reader of its own keeps JSON's long texts and escapes exact.
    let roles: Roles = if source.trim_start().starts_with('{') {
        serde_json::from_str(&source).map_err(|error| config(format!("{shown}: {error}")))?
    } else {
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        serde_saphyr::from_str_with_options(&source, options).map_err(|error| config(format!("{shown}: {error}")))?
    };
    let roles = Arc::new(roles);
    // A time that lies ahead says nothing either.
    if stamp.modified.elapsed().is_ok_and(|age| age >= SETTLED) {
        let mut known = known();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(file.to_owned(), (stamp, Arc::clone(&roles)));
    }
    Ok(roles)
}
