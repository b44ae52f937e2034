//! Neither a broken channel nor a broken listener ends the daemon.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::Signal;

use super::super::Event;
use super::{World, ping, signal};

#[tokio::test]
async fn c06_sends_to_a_child_that_was_just_killed_harm_nobody_and_its_end_is_told() {
    let mut world = World::new();
    world.add("a", "echo");
    world.add("b", "echo");
    world.start("a");
    world.start("b");
    let pid = world.ready("a").await;
    world.ready("b").await;
    signal(pid, Signal::SIGKILL);
    for n in 0..1000 {
        world.supervisor.try_send(&"a", &ping(n));
        world.supervisor.post_within(&"a", 0, &ping(n)).expect("it is known");
        world.supervisor.deliver();
    }
    let exit = world.exit("a", 0).await;
    assert_eq!((exit.pid, exit.session), (pid, 1), "whoever sent within session 0 learns that it is over");
    world.send("b", 1);
    world.echo("b", 1).await;
    world.ready("a").await;
    world.send("a", 5000);
    world.echo("a", 5000).await;
    assert_eq!(world.said("a").len(), 1, "nothing of it reached the next process");
    assert_eq!(world.supervisor.waiting(&"a"), 0);
    world.end().await;
}

#[tokio::test]
async fn c06_a_message_for_a_ready_child_alone_is_refused_once_its_end_is_known() {
    let mut world = World::new();
    world.add_with("a", "echo", |spec| spec.times.crash_limit = 1);
    world.start("a");
    let pid = world.ready("a").await;
    signal(pid, Signal::SIGKILL);
    world.blocked("a").await;
    assert!(!world.supervisor.try_send(&"a", &ping(1)));
    world.end().await;
}

#[tokio::test]
async fn c14_a_listener_that_panics_costs_no_child_its_owner() {
    let once = AtomicBool::new(true);
    let mut world = World::listening(move |event| {
        let hit = matches!(event, Event::Frames(_)) && once.swap(false, Ordering::Relaxed);
        assert!(!hit, "the listener breaks");
    });
    world.add("a", "echo");
    world.start("a");
    let pid = world.ready("a").await;
    world.send("a", 1);
    // The first words are lost with the listener's panic.
    world.send("a", 2);
    world
        .until("a word after the panic", |world| {
            world.send("a", 3);
            (!world.said("a").is_empty()).then_some(())
        })
        .await;
    assert_eq!(world.births("a"), [pid], "the child goes on");
    world.end().await;
}
