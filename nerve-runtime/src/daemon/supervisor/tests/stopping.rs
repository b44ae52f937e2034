//! Stops end, and nothing starts behind them.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::super::{Pace, Refused};
use super::{World, lives, ping, signal};

/// Far less than the drain time of these tests' children.
const AT_ONCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn c04_a_drain_ends_though_the_child_listens_to_nothing() {
    let mut world = World::new();
    world.add_with("a", "deaf to shutdown", |spec| {
        let ignoring = ["-c", "trap '' TERM; exec \"$0\" \"$@\""].map(Into::into);
        let program = std::mem::replace(&mut spec.program, "/bin/sh".into());
        spec.args = ignoring.into_iter().chain([program.into_os_string()]).chain(std::mem::take(&mut spec.args)).collect();
        spec.drain = Duration::from_millis(200);
    });
    world.start("a");
    let first = world.ready("a").await;
    let begun = Instant::now();
    let drained = world.supervisor.drain(&"a").expect("it is known");
    tokio::time::timeout(AT_ONCE, drained).await.expect("it does not hang").expect("it is drained");
    assert!(begun.elapsed() >= Duration::from_millis(500), "it had its drain time and its grace");
    assert!(!lives(first));
    world.hear();
    assert!(world.exits("a")[0].summary.starts_with("signal 9"), "{:?}", world.exits("a"));
    world.ready("a").await;
    world.end().await;
}

#[tokio::test]
async fn c04_one_that_hears_sigterm_is_not_killed() {
    let mut world = World::new();
    world.add_with("a", "deaf to shutdown", |spec| spec.drain = Duration::from_millis(100));
    world.start("a");
    world.ready("a").await;
    world.supervisor.evict(&"a").wait().await;
    world.hear();
    assert!(world.exits("a")[0].summary.starts_with("signal 15"), "{:?}", world.exits("a"));
    world.end().await;
}

#[tokio::test]
async fn c04_all_who_wait_for_a_stop_are_answered_though_the_child_dies_by_itself_meanwhile() {
    let mut world = World::new();
    world.add("a", "slow to stop");
    world.start("a");
    let pid = world.ready("a").await;
    let drains: Vec<_> = (0..3).map(|_| world.supervisor.drain(&"a").expect("it is known")).collect();
    signal(pid, Signal::SIGKILL);
    for drained in drains {
        tokio::time::timeout(AT_ONCE, drained).await.expect("it does not hang").expect("it is drained");
    }
    world.ready("a").await;
    assert_eq!(world.births("a").len(), 2, "three drains at once are one");
    world.end().await;
}

#[tokio::test]
async fn c07_after_a_shutdown_everything_is_refused() {
    let mut world = World::new();
    world.add("a", "slow to stop");
    world.start("a");
    let pid = world.ready("a").await;
    let gone = world.supervisor.shutdown(Pace::Drain);
    let spec = world.spec("a", "echo");
    assert_eq!(world.supervisor.add(&"a", spec.clone()), Err(Refused::ShutDown), "while it goes on");
    assert_eq!(world.supervisor.send(&"a", &ping(1)), Err(Refused::ShutDown));
    gone.wait().await;
    assert_eq!(world.supervisor.add(&"b", spec), Err(Refused::ShutDown), "and afterwards");
    assert_eq!(world.supervisor.start(&"a"), Err(Refused::ShutDown));
    assert_eq!(world.supervisor.send(&"a", &ping(2)), Err(Refused::ShutDown));
    assert!(!world.supervisor.try_send(&"a", &ping(3)));
    assert_eq!(world.supervisor.drain(&"a").err(), Some(Refused::ShutDown));
    assert_eq!(world.births("a"), [pid]);
    world.end().await;
}

#[tokio::test]
async fn c07_a_shutdown_waits_for_those_that_were_evicted_before_and_starts_none_that_waits_for_them() {
    let mut world = World::new();
    world.add("a", "slow to stop");
    world.start("a");
    let pid = world.ready("a").await;
    drop(world.supervisor.evict(&"a"));
    world.add("a", "echo");
    world.send("a", 1);
    world.supervisor.shutdown(Pace::Drain).wait().await;
    assert!(!lives(pid));
    assert_eq!(world.births("a"), [pid], "the second one never was");
    world.end().await;
}

