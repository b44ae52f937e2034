//! llmock: a server that speaks the APIs of models, and fails on order.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{http, part};

/// How long it may take to start, beside three others on two cores.
const START: Duration = Duration::from_secs(60);

/// A server of its own for each test; it ends with this value.
pub(crate) struct Llmock {
    child: Child,
    address: String,
}

impl Llmock {
    /// Starts it; what it says goes into a file of this folder.
    pub(crate) fn serve(folder: &Path) -> Self {
        let log = folder.join("llmock.log");
        let said = File::create(&log).expect("a file");
        let mut command = Command::new(part("llm/bin/llmock"));
        command.args(["serve", "--host", "127.0.0.1", "--port", "0", "--tool-mode", "off"]).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        // From here on a panic ends the server too.
        let mut it = Self { child: command.spawn().expect("llmock starts"), address: String::new() };
        let deadline = Instant::now() + START;
        while it.address.is_empty() {
            assert!(Instant::now() < deadline, "llmock did not start: {}", fs::read_to_string(&log).unwrap_or_default());
            std::thread::sleep(Duration::from_millis(20));
            let said = fs::read_to_string(&log).unwrap_or_default();
            let address = said.split_once("running on http://").and_then(|(_, rest)| rest.split_once(' '));
            it.address = address.map(|(address, _)| address.to_owned()).unwrap_or_default();
        }
        it
    }

    /// The base URL of its OpenAI API.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Does this from now on, and nothing else that was ordered before.
    pub(crate) fn plays(&self, behaviors: &Value) {
        self.ask("POST", "reset", &json!({}));
        self.ask("POST", "scenario", &json!({ "behaviors": behaviors }));
    }

    /// Whether some request has met the behaviour of this type, which was ordered once.
    pub(crate) fn has_met(&self, kind: &str) -> bool {
        !self.ask("GET", "scenario", &Value::Null).to_string().contains(&format!("\"{kind}\""))
    }

    /// The requests for answers that it has ended, with path, status and body.
    pub(crate) fn asked(&self) -> Vec<Value> {
        let document = self.ask("GET", "requests", &Value::Null);
        let all = document.as_array().or_else(|| document["requests"].as_array()).expect("requests");
        all.iter().filter(|request| request["method"] == "POST").cloned().collect()
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        http::ask(&self.address, method, &format!("/_llmock/{path}"), body).unwrap_or_else(|error| panic!("llmock, {path}: {error}"))
    }
}

impl Drop for Llmock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
