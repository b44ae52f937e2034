//! The criteria of the original's worker runtime.

use super::super::Pace;
use super::{World, ping};

#[tokio::test]
async fn a_started_child_is_ready_and_answers_what_it_is_sent() {
    let mut world = World::new();
    world.add("a", "echo");
    assert!(!world.supervisor.has(&"a"));
    world.start("a");
    let pid = world.ready("a").await;
    assert!(world.supervisor.has(&"a"));
    world.send("a", 7);
    assert_eq!(world.echo("a", 7).await, pid);
    world.end().await;
}

#[tokio::test]
async fn a_message_to_a_stopped_child_starts_it() {
    let mut world = World::new();
    world.add("a", "echo");
    world.send("a", 1);
    assert!(!world.supervisor.has(&"a"));
    let pid = world.echo("a", 1).await;
    assert_eq!(world.births("a"), [pid]);
    world.end().await;
}

#[tokio::test]
async fn an_evicted_child_is_forgotten_at_once_and_its_end_can_be_awaited() {
    let mut world = World::new();
    world.add("a", "slow to stop");
    world.start("a");
    let pid = world.ready("a").await;
    let gone = world.supervisor.evict(&"a");
    assert!(!world.supervisor.has(&"a"), "at once");
    assert!(super::lives(pid), "it takes its time");
    gone.wait().await;
    assert!(!super::lives(pid));
    assert!(!world.supervisor.has(&"a"));
    assert!(world.exit("a", 0).await.expected);
    world.end().await;
}

#[tokio::test]
async fn a_drained_child_comes_back_as_another_process() {
    let mut world = World::new();
    world.add("a", "echo");
    world.start("a");
    let before = world.ready("a").await;
    world.supervisor.drain(&"a").expect("it is known").await.expect("it is drained");
    assert!(!super::lives(before));
    let after = world.ready("a").await;
    assert_ne!(before, after);
    assert_eq!(world.births("a"), [before, after]);
    world.end().await;
}

#[tokio::test]
async fn a_child_that_died_is_replaced_and_serves_again() {
    let mut world = World::new();
    world.add("a", "crash once");
    world.start("a");
    let exit = world.exit("a", 0).await;
    assert_eq!((exit.expected, exit.was_ready, exit.session, exit.crashes), (false, true, 1, 1));
    assert!(exit.summary.starts_with("exit code 1"), "{}", exit.summary);
    let pid = world.ready("a").await;
    world.send("a", 3);
    assert_eq!(world.echo("a", 3).await, pid);
    world.end().await;
}

#[tokio::test]
async fn at_the_crash_limit_nothing_is_started_any_more() {
    let mut world = World::new();
    world.add_with("a", "crash", |spec| spec.times.crash_limit = 2);
    world.start("a");
    let reason = world.blocked("a").await;
    assert!(reason.starts_with("crashed 2 times; the last time: exit code 1"), "{reason}");
    assert_eq!(world.births("a").len(), 2);
    assert!(!world.supervisor.has(&"a"));
    world.end().await;
}

#[tokio::test]
async fn a_shutdown_stops_all_and_knows_none_afterwards() {
    let mut world = World::new();
    world.add("a", "echo");
    world.add("b", "echo");
    world.start("a");
    world.start("b");
    world.ready("a").await;
    world.ready("b").await;
    let mut keys: Vec<_> = world.supervisor.keys().copied().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["a", "b"]);
    world.supervisor.shutdown(Pace::Drain).wait().await;
    assert_eq!(world.supervisor.keys().count(), 0);
    assert!(!world.supervisor.has(&"a") && !world.supervisor.has(&"b"));
    world.hear();
    assert!(world.exits("a")[0].expected && world.exits("b")[0].expected);
    world.end().await;
}

#[tokio::test]
async fn the_last_words_of_a_child_can_be_read_and_stand_in_its_exit() {
    let mut world = World::new();
    world.add_with("a", "last words", |spec| spec.times.crash_limit = 1);
    world.start("a");
    let exit = world.exit("a", 0).await;
    let words = format!("the last words of {}", exit.pid);
    let tail = world.supervisor.stderr_tail(&"a").expect("it is known");
    assert!(tail.contains(&words), "{tail}");
    assert!(exit.summary.starts_with("exit code 3\n") && exit.summary.contains(&words), "{}", exit.summary);
    world.end().await;
}

#[tokio::test]
async fn a_message_that_only_a_ready_child_may_get_starts_and_keeps_nothing() {
    let mut world = World::new();
    world.add("a", "echo");
    assert!(!world.supervisor.try_send(&"unknown", &ping(0)));
    assert!(!world.supervisor.try_send(&"a", &ping(1)), "it is stopped");
    world.start("a");
    assert!(!world.supervisor.try_send(&"a", &ping(2)), "it is starting");
    world.ready("a").await;
    assert!(world.supervisor.try_send(&"a", &ping(3)));
    world.echo("a", 3).await;
    assert_eq!(world.said("a").len(), 1, "{:?}", world.said("a"));
    assert_eq!(world.births("a").len(), 1);
    world.end().await;
}

#[tokio::test]
async fn another_spec_holds_from_the_next_process_on() {
    let mut world = World::new();
    world.add("a", "never reads");
    world.start("a");
    let first = world.ready("a").await;
    let spec = world.spec("a", "echo");
    world.supervisor.replace(&"a", spec).expect("it is known");
    world.supervisor.kill(&"a", 0, "the first one is of no use".to_owned()).expect("it is known");
    world.exit("a", 0).await;
    world.send("a", 1);
    assert_ne!(world.echo("a", 1).await, first);
    world.end().await;
}

#[tokio::test]
async fn a_child_is_told_how_long_it_may_drain_but_never_longer_than_is_waited_for_it() {
    for (drain_ms, worker_ms, told) in [(30_000, 10_000, "drain 10000"), (5_000, 10_000, "drain 5000")] {
        let mut world = World::new();
        world.add_with("a", "drain time", |spec| {
            spec.drain = std::time::Duration::from_millis(drain_ms);
            spec.times.worker_drain = std::time::Duration::from_millis(worker_ms);
        });
        world.start("a");
        world.until("its words", |world| world.said("a").iter().any(|line| line == told).then_some(())).await;
        world.end().await;
    }
}
