use std::fs;
use std::os::unix::fs::PermissionsExt;

use nerve_core::thread::AskNo;
use nerve_core::{RawJson, ThreadId, Timestamp, Usage};

use super::{Begun, CallName, Ending, Evidence, Spool, SpooledReply, What};
use crate::daemon::{Layout, LifeId};
use crate::processes::Process;

fn begun(what: What) -> Begun {
    Begun {
        thread: ThreadId::new(Timestamp::from_millis(1), [7; 10]),
        step: 3,
        attempt: 2,
        what,
        adapter: "fixer".to_owned(),
        called: None,
        form: Some(RawJson::parse(r#"{"tagged_block":{"tag":"meta-x"}}"#).expect("JSON")),
        begun_at: Timestamp::from_millis(5),
        life: LifeId::given("life"),
        boot: "boot".to_owned(),
    }
}

fn workspace() -> (tempfile::TempDir, Layout) {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = Layout::new(folder.path());
    (folder, layout)
}

#[test]
fn a_name_reads_back_and_says_which_call() {
    let (step, ask) = (begun(What::Step { rung: 1 }), begun(What::Ask { ask: AskNo(4) }));
    assert!(step.name().to_string().ends_with("-3-2-1"), "{}", step.name());
    assert!(ask.name().to_string().ends_with("-3-ask4"), "{}", ask.name());
    for name in [step.name(), ask.name()] {
        assert_eq!(name.to_string().parse::<CallName>(), Ok(name));
    }
    for bad in ["", "th_x-1-2-3", "a-b", "th_00000000000000000000000000-1-2", "th_00000000000000000000000000-1-2-3-4"] {
        assert_eq!(bad.parse::<CallName>().expect_err("no call").to_string(), format!("`{bad}` names no call"));
    }
}

#[test]
fn what_was_begun_is_found_again_with_what_came() {
    let (_folder, layout) = workspace();
    assert!(Spool::all(&layout).expect("no folder is no failure").is_empty());
    let spool = Spool::begin(&layout, begun(What::Step { rung: 0 })).expect("a folder");
    assert!(matches!(spool.evidence(), Evidence::None));
    assert_eq!(fs::metadata(spool.folder()).expect("a folder").permissions().mode() & 0o777, 0o700);

    spool.agent_runs(Process { pid: 9, start: 8 }, Process { pid: 7, start: 6 }).expect("a record");
    assert!(matches!(spool.evidence(), Evidence::Started));
    let agent = spool.agent().expect("an agent was started");
    assert_eq!(agent.processes(&agent.boot), [Process { pid: 9, start: 8 }, Process { pid: 7, start: 6 }]);
    assert_eq!(agent.processes("another boot"), []);

    spool.agent_ended(Ending::Code(0), false, false, Timestamp::from_millis(9)).expect("a record");
    let exit = fs::read_to_string(spool.folder().join("exit.json")).expect("a file");
    assert_eq!(exit, r#"{"code":0,"stopped":false,"truncated":false,"ended_at":9}"#);

    let all = Spool::all(&layout).expect("a list");
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].begun(), &begun(What::Step { rung: 0 }));
    assert!(matches!(all[0].evidence(), Evidence::Ended));
    assert_eq!(all[0].exit().map(|exit| exit.ending), Some(Ending::Code(0)));
    assert!(Spool::of(&layout, &all[0].name()).is_some());
    all[0].remove().expect("removed");
    assert!(Spool::all(&layout).expect("a list").is_empty());
}

#[test]
fn a_reply_reads_back() {
    let (_folder, layout) = workspace();
    let spool = Spool::begin(&layout, begun(What::Ask { ask: AskNo(0) })).expect("a folder");
    let reply = SpooledReply {
        adapter: "fixer".to_owned(),
        content: "done".to_owned(),
        usage: Usage::ONE_CALL,
        form: None,
        evidence: nerve_core::Evidence::default(),
        meta: None,
    };
    spool.reply(&reply).expect("a record");
    assert!(matches!(spool.evidence(), Evidence::Reply(found) if *found == reply));
}

#[test]
fn an_older_folder_of_the_same_call_is_replaced() {
    let (_folder, layout) = workspace();
    let old = Spool::begin(&layout, begun(What::Step { rung: 0 })).expect("a folder");
    old.agent_ended(Ending::Signal(9), true, false, Timestamp::from_millis(9)).expect("a record");
    let new = Spool::begin(&layout, begun(What::Step { rung: 0 })).expect("a folder");
    assert!(matches!(new.evidence(), Evidence::None), "what an earlier attempt left is no evidence for this one");
}

#[test]
fn what_is_half_written_proves_nothing() {
    let (_folder, layout) = workspace();
    let spool = Spool::begin(&layout, begun(What::Step { rung: 0 })).expect("a folder");
    fs::write(spool.folder().join("exit.json"), r#"{"code":0,"stop"#).expect("a file");
    fs::write(spool.folder().join(".new-reply.json"), "{").expect("a file");
    assert!(matches!(spool.evidence(), Evidence::None));

    let calls = layout.calls();
    fs::create_dir(calls.join(".new-th_x")).expect("a folder");
    fs::create_dir(calls.join("th_y-1-1-0")).expect("a folder");
    fs::write(calls.join("stray"), "").expect("a file");
    assert_eq!(Spool::all(&layout).expect("a list").len(), 1);
    assert_eq!(fs::read_dir(calls).expect("a folder").count(), 1, "what names no call is cleared away");
}

#[test]
fn a_tail_begins_with_a_whole_character() {
    let (_folder, layout) = workspace();
    let spool = Spool::begin(&layout, begun(What::Step { rung: 0 })).expect("a folder");
    assert_eq!(spool.stderr_tail(10).expect("nothing yet"), "");
    fs::write(spool.stderr_file(), "äöü€").expect("a file");
    assert_eq!(spool.stderr_tail(4).expect("a text"), "€");
    assert_eq!(spool.stderr_tail(5).expect("a text"), "ü€");
    assert_eq!(spool.stderr_tail(100).expect("a text"), "äöü€");
    fs::write(spool.stdout_file(), b"a\xffb").expect("a file");
    assert_eq!(spool.read_stdout().expect("a text"), "a\u{fffd}b");
}
