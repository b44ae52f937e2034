use std::fs;

use nerve_adapters::host::{Conversation, Form};
use nerve_core::config::{Config, parse};
use nerve_core::thread::{AskNo, Launch, Origin};
use nerve_core::wire::{HostedWork, Work};
use nerve_core::{AdapterSource, Effects, Extractor, RawJson, ThreadId, Timestamp, Usage};
use tokio::sync::mpsc;

use super::line::{Caller, remove};
use super::{Children, Host, KeeperProgram, Message, Place};
use crate::daemon::{Layout, LifeId};
use crate::spool::{Begun, Ending, Spool, SpooledReply, What};

const CONFIG: &str = "adapters:
  agent: { kind: cli, command: [sh], workdir: desk }
  quiet: { kind: scripted, replies: replies.yaml }
  counted: { kind: scripted, replies: replies.yaml, calls: calls.jsonl }
workflows:
  w: { workdir: of-workflow, roles: { special: { workdir: ~/of-role } } }
  plain:
";

struct Here {
    folder: tempfile::TempDir,
    host: Host,
    config: Config,
    _inbox: mpsc::UnboundedReceiver<Message>,
}

fn thread() -> ThreadId {
    ThreadId::new(Timestamp::from_millis(1), [7; 10])
}

fn here(runtime: &tokio::runtime::Runtime) -> Here {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("replies.yaml"), "r: [yes]\n").expect("a file");
    let (tell, inbox) = mpsc::unbounded_channel();
    let keeper = KeeperProgram::own().expect("a program");
    let host = Host::new(runtime.handle().clone(), Layout::new(folder.path()), Children::new(LifeId::new()), keeper, tell);
    let config = parse(CONFIG, "nerve.yaml").config.expect("a sound file");
    Here { folder, host, config, _inbox: inbox }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn launch(workflow: &str, workdir: Option<&str>) -> Launch {
    Launch {
        thread: thread(),
        workflow: workflow.to_owned(),
        prompt: "p".to_owned(),
        max_rounds: 1,
        dry_run: false,
        origin: Origin::Cli,
        workdir: workdir.map(str::to_owned),
        key: None,
        accepted_at: Timestamp::from_millis(1),
    }
}

fn asks(adapter: &str) -> Work {
    Work::Hosted(HostedWork {
        adapter: AdapterSource::Named(adapter.to_owned()),
        prompt: "p".to_owned(),
        schema: RawJson::default(),
        extractor: Extractor("default".to_owned()),
        example: None,
    })
}

#[test]
fn only_a_lost_command_is_not_repeated_unasked() {
    let runtime = runtime();
    let place = here(&runtime);
    for (work, effects) in
        [(asks("agent"), Effects::AskBeforeRepeat), (asks("quiet"), Effects::Repeatable), (Work::Written, Effects::Repeatable)]
    {
        assert_eq!(place.host.settle(&place.config, &launch("plain", None), "r", &work).default_effects, effects, "{work:?}");
    }
}

#[test]
fn the_folder_is_settled_with_the_role() {
    let runtime = runtime();
    let place = here(&runtime);
    let root = place.folder.path();
    let home = std::env::var("HOME").unwrap_or_default();
    let own = root.join(".nerve/work").join(thread().to_string()).display().to_string();
    let settled = |workflow: &str, role: &str, workdir: Option<&str>, work: Work| {
        place.host.settle(&place.config, &launch(workflow, workdir), role, &work).workdir
    };
    let below = |name: &str| Some(root.join(name).display().to_string());
    assert_eq!(settled("w", "special", Some("/elsewhere/"), asks("agent")).as_deref(), Some("/elsewhere"));
    assert_eq!(settled("w", "special", None, asks("agent")), Some(format!("{home}/of-role")));
    assert_eq!(settled("w", "r", None, asks("agent")), below("of-workflow"));
    assert_eq!(settled("plain", "r", None, asks("agent")), below("desk"));
    assert_eq!(settled("plain", "r", None, asks("quiet")), None, "a script works nowhere");
    let mut config = place.config.clone();
    if let Some(nerve_core::config::Adapter::Cli(cli)) = config.adapters.get_mut("agent") {
        cli.common.workdir = None;
    }
    assert_eq!(place.host.settle(&config, &launch("plain", None), "r", &asks("agent")).workdir, Some(own));
}

fn conversation(form: Form) -> Conversation {
    Conversation { start: String::new(), steps: Vec::new(), prompt: "p".to_owned(), schema: None, form, reasks: Vec::new() }
}

fn caller(what: What) -> Caller {
    Caller { thread: thread(), step: 1, attempt: 1, what, role: "r".to_owned(), turn: 0, timeout: None, session: None }
}

