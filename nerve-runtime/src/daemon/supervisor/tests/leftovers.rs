//! What a child started ends with it, and what it may see is what it was given.

use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::{Children, LifeId, What, World, lives, signal};

#[tokio::test]
async fn c17_what_a_killed_child_started_is_gone_before_its_end_is_told_and_another_starts() {
    let mut world = World::new();
    world.add("a", "grandchild");
    world.start("a");
    let first = world.ready("a").await;
    let grandchild = world.births("a/grandchild")[0];
    assert!(lives(grandchild));
    signal(first, Signal::SIGKILL);
    world
        .until("another process", |world| {
            let begun = world.births("a").len() > 1 || world.told_of("a").any(|told| matches!(told.what, What::Exited(_)));
            assert!(!begun || !lives(grandchild), "it has a session of its own, and is ours all the same");
            begun.then_some(())
        })
        .await;
    world.ready("a").await;
    world.end().await;
}

#[tokio::test]
async fn c17_a_wanted_stop_leaves_nothing_either() {
    let mut world = World::new();
    world.add("a", "grandchild");
    world.start("a");
    world.ready("a").await;
    let grandchild = world.births("a/grandchild")[0];
    world.supervisor.evict(&"a").wait().await;
    assert!(!lives(grandchild));
    world.end().await;
}

#[tokio::test]
async fn c18_a_child_sees_of_the_environment_what_is_named_and_nothing_else() {
    let mut world = World::new();
    world.add_with("a", "environment", |spec| spec.env.push(("NAMED".into(), "1".into())));
    world.start("a");
    let names = world.until("its words", |world| world.said("a").first().cloned()).await;
    let given =
        ["FIXTURE", "FIXTURE_BIRTHS", "FIXTURE_KEY", "NAMED", "NERVE_CHANNEL", "NERVE_LIFE", "NERVE_OWNER", "NERVE_PROTOCOL", "PATH"];
    assert_eq!(names, given.join(" "));
    world.end().await;
}

#[tokio::test]
async fn a_child_that_closes_its_channel_and_lives_on_is_ended() {
    for fixture in ["close the channel", "deaf"] {
        let mut world = World::new();
        world.add_with("a", fixture, |spec| spec.times.crash_limit = 1);
        world.start("a");
        let ready = |world: &World| world.told_of("a").find_map(|told| if let What::Ready(pid) = told.what { Some(pid) } else { None });
        let pid = world.until("its word", ready).await;
        // One that only stopped reading is found out when it is spoken to.
        world.send("a", 1);
        let exit = world.exit("a", 0).await;
        assert!(exit.summary.starts_with("it closed its channel and lived on (signal 9)"), "{fixture}: {}", exit.summary);
        assert!(!lives(pid));
        world.end().await;
    }
}

#[tokio::test]
async fn a_child_that_speaks_another_language_is_ended_with_the_reason() {
    let refused = [
        ("talk before ready", "its first frame was not `ready`"),
        ("another protocol", "it speaks protocol 2, this nerve 1"),
        ("no frame", "a malformed frame"),
    ];
    for (fixture, why) in refused {
        let mut world = World::new();
        world.add_with("a", fixture, |spec| spec.times.crash_limit = 1);
        world.start("a");
        let exit = world.exit("a", 0).await;
        assert!(exit.summary.starts_with(why) && exit.summary.contains("signal 9"), "{fixture}: {}", exit.summary);
        assert_eq!(exit.crashes, 1);
        world.blocked("a").await;
        world.end().await;
    }
}

#[tokio::test]
async fn c11_a_child_that_writes_much_to_stderr_is_not_held_up() {
    let mut world = World::new();
    world.add("a", "much stderr");
    world.send("a", 1);
    world.echo("a", 1).await;
    assert!(world.supervisor.stderr_tail(&"a").expect("it is known").len() <= 2048);
    world.end().await;
}

#[tokio::test]
async fn c12_the_last_words_are_those_of_the_present_process() {
    let mut world = World::new();
    world.add("a", "words once");
    world.start("a");
    let first = world.ready("a").await;
    world.until("its words", |world| world.supervisor.stderr_tail(&"a")?.contains("only the first").then_some(())).await;
    signal(first, Signal::SIGKILL);
    let exit = world.exit("a", 0).await;
    assert!(exit.summary.contains("only the first says this"), "{}", exit.summary);
    let second = world.ready("a").await;
    assert_eq!(world.supervisor.stderr_tail(&"a").as_deref(), Some(""));
    signal(second, Signal::SIGKILL);
    let exit = world.exit("a", 1).await;
    assert!(!exit.summary.contains("only the first"), "{}", exit.summary);
    world.end().await;
}

#[tokio::test]
async fn a_program_that_is_not_there_counts_as_a_crash_with_its_reason() {
    let mut world = World::new();
    world.add_with("a", "echo", |spec| {
        spec.program = "/nowhere/worker".into();
        spec.times.crash_limit = 2;
        spec.times.respawn_min = Duration::ZERO;
    });
    world.send("a", 1);
    let reason = world.blocked("a").await;
    assert!(reason.contains("/nowhere/worker cannot be started"), "{reason}");
    world.end().await;
}

/// Without any help of a supervisor: the daemon is gone.
#[tokio::test]
async fn c17_a_worker_whose_channel_ends_takes_all_it_started_along_in_whatever_session() {
    let mut world = World::new();
    let spec = world.spec("a", "worker");
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a socket");
    let mut command = tokio::process::Command::new(&spec.program);
    command.args(&spec.args).env_clear().envs(spec.env).env("NERVE_CHANNEL", "0").process_group(0).kill_on_drop(true);
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
    let children = Children::new(LifeId::new());
    let mut worker = children.spawn(&mut command, "a").expect("it starts");
    drop(command);
    let pid = worker.id().expect("it runs");
    let started = world.until("what it starts", |world| Some([*world.births("below").first()?, *world.births("orphan").first()?])).await;
    assert!(started.iter().all(|pid| lives(*pid)));
    drop(ours);
    worker.wait().await.expect("it ends");
    children.ended(pid);
    assert!(!started.iter().any(|pid| lives(*pid)), "they went before it");
    world.end().await;
}
