//! A workspace of its own for each test, with the real `nerve` in it. What is waited for has a limit; nothing sleeps for a fixed time.
#![allow(dead_code, clippy::print_stderr, reason = "each test file uses its part of this, and tells what it saw on stderr")]

pub(crate) mod agent;
pub(crate) mod builds;
pub(crate) mod invariants;
pub(crate) mod journal;
pub(crate) mod model;
pub(crate) mod own;
pub(crate) mod processes;
pub(crate) mod random;
pub(crate) mod script_agent;
pub(crate) mod store;

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

pub(crate) use journal::Entry;

/// The longest that any command may take.
const COMMAND: Duration = Duration::from_secs(60);
/// The longest that something which should follow soon may take, on a busy machine too.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// How long after a daemon's end a process that it started may live: what the design promises.
const SWEPT: Duration = Duration::from_secs(5);

/// A workspace in a temporary folder, and the daemon that serves it.
///
/// Dropping it stops the daemon and holds it to its promise: nothing that it started is left.
pub(crate) struct TestWorkspace {
    root: PathBuf,
    daemon: Mutex<Option<u32>>,
    temp: tempfile::TempDir,
}

/// What a command printed and how it ended.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// The document on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no document on stdout ({error}): {self:?}"))
    }

    /// The document on stderr of a command that failed; its stdout must be empty.
    pub(crate) fn error(&self) -> Value {
        assert_eq!(self.stdout, "", "a failure with --json prints nothing on stdout: {self:?}");
        let document: Value =
            serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("no document on stderr ({error}): {self:?}"));
        assert_eq!(document["schema"], "nerve.error/1", "{self:?}");
        document["error"].clone()
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

impl TestWorkspace {
    /// What `nerve init` makes, with this nerve.yaml instead of its own.
    pub(crate) fn new(config: &str) -> Self {
        let temp = tempfile::Builder::new().prefix("nerve-test-").tempdir().expect("a temporary folder");
        let workspace = Self { root: temp.path().join("ws"), daemon: Mutex::new(None), temp };
        let root = workspace.root.display().to_string();
        workspace.run_in(workspace.temp.path(), &["init", &root, "--no-git"], &[]).exits(0);
        workspace.configure(config);
        workspace
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder that holds the workspace and nothing else.
    pub(crate) fn temp(&self) -> &Path {
        self.temp.path()
    }

    /// Replaces nerve.yaml in one step, so that a watching daemon never reads half of it.
    pub(crate) fn configure(&self, config: &str) {
        let aside = self.temp.path().join("nerve.yaml.new");
        fs::write(&aside, config).expect("a file");
        fs::rename(aside, self.root.join("nerve.yaml")).expect("nerve.yaml");
    }

    /// Replaces nerve.yaml and waits until the running daemon has taken it over.
    pub(crate) fn reconfigure(&self, config: &str) {
        let before = self.reloads();
        self.configure(config);
        self.until("nerve.yaml to be taken over", SOON, || (self.reloads() > before).then_some(()));
    }

    fn reloads(&self) -> usize {
        self.journal().iter().filter(|entry| entry.kind == "config_reload").count()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.root.join(name), text).expect("a file");
    }

