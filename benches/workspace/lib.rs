//! What the measurements run: steps that do nothing, steps that a script answers, and a step that hangs.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use nerve_runtime::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Workers that an idle daemon has.
const IDLE: usize = 10;

/// How often those who wait look again.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// whether it is done
    pub done: bool,
}

const GATE: RoleKey<Done> = RoleKey::new("gate");
const STEP: RoleKey<Done> = RoleKey::new("step");
const HOSTED: RoleKey<Done> = RoleKey::new("hosted");
const HANG: RoleKey<Done> = RoleKey::new("hang");

/// What the worker registers.
pub fn workspace() -> Workspace {
    let all = Workspace::new().workflow(written("bench")).workflow(hosted()).workflow(hanging());
    (0..IDLE).fold(all, |all, n| all.workflow(written(&format!("idle-{n}"))))
}

/// Steps that do nothing: as many as the prompt says, after a wait at the gate if it says so.
fn written(name: &str) -> Workflow {
    let roles = Workflow::new(name).role(Role::written(GATE, wait_at_gate)).role(Role::written(STEP, nothing));
    roles.moderator(|thread| next(thread, || Next::role(STEP)))
}

/// The same number of steps, each answered by a script.
fn hosted() -> Workflow {
    let role = create_role(adapter("script"), "Do nothing, and say so.", schema_for::<Done>(), extractor("default")).build(HOSTED);
    let roles = Workflow::new("bench-hosted").role(Role::written(GATE, wait_at_gate)).role(role);
    roles.moderator(|thread| next(thread, || Next::role(HOSTED)))
}

/// A step that says when it ran and waits for the gate.
fn hanging() -> Workflow {
    let role = Role::written(HANG, hang).timeout(minutes(10));
    Workflow::new("hang").role(role).moderator(|thread| if thread.rounds() == 0 { Next::role(HANG) } else { Next::end() })
}

/// A prompt is `gate 20` or `go 20`: whether the thread waits first, and how many steps it takes then.
fn next(thread: &ThreadContext, step: fn() -> Next) -> Next {
    let (first, steps) = thread.start().content.split_once(' ').unwrap_or(("go", "0"));
    let gates = usize::from(first == "gate");
    match thread.rounds() {
        0 if gates == 1 => Next::role(GATE),
        rounds if rounds < gates + steps.parse().unwrap_or(0) => step(),
        _ => Next::end(),
    }
}

async fn nothing(_: RoleContext) -> Result<RoleResult<Done>> {
    Ok(RoleResult { content: "Nothing had to be done, so nothing was done.".to_owned(), meta: Done { done: true } })
}

async fn wait_at_gate(ctx: RoleContext) -> Result<RoleResult<Done>> {
    gate_opens().await;
    nothing(ctx).await
}

async fn hang(ctx: RoleContext) -> Result<RoleResult<Done>> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let line = format!("{} {} {}\n", ctx.thread().id(), ctx.attempt(), now.as_nanos());
    File::options().create(true).append(true).open("ran.txt")?.write_all(line.as_bytes())?;
    wait_at_gate(ctx).await
}

/// One look at the file serves all who wait in this process.
async fn gate_opens() {
    static OPEN: AtomicBool = AtomicBool::new(false);
    while !OPEN.load(Ordering::Relaxed) {
        if Path::new("gate").exists() {
            OPEN.store(true, Ordering::Relaxed);
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}