#[test]
fn what_somebody_pays_for_is_kept_and_found_and_a_plain_script_leaves_nothing() {
    let runtime = runtime();
    let place = here(&runtime);
    let calls = place.folder.path().join(".nerve/run/calls");
    runtime.block_on(async {
        let caller = caller(What::Step { rung: 0 });
        let call = async |adapter: &str| {
            let at = Place { thread: thread(), workflow: "plain", role: "r", workdir: None };
            let resolved = place.host.resolve(&place.config, at, &AdapterSource::Named(adapter.to_owned())).expect("it is configured");
            let line = place.host.line(resolved).expect("it answers");
            line.call(&caller, &conversation(Form::Plain)).await
        };
        let answer = call("quiet").await.expect("a reply");
        answer.keep(None);
        assert!(!calls.exists());

        let answer = call("counted").await.expect("a reply");
        let found = |place: &Here| place.host.found();
        assert_eq!(found(&place).len(), 1);
        assert!(found(&place)[0].answer(None).is_none(), "nothing came yet, as far as anybody knows");
        answer.keep(None);
        let text = found(&place)[0].answer(None).expect("it is kept").answer;
        assert_eq!((text.adapter.as_str(), text.content.as_str(), text.usage), ("scripted", "yes", Usage::FREE_CALL));
        assert_eq!(found(&place)[0].call, caller.name());
        place.host.forget(caller.name());
        until(|| !calls.join(caller.name().to_string()).exists()).await;

        // Of a call that failed it is known that it had begun, until its failure is durable.
        fs::write(place.folder.path().join("replies.yaml"), "r: [{ error: no }]\n").expect("a file");
        assert!(call("counted").await.is_err());
        assert_eq!(found(&place).len(), 1);
        assert!(found(&place)[0].answer(None).is_none());
    });
}

async fn until(done: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while !done() {
        assert!(tokio::time::Instant::now() < deadline, "it takes too long");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// The folder of a command that ended so, and wrote this.
fn ended(place: &Here, what: What, ending: Ending, stopped: bool, stdout: &str) -> Spool {
    let form = Form::TaggedBlock { tag: "meta-x".to_owned() };
    let begun = Begun {
        thread: thread(),
        step: 1,
        attempt: 2,
        what,
        adapter: "cli/agent".to_owned(),
        called: None,
        form: form.to_raw().ok(),
        begun_at: Timestamp::from_millis(1),
        life: LifeId::new(),
        boot: String::new(),
    };
    let spool = Spool::begin(&place.host.layout, begun).expect("a folder");
    fs::write(spool.stdout_file(), stdout).expect("a file");
    spool.agent_ended(ending, stopped, false, Timestamp::from_millis(2)).expect("a record");
    spool
}

const SCHEMA: &str = r#"{"type":"object","properties":{"done":{"type":"boolean"}},"required":["done"]}"#;
const WHOLE: &str = "I did it.\n\n```meta-x\n{\"done\":true}\n```\n";

#[test]
fn a_command_that_ended_while_nobody_listened_is_believed_as_far_as_its_evidence_goes() {
    let runtime = runtime();
    let place = here(&runtime);
    let schema = RawJson::parse(SCHEMA).expect("JSON");
    let step = What::Step { rung: 0 };
    let told = |ending: Ending, stopped: bool, stdout: &str| {
        let spool = ended(&place, step, ending, stopped, stdout);
        let found = place.host.found().pop().expect("it is found");
        assert_eq!((found.thread, found.step, found.attempt, found.what), (thread(), 1, 2, step));
        let answers = [None, Some(&schema)].map(|schema| found.answer(schema).map(|found| found.answer.content));
        remove(&spool);
        answers
    };
    let whole = Some(WHOLE.trim().to_owned());
    assert_eq!(told(Ending::Code(0), false, WHOLE), [whole.clone(), whole.clone()]);
    assert_eq!(
        told(Ending::Code(0), false, "Without a block."),
        [Some("Without a block.".to_owned()), Some("Without a block.".to_owned())]
    );
    assert_eq!(told(Ending::Code(0), false, " \u{1b}[0m\n"), [None, None]);
    assert_eq!(told(Ending::Code(3), false, WHOLE), [None, None]);
    assert_eq!(told(Ending::Signal(15), true, WHOLE), [None, None]);
    // It was being stopped: only the block that it was to end with says that this is all.
    assert_eq!(told(Ending::Code(0), true, WHOLE), [None, whole]);
    assert_eq!(told(Ending::Code(0), true, "I think that {\"done\":true} would"), [None, None]);
    assert_eq!(told(Ending::Code(0), true, "Half a sen"), [None, None]);
}

#[test]
fn an_ask_is_found_with_its_meta_or_not_at_all() {
    let runtime = runtime();
    let place = here(&runtime);
    let schema = RawJson::parse(SCHEMA).expect("JSON");
    let ask = What::Ask { ask: AskNo(2) };
    let answer = || {
        let found = place.host.found().pop().expect("it is found").answer(Some(&schema))?;
        Some((found.answer.content, found.meta.map(|meta| meta.get().to_owned())))
    };
    let spool = ended(&place, ask, Ending::Code(0), false, WHOLE);
    assert_eq!(answer(), Some(("I did it.".to_owned(), Some("{\"done\":true}".to_owned()))));
    remove(&spool);
    let spool = ended(&place, ask, Ending::Code(0), false, "I did it.");
    assert_eq!(answer(), None);
    let mut reply = SpooledReply {
        adapter: "cli/agent".to_owned(),
        content: "I did it.".to_owned(),
        usage: Usage::ONE_CALL,
        form: None,
        evidence: nerve_core::Evidence::default(),
        meta: None,
    };
    spool.reply(&reply).expect("it is kept");
    assert_eq!(answer(), None);
    reply.meta = RawJson::parse("{\"done\":true}").ok();
    spool.reply(&reply).expect("it is kept");
    assert_eq!(answer(), Some(("I did it.".to_owned(), Some("{\"done\":true}".to_owned()))));
    place.host.forget_thread(thread());
    runtime.block_on(until(|| !spool.folder().exists()));
}
