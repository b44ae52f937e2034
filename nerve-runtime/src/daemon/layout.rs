//! Where everything lies in a workspace.

use std::path::{Path, PathBuf};

/// The paths of one workspace; nothing here touches the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The workspace in this folder; an absolute path.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `nerve.yaml`.
    pub fn config(&self) -> PathBuf {
        self.root.join("nerve.yaml")
    }

    /// `.env` beside nerve.yaml.
    pub fn dot_env(&self) -> PathBuf {
        self.root.join(".env")
    }

    /// `src/`, the user's code.
    pub fn sources(&self) -> PathBuf {
        self.root.join("src")
    }

    /// `.nerve/`, the data.
    pub fn data(&self) -> PathBuf {
        self.root.join(".nerve")
    }

    /// The store.
    pub fn store(&self) -> PathBuf {
        self.data().join("nerve.db")
    }

    /// `.nerve/logs/daemon.log`.
    pub fn daemon_log(&self) -> PathBuf {
        self.data().join("logs").join("daemon.log")
    }

    /// `.nerve/run/`: lock, socket and what else belongs to a running daemon.
    pub fn run(&self) -> PathBuf {
        self.data().join("run")
    }

    /// `.nerve/run/calls/`: a folder for each call whose answer is not in the journal yet.
    pub fn calls(&self) -> PathBuf {
        self.run().join("calls")
    }

    /// The file whose lock is the daemon's claim to this workspace.
    pub fn lock(&self) -> PathBuf {
        self.run().join("lock")
    }

    /// The file that names the socket's path; both sides read it.
    pub fn socket_pointer(&self) -> PathBuf {
        self.run().join("socket")
    }

    /// Where the socket lies when the path is short enough.
    pub fn default_socket(&self) -> PathBuf {
        self.run().join("nerve.sock")
    }

    /// `.nerve/run/bin/`: first on the PATH of agents, so that `nerve` there is the one that runs.
    pub fn bin(&self) -> PathBuf {
        self.run().join("bin")
    }

    /// `.nerve/builds/`.
    pub fn builds(&self) -> PathBuf {
        self.data().join("builds")
    }

    /// The file that names the current build: JSON of `CurrentBuild`.
    pub fn current_build(&self) -> PathBuf {
        self.builds().join("current")
    }

    /// The folder of one build.
    pub fn build(&self, build: &nerve_core::BuildId) -> PathBuf {
        self.builds().join(&build.0)
    }

    /// The executable of one build.
    pub fn worker(&self, build: &nerve_core::BuildId) -> PathBuf {
        self.build(build).join("worker")
    }

    /// `.nerve/schema/nerve.json`, what editors check nerve.yaml against.
    pub fn schema(&self) -> PathBuf {
        self.data().join("schema").join("nerve.json")
    }

    /// `.nerve/sdk/<version>/`, the sources that the workspace links.
    pub fn sdk(&self, version: &str) -> PathBuf {
        self.data().join("sdk").join(version)
    }

    /// The empty folder in which a thread's agents work when no other is named.
    pub fn work(&self, thread: &nerve_core::ThreadId) -> PathBuf {
        self.data().join("work").join(thread.to_string())
    }
}
