//! A worker, with this harness in the daemon's place.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nerve_core::wire::{CheckMeta, FrameReader, PROTOCOL, StartFrame, ToDaemon, ToWorker, encode};
use nerve_core::{RawJson, ThreadId, Timestamp};

use crate::failure::{Failure, Result};
use crate::process;

/// The descriptor on which a worker finds its channel, as the supervisor has it.
const CHANNEL_FD: i32 = 0;

/// The longest that a worker may be silent.
const PATIENCE: Duration = Duration::from_secs(20);

/// Workers that are started at once.
const MANY: usize = 100;

/// How a worker is started.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// What makes a worker of it.
    pub(crate) argument: &'static str,
    /// The workspace.
    pub(crate) root: PathBuf,
    /// A workflow that it has, and a role of it.
    pub(crate) workflow: &'static str,
    pub(crate) role: &'static str,
    /// A meta of that role, without the closing brace.
    pub(crate) meta: &'static str,
}

impl Program {
    /// The worker that `nerve build` made.
    pub(crate) fn built(path: PathBuf, root: &Path) -> Self {
        Self { path, argument: "--worker", root: root.to_owned(), workflow: "bench", role: "step", meta: "{\"done\":true" }
    }

    /// The worker inside `nerve`.
    pub(crate) fn embedded(nerve: &Path, root: &Path) -> Self {
        let (path, root, meta) = (nerve.to_owned(), root.to_owned(), "{\"actionable\":true,\"culprit\":null");
        Self { path, argument: "worker", root, workflow: "explain-load", role: "analyst", meta }
    }

    /// Starts one and says hello, without waiting for an answer.
    fn start(&self) -> Result<Worker> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = Command::new(&self.path);
        command.arg(self.argument).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.env("NERVE_CHANNEL", CHANNEL_FD.to_string()).env("NERVE_PROTOCOL", PROTOCOL.to_string());
        command.env("NERVE_WORKSPACE", &self.root).current_dir(&self.root);
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
        // A worker ends its whole process group when its daemon is gone; ours must not be in it.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(Failure::io("start", &self.path))?;
        drop(command);
        ours.set_read_timeout(Some(PATIENCE))?;
        let mut worker = Worker { child, stream: ours, frames: FrameReader::default(), chunk: vec![0; 128 * 1024] };
        worker.say(&[ToWorker::Hello { protocol: PROTOCOL, root: self.root.display().to_string(), drain_ms: None }])?;
        Ok(worker)
    }

    /// Starts one and waits until it is ready.
    fn ready(&self) -> Result<Worker> {
        let mut worker = self.start()?;
        worker.is_ready()?;
        Ok(worker)
    }
}

/// A started worker; it ends when this is dropped.
#[derive(Debug)]
struct Worker {
    child: Child,
    stream: UnixStream,
    frames: FrameReader,
    chunk: Vec<u8>,
}

impl Worker {
    fn say(&mut self, frames: &[ToWorker]) -> Result<()> {
        let bytes = bytes_of(frames)?;
        Ok(self.stream.write_all(&bytes)?)
    }

    fn is_ready(&mut self) -> Result<()> {
        match self.hear()? {
            ToDaemon::Ready { .. } => Ok(()),
            other => Err(Failure::new(format!("not ready: {other:?}"))),
        }
    }

    fn hear(&mut self) -> Result<ToDaemon> {
        loop {
            match self.frames.next_frame::<ToDaemon>() {
                Ok(Some(Ok(frame))) => return Ok(frame),
                Ok(Some(Err(unknown))) => return Err(Failure::new(format!("the worker said `{unknown}`"))),
                Ok(None) => {}
                Err(error) => return Err(Failure::new(error.to_string())),
            }
            match self.stream.read(&mut self.chunk)? {
                0 => return Err(Failure::new("the worker ended")),
                read => self.frames.push(&self.chunk[..read]),
            }
        }
    }

