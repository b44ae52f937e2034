//! A daemon's life, from the lock to the last write.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use nerve_core::Timestamp;
use nerve_store::{SqliteStore, Store, StoreError, Turn};
use tokio::sync::mpsc;

use super::api::{self, ApiState};
use super::builds::{self, Builtin};
use super::calls::Host;
use super::calls::agent::{self, KeeperProgram};
use super::children::{self, Children};
use super::claim::Claim;
use super::engine::{CLEAN_STOP, Engine, LastLife, Message, Parts};
use super::leftovers::Leftovers;
use super::sweeper::Sweeper;
use super::{DaemonError, Layout, LifeId, clock, config_file, journal, log, socket, watch};
use crate::crash_point::{Moment, Point, crash_point};
use crate::spool;

/// How far back calls count against the hourly limit.
const HOUR_MS: i64 = 3_600_000;

/// What a daemon is given.
#[derive(Debug, Clone)]
pub struct Options {
    /// The workspace.
    pub layout: Layout,
    /// The worker inside `nerve`.
    pub builtin: Builtin,
    /// Whether it runs in a terminal: then the terminal's signals are the caller's business.
    pub foreground: bool,
}

/// A daemon whose API answers.
#[derive(Debug, Clone, Copy)]
pub struct Started {
    /// Its process.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
}

/// Runs the daemon until it is stopped. `ready` is called once: when the API answers, or with why it never will.
///
/// # Errors
/// When it cannot start.
pub fn run(options: Options, ready: impl FnOnce(Result<Started, &DaemonError>)) -> Result<(), DaemonError> {
    // Before there is anything that could leave an orphan.
    children::become_subreaper();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("nerve").enable_all().build();
    let started = runtime
        .map_err(|error| DaemonError::io("starting threads", options.layout.root(), error))
        .and_then(|runtime| Ok((Life::begin(&options, &runtime)?, runtime)));
    match started {
        Ok((life, runtime)) => {
            ready(Ok(life.started));
            life.live(runtime);
            Ok(())
        }
        Err(error) => {
            ready(Err(&error));
            Err(error)
        }
    }
}

/// What is held from start to end.
struct Life {
    started: Started,
    layout: Layout,
    socket: std::path::PathBuf,
    engine: std::thread::JoinHandle<()>,
    store: SqliteStore,
    _watcher: Option<notify::RecommendedWatcher>,
    children: Children,
    sweeper: Sweeper,
    claim: Claim,
}

