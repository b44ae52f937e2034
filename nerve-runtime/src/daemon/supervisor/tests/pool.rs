//! The criteria of the original's pool of sense workers.

use super::{What, World};

#[tokio::test]
async fn started_groups_are_counted() {
    let mut world = World::new();
    world.add("g1", "echo");
    world.add("g2", "echo");
    world.start("g1");
    world.ready("g1").await;
    assert_eq!(world.supervisor.keys().count(), 1, "one that is only known does not count");
    world.start("g2");
    world.ready("g2").await;
    assert_eq!(world.supervisor.keys().count(), 2);
    world.end().await;
}

#[tokio::test]
async fn an_evicted_group_is_gone_at_once_and_is_told_to_shut_down() {
    let mut world = World::new();
    world.add("g", "echo");
    world.start("g");
    world.ready("g").await;
    let gone = world.supervisor.evict(&"g");
    assert!(!world.supervisor.has(&"g") && world.supervisor.keys().count() == 0);
    gone.wait().await;
    world.hear();
    assert_eq!(world.said("g"), ["shutdown"]);
    world.end().await;
}

#[tokio::test]
async fn a_restart_is_a_shutdown_then_the_end_then_a_new_process() {
    let mut world = World::new();
    world.add("g", "echo");
    world.start("g");
    let first = world.ready("g").await;
    world.supervisor.drain(&"g").expect("it is known").await.expect("it is drained");
    let second = world.ready("g").await;
    let order: Vec<String> = world
        .told_of("g")
        .map(|told| match &told.what {
            What::Ready(pid) => format!("ready {pid}"),
            What::Said(line) => line.clone(),
            What::Exited(exit) => format!("exit {} {}", exit.pid, exit.expected),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(order, [format!("ready {first}"), "shutdown".to_owned(), format!("exit {first} true"), format!("ready {second}")]);
    world.end().await;
}

#[tokio::test]
async fn a_restart_of_a_group_that_is_not_known_does_nothing() {
    let mut world = World::new();
    world.add("g", "echo");
    world.start("g");
    let pid = world.ready("g").await;
    assert!(world.supervisor.drain(&"other").is_err());
    assert_eq!(world.supervisor.pid(&"g"), Some(pid));
    world.end().await;
}

#[tokio::test]
async fn a_group_that_crashed_is_told_of_and_comes_back() {
    let mut world = World::new();
    world.add("g", "crash once");
    world.start("g");
    assert!(!world.exit("g", 0).await.expected);
    world.ready("g").await;
    assert_eq!(world.births("g").len(), 2);
    world.end().await;
}
