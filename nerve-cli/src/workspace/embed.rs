//! The files that this `nerve` carries, as the build script made them, and the workspace rendered from them.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The version of the sources in [`SDK`], which names their folder in a workspace.
pub(crate) const SDK_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The template's package name, in manifest and lock file.
const TEMPLATE_NAME: &str = "name = \"workspace-template\"";

/// What stands before each package of a lock file.
const PACKAGE: &str = "\n[[package]]\n";

/// Every file of a new workspace whose package has this name: path with `/`, and bytes.
pub(super) fn workspace_files(name: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut files: Vec<_> = TEMPLATE.iter().map(|(path, bytes)| (*path, bytes.to_vec())).collect();
    files.push(("Cargo.toml", manifest(name).into_bytes()));
    files.push(("Cargo.lock", lock(name).into_bytes()));
    files.sort_by_key(|(path, _)| *path);
    files
}

/// The names that packages of the lock file have, which a workspace cannot have as well.
pub(super) fn taken_names() -> impl Iterator<Item = &'static str> {
    LOCK.split(PACKAGE).skip(1).map(name_of)
}

fn manifest(name: &str) -> String {
    MANIFEST.replacen(TEMPLATE_NAME, &format!("name = \"{name}\""), 1)
}

/// The lock file with the package under its own name, at the place where cargo would put it: else the first build would rewrite the file.
fn lock(name: &str) -> String {
    let mut parts = LOCK.split(PACKAGE);
    let head = parts.next().unwrap_or_default();
    // The last part ends without the blank line that parts the others.
    let mut packages: Vec<String> = parts.map(|part| part.trim_end().replacen(TEMPLATE_NAME, &format!("name = \"{name}\""), 1)).collect();
    packages.sort_by(|left, right| name_of(left).cmp(name_of(right)));
    let packages: Vec<String> = packages.into_iter().map(|package| format!("{PACKAGE}{package}\n")).collect();
    format!("{head}{}", packages.concat())
}

/// The name in a package of a lock file, without what follows `[[package]]`.
fn name_of(package: &str) -> &str {
    package.strip_prefix("name = \"").and_then(|rest| rest.split('"').next()).unwrap_or_default()
}
