//! Whether a workspace's code is still the template's, which this `nerve` can run without building.

use std::borrow::Cow;
use std::sync::LazyLock;

use nerve_runtime::daemon::{Layout, hash_files, hash_folder};

use super::embed::TEMPLATE;

static TEMPLATE_HASH: LazyLock<String> = LazyLock::new(|| {
    let sources = TEMPLATE.iter().filter_map(|(path, bytes)| Some((path.strip_prefix("src/")?.to_owned(), Cow::Borrowed(*bytes))));
    hash_files(sources)
});

/// The hash of the template's `src/`.
pub(crate) fn template_hash() -> &'static str {
    &TEMPLATE_HASH
}

/// Whether `src/` is what `nerve init` wrote; nerve.yaml, tests and documents do not count. False when it cannot be read.
pub(crate) fn unedited(layout: &Layout) -> bool {
    hash_folder(&layout.sources()).is_ok_and(|hash| hash == *TEMPLATE_HASH)
}
