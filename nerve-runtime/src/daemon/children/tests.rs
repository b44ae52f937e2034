//! With real children. The test process is the parent here, together with every other test.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::{Children, become_subreaper, started};
use crate::daemon::LifeId;
use crate::processes::{self, Process, Table};

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited for {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// What carries the life's mark and is nobody's registered child.
fn marked(children: &Children) -> Vec<Process> {
    processes::marked(|environ| environ.has(processes::LIFE, children.life().as_str()))
}

#[test]
fn a_sweep_ends_what_left_its_group_and_session() {
    runtime().block_on(async {
        become_subreaper();
        let children = Children::new(LifeId::new());
        let mut worker = children
            .spawn(&mut shell("setsid sleep 60 & sleep 0.01; setsid sh -c 'trap \"\" TERM; sleep 61 & wait' & exit 0"), "workflow/a@1");
        let worker = worker.as_mut().expect("sh is there");
        let pid = worker.id().expect("it runs");
        let other = children.spawn(&mut shell("exec sleep 60"), "workflow/b@1").expect("sh is there");
        worker.wait().await.expect("it ends");
        children.ended(pid);
        until("the orphans", || (marked(&children).len() >= 4).then_some(())).await;
        assert_eq!(children.survivors("workflow/a@1").len(), 3);
        assert_eq!(children.sweep("workflow/a@1").await, Vec::<u32>::new());
        let left = marked(&children);
        assert_eq!(
            left.iter().map(|process| process.pid).collect::<Vec<_>>(),
            [other.id().expect("it runs")],
            "the other owner's is spared"
        );
    });
}

#[test]
fn a_sweep_ends_an_orphan_that_hid_its_mark() {
    runtime().block_on(async {
        become_subreaper();
        let children = Children::new(LifeId::new());
        let folder = tempfile::tempdir().expect("a folder");
        let told = folder.path().join("pid");
        let script = format!("(env -i setsid sh -c 'echo $$ > {}; exec sleep 60' &); exit 0", told.display());
        let mut worker = children.spawn(&mut shell(&script), "workflow/a@1").expect("sh is there");
        let pid = worker.id().expect("it runs");
        worker.wait().await.expect("it ends");
        children.ended(pid);
        let told = until("the orphan", || std::fs::read_to_string(&told).ok()?.trim().parse().ok()).await;
        // Another test of this process may have swept it already.
        let Some(orphan) = Process::of(told) else { return };
        assert_eq!(children.sweep("workflow/a@1").await, Vec::<u32>::new());
        assert!(!processes::alive(&orphan));
    });
}

#[test]
fn children_of_tokio_are_never_collected_by_us() {
    runtime().block_on(async {
        become_subreaper();
        let children = Children::new(LifeId::new());
        let collecting = Children::collect_orphans();
        let work = async {
            for round in 0..60_u32 {
                let script = format!("(setsid true &); exit {}", round % 7);
                let mut child = children.spawn(&mut shell(&script), "call/x").expect("sh is there");
                let pid = child.id().expect("it runs");
                let mut beside = Command::new("sh");
                beside.args(["-c", "exit 9"]);
                let mut beside = beside.spawn().expect("sh is there");
                let status = child.wait().await.expect("its status is ours");
                children.ended(pid);
                assert_eq!(status.code(), Some(i32::try_from(round % 7).expect("small")));
                assert_eq!(beside.wait().await.expect("its status is ours").code(), Some(9));
            }
            until("the orphans to be collected", || {
                let table = Table::read();
                let waiting = super::left_to_us(&table, &started()).filter(|row| row.ended).count();
                (waiting == 0).then_some(())
            })
            .await;
        };
        tokio::select! {
            () = collecting => panic!("it ends with the daemon only"),
            () = work => {}
        }
    });
}

#[test]
fn what_runs_beside_the_daemon_is_neither_swept_nor_collected() {
    runtime().block_on(async {
        use std::os::unix::process::CommandExt;
        let children = Children::new(LifeId::new());
        let mut command = std::process::Command::new("sleep");
        command.arg("60").env_clear().process_group(0);
        let (mut child, beside) = super::spawn_beside(&mut command).expect("sleep is there");
        assert_eq!(children.sweep("workflow/a@1").await, Vec::<u32>::new());
        let process = Process::of(child.id()).expect("it is not collected");
        assert!(processes::alive(&process));
        processes::signal_all(&[process], Signal::SIGKILL);
        until("its end", || (!processes::alive(&process)).then_some(())).await;
        super::collect();
        assert!(child.wait().expect("its status is ours").code().is_none());
        drop(beside);
    });
}
