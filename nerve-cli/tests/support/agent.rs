//! An agent for tests: a command with a habit of leaving things behind.

use std::os::unix::fs::PermissionsExt;

use super::TestWorkspace;

/// How an adapter names it.
pub(crate) const ADAPTER: &str = "kind: cli, command: [./agent.sh], timeout: 60s, idle: 60s, exclusive: false, override: { session_line: \"session_id:\", resume: [\"{session}\"] }";

/// The agent: it counts its calls as a script does, leaves a process in a session of its own behind, and answers in two pieces. Where
/// the file `die-at` says so it dies by SIGKILL, once.
const SCRIPT: &str = r#"#!/bin/sh
die() {
    if [ "$(cat "$NERVE_WORKSPACE/die-at" 2>/dev/null)" = "$1" ] && mv "$NERVE_WORKSPACE/die-at" "$NERVE_WORKSPACE/died-at"; then
        kill -9 $$
    fi
}
echo "{\"thread\":\"$NERVE_THREAD\",\"role\":\"analyst\",\"attempt\":$NERVE_ATTEMPT}" >>"$NERVE_WORKSPACE/calls.jsonl"
die start
setsid sleep 600 </dev/null >/dev/null 2>&1 &
tag=$(grep -o 'meta-[0-9a-z]*' | tail -n 1)
echo 'A job is busy.'
sleep 0.0$(($$ % 10))
sleep 0.$(($$ % 3))
die middle
echo "session_id: s-$NERVE_ATTEMPT" >&2
printf '\n```%s\n{"actionable": true, "culprit": "job"}\n```\n' "$tag"
die end
"#;

/// Puts it into the workspace.
pub(crate) fn install(workspace: &TestWorkspace) {
    workspace.write("agent.sh", SCRIPT);
    let file = workspace.root().join("agent.sh");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("a program");
}
