//! A package name from a folder's name.

use std::path::Path;

use super::embed::taken_names;

/// The longest name that is made.
const LONGEST: usize = 64;

/// The folder's name as cargo takes it: small letters, digits, `-` and `_`, with a letter first, and no dependency's name.
pub(super) fn package_name(folder: &Path) -> String {
    let folder = folder.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let mut name = String::new();
    for c in folder.chars() {
        match c {
            'a'..='z' | '0'..='9' | '_' => name.push(c),
            _ if name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    name.truncate(LONGEST);
    let name = name.trim_matches(['-', '_']);
    if name.is_empty() {
        return "workspace".to_owned();
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) || is_taken(name) { format!("workspace-{name}") } else { name.to_owned() }
}

/// Names of dependencies, and those that the compiler or cargo keeps for itself.
fn is_taken(name: &str) -> bool {
    const RESERVED: [&str; 9] = ["alloc", "build", "core", "deps", "examples", "incremental", "proc_macro", "std", "test"];
    RESERVED.contains(&name) || is_keyword(name) || taken_names().any(|taken| taken == name)
}

fn is_keyword(name: &str) -> bool {
    const KEYWORDS: [&str; 50] = [
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum", "extern",
        "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override",
        "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized",
        "use", "where", "while", "yield",
    ];
    KEYWORDS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_folder_gives_a_name_that_cargo_takes() {
        let cases = [
            ("/home/a/hello", "hello"),
            ("/home/a/My Nerve!", "my-nerve"),
            ("/home/a/.config", "config"),
            ("/home/a/2026", "workspace-2026"),
            ("/home/a/serde", "workspace-serde"),
            ("/home/a/test", "workspace-test"),
            ("/home/a/fn", "workspace-fn"),
            ("/home/a/日本", "workspace"),
            ("/home/a/zürich_1", "z-rich_1"),
            ("/", "workspace"),
        ];
        for (folder, name) in cases {
            assert_eq!(package_name(Path::new(folder)), name, "{folder}");
        }
        assert_eq!(package_name(Path::new(&"x".repeat(200))).len(), LONGEST);
    }
}