    /// The command line of `nerve` with these arguments, in the workspace and with nothing of the caller's environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_in(&self.root, args)
    }

    fn command_in(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nerve"));
        let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
        command.args(args).current_dir(folder).env_clear();
        command.env("PATH", path).env("HOME", self.temp.path()).env("TMPDIR", self.temp.path());
        command
    }

    /// Runs a command to its end.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.run_in(&self.root, args, &[])
    }

    /// Runs a command to its end, with these variables besides.
    #[track_caller]
    pub(crate) fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        self.run_in(&self.root, args, variables)
    }

    /// Runs a command in another folder.
    #[track_caller]
    pub(crate) fn run_in(&self, folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = self.command_in(folder, args);
        command.envs(variables.iter().copied()).stdin(Stdio::null());
        finish(command, args)
    }

    /// Runs a command that must succeed and gives its document.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> Value {
        let mut args = args.to_vec();
        args.push("--json");
        self.run(&args).exits(0).json()
    }

    /// Starts the daemon; gives its pid.
    #[track_caller]
    pub(crate) fn start(&self) -> u32 {
        self.start_with(&[])
    }

    /// Starts the daemon with these variables besides.
    #[track_caller]
    pub(crate) fn start_with(&self, variables: &[(&str, &str)]) -> u32 {
        let started = self.run_with(&["start", "--json"], variables).exits(0).json();
        self.is_running(&started)
    }

    /// Remembers the daemon that a start told of, so that it is stopped in the end.
    pub(crate) fn is_running(&self, started: &Value) -> u32 {
        let pid = u32::try_from(started["pid"].as_u64().expect("a pid")).expect("a pid");
        *self.daemon.lock().unwrap_or_else(PoisonError::into_inner) = Some(pid);
        pid
    }

    /// The daemon that was started last.
    pub(crate) fn daemon(&self) -> Option<u32> {
        *self.daemon.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `kill -9` of the daemon; returns when it is gone.
    pub(crate) fn kill_daemon(&self) {
        let pid = self.daemon().expect("a daemon was started");
        processes::signal(pid, Signal::SIGKILL);
        self.until("the killed daemon to be gone", SOON, || (!processes::lives(pid)).then_some(()));
    }

    /// Starts the daemon, one process of which is killed at this point (`<point>[:<nth>]`), once. Returns before that.
    #[track_caller]
    pub(crate) fn start_to_die_at(&self, point: &str) -> u32 {
        let flag = self.temp.path().join(format!("died-at-{point}"));
        self.start_with(&[("NERVE_CRASH_AT", &format!("{point}@{}", flag.display()))])
    }

    /// Whether a process has died at this point.
    pub(crate) fn has_died_at(&self, point: &str) -> bool {
        self.temp.path().join(format!("died-at-{point}")).exists()
    }

    /// Starts the daemon again if it has died meanwhile.
    pub(crate) fn revive(&self) {
        if self.daemon().is_some_and(|pid| !processes::lives(pid)) {
            self.start();
        }
    }

    /// Triggers `explain-load` with this key until an id comes back, over deaths of the daemon.
    #[track_caller]
    pub(crate) fn acknowledged(&self, key: &str) -> String {
        self.until(&format!("the acceptance of {key}"), SOON, || {
            let output = self.run(&["workflow", "trigger", "explain-load", "--prompt", key, "--key", key, "--json"]);
            if output.code != Some(0) {
                self.revive();
            }
            (output.code == Some(0)).then(|| id_of(&output.json()))
        })
    }

    /// The thread's end, over deaths of the daemon.
    #[track_caller]
    pub(crate) fn ends_at_last(&self, id: &str) -> Value {
        self.until(&format!("the end of {id}"), SOON, || {
            self.revive();
            let shown = self.run(&["thread", "show", id, "--json"]);
            (shown.code == Some(0)).then(|| shown.json()).filter(|thread| !thread["ended_at"].is_null())
        })
    }

    pub(crate) fn stop(&self) {
        self.run(&["stop"]).exits(0);
    }

    /// What `nerve status --json` says, without a process for it: it is often asked for in a loop.
    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        self.get("status")
    }

    /// The process of the workflow's worker, once one is ready.
    pub(crate) fn workflow_worker(&self) -> u32 {
        self.until("a workflow worker", SOON, || {
            let status = self.status();
            let workers = status["workers"].as_array()?;
            let worker = workers.iter().find(|worker| worker["kind"] == "workflow" && worker["pid"].is_u64())?;
            u32::try_from(worker["pid"].as_u64()?).ok()
        })
    }

    /// The process that serves this thread: its own when it runs alone, else the one that the workflow shares.
    pub(crate) fn worker_of(&self, id: &str) -> u32 {
        self.until(&format!("the worker of {id}"), SOON, || {
            let status = self.status();
            let workers = status["workers"].as_array()?;
            let of_workflow = |worker: &&Value| worker["kind"] == "workflow";
            let own = workers.iter().find(|worker| worker["thread"] == id);
            let worker = own.or_else(|| workers.iter().filter(of_workflow).find(|worker| worker["thread"].is_null()))?;
            u32::try_from(worker["pid"].as_u64()?).ok()
        })
    }

    /// The processes of workers whose key begins so, as status tells them.
    pub(crate) fn workers(&self, key: &str) -> Vec<Value> {
        let status = self.status();
        let workers = status["workers"].as_array().expect("workers").iter();
        workers.filter(|worker| worker["key"].as_str().is_some_and(|it| it.starts_with(key))).cloned().collect()
    }

    /// Kills the workflow's worker until it may not run any more; gives the processes.
    #[track_caller]
    pub(crate) fn kill_workers_until_the_limit(&self) -> Vec<u32> {
        let mut killed = Vec::new();
        self.until("the crash limit", SOON, || {
            let worker = self.workers("workflow/").pop()?;
            if let Some(pid) = worker["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())
                && !killed.contains(&pid)
            {
                killed.push(pid);
                processes::signal(pid, Signal::SIGKILL);
            }
            (worker["state"] == "crash_limit").then_some(())
        });
        killed
    }

    /// Threads of `explain-load` that run, and that wait for a slot.
    pub(crate) fn load(&self) -> Option<(u64, u64)> {
        self.load_of("explain-load")
    }

    /// Threads of this workflow that run, and that wait for a slot.
    pub(crate) fn load_of(&self, workflow: &str) -> Option<(u64, u64)> {
        let status = self.call_api("GET", "status", "", || {}).ok()?;
        let workflow = status["workflows"].as_array()?.iter().find(|item| item["name"] == workflow)?;
        Some((workflow["active"].as_u64()?, workflow["queued"].as_u64()?))
    }

    /// Waits until so many threads of this workflow run, and wait for a slot.
    #[track_caller]
    pub(crate) fn settles(&self, workflow: &str, load: (u64, u64)) {
        self.until(&format!("{workflow} to have {load:?}"), SOON, || (self.load_of(workflow) == Some(load)).then_some(()));
    }

    /// Triggers `explain-load`; gives the thread's id.
    #[track_caller]
    pub(crate) fn trigger(&self, prompt: &str) -> String {
        self.trigger_of("explain-load", prompt)
    }

    /// Triggers this workflow; gives the thread's id.
    #[track_caller]
    pub(crate) fn trigger_of(&self, workflow: &str, prompt: &str) -> String {
        id_of(&self.ok(&["workflow", "trigger", workflow, "--prompt", prompt]))
    }

    /// The thread's end, which must be that it is complete.
    #[track_caller]
    pub(crate) fn completes(&self, id: &str) -> Value {
        let thread = self.ended(id);
        assert_eq!((&thread["state"], &thread["exit_code"]), (&"completed".into(), &0.into()), "{thread:#}");
        thread
    }

    /// The kinds of the entries of a thread's journal, in order.
    pub(crate) fn kinds(&self, id: &str) -> Vec<String> {
        self.entries(id).into_iter().map(|entry| entry.kind).collect()
    }

    /// How often an entry of this kind is in the thread's journal.
    pub(crate) fn count(&self, id: &str, kind: &str) -> usize {
        self.kinds(id).iter().filter(|it| *it == kind).count()
    }

    /// Waits until the thread is in this state, and shows it.
    #[track_caller]
    pub(crate) fn becomes(&self, id: &str, state: &str) -> Value {
        self.until(&format!("{id} to be {state}"), SOON, || Some(self.show(id)).filter(|thread| thread["state"] == state))
    }

    /// Waits until the roles of `support::own` have run so often for this thread.
    #[track_caller]
    pub(crate) fn acts(&self, id: &str, times: usize) {
        self.until(&format!("run {times} of {id}"), SOON, || (own::ran_for(self, id).len() >= times).then_some(()));
    }

    /// Calls the API over the socket, as another program would; `connected` is called before anything is sent.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value, connected: impl FnOnce()) -> Value {
        self.call_api("POST", path, &body.to_string(), connected).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Reads from the API.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        self.call_api("GET", path, "", || {}).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Calls the API over the socket; fails when no daemon answers.
    fn call_api(&self, method: &str, path: &str, body: &str, connected: impl FnOnce()) -> std::io::Result<Value> {
        let socket = fs::read_to_string(self.root.join(".nerve/run/socket"))?;
        let mut stream = UnixStream::connect(socket.trim())?;
        stream.set_read_timeout(Some(SOON))?;
        let head = "Host: localhost\r\nContent-Type: application/json\r\nConnection: close";
        connected();
        let request = format!("{method} /v1/{path} HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let document = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?.1;
        Ok(serde_json::from_str(document)?)
    }

    /// What `nerve thread show ID --json` says, without a process for it.
    #[track_caller]
    pub(crate) fn show(&self, id: &str) -> Value {
        let thread = self.get(&format!("threads/{id}"));
        assert_ne!(thread["schema"], "nerve.error/1", "{thread:#}");
        thread
    }

    /// A thread's journal, as `nerve thread inspect ID --json` tells it.
    #[track_caller]
    pub(crate) fn entries(&self, id: &str) -> Vec<Entry> {
        journal::read(&self.get(&format!("threads/{id}/entries?limit=100000")))
    }

    /// The whole journal.
    pub(crate) fn journal(&self) -> Vec<Entry> {
        journal::read(&self.ok(&["logs", "--limit", "1000000"]))
    }

    /// Waits for the thread's end and shows it.
    #[track_caller]
    pub(crate) fn ended(&self, id: &str) -> Value {
        self.until(&format!("the end of {id}"), SOON, || {
            let thread = self.show(id);
            let open = ["queued", "started", "waiting"].contains(&thread["state"].as_str()?);
            (!open).then_some(thread)
        })
    }

    /// The lines of a file to which scripted adapters write their calls.
    pub(crate) fn calls(&self) -> Vec<journal::Call> {
        journal::calls(&self.root.join("calls.jsonl"))
    }

    /// How often this role of this thread was called.
    pub(crate) fn calls_of(&self, thread: &str, role: &str) -> usize {
        self.calls().iter().filter(|call| call.thread == thread && call.role == role).count()
    }

    /// Waits until this role of this thread is being called.
    #[track_caller]
    pub(crate) fn called(&self, thread: &str, role: &str) {
        self.until(&format!("a call of {role}"), SOON, || (self.calls_of(thread, role) > 0).then_some(()));
    }

    /// Waits for something to be there, and fails with its name when it is not in time.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "waited {limit:?} for {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The end of the daemon's log.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.root.join(".nerve/logs/daemon.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().rev().take(60).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for TestWorkspace {
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        if failed {
            eprintln!("the daemon's log of {} ends with:\n{}\n", self.root.display(), self.log());
        }
        if let Some(pid) = self.daemon().filter(|pid| processes::lives(*pid)) {
            let mut command = self.command(&["stop", "--now"]);
            let stopped = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
            if !stopped.is_ok_and(|status| status.success()) {
                processes::signal(pid, Signal::SIGKILL);
                assert!(failed, "`nerve stop --now` did not stop the daemon\n{}", self.log());
            }
        }
        let deadline = Instant::now() + SWEPT;
        let left = loop {
            let left = processes::below(self.temp.path());
            if left.is_empty() || Instant::now() > deadline {
                break left;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert!(left.is_empty() || failed, "processes are left: {left:#?}\n{}", self.log());
    }
}

/// The id in a document about a thread.
pub(crate) fn id_of(document: &Value) -> String {
    document["id"].as_str().unwrap_or_else(|| panic!("no id in {document}")).to_owned()
}

/// Runs a command to its end, which must come in time.
#[track_caller]
pub(crate) fn finish(mut command: Command, args: &[&str]) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let pid = child.id();
    let (send, receive) = mpsc::channel();
    let reader = std::thread::spawn(move || send.send(child.wait_with_output()));
    let Ok(output) = receive.recv_timeout(COMMAND) else {
        processes::signal(pid, Signal::SIGKILL);
        panic!("`nerve {}` did not end within {COMMAND:?}", args.join(" "));
    };
    let _ = reader.join();
    let output = output.expect("output");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Both adapters of the template scripted, each with its delay and whatever else is set, and their calls counted.
pub(crate) fn scripted(analyst: &str, fixer: &str, concurrency: u32) -> String {
    format!(
        "adapters:
  analyst: {{ kind: scripted, replies: replies.yaml, calls: calls.jsonl, delay: {analyst} }}
  fixer: {{ kind: scripted, replies: replies.yaml, calls: calls.jsonl, delay: {fixer} }}
workflows:
  explain-load: {{ concurrency: {concurrency} }}
"
    )
}
