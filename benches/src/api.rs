//! A small client of the control API that keeps its connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::{Failure, Result};

/// One connection to the daemon.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<UnixStream>,
}

impl Connection {
    /// Connects to the daemon of this workspace.
    pub(crate) fn to(root: &Path) -> Result<Self> {
        let pointer = root.join(".nerve/run/socket");
        let socket = std::fs::read_to_string(&pointer).map_err(Failure::io("read", &pointer))?;
        let socket = PathBuf::from(socket.trim());
        let stream = UnixStream::connect(&socket).map_err(Failure::io("connect to", &socket))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Asks for a document.
    pub(crate) fn get(&mut self, path: &str) -> Result<Value> {
        self.call("GET", path, "")
    }

    /// Triggers a workflow and gives the thread's id.
    pub(crate) fn trigger(&mut self, workflow: &str, prompt: &str) -> Result<String> {
        let body = serde_json::json!({ "prompt": prompt }).to_string();
        let answer = self.call("POST", &format!("workflows/{workflow}/trigger"), &body)?;
        answer["id"].as_str().map(str::to_owned).ok_or_else(|| Failure::new(format!("no thread in {answer}")))
    }

    /// The thread once it is over; five minutes at most.
    pub(crate) fn wait(&mut self, thread: &str) -> Result<Value> {
        let answer = self.get(&format!("threads/{thread}/wait?timeout_ms=300000"))?;
        if answer["state"] == "completed" {
            return Ok(answer);
        }
        Err(Failure::new(format!("{thread} is {}: {}", answer["state"], answer["reason"])))
    }

    fn call(&mut self, method: &str, path: &str, body: &str) -> Result<Value> {
        let head = "Host: localhost\r\nContent-Type: application/json";
        let request = format!("{method} /v1/{path} HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let mut length = 0;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(|_| Failure::new(format!("no length: {line}")))?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        if status.split(' ').nth(1).is_some_and(|code| code.starts_with('2')) {
            return Ok(serde_json::from_slice(&body)?);
        }
        Err(Failure::new(format!("{method} {path}: {status}: {}", String::from_utf8_lossy(&body))))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        if line.is_empty() {
            return Err(Failure::new("the daemon broke the connection off"));
        }
        Ok(line.trim_end().to_owned())
    }
}

/// Triggers as many threads over several connections at once, in no particular order, and gives the last that was accepted on each.
pub(crate) fn trigger_many(root: &Path, workflow: &str, prompt: &str, count: usize) -> Result<Vec<String>> {
    const CONNECTIONS: usize = 8;
    let share = |n: usize| count / CONNECTIONS + usize::from(n < count % CONNECTIONS);
    let one = |count: usize| -> Result<Option<String>> {
        let mut connection = Connection::to(root)?;
        let mut last = None;
        for _ in 0..count {
            last = Some(connection.trigger(workflow, prompt)?);
        }
        Ok(last)
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..CONNECTIONS).map(|n| scope.spawn(move || one(share(n)))).collect();
        let ended = running.into_iter().map(|thread| thread.join().map_err(|_| Failure::new("a thread of the harness panicked"))?);
        Ok(ended.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    })
}
