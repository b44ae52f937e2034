//! A child that does not read, or that never stops talking, costs bounded memory and nobody but itself.

use std::fs;
use std::time::Duration;

use nerve_core::wire::{AskId, ToWorker};
use nix::sys::signal::Signal;
use tokio::time::sleep;

use super::super::channel::CHUNKS;
use super::super::load::CLOGGED;
use super::super::{Event, Frames};
use super::{What, World, ping, signal};

/// A mebibyte for a child that need not understand it.
fn mebibyte() -> Vec<ToWorker> {
    vec![ToWorker::AskFailed { ask: AskId(0), error: "x".repeat(1024 * 1024) }]
}

/// Sends as somebody does who asks before; gives how much the child was sent.
fn fill(world: &World, key: super::Key) -> usize {
    let mut sent = 0;
    while !world.supervisor.clogged(&key) {
        world.supervisor.send(&key, &mebibyte()).expect("it is known");
        sent += 1;
        assert!(sent < 100, "it says when it is enough");
    }
    sent
}

#[tokio::test]
async fn a_stopped_child_is_clogged_and_says_when_it_may_be_asked_again_while_others_go_on() {
    let mut world = World::new();
    world.add("a", "echo");
    world.add("b", "echo");
    world.start("a");
    world.start("b");
    let pid = world.ready("a").await;
    world.ready("b").await;
    signal(pid, Signal::SIGSTOP);
    assert_eq!(fill(&world, "a"), 8);
    assert!(world.supervisor.waiting(&"a") < CLOGGED + 2 * 1024 * 1024);
    assert!(!world.supervisor.try_send(&"a", &ping(1)), "a clogged child takes nothing more");
    world.send("b", 2);
    world.echo("b", 2).await;
    assert!(world.supervisor.clogged(&"a") && !world.supervisor.clogged(&"b"));
    assert!(!world.told_of("a").any(|told| matches!(told.what, What::Drained)));
    signal(pid, Signal::SIGCONT);
    world.until("its relief", |world| world.told_of("a").any(|told| matches!(told.what, What::Drained)).then_some(())).await;
    assert!(!world.supervisor.clogged(&"a"));
    assert!(world.supervisor.try_send(&"a", &ping(3)));
    assert_eq!(world.echo("a", 3).await, pid);
    world.until("all of it read", |world| (world.supervisor.waiting(&"a") == 0).then_some(())).await;
    world.end().await;
}

#[tokio::test]
async fn what_waits_for_a_child_that_is_not_ready_counts_too() {
    let mut world = World::new();
    world.add("a", "ready late");
    assert_eq!(fill(&world, "a"), 8);
    world.until("its relief", |world| world.told_of("a").any(|told| matches!(told.what, What::Drained)).then_some(())).await;
    world.send("a", 1);
    world.echo("a", 1).await;
    world.end().await;
}

#[tokio::test]
async fn the_end_of_a_clogged_child_relieves_it() {
    let mut world = World::new();
    world.add("a", "never reads");
    world.start("a");
    let pid = world.ready("a").await;
    fill(&world, "a");
    signal(pid, Signal::SIGKILL);
    world.until("its relief", |world| world.told_of("a").any(|told| matches!(told.what, What::Drained)).then_some(())).await;
    assert!(!world.supervisor.clogged(&"a"));
    world.end().await;
}

#[tokio::test]
async fn a_child_that_floods_is_not_read_while_nobody_takes_what_it_said_and_others_go_on() {
    let mut world = World::new();
    world.add("flood", "flood");
    world.add("b", "echo");
    world.start("flood");
    world.start("b");
    // Kept as they come, and not taken in: their places stay held.
    let (mut held, mut echoed, mut size) = (Vec::new(), 0, 0);
    let mut quiet = 0;
    while quiet < 40 {
        quiet += 1;
        world.send("b", 1);
        sleep(Duration::from_millis(10)).await;
        while let Ok((key, _, event)) = world.told.try_recv() {
            match (key, event) {
                ("flood", Event::Frames(frames)) => {
                    size += frames.list.len() * 1024;
                    held.push(frames);
                    quiet = 0;
                }
                ("b", Event::Frames(_)) => echoed += 1,
                _ => {}
            }
        }
    }
    assert!(!held.is_empty() && held.len() <= CHUNKS, "{} chunks are under way", held.len());
    assert!(size <= (CHUNKS + 1) * 64 * 1024, "{size} bytes");
    assert!(echoed > 20, "{echoed}: the other one was heard all the while");
    let before = held.len();
    for frames in held.drain(..) {
        let Frames { place, .. } = frames;
        drop(place);
    }
    world.until("more of it", |world| (world.said("flood").len() > before).then_some(())).await;
    world.end().await;
}

#[tokio::test]
async fn a_child_that_reads_again_gets_all_that_waited_in_order() {
    let mut world = World::new();
    world.add("a", "reads late");
    world.start("a");
    world.ready("a").await;
    fill(&world, "a");
    (0..100).for_each(|n| world.send("a", n));
    fs::write(world.folder.path().join("go"), "").expect("a file");
    world.echo("a", 99).await;
    let numbers: Vec<String> = world.said("a").iter().filter_map(|line| Some(line.split(' ').nth(1)?.to_owned())).collect();
    assert_eq!(numbers, (0..100).map(|n| n.to_string()).collect::<Vec<_>>());
    world.end().await;
}