#[tokio::test]
async fn c07_a_shutdown_without_time_waits_for_nobody() {
    let mut world = World::new();
    world.add("a", "deaf to shutdown");
    world.add("b", "deaf to shutdown");
    world.start("a");
    world.start("b");
    world.ready("a").await;
    world.ready("b").await;
    drop(world.supervisor.evict(&"a"));
    let gone = world.supervisor.shutdown(Pace::Now).wait();
    tokio::time::timeout(AT_ONCE, gone).await.expect("those on their way out are hurried too");
    world.end().await;
}

#[tokio::test]
async fn c08_a_crash_while_it_is_evicted_is_followed_by_no_process() {
    for fixture in ["crash when told to stop", "crash at once", "never ready"] {
        let mut world = World::new();
        world.add_with("a", fixture, |spec| spec.drain = Duration::from_millis(100));
        world.start("a");
        world.until("a process", |world| world.births("a").first().copied()).await;
        world.supervisor.evict(&"a").wait().await;
        let births = world.births("a");
        world.supervisor.shutdown(Pace::Drain).wait().await;
        assert_eq!(world.births("a"), births, "{fixture}");
        assert_eq!(world.living("a"), [0; 0], "{fixture}");
        world.end().await;
    }
}

#[tokio::test]
async fn c15_a_shutdown_in_the_delay_before_a_respawn_starts_nothing() {
    let mut world = World::new();
    world.add_with("a", "crash at once", |spec| {
        spec.times.respawn_min = Duration::from_secs(30);
        spec.times.respawn_max = Duration::from_secs(30);
    });
    world.start("a");
    // The first respawn comes at once, the second after the delay.
    world.exit("a", 1).await;
    let births = world.births("a");
    let gone = world.supervisor.shutdown(Pace::Drain).wait();
    tokio::time::timeout(AT_ONCE, gone).await.expect("nobody waits for a delay");
    assert_eq!(world.births("a"), births);
    assert_eq!(births.len(), 2);
    world.end().await;
}

#[tokio::test]
async fn c16_a_process_that_missed_a_deadline_is_killed_though_it_is_busy_and_counts_as_a_crash() {
    let mut world = World::new();
    world.add("a", "never reads");
    world.start("a");
    let first = world.ready("a").await;
    world.send("a", 1);
    world.supervisor.kill(&"a", 0, "no decision within 5s".to_owned()).expect("it is known");
    let exit = world.exit("a", 0).await;
    assert_eq!((exit.expected, exit.crashes, exit.session), (false, 1, 1));
    assert!(exit.summary.starts_with("no decision within 5s (signal 9)"), "{}", exit.summary);
    assert_ne!(world.ready("a").await, first);
    world.end().await;
}

#[tokio::test]
async fn c16_a_process_that_does_not_let_go_gets_a_signal_it_may_hear_then_one_it_cannot() {
    for (fixture, ignores, end) in [("never reads", false, "signal 15"), ("never reads", true, "signal 9")] {
        let mut world = World::new();
        world.add_with("a", fixture, |spec| {
            if ignores {
                let ignoring = ["-c", "trap '' TERM; exec \"$0\" \"$@\""].map(Into::into);
                let program = std::mem::replace(&mut spec.program, "/bin/sh".into());
                spec.args = ignoring.into_iter().chain([program.into_os_string()]).chain(std::mem::take(&mut spec.args)).collect();
            }
        });
        world.start("a");
        let pid = world.ready("a").await;
        // Stopped, it hears of nothing either.
        signal(pid, Signal::SIGSTOP);
        let why = "a cancelled call did not stop".to_owned();
        world.supervisor.terminate(&"a", 0, why, Duration::from_millis(300)).expect("it is known");
        let exit = world.exit("a", 0).await;
        assert!(exit.summary.starts_with(&format!("a cancelled call did not stop ({end})")), "{}", exit.summary);
        assert_eq!((exit.expected, exit.crashes), (false, 1));
        world.end().await;
    }
}