impl Life {
    fn begin(options: &Options, runtime: &tokio::runtime::Runtime) -> Result<Self, DaemonError> {
        let layout = options.layout.clone();
        private(&layout.data()).map_err(|error| DaemonError::io("making a folder", layout.data(), error))?;
        for folder in [layout.run(), layout.builds(), layout.data().join("logs")] {
            fs::create_dir_all(&folder).map_err(|error| DaemonError::io("making a folder", folder, error))?;
        }
        let claim = Claim::take(&layout)?;
        crash_point(Point::At(Moment::LockTaken));
        log::start(&layout)?;
        outlive_file_size_limits(runtime);
        let life = LifeId::new();
        let looking = |error| DaemonError::io("looking for what earlier lives left", layout.calls(), error);
        // Beside what follows, which starts nothing of its own but a sweeper.
        let leftovers = Leftovers::end(&layout, &life).map_err(looking)?;
        let children = Children::new(life);
        spawn(runtime, Children::collect_orphans());
        link_program(&layout).map_err(|error| DaemonError::io("linking the program for agents", layout.bin(), error))?;
        // Reading the config and hashing the sources take this thread; the store opens meanwhile.
        let store = open_store(runtime, &layout);
        let config = config_file::load(&layout)?;
        let current = builds::choose(&layout, &options.builtin)?;
        let store =
            store.recv().map_err(|_| DaemonError::io("opening the store", layout.store(), std::io::Error::other("it ended at once")))??;
        crash_point(Point::At(Moment::StoreOpen));
        let started = Started { pid: std::process::id(), since: clock::now() };

        let (tell, inbox) = mpsc::unbounded_channel();
        let (orders, order_inbox) = mpsc::unbounded_channel();
        let keeper = KeeperProgram::own().map_err(|error| DaemonError::io("finding the program of keepers", "keeper", error))?;
        let host = Host::new(runtime.handle().clone(), layout.clone(), children.clone(), keeper, tell.clone());
        let state = ApiState {
            store: Arc::new(store.clone()),
            engine: tell.clone(),
            layout: layout.clone(),
            builtin: options.builtin.clone(),
            started,
            clock: Instant::now(),
        };
        let (listener, socket) = socket::open(&layout).map_err(|error| DaemonError::io("opening the socket", layout.run(), error))?;
        let tcp = runtime.block_on(api::listen_tcp(&config.api, &host))?;

        let parts = Parts {
            layout: layout.clone(),
            config,
            build: current.spec,
            manifest: current.manifest,
            journal: orders,
            inbox,
            tell: tell.clone(),
            host,
            children: children.clone(),
            claim: claim.clone(),
        };
        // Before there is anything to sweep.
        let sweeper = runtime.block_on(async {
            let tell = tell.clone();
            Sweeper::start(children.clone(), layout.root(), move || {
                // The engine is the last to go.
                let _ = tell.send(Message::SweeperDied);
            })
        });
        let sweeper = sweeper.map_err(|error| DaemonError::io("starting the sweeper", layout.root(), error))?;
        crash_point(Point::At(Moment::SweeperStarted));
        let engine = start_engine(parts, leftovers, store.clone(), order_inbox, started.since)?;

        runtime
            .block_on(async { api::serve(state, listener, tcp) })
            .map_err(|error| DaemonError::io("serving the API", socket.clone(), error))?;
        let (changed, changes) = mpsc::channel(1);
        let watcher = watch::watch(&layout, changed)
            .inspect_err(|error| tracing::error!(%error, "files cannot be watched: a new nerve.yaml or build is seen at the next start"))
            .ok();
        spawn(runtime, watch::follow(layout.clone(), changes, tell.clone()));
        if !options.foreground {
            spawn(runtime, stop_on_signal(tell));
        }
        crash_point(Point::At(Moment::SocketOpen));
        Ok(Self { started, layout, socket, engine, store, _watcher: watcher, children, sweeper, claim })
    }

    /// Lives until the engine has ended.
    fn live(self, runtime: tokio::runtime::Runtime) {
        tracing::info!(pid = self.started.pid, "running");
        if self.engine.join().is_err() {
            tracing::error!("the engine panicked");
        }
        // Calls that were let go of end with their agents, which have their time for that.
        let is_of_a_call = |owner: &str| owner.starts_with(spool::OWNER);
        if !runtime.block_on(self.children.until_ended(is_of_a_call, agent::LONGEST_END)) {
            tracing::error!("agents are left; the sweeper sees to them");
        }
        crash_point(Point::At(Moment::StopUnkept));
        runtime.block_on(self.sweeper.done());
        crash_point(Point::At(Moment::StopSwept));
        runtime.block_on(self.store.close());
        crash_point(Point::At(Moment::StopClosed));
        // Where another lock lies, the socket is that daemon's too.
        if !self.claim.is_lost() {
            socket::close(&self.layout, &self.socket);
        }
        runtime.shutdown_background();
        tracing::info!("stopped");
    }
}

/// A write past the file-size limit kills by default. Whoever listens gets an error from the write instead, and the store's errors are
/// waited out.
fn outlive_file_size_limits(runtime: &tokio::runtime::Runtime) {
    use tokio::signal::unix::{SignalKind, signal};
    let _inside = runtime.enter();
    // The handler stays when the listener goes.
    let listening = signal(SignalKind::from_raw(nix::sys::signal::Signal::SIGXFSZ as i32));
    if let Err(error) = listening {
        tracing::error!(%error, "a file-size limit would end this daemon");
    }
}

/// Prompts, answers and states are this user's alone.
fn private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

/// Lets agents find this very program as `nerve` on their PATH.
fn link_program(layout: &Layout) -> std::io::Result<()> {
    let (folder, aside) = (layout.bin(), layout.run().join("nerve.new"));
    fs::create_dir_all(&folder)?;
    if let Err(error) = fs::remove_file(&aside)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    std::os::unix::fs::symlink(std::env::current_exe()?, &aside)?;
    fs::rename(aside, folder.join("nerve"))
}

