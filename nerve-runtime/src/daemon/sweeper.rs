//! The process that outlives the daemon and cleans up after it, from the daemon's side.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::calls::agent::KeeperProgram;
use super::children::Children;
use crate::crash_point::inherited;
use crate::processes;
use crate::sweeper::{DONE, OWNER};

/// How long at least between two starts.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a clean end waits for the sweeper to find nothing.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// The sweeper of this life. Without a word from [`Self::done`] it ends all that this life started, once the daemon is gone.
pub(super) struct Sweeper {
    quit: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Sweeper {
    /// Starts it, and another whenever it dies, which `died` is told of. To be called inside the runtime on which it is watched.
    pub(super) fn start(children: Children, root: &Path, died: impl Fn() + Send + 'static) -> io::Result<Self> {
        let program = KeeperProgram::own()?;
        let root = root.to_owned();
        let spawn = move |children: &Children| {
            let mut command = Command::new(program.path());
            // What a person sees in a list of processes.
            command.arg0("nerve");
            // Its stderr is the daemon's; it says nothing, short of a panic.
            command.arg("sweeper").env_clear().env(processes::WORKSPACE, &root).envs(inherited()).current_dir("/");
            command.stdin(Stdio::piped()).stdout(Stdio::null());
            children.spawn(&mut command, OWNER)
        };
        let first = spawn(&children)?;
        let (quit, quits) = oneshot::channel();
        #[expect(clippy::disallowed_methods, reason = "the sweeper's handle owns it and waits for it in the end")]
        let task = tokio::spawn(watch(children, first, spawn, died, quits));
        Ok(Self { quit, task })
    }

    /// Says that the daemon ends cleanly, and waits for the sweeper's last look.
    pub(super) async fn done(self) {
        let _ = self.quit.send(());
        if timeout(LAST_LOOK, self.task).await.is_err() {
            tracing::error!("something of this life is left; the sweeper sees to it");
        }
    }
}

async fn watch(
    children: Children,
    mut child: Child,
    spawn: impl Fn(&Children) -> io::Result<Child>,
    died: impl Fn(),
    mut quits: oneshot::Receiver<()>,
) {
    loop {
        let started = Instant::now();
        let lifeline = child.stdin.take();
        let pid = child.id();
        let status = tokio::select! {
            status = child.wait() => status,
            _ = &mut quits => {
                if let Some(mut lifeline) = lifeline {
                    // One that is gone has nothing to hear.
                    let _ = lifeline.write_all(&[DONE]).await;
                }
                let _ = child.wait().await;
                return;
            }
        };
        if let Some(pid) = pid {
            children.ended(pid);
        }
        tracing::error!(?status, "the sweeper died: another takes its place");
        died();
        let mut wait = AGAIN.saturating_sub(started.elapsed());
        child = loop {
            tokio::select! {
                () = sleep(wait) => {}
                _ = &mut quits => return,
            }
            match spawn(&children) {
                Ok(child) => break child,
                Err(error) => tracing::error!(%error, "the sweeper cannot be started"),
            }
            wait = AGAIN;
        };
    }
}
