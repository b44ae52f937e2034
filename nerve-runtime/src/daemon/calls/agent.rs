//! Running a command under a keeper.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nerve_core::{CallFailure, FailureKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use super::outcome;
use crate::crash_point;
use crate::daemon::children::Children;
use crate::keeper::{Job, KILL_AFTER};
use crate::processes;
use crate::spool::{CallName, Ending, ExitRecord, Spool};

/// How much of an agent's stderr is told.
const TAIL: u64 = 2 * 1024;
/// How long a keeper has for its own work, beyond what its agent is given.
const KEEPERS_OWN: Duration = Duration::from_secs(4);
/// The longest that an agent which is let go of may take to end, its keeper's own end included.
pub(crate) const LONGEST_END: Duration = KILL_AFTER.saturating_add(KEEPERS_OWN).saturating_add(Duration::from_secs(1));
/// How long a keeper may take to read its job.
const HEARS: Duration = Duration::from_secs(10);
/// How long an agent has to end by itself once it has said its last word.
const AFTER_ITS_ANSWER: Duration = Duration::from_secs(2);
/// Further away than any deadline.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The program that keeps agents: this very one.
#[derive(Debug, Clone)]
pub(crate) struct KeeperProgram {
    program: PathBuf,
    args: Vec<String>,
}

impl KeeperProgram {
    /// The executable of this process, even if another lies at its place by now.
    pub(crate) fn own() -> io::Result<Self> {
        let running = Path::new("/proc/self/exe");
        let program = if running.exists() { running.to_owned() } else { std::env::current_exe()? };
        Ok(Self { program, args: vec!["keeper".to_owned()] })
    }

    /// The executable.
    pub(crate) fn path(&self) -> &Path {
        &self.program
    }
}

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentCommand {
    /// The agent.
    pub(crate) program: String,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// Its whole environment, besides our marks.
    pub(crate) env: BTreeMap<String, String>,
    /// Where it works; the folder must be there.
    pub(crate) workdir: PathBuf,
    /// What it reads on its stdin.
    pub(crate) prompt: String,
}

/// How long an agent may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AgentLimits {
    /// The whole call.
    pub(crate) timeout: Duration,
    /// Without a new byte of output.
    pub(crate) idle: Option<Duration>,
}

/// How an agent ended that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentEnd {
    /// All that it said; what is no UTF-8 is replaced.
    pub(crate) stdout: String,
    /// The end of what it said on stderr.
    pub(crate) stderr_tail: String,
    /// How it ended.
    pub(crate) exit: ExitRecord,
}

impl AgentEnd {
    /// Reads what an agent left; none as long as its end is not on record.
    pub(crate) fn read(spool: &Spool) -> io::Result<Option<Self>> {
        let Some(exit) = spool.exit() else { return Ok(None) };
        Ok(Some(Self { stdout: spool.read_stdout()?, stderr_tail: spool.stderr_tail(TAIL)?, exit }))
    }
}

/// Hears what an agent writes to its stdout, as it comes; says whether that was its last word.
pub(crate) type Hear = Box<dyn FnMut(&[u8]) -> bool + Send>;

/// Runs an agent to its end. What it says lies in the spool, and stays there. One that has said its last word and does not end is stopped:
/// some never do.
///
/// Dropping the future stops the agent: its lifeline closes at once, and a task of its own sees to it that all of it ends.
pub(crate) async fn run(
    children: &Children,
    keeper: &KeeperProgram,
    command: AgentCommand,
    spool: Spool,
    limits: AgentLimits,
    hear: Hear,
) -> Result<AgentEnd, CallFailure> {
    let program = command.program.rsplit('/').next().unwrap_or_default().to_owned();
    let lost = |what: &str, error: io::Error| CallFailure::new(FailureKind::Lost, format!("{what}: {error}"));
    let kept = Kept::start(children, keeper, command, &spool).map_err(|error| lost("the agent's keeper cannot be started", error))?;
    let (held, released) = oneshot::channel();
    let (tell, told) = oneshot::channel();
    let task = kept.see_to_the_end(limits, hear, released, tell);
    #[expect(
        clippy::disallowed_methods,
        reason = "it owns the keeper and ends with it, at the latest a while after this future is dropped"
    )]
    tokio::spawn(task);
    let over = told.await;
    // Until here it says that the answer is wanted.
    drop(held);
    let said = |spool: &Spool| match spool.stderr_tail(TAIL) {
        Ok(tail) if !tail.trim().is_empty() => format!("; its stderr ends with: {}", tail.trim()),
        _ => String::new(),
    };
    match over {
        // The time may pass while the keeper tidies up after an agent that has ended: then the answer came in time.
        Ok(Over::ItsTime(kind, limit)) if spool.exit().is_none_or(|exit| exit.stopped) => {
            Err(CallFailure::new(kind, format!("{limit}{}", said(&spool))))
        }
        Ok(Over::Itself | Over::ItsTime(..)) => {
            match AgentEnd::read(&spool).map_err(|error| lost("what the agent said cannot be read", error))? {
                Some(AgentEnd { exit: ExitRecord { ending: Ending::Spawn(error), .. }, .. }) => Err(outcome::not_started(&program, &error)),
                Some(end) => Ok(end),
                None => {
                    let text = format!("the agent's keeper died, so the agent was ended{}", said(&spool));
                    Err(CallFailure::new(FailureKind::Lost, text))
                }
            }
        }
        Err(_) => Err(CallFailure::new(FailureKind::Cancelled, "the daemon is ending")),
    }
}

/// The pids of a call's processes that still run.
pub(crate) fn survivors(children: &Children, call: &CallName) -> Vec<u32> {
    children.survivors(&call.owner())
}

