//! The sources that a workspace links.

use std::fs;
use std::path::Path;

use super::super::embed::{SDK, TEMPLATE};
use super::super::sdk::Restored;
use super::super::{SDK_VERSION, SdkError, restore};
use super::made;

#[test]
fn what_is_embedded_is_small_and_light() {
    let bytes: usize = SDK.iter().chain(TEMPLATE).map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes < 1024 * 1024, "{bytes} bytes");
    let heavy = |path: &str| ["/config/", "/host/", "/daemon/", "/tests/", "/benches/"].iter().any(|folder| path.contains(folder));
    assert_eq!(SDK.iter().filter(|(path, _)| heavy(path)).count(), 0);
    let manifests: Vec<_> = SDK.iter().filter(|(path, _)| path.ends_with("Cargo.toml")).collect();
    assert_eq!(manifests.len(), 3);
    for (path, bytes) in manifests {
        let text = String::from_utf8_lossy(bytes);
        for word in ["workspace = true", "optional", "dev-dependencies", "dep:", "reqwest", "sqlx"] {
            assert!(!text.contains(word), "{path} holds `{word}`:\n{text}");
        }
    }
}

#[test]
fn what_is_missing_or_changed_comes_back() {
    let (_temp, layout) = made();
    let lib = layout.sdk(SDK_VERSION).join("nerve-core/src/lib.rs");
    let written = fs::metadata(&lib).and_then(|file| file.modified()).expect("a time");
    assert_eq!(restore(&layout, None).expect("in place"), Restored::Kept);
    assert_eq!(fs::metadata(&lib).and_then(|file| file.modified()).expect("a time"), written, "cargo would build it anew");

    fs::write(&lib, "changed").expect("a file");
    assert_eq!(restore(&layout, None).expect("mended"), Restored::Written);
    assert_ne!(fs::read_to_string(&lib).expect("code"), "changed");
    fs::write(lib.with_file_name("more.rs"), "").expect("a file");
    assert_eq!(restore(&layout, None).expect("mended"), Restored::Written);
    fs::remove_dir_all(layout.data()).expect("gone");
    assert_eq!(restore(&layout, None).expect("mended"), Restored::Written);
    let beside = fs::read_dir(layout.data().join("sdk")).expect("a folder").count();
    assert_eq!(beside, 1, "nothing is left aside");
}

#[test]
fn a_checkout_stays_linked() {
    let (_temp, layout) = made();
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    assert_eq!(restore(&layout, Some(&checkout)).expect("linked"), Restored::Linked);
    assert_eq!(restore(&layout, Some(&checkout)).expect("linked"), Restored::Kept);
    assert_eq!(restore(&layout, None).expect("linked"), Restored::Kept);
    assert!(layout.sdk(SDK_VERSION).join("nerve-core/src/config").is_dir());
    assert!(matches!(restore(&layout, Some(layout.root())), Err(SdkError::NoCheckout(_))));
    // A link that leads nowhere is replaced.
    let place = layout.sdk(SDK_VERSION);
    fs::remove_file(&place).and_then(|()| std::os::unix::fs::symlink("/nowhere/at/all", &place)).expect("a link");
    assert_eq!(restore(&layout, None).expect("mended"), Restored::Written);
}