/// Opens the store on the runtime; its writer has a thread of its own.
fn open_store(runtime: &tokio::runtime::Runtime, layout: &Layout) -> std::sync::mpsc::Receiver<Result<SqliteStore, StoreError>> {
    let (tell, opened) = std::sync::mpsc::channel();
    let place = layout.store();
    spawn(runtime, async move {
        // Whoever waited may have failed by something else.
        let _ = tell.send(SqliteStore::open(&place).await);
    });
    opened
}

/// Recovers what is open and starts the engine on a thread of its own, together with the journal's writer.
fn start_engine(
    parts: Parts,
    leftovers: Leftovers,
    store: SqliteStore,
    orders: mpsc::UnboundedReceiver<Vec<journal::Order>>,
    now: Timestamp,
) -> Result<std::thread::JoinHandle<()>, DaemonError> {
    let place = parts.layout.store();
    let (tell_ready, is_ready) = std::sync::mpsc::channel();
    let body = move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = tell_ready.send(Err(DaemonError::io("starting the engine", place, error)));
                return;
            }
        };
        runtime.block_on(async move {
            let recovered = async {
                let epoch = store.begin_epoch(now).await?;
                crash_point(Point::At(Moment::EpochBegun));
                let since = Timestamp::from_millis(now.millis() - HOUR_MS);
                let (threads, senses) = (store.open_threads().await?, store.senses().await?);
                let counters = store.counters().await?;
                let last = LastLife::of(&counters);
                if last.clean {
                    // Before anything begins in this life: it may end otherwise.
                    let turn = Turn { counters: vec![(CLEAN_STOP.to_owned(), "0".to_owned())], ..Turn::default() };
                    store.commit(epoch, vec![turn]).await.into_iter().collect::<Result<Vec<()>, _>>()?;
                }
                Ok::<_, StoreError>((epoch, threads, senses, store.calls_since(since).await?, counters, last))
            };
            let (epoch, threads, senses, calls, counters, last) = match recovered.await {
                Ok(recovered) => recovered,
                Err(error) => {
                    let _ = tell_ready.send(Err(error.into()));
                    return;
                }
            };
            // What a call left is read, and the first agent started, when the last of the earlier ones is gone.
            if let Err(error) = leftovers.gone() {
                let _ = tell_ready.send(Err(DaemonError::io("looking for what earlier lives left", parts.layout.calls(), error)));
                return;
            }
            crash_point(Point::At(Moment::Swept));
            let tell = parts.tell.clone();
            #[expect(clippy::disallowed_methods, reason = "it ends when the engine lets go of its orders, and is awaited then")]
            let writer = tokio::spawn(journal::write(Arc::new(store), epoch, orders, move |written| {
                // The engine is the last to go.
                let _ = tell.send(Message::Written(written));
            }));
            let (mut engine, inbox) = Engine::new(parts);
            engine.remember_limits(calls, &counters);
            engine.remember_senses(senses);
            engine.recover(threads, last);
            crash_point(Point::At(Moment::Recovered));
            let _ = tell_ready.send(Ok(()));
            engine.run(inbox).await;
            // What was handed to the writer is written before the daemon ends.
            let _ = writer.await;
            crash_point(Point::At(Moment::StopWritten));
        });
    };
    let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(body);
    let thread = thread.map_err(|error| DaemonError::io("starting the engine", "engine", error))?;
    match is_ready.recv() {
        Ok(Ok(())) => Ok(thread),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(DaemonError::io("starting the engine", "engine", std::io::Error::other("it ended at once"))),
    }
}

/// SIGTERM and SIGINT stop cleanly; a second one stops now.
async fn stop_on_signal(tell: mpsc::UnboundedSender<Message>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        tracing::error!("signals cannot be watched: use `nerve stop`");
        return;
    };
    let mut now = false;
    loop {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        let (reply, _) = tokio::sync::oneshot::channel();
        let _ = tell.send(Message::Request(super::engine::Request::Stop { now, reply }));
        now = true;
    }
}

#[expect(clippy::disallowed_methods, reason = "these end with the runtime, which the daemon's life owns")]
fn spawn(runtime: &tokio::runtime::Runtime, task: impl Future<Output = ()> + Send + 'static) {
    runtime.spawn(task);
}
