//! SmolLM2-135M behind llama.cpp's own server.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::part;

/// The server; it ends with this value.
pub(crate) struct Served {
    child: Child,
    url: String,
}

impl Served {
    /// Loads the model; returns when it answers.
    pub(crate) fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/serve_model.py");
        let mut command = Command::new(part("llm/bin/python"));
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut it = Self { child: command.spawn().expect("python starts"), url: String::new() };
        let stdout = it.child.stdout.take().expect("its stdout");
        // A server that cannot load its model ends, and its stdout with it.
        BufReader::new(stdout).read_line(&mut it.url).expect("a line");
        assert!(it.url.starts_with("http://127.0.0.1:"), "the server said {:?}", it.url);
        it
    }

    /// What `base_url:` has to be.
    pub(crate) fn url(&self) -> &str {
        self.url.trim()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
