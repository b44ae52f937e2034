//! A workspace whose analyst is a shell script, as an agent.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::{SOON, TestWorkspace, processes};

/// What every agent of these tests begins with: it counts its call, keeps its prompt, and knows how to answer.
pub(crate) const BEGIN: &str = r#"
seen="$NERVE_WORKSPACE/seen"
echo "$NERVE_THREAD $NERVE_STEP $NERVE_ATTEMPT $PWD" >> "$seen/calls"
call=1
until mkdir "$seen/call-$call" 2>/dev/null; do call=$((call + 1)); done
prompt="$seen/prompt-$call"
cat > "$prompt"
tag=$(grep -o '^```meta-[0-9a-z]*' "$prompt" | tail -n 1)
answer() { printf '%s\n\n%s\n%s\n```\n' "$1" "$tag" '{"actionable":false,"culprit":null}'; }
until_exists() { while [ ! -e "$1" ]; do sleep 0.02; done; }
"#;

/// A workspace whose analyst is this script; `more` stands in its adapter, `role` in its role.
pub(crate) struct Agent {
    pub(crate) workspace: TestWorkspace,
}

impl Agent {
    pub(crate) fn new(script: &str, more: &str, role: &str) -> Self {
        let workspace = TestWorkspace::new("adapters: {}\n");
        fs::create_dir(workspace.root().join("seen")).expect("a folder");
        fs::create_dir(workspace.root().join("desk")).expect("a folder");
        workspace.write("agent.sh", &format!("{BEGIN}\n{script}\n"));
        let agent = Self { workspace };
        agent.workspace.configure(&agent.config(more, role));
        agent
    }

    pub(crate) fn config(&self, more: &str, role: &str) -> String {
        let script = self.workspace.root().join("agent.sh");
        format!(
            "adapters:
  analyst: {{ kind: cli, command: [sh, \"{}\"]{more} }}
  fixer: {{ kind: scripted, replies: replies.yaml }}
workflows:
  explain-load: {{ concurrency: 4, roles: {{ analyst: {{ {role} }} }} }}
",
            script.display()
        )
    }

    /// A running daemon, and a thread that asks the agent.
    pub(crate) fn asked(script: &str, more: &str, role: &str) -> (Self, String) {
        let agent = Self::new(script, more, role);
        agent.workspace.start();
        let id = agent.workspace.trigger("load is 9");
        (agent, id)
    }

    pub(crate) fn seen(&self, name: &str) -> PathBuf {
        self.workspace.root().join("seen").join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.seen(name)).unwrap_or_default()
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.read("calls").lines().map(str::to_owned).collect()
    }

    pub(crate) fn go(&self, name: &str) {
        fs::write(self.seen(name), "").expect("a file");
    }

    #[track_caller]
    pub(crate) fn appears(&self, name: &str) {
        self.workspace.until(name, SOON, || self.seen(name).exists().then_some(()));
    }

    #[track_caller]
    pub(crate) fn ends(&self, id: &str, state: &str) -> Value {
        let thread = self.workspace.ended(id);
        assert_eq!(thread["state"], state, "{thread:#}");
        thread
    }

    /// Ends as failed; gives why.
    #[track_caller]
    pub(crate) fn fails(&self, id: &str) -> String {
        let thread = self.ends(id, "failed");
        thread["reason"].as_str().unwrap_or_else(|| panic!("no reason in {thread:#}")).to_owned()
    }

    /// The folder that the step's intent records.
    pub(crate) fn recorded(&self, id: &str) -> PathBuf {
        let intent = self.workspace.entries(id).into_iter().find(|entry| entry.kind == "step_intent").expect("an intent");
        let details = intent.payload.as_object().and_then(|payload| payload.values().next()).expect("details").clone();
        PathBuf::from(details["workdir"].as_str().unwrap_or_else(|| panic!("no workdir in {details}")))
    }

    /// Every process below the workspace that this test's agents started.
    #[track_caller]
    pub(crate) fn leaves_nothing(&self, what: &str) {
        let left = || processes::below(self.workspace.root()).into_iter().filter(|line| line.contains(what)).collect::<Vec<_>>();
        self.workspace.until(&format!("the end of every `{what}`"), SOON, || left().is_empty().then_some(()));
    }
}
