//! Rules that a schema cannot say: secrets, the API's host, times that may not be zero.

use std::net::IpAddr;

use serde_json::Value;

use super::{
    Supervision, Tree, codes,
    diagnostic::Finding,
    format_duration, mask,
    nearest::nearest,
    parse_duration,
    tree::{At, join},
};

/// Applies every rule to the values, whatever else is wrong with the file.
pub(super) fn check(tree: &Tree, value: &Value) -> Vec<Finding> {
    let mut findings = literal_secrets(tree, value);
    findings.extend(open_host(tree, value));
    findings.extend(zero_times(tree, value));
    findings.extend(swapped_times(tree, value));
    findings.extend(commands_without_program(tree, value));
    findings
}

fn literal_secrets(tree: &Tree, value: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (pointer, secret) in mask::secrets(value) {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        // A malformed `${` has an error of its own.
        if secret.as_str().is_some_and(|raw| mask::is_literal(raw) && !raw.contains("${")) {
            let at = tree.at(&pointer).unwrap_or(At::START);
            let variable = match key {
                "token" => "${NERVE_TOKEN}",
                "proxy" => "${PROXY_URL}",
                key if key.eq_ignore_ascii_case("authorization") => "Bearer ${API_KEY}",
                _ => "${API_KEY}",
            };
            let finding = Finding::warning(codes::LITERAL_SECRET, at, format!("`{key}` stands in the file itself"));
            findings.push(finding.help(format!("put it into `.env` beside nerve.yaml and write {key}: \"{variable}\"")));
        }
    }
    findings
}

fn open_host(tree: &Tree, value: &Value) -> Option<Finding> {
    let host = value.pointer("/api/host")?.as_str()?;
    let token = value.pointer("/api/token");
    let has_token = token.is_some_and(|token| !token.is_null() && token.as_str().is_none_or(|token| !token.trim().is_empty()));
    let is_misspelt = value["api"].as_object().is_some_and(|api| api.keys().any(|key| nearest(key, ["token"]).is_some()));
    if has_token || is_loopback(host) || (token.is_none() && is_misspelt) {
        return None;
    }
    let at = tree.at("/api/host").unwrap_or(At::START);
    let finding =
        Finding::error(codes::OPEN_HOST, at, format!("`{host}` is not loopback and `api` has no token: anyone could use the API"));
    Some(finding.help("use 127.0.0.1, or add token: \"${NERVE_TOKEN}\""))
}

/// Whether only this machine can reach `host`.
fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// An interval of zero never rests, a timeout of zero never lets anything end.
fn zero_times(tree: &Tree, value: &Value) -> Vec<Finding> {
    let mut pointers = Vec::new();
    let names = |section: &str| value.pointer(section).and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.clone());
    for (section, keys) in [("/senses", ["interval", "timeout"]), ("/adapters", ["timeout", "idle"])] {
        for name in names(section) {
            pointers.extend(keys.map(|key| join(&join(section, &name), key)));
        }
    }
    for workflow in names("/workflows") {
        let roles = join(&join("/workflows", &workflow), "roles");
        pointers.extend(names(&roles).map(|role| join(&join(&roles, &role), "timeout")));
    }
    pointers.extend(["ready", "crash_window", "decide", "respawn_min", "respawn_max"].map(|key| join("/supervision", key)));
    let mut findings = Vec::new();
    for pointer in pointers {
        let text = value.pointer(&pointer).and_then(Value::as_str);
        if text.is_some_and(|text| parse_duration(text).is_ok_and(|duration| duration.is_zero())) {
            let key = pointer.rsplit('/').next().unwrap_or_default();
            let at = tree.at(&pointer).unwrap_or(At::START);
            findings.push(Finding::error(codes::OUT_OF_RANGE, at, format!("`{key}` must be longer than zero")).help("such as 10s"));
        }
    }
    findings
}

/// A command that neither names a program nor has a profile that does.
fn commands_without_program(tree: &Tree, value: &Value) -> Vec<Finding> {
    let adapters = value.get("adapters").and_then(Value::as_object).into_iter().flatten();
    let lacks = |adapter: &Value| {
        let set = |key: &str| adapter.get(key).is_some_and(|value| !value.is_null());
        let named = set("profile") && adapter.get("profile").and_then(Value::as_str) != Some("text");
        // A key that is misspelt has an error of its own.
        let misspelt =
            adapter.as_object().is_some_and(|keys| keys.keys().any(|key| key != "command" && nearest(key, ["command"]).is_some()));
        adapter.get("kind").and_then(Value::as_str) == Some("cli") && !set("command") && !named && !misspelt
    };
    let without = adapters.filter(|(_, adapter)| lacks(adapter));
    without
        .map(|(name, _)| {
            let at = tree.at(&join("/adapters", name)).unwrap_or(At::START);
            let finding = Finding::error(codes::MISSING_KEY, at, format!("adapter `{name}` names no program"));
            finding.help("add command: [PROGRAM, ARGUMENT], or a profile: claude, codex, gemini, qwen or opencode")
        })
        .collect()
}

/// Pairs of which the first may not be longer than the second, with their defaults where only one of them is set.
fn swapped_times(tree: &Tree, value: &Value) -> Vec<Finding> {
    let defaults = Supervision::default();
    let pairs = [
        ("respawn_min", defaults.respawn_min, "respawn_max", defaults.respawn_max),
        ("worker_drain", defaults.worker_drain, "workflow_drain", defaults.workflow_drain),
    ];
    let written = |key: &str| value.pointer(&join("/supervision", key)).and_then(Value::as_str).and_then(|text| parse_duration(text).ok());
    let mut findings = Vec::new();
    for (short, short_default, long, long_default) in pairs {
        let (least, most) = (written(short), written(long));
        if (least.is_some() || most.is_some()) && least.unwrap_or(short_default) > most.unwrap_or(long_default) {
            let key = if least.is_some() { short } else { long };
            let at = tree.at(&join("/supervision", key)).unwrap_or(At::START);
            let finding = Finding::error(codes::OUT_OF_RANGE, at, format!("`{short}` is longer than `{long}`"));
            let range = format!("the defaults are {} and {}", format_duration(short_default), format_duration(long_default));
            findings.push(finding.help(range));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn knows_loopback() {
        for host in ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LocalHost"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["0.0.0.0", "::", "10.0.0.1", "example.com", "localhost.example.com", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
