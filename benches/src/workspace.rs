//! A workspace with the bench's own workflows, built by `nerve build`, and the daemon that serves it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::api::Connection;
use crate::failure::{Failure, Result, run};

/// The sources of the workspace.
pub(crate) const SOURCES: &str = include_str!("../workspace/lib.rs");

/// Workflows that an idle daemon has a worker for.
pub(crate) const IDLE: usize = 10;

/// What the scripted adapter says.
const REPLIES: &str = "hosted:
  - text: Nothing had to be done, so nothing was done.
    meta: { done: true }
";

/// How long anything may take that should follow soon.
const SOON: Duration = Duration::from_secs(20);

/// A built workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    nerve: PathBuf,
    root: PathBuf,
}

impl Workspace {
    /// Makes the workspace in this folder, or takes the one that is there, and builds it.
    pub(crate) fn make(nerve: &Path, root: &Path) -> Result<Self> {
        let workspace = Self { nerve: nerve.to_owned(), root: root.to_owned() };
        workspace.init()?;
        workspace.configure(1, 1)?;
        workspace.build()?;
        Ok(workspace)
    }

    fn init(&self) -> Result<()> {
        if !self.root.join("nerve.yaml").exists() {
            run(Command::new(&self.nerve).arg("init").arg(&self.root).arg("--no-git"))?;
            for folder in ["src/senses", "src/workflows", "tests"] {
                let folder = self.root.join(folder);
                fs::remove_dir_all(&folder).map_err(Failure::io("remove", &folder))?;
            }
            // The steps that wait do so without blocking the others; the crate is in the lock file already.
            let manifest = self.root.join("Cargo.toml");
            let text = fs::read_to_string(&manifest).map_err(Failure::io("read", &manifest))?;
            let with_tokio = "[dependencies]\ntokio = { version = \"1\", default-features = false, features = [\"time\"] }";
            self.write("Cargo.toml", &text.replacen("[dependencies]", with_tokio, 1))?;
        }
        self.write("src/lib.rs", SOURCES)?;
        self.write("replies.yaml", REPLIES)
    }

    /// `nerve build`.
    pub(crate) fn build(&self) -> Result<()> {
        run(&mut self.command(&["build"])).map(drop)
    }

    /// Writes nerve.yaml: so many threads of a workflow at once, and so many that may wait.
    pub(crate) fn configure(&self, concurrency: usize, max_queue: usize) -> Result<()> {
        let workflow = |name: &str| format!("  {name}: {{ concurrency: {concurrency}, overflow: queue, max_queue: {max_queue} }}\n");
        let workflows: String = ["bench", "bench-hosted", "hang"].into_iter().map(workflow).collect();
        let idle: String = (0..IDLE).map(|n| format!("  idle-{n}:\n")).collect();
        let adapters = "adapters:\n  script: { kind: scripted, replies: replies.yaml }\n";
        self.write("nerve.yaml", &format!("max_rounds: 1000\n{adapters}workflows:\n{workflows}{idle}"))
    }

    /// Removes the store and what earlier runs left.
    pub(crate) fn fresh(&self) -> Result<()> {
        for name in [".nerve/nerve.db", ".nerve/nerve.db-wal", ".nerve/nerve.db-shm", ".nerve/logs/daemon.log", "gate", "ran.txt"] {
            let path = self.root.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Failure::io("remove", &path)(error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Opens the gate at which steps wait.
    pub(crate) fn open_gate(&self) -> Result<()> {
        self.write("gate", "")
    }

    /// Starts a daemon, which ends when this is dropped.
    pub(crate) fn start(&self) -> Result<Daemon<'_>> {
        let output = run(&mut self.command(&["start", "--json"]))?;
        let document: Value = serde_json::from_slice(&output.stdout)?;
        let pid = document["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        let pid = pid.ok_or_else(|| Failure::new(format!("no daemon was started: {document}")))?;
        Ok(Daemon { workspace: self, pid })
    }

    /// `nerve` with these arguments, in the workspace.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.nerve);
        command.args(args).current_dir(&self.root);
        command
    }

    /// Its folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Its store's file.
    pub(crate) fn store(&self) -> PathBuf {
        self.root.join(".nerve/nerve.db")
    }

    /// The `nerve` that serves it.
    pub(crate) fn nerve(&self) -> &Path {
        &self.nerve
    }

    /// The worker that serves, as `nerve build` made it.
    pub(crate) fn program(&self) -> Result<PathBuf> {
        let current = self.root.join(".nerve/builds/current");
        let text = fs::read_to_string(&current).map_err(Failure::io("read", &current))?;
        let document: Value = serde_json::from_str(&text)?;
        let build = document["build"].as_str().ok_or_else(|| Failure::new(format!("no build: {text}")))?;
        Ok(self.root.join(".nerve/builds").join(build).join("worker"))
    }

    /// Writes a file of it.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.root.join(name);
        fs::write(&path, text).map_err(Failure::io("write", &path))
    }
}

/// A running daemon.
#[derive(Debug)]
pub(crate) struct Daemon<'a> {
    workspace: &'a Workspace,
    /// Its process.
    pub(crate) pid: u32,
}

impl Daemon<'_> {
    /// A new connection to it.
    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::to(&self.workspace.root)
    }

    /// The process of the worker of this workflow, once it is ready.
    pub(crate) fn worker(&self, workflow: &str) -> Result<u32> {
        let start = format!("workflow/{workflow}@");
        until(&format!("the worker of {workflow}"), || {
            Ok(self.keys()?.into_iter().find(|(key, _)| key.starts_with(&start)).map(|(_, pid)| pid))
        })
    }

    /// The processes of its workers that are ready.
    pub(crate) fn workers(&self) -> Result<Vec<u32>> {
        Ok(self.keys()?.into_iter().map(|(_, pid)| pid).collect())
    }

    /// The key of the worker that is this process.
    pub(crate) fn worker_key(&self, pid: u32) -> Result<String> {
        let found = self.keys()?.into_iter().find(|(_, its)| *its == pid);
        found.map(|(key, _)| key).ok_or_else(|| Failure::new(format!("no worker is process {pid}")))
    }

    fn keys(&self) -> Result<Vec<(String, u32)>> {
        let status = self.connect()?.get("status")?;
        let workers = status["workers"].as_array().into_iter().flatten();
        let of = |worker: &Value| Some((worker["key"].as_str()?.to_owned(), u32::try_from(worker["pid"].as_u64()?).ok()?));
        Ok(workers.filter_map(of).collect())
    }

    /// Kills it as a fault of the machine would. What it started ends by itself.
    pub(crate) fn kill(self) -> Result<()> {
        let pid = self.pid;
        // Stopping what is dead already would take long, and find the next daemon.
        std::mem::forget(self);
        signal(pid)
    }
}

/// Kills a process.
pub(crate) fn signal(pid: u32) -> Result<()> {
    let pid = i32::try_from(pid).map_err(|_| Failure::new(format!("no pid: {pid}")))?;
    Ok(kill(Pid::from_raw(pid), Signal::SIGKILL)?)
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        let stopped = run(&mut self.workspace.command(&["stop", "--now"]));
        if stopped.is_err() {
            // It does not answer; nothing of ours may be left.
            let _ = signal(self.pid);
        }
    }
}

/// Looks every 5 ms until something is there.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(Failure::new(format!("waited {SOON:?} for {what}")));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
