//! Crashes are counted, seen and forgiven.

use std::time::Duration;

use super::{What, World};

#[tokio::test]
async fn c09_at_the_limit_no_message_starts_anything_and_it_is_told_once() {
    let mut world = World::new();
    world.add_with("a", "crash at once", |spec| spec.times.crash_limit = 3);
    world.start("a");
    world.blocked("a").await;
    for n in 0..20 {
        world.send("a", n);
        world.start("a");
    }
    // Its task has taken all of that in when it has taken this in.
    world.supervisor.drain(&"a").expect("it is known").await.expect("answered");
    world.hear();
    assert_eq!(world.births("a").len(), 3);
    assert_eq!(world.told_of("a").filter(|told| matches!(told.what, What::Blocked(_))).count(), 1);
    assert_eq!(world.supervisor.waiting(&"a"), 0, "what is sent to a blocked child is not kept");
    world.end().await;
}

#[tokio::test]
async fn c10_an_exit_with_0_that_nobody_asked_for_is_a_crash_with_the_limit_and_leaves_nothing_in_flight() {
    let mut world = World::new();
    world.add_with("a", "exit well", |spec| spec.times.crash_limit = 3);
    world.start("a");
    world.blocked("a").await;
    let exits = world.exits("a");
    assert_eq!(exits.iter().map(|exit| exit.crashes).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(exits.iter().all(|exit| !exit.expected && exit.summary.starts_with("exit code 0")), "{exits:?}");
    let sessions: Vec<_> = exits.iter().map(|exit| exit.session).collect();
    assert_eq!(sessions, [1, 2, 3], "each end closes its session, so that whoever asked knows that it is lost");
    world.end().await;
}

#[tokio::test]
async fn a_reset_lets_a_blocked_child_run_again_with_a_clean_record() {
    let mut world = World::new();
    world.add_with("a", "crash three times", |spec| spec.times.crash_limit = 3);
    world.start("a");
    world.blocked("a").await;
    world.supervisor.reset(&"a").expect("it is known");
    world.send("a", 1);
    world.echo("a", 1).await;
    assert_eq!(world.births("a").len(), 4);
    super::signal(world.ready("a").await, nix::sys::signal::Signal::SIGKILL);
    assert_eq!(world.exit("a", 3).await.crashes, 1);
    world.end().await;
}

#[tokio::test]
async fn a_reset_ends_the_wait_before_a_respawn() {
    let mut world = World::new();
    world.add_with("a", "crash three times", |spec| {
        spec.times.respawn_min = Duration::from_secs(60);
        spec.times.respawn_max = Duration::from_secs(60);
    });
    world.start("a");
    world.exit("a", 1).await;
    world.supervisor.reset(&"a").expect("it is known");
    world.exit("a", 2).await;
    world.ready("a").await;
    world.end().await;
}

#[tokio::test]
async fn crashes_are_forgotten_after_a_healthy_time_and_not_merely_by_being_ready() {
    for (healthy, counted) in [(Duration::from_millis(100), 1), (Duration::from_secs(60), 2)] {
        let mut world = World::new();
        world.add_with("a", "crash once", |spec| spec.healthy = healthy);
        world.start("a");
        assert_eq!(world.exit("a", 0).await.crashes, 1);
        let pid = world.ready("a").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        super::signal(pid, nix::sys::signal::Signal::SIGKILL);
        assert_eq!(world.exit("a", 1).await.crashes, counted, "{healthy:?}");
        world.end().await;
    }
}