    /// Waits for the decision that ends the answer to a question.
    fn decision(&mut self) -> Result<()> {
        loop {
            match self.hear()? {
                ToDaemon::Decision { .. } => return Ok(()),
                ToDaemon::MetaOk { .. } => {}
                other => return Err(Failure::new(format!("no decision: {other:?}"))),
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Whether it was still there makes no difference.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bytes_of(frames: &[ToWorker]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for frame in frames {
        encode(frame, &mut bytes).map_err(|error| Failure::new(error.to_string()))?;
    }
    Ok(bytes)
}

/// From the start of a worker to its `ready`, in milliseconds each.
pub(crate) fn cold_starts(program: &Program, times: usize) -> Result<Vec<f64>> {
    (0..times)
        .map(|_| {
            let start = Instant::now();
            let worker = program.ready()?;
            let took = start.elapsed();
            drop(worker);
            Ok(took.as_secs_f64() * 1e3)
        })
        .collect()
}

/// A hundred workers at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hundred {
    /// From the first start to the last `ready`, in milliseconds.
    pub(crate) ready_ms: f64,
    /// Their share of memory together, in MiB.
    pub(crate) pss_mib: f64,
}

/// Starts a hundred workers and waits until all are ready.
pub(crate) fn hundred(program: &Program) -> Result<Hundred> {
    let start = Instant::now();
    let mut workers = (0..MANY).map(|_| program.start()).collect::<Result<Vec<_>>>()?;
    for worker in &mut workers {
        worker.is_ready()?;
    }
    let ready_ms = start.elapsed().as_secs_f64() * 1e3;
    let pss = workers.iter().map(|worker| process::pss(worker.child.id())).sum::<Result<f64>>()?;
    Ok(Hundred { ready_ms, pss_mib: pss / (1024.0 * 1024.0) })
}

/// Questions to one worker, each asked when the one before was answered, in microseconds each: a frame of about 100 bytes that has the moderator
/// decide, or one of 64 KiB that has a meta checked besides.
pub(crate) fn round_trips(program: &Program, bytes: usize, trips: usize) -> Result<Vec<f64>> {
    let (mut worker, question) = asked(program, bytes)?;
    let mut took = Vec::with_capacity(trips);
    // The first are slower, and no part of what is measured.
    for n in 0..trips + trips / 10 {
        let start = Instant::now();
        worker.stream.write_all(&question)?;
        worker.decision()?;
        if n >= trips / 10 {
            took.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    Ok(took)
}

/// Small questions a second when they are not waited for; so many times 64 of them.
pub(crate) fn pipelined(program: &Program, pieces: usize) -> Result<f64> {
    /// Questions of one write.
    const PIECE: usize = 64;
    let (mut worker, question) = asked(program, 0)?;
    let piece = question.repeat(PIECE);
    let mut writing = worker.stream.try_clone()?;
    let start = Instant::now();
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || (0..pieces).try_for_each(|_| writing.write_all(&piece)));
        for _ in 0..pieces * PIECE {
            worker.decision()?;
        }
        writer.join().map_err(|_| Failure::new("a thread of the harness panicked"))??;
        Ok(())
    })
    .map(|()| (pieces * PIECE) as f64 / start.elapsed().as_secs_f64())
}

/// A worker that has a thread's context, and the question about it.
fn asked(program: &Program, bytes: usize) -> Result<(Worker, Vec<u8>)> {
    let mut worker = program.ready()?;
    let thread = ThreadId::new(Timestamp::from_millis(1_790_000_000_000), [7; 10]);
    let workflow = program.workflow.to_owned();
    let start = StartFrame { thread, workflow, content: "go 20".to_owned(), max_rounds: 100, dry_run: false };
    worker.say(&[ToWorker::Context { thread, start: Some(start), from: 0, steps: Vec::new() }])?;
    let meta = |pad: usize| RawJson::parse(format!("{},\"pad\":\"{}\"}}", program.meta, "x".repeat(pad)));
    let check = (bytes > 0).then(|| meta(bytes)).transpose()?.map(|meta| CheckMeta { role: program.role.to_owned(), meta });
    let question = bytes_of(&[ToWorker::Decide { thread, upto: 0, check }])?;
    Ok((worker, question))
}