/// What ended an agent.
enum Over {
    /// It ended, or its keeper did.
    Itself,
    /// This limit.
    ItsTime(FailureKind, String),
}

/// A keeper and its lifeline.
struct Kept {
    children: Children,
    spool: Spool,
    child: Child,
    pid: u32,
    lifeline: ChildStdin,
    wakes: ChildStdout,
    job: Vec<u8>,
}

impl Kept {
    fn start(children: &Children, keeper: &KeeperProgram, command: AgentCommand, spool: &Spool) -> io::Result<Self> {
        let AgentCommand { program, args, env, workdir, prompt } = command;
        spool.prompt(&prompt)?;
        let kill_after_ms = u64::try_from(KILL_AFTER.as_millis()).map_err(io::Error::other)?;
        let mut job = serde_json::to_vec(&Job { spool: spool.folder().to_owned(), program, args, env, workdir, kill_after_ms })?;
        job.push(b'\n');

        let mut command = Command::new(&keeper.program);
        // What a person sees in a list of processes.
        command.arg0("nerve");
        command.args(&keeper.args).current_dir("/").env_clear().env(processes::WORKSPACE, spool.workspace()).env(processes::KEEPER, "1");
        if let Some((name, value)) = crash_point::inherited() {
            command.env(name, value);
        }
        // Its stderr is the daemon's: what it cannot write into the spool is told in the log.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = children.spawn(&mut command, &spool.name().owner())?;
        let missing = || io::Error::other("it ended at once");
        let pid = child.id().ok_or_else(missing)?;
        let (lifeline, wakes) = (child.stdin.take().ok_or_else(missing)?, child.stdout.take().ok_or_else(missing)?);
        Ok(Self { children: children.clone(), spool: spool.clone(), child, pid, lifeline, wakes, job })
    }

    /// Waits for the keeper, ends it when it is time, and leaves nothing behind.
    async fn see_to_the_end(
        mut self,
        limits: AgentLimits,
        mut hear: Hear,
        mut released: oneshot::Receiver<()>,
        tell: oneshot::Sender<Over>,
    ) {
        let begun = Instant::now();
        let whole = begun + limits.timeout;
        let idle = |since: Instant| since + limits.idle.unwrap_or(NEVER);
        let mut silent = idle(begun);
        // A keeper that died or hangs shows below.
        let _ = timeout(HEARS, self.lifeline.write_all(&self.job)).await;
        let mut lifeline = Some(self.lifeline);
        let (mut over, mut kill_at, mut listening) = (Over::Itself, begun + NEVER, true);
        let mut wakes = [0; 1024];
        let mut heard = Heard::of(&self.spool);
        // Further away than any deadline, until the agent has said its last word.
        let mut enough = begun + NEVER;
        loop {
            tokio::select! {
                status = self.child.wait() => {
                    if let Err(error) = status {
                        tracing::error!(%error, call = %self.spool.name(), "a keeper's end cannot be waited for");
                    }
                    break;
                }
                _ = &mut released, if lifeline.is_some() => lifeline = None,
                () = sleep_until(whole), if lifeline.is_some() => {
                    over = Over::ItsTime(FailureKind::Timeout, format!("no answer within {:?}, so the agent was stopped", limits.timeout));
                    lifeline = None;
                }
                () = sleep_until(silent), if lifeline.is_some() && limits.idle.is_some() => {
                    let limit = limits.idle.unwrap_or(NEVER);
                    over = Over::ItsTime(FailureKind::Idle, format!("no output for {limit:?}, so the agent was stopped"));
                    lifeline = None;
                }
                read = self.wakes.read(&mut wakes), if listening => match read {
                    Ok(1..) => {
                        silent = idle(Instant::now());
                        if heard.more(&mut hear) {
                            enough = enough.min(Instant::now() + AFTER_ITS_ANSWER);
                        }
                    }
                    Ok(0) | Err(_) => listening = false,
                },
                // Its answer is whole: that it was stopped is no failure.
                () = sleep_until(enough), if lifeline.is_some() => lifeline = None,
                () = sleep_until(kill_at), if lifeline.is_none() => {
                    tracing::error!(call = %self.spool.name(), pid = self.pid, "a keeper did not end, and is killed");
                    // It may have ended by itself just now.
                    let _ = self.child.start_kill();
                    kill_at = Instant::now() + NEVER;
                }
            }
            if lifeline.is_none() {
                kill_at = kill_at.min(Instant::now() + KILL_AFTER + KEEPERS_OWN);
            }
        }
        heard.more(&mut hear);
        self.children.ended(self.pid);
        // With the record the keeper said that nothing is left.
        if self.spool.exit().is_none() {
            let call = self.spool.name();
            let left = self.children.sweep(&call.owner()).await;
            if !left.is_empty() {
                tracing::error!(%call, ?left, "processes of a call would not die");
            }
        }
        // Whoever asked may be gone.
        let _ = tell.send(over);
    }
}

/// How far an agent's stdout was listened to.
struct Heard {
    path: PathBuf,
    file: Option<File>,
}

impl Heard {
    fn of(spool: &Spool) -> Self {
        Self { path: spool.stdout_file(), file: None }
    }

    /// Hears what has come since; whether the agent has said its last word.
    fn more(&mut self, hear: &mut Hear) -> bool {
        // The keeper makes the file. What cannot be read now is read with the next wake, and at the end as a whole.
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
        }
        let Some(file) = &mut self.file else { return false };
        let (mut over, mut bytes) = (false, vec![0; 64 * 1024]);
        while let Ok(read @ 1..) = file.read(&mut bytes) {
            over |= hear(&bytes[..read]);
        }
        over
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
