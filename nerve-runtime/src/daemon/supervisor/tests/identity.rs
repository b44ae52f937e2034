//! A child is itself and no other: what happens to one never touches the next of its key.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::super::{Pace, Refused};
use super::{What, World, ping, signal};

#[tokio::test]
async fn c01_a_send_behind_an_evict_never_runs_in_a_child_that_nobody_sees() {
    let mut world = World::new();
    world.add("a", "slow to stop");
    world.start("a");
    world.ready("a").await;
    let gone = world.supervisor.evict(&"a");
    assert_eq!(world.supervisor.send(&"a", &ping(1)), Err(Refused::Unknown), "nobody is there who could get it");
    world.add("a", "echo");
    world.send("a", 2);
    gone.wait().await;
    let pid = world.echo("a", 2).await;
    assert_eq!(world.supervisor.pid(&"a"), Some(pid), "it runs in the child that is seen");
    assert_eq!(world.births("a").len(), 2);
    world.supervisor.shutdown(Pace::Drain).wait().await;
    assert_eq!(world.living("a"), [0; 0]);
    world.end().await;
}

#[tokio::test]
async fn c01_what_was_sent_right_before_an_evict_starts_nothing_after_it() {
    let mut world = World::new();
    world.add("a", "echo");
    world.send("a", 1);
    world.supervisor.evict(&"a").wait().await;
    assert_eq!(world.births("a"), [0; 0]);
    world.end().await;
}

#[tokio::test]
async fn c02_a_key_that_is_evicted_and_started_again_never_has_two_processes() {
    let mut world = World::new();
    world.add("a", "slow to stop");
    world.start("a");
    let first = world.ready("a").await;
    for n in 0..3 {
        drop(world.supervisor.evict(&"a"));
        world.add("a", "slow to stop");
        world.start("a");
        world.send("a", n);
    }
    let watched = world.until("the last of them", |world| {
        assert!(world.living("a").len() <= 1, "two processes for one key");
        world.said("a").iter().any(|line| line.starts_with("echo 2")).then(|| world.supervisor.pid(&"a"))
    });
    let last = watched.await;
    assert_eq!(world.births("a"), [first, last.expect("it is ready")], "those in between were never wanted");
    world.end().await;
}

#[tokio::test]
async fn c03_the_end_of_an_old_child_is_told_of_that_child_and_leaves_the_new_one_alone() {
    let mut world = World::new();
    let old = world.add("a", "slow to stop");
    world.start("a");
    let first = world.ready("a").await;
    drop(world.supervisor.evict(&"a"));
    let new = world.add("a", "echo");
    assert!(new > old);
    world.start("a");
    let second = world.ready("a").await;
    let exits: Vec<_> = world
        .told_of("a")
        .filter_map(|told| match &told.what {
            What::Exited(exit) => Some((told.generation, exit.pid)),
            _ => None,
        })
        .collect();
    assert_eq!(exits, [(old, first)]);
    world.send("a", 1);
    assert_eq!(world.echo("a", 1).await, second);
    assert_eq!(world.births("a"), [first, second], "nobody took the end of the first for one of the second");
    world.end().await;
}

#[tokio::test]
async fn c03_a_deadline_that_a_dead_process_missed_does_not_kill_its_successor() {
    let mut world = World::new();
    world.add("a", "crash once");
    world.start("a");
    world.exit("a", 0).await;
    let second = world.ready("a").await;
    world.supervisor.kill(&"a", 0, "the first one was too slow".to_owned()).expect("it is known");
    world.supervisor.terminate(&"a", 0, "and did not let go".to_owned(), Duration::ZERO).expect("it is known");
    world.send("a", 1);
    assert_eq!(world.echo("a", 1).await, second);
    world.end().await;
}

#[tokio::test]
async fn c03_a_question_to_a_dead_process_is_not_put_to_its_successor() {
    let mut world = World::new();
    world.add("a", "crash once");
    world.start("a");
    world.exit("a", 0).await;
    world.supervisor.post_within(&"a", 0, &ping(1)).expect("it is known");
    world.supervisor.post_within(&"a", 1, &ping(2)).expect("it is known");
    world.supervisor.deliver();
    world.echo("a", 2).await;
    assert_eq!(world.said("a").len(), 1, "{:?}", world.said("a"));
    world.end().await;
}

#[tokio::test]
async fn c05_a_child_that_is_not_ready_in_time_is_killed_before_another_is_started() {
    let mut world = World::new();
    world.add_with("a", "never ready", |spec| {
        spec.times.ready = Duration::from_millis(300);
        spec.times.crash_limit = 3;
    });
    world.send("a", 1);
    world
        .until("the crash limit", |world| {
            assert!(world.living("a").len() <= 1, "two processes for one key");
            world.told_of("a").any(|told| matches!(told.what, What::Blocked(_))).then_some(())
        })
        .await;
    let exits = world.exits("a");
    assert_eq!(exits.len(), 3);
    assert!(exits.iter().all(|exit| !exit.was_ready && exit.summary.starts_with("not ready within 300ms")), "{exits:?}");
    assert_eq!(world.living("a"), [0; 0]);
    world.end().await;
}

#[tokio::test]
async fn c05_the_time_to_be_ready_has_nothing_to_do_with_the_time_to_stop() {
    let mut world = World::new();
    world.add_with("a", "ready late", |spec| spec.drain = Duration::from_millis(50));
    world.send("a", 1);
    let pid = world.echo("a", 1).await;
    assert_eq!(world.births("a"), [pid], "one that is slow to load is let load");
    world.end().await;
}

#[tokio::test]
async fn c13_what_caused_the_cold_start_is_heard_first() {
    let mut world = World::new();
    world.add("a", "ready late");
    (1..=3).for_each(|n| world.send("a", n));
    world.ready("a").await;
    // As the one who hears that it is ready would.
    assert!(world.supervisor.try_send(&"a", &ping(4)));
    world.send("a", 5);
    world.echo("a", 5).await;
    let pid = world.supervisor.pid(&"a").expect("it is ready");
    let wanted: Vec<String> = (1..=5).map(|n| format!("echo {n} from {pid}")).collect();
    assert_eq!(world.said("a"), wanted);
    world.end().await;
}

#[tokio::test]
async fn what_a_process_wrote_before_it_was_killed_is_told_before_its_end() {
    let mut world = World::new();
    world.add("a", "echo");
    world.start("a");
    let pid = world.ready("a").await;
    (0..500).for_each(|n| world.send("a", n));
    world.echo("a", 499).await;
    signal(pid, Signal::SIGKILL);
    world.exit("a", 0).await;
    let exit = world.seen.iter().position(|told| matches!(told.what, What::Exited(_))).expect("it was told");
    let said = world.seen[..exit].iter().filter(|told| matches!(told.what, What::Said(_))).count();
    assert_eq!(said, 500);
    world.end().await;
}
