//! `kind: cli`: a command as an agent. What it is told, where it works, what counts as its answer, and that nothing of it is left.

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use support::script_agent::{Agent, BEGIN};
use support::{SOON, id_of};

#[test]
fn the_whole_prompt_comes_on_stdin_and_what_is_written_is_the_answer() {
    let agent = Agent::new("printf '\\033[1mIt is the \\033[31mbackup\\033[0m.\\n'; answer 'Nothing to do.'", "", "");
    agent.workspace.start();
    let lines: String = (0..4000).map(|n| format!("line {n} of a long prompt, that no argument could hold\n")).collect();
    assert!(lines.len() > 200_000);
    let accepted = agent.workspace.post("workflows/explain-load/trigger", &json!({ "prompt": lines }), || {});
    let thread = agent.ends(&id_of(&accepted), "completed");
    let step = &thread["steps"][0];
    assert_eq!((&step["adapter"], &step["content"]), (&json!("cli/sh"), &json!("It is the backup.\nNothing to do.")));
    assert_eq!(step["meta"], json!({ "actionable": false, "culprit": null }));
    let prompt = agent.read("prompt-1");
    assert!(prompt.contains(&format!("<start>\n{lines}\n</start>")), "the thread's start is not whole");
    assert!(prompt.contains(&format!("Explain this load in a few sentences:\n\n{}", lines.trim_end())), "the role's prompt is not whole");
    assert!(prompt.contains("```meta-") && prompt.contains("\"actionable\""), "the meta is not asked for");
    assert_eq!(agent.calls().len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn its_environment_is_what_was_promised_and_nothing_else() {
    let script = "tr '\\0' '\\n' < /proc/$$/environ > \"$seen/environ\"; answer 'Well.'";
    let agent = Agent::new(script, ", workdir: desk, env: [AGENT_KEY, FROM_FILE, NOT_SET]", "");
    agent.workspace.write(".env", "FROM_FILE=\"two words\"\nOTHER_KEY=1\n");
    agent.workspace.start_with(&[("AGENT_KEY", "k-1"), ("DAEMONS_OWN", "x")]);
    let id = agent.workspace.trigger("load is 9");
    agent.ends(&id, "completed");
    let environ = agent.read("environ");
    let found: std::collections::BTreeMap<&str, &str> = environ.lines().filter_map(|line| line.split_once('=')).collect();
    let root = agent.workspace.root().canonicalize().expect("a folder").display().to_string();
    let key = format!("{id}-1");
    for (name, value) in [
        ("AGENT_KEY", "k-1"),
        ("FROM_FILE", "two words"),
        ("NERVE_WORKSPACE", &root),
        ("NERVE_THREAD", &id),
        ("NERVE_STEP", "1"),
        ("NERVE_ATTEMPT", "1"),
        ("NERVE_IDEMPOTENCY_KEY", &key),
    ] {
        assert_eq!(found.get(name), Some(&value), "{name} in {environ}");
    }
    let known = [
        "PATH",
        "HOME",
        "TMPDIR",
        "AGENT_KEY",
        "FROM_FILE",
        "NERVE_WORKSPACE",
        "NERVE_THREAD",
        "NERVE_STEP",
        "NERVE_ATTEMPT",
        "NERVE_IDEMPOTENCY_KEY",
        "NERVE_LIFE",
        "NERVE_OWNER",
    ];
    let strange: Vec<_> = found.keys().filter(|name| !known.contains(name)).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert!(found["PATH"].starts_with(&format!("{root}/.nerve/run/bin:")), "{}", found["PATH"]);
}

#[test]
fn nerve_works_inside_an_agent_and_knows_the_thread() {
    let script = "cd /; nerve thread show \"$NERVE_THREAD\" --json > \"$seen/show\"; echo $? > \"$seen/exit\"; answer 'Well.'";
    let (agent, id) = Agent::asked(script, "", "");
    agent.ends(&id, "completed");
    assert_eq!(agent.read("exit").trim(), "0");
    let shown: Value = serde_json::from_str(&agent.read("show")).expect("a document");
    assert_eq!(
        (&shown["id"], &shown["state"], &shown["steps"][0]["state"]),
        (&json!(id), &json!("started"), &json!("started")),
        "{shown:#}"
    );
}

#[test]
fn the_narrowest_that_names_a_folder_wins_and_it_is_recorded() {
    let agent = Agent::new("answer 'Well.'", "", "");
    let workspace = &agent.workspace;
    let root = workspace.root().canonicalize().expect("a folder");
    for name in ["role", "trigger"] {
        fs::create_dir(root.join(name)).expect("a folder");
    }
    workspace.start();
    let mut calls = 0;
    let mut works_in = |id: &str, folder: PathBuf| {
        agent.ends(id, "completed");
        calls += 1;
        assert_eq!(agent.calls()[calls - 1], format!("{id} 1 1 {}", folder.display()));
        assert_eq!(agent.recorded(id), folder);
    };
    let id = workspace.trigger("none is named");
    works_in(&id, root.join(".nerve/work").join(&id));
    workspace.reconfigure(&agent.config(", workdir: ~/ws/desk/", ""));
    works_in(&workspace.trigger("the adapter's"), root.join("desk"));
    workspace.reconfigure(&agent.config(", workdir: desk", "workdir: ./role"));
    works_in(&workspace.trigger("the role's"), root.join("role"));
    let args = ["workflow", "trigger", "explain-load", "--prompt", "the caller's", "--workdir", "trigger"];
    works_in(&id_of(&workspace.ok(&args)), root.join("trigger"));
    let args = ["workflow", "trigger", "explain-load", "--prompt", "the workspace, since it is named", "--workdir", "."];
    works_in(&id_of(&workspace.ok(&args)), root);
}

#[test]
fn a_folder_that_is_not_fit_is_named_before_anything_starts() {
    let agent = Agent::new("answer 'Well.'", ", workdir: nowhere", "");
    let workspace = &agent.workspace;
    workspace.start();
    for (workdir, why) in [
        ("nowhere", "/ws/nowhere does not exist"),
        ("agent.sh", "/ws/agent.sh is not a folder"),
        (".nerve", "/ws/.nerve is nerve's own"),
        ("desk/../.nerve/run", "/ws/desk/../.nerve/run is nerve's own"),
        ("\"${NO_SUCH}/x\"", "${NO_SUCH}, which is not set"),
    ] {
        if workdir != "nowhere" {
            workspace.reconfigure(&agent.config(&format!(", workdir: {workdir}"), ""));
        }
        let reason = agent.fails(&workspace.trigger("load is 9"));
        assert!(reason.contains(why), "{workdir}: {reason}");
    }
    assert_eq!(agent.calls(), Vec::<String>::new());
    assert_eq!(workspace.status()["limits"]["calls_last_hour"], 0);
}

#[test]
fn a_program_is_found_on_the_path_or_by_its_own_and_never_by_a_shell() {
    let agent = Agent::new("answer \"$1\"", "", "");
    let workspace = &agent.workspace;
    std::os::unix::fs::symlink("/bin/sh", workspace.root().join("desk/agent")).expect("a link");
    let config = |command: &str| agent.config("", "").replace("command: [sh, ", &format!("command: [{command}, "));
    workspace.configure(&config("desk/agent").replace("agent.sh\"", "agent.sh\", \"$(id) > x; *\""));
    workspace.start();
    let thread = agent.ends(&workspace.trigger("by its path"), "completed");
    let step = &thread["steps"][0];
    assert_eq!((&step["adapter"], &step["content"]), (&json!("cli/agent"), &json!("$(id) > x; *")), "{step:#}");
    for (command, why) in [("no-such-agent", "no program `no-such-agent` is on the daemon's PATH"), ("./seen", "/ws/seen is not there")] {
        workspace.reconfigure(&config(command));
        let reason = agent.fails(&workspace.trigger("load is 9"));
        assert!(reason.contains(why), "{command}: {reason}");
    }
}

#[test]
fn one_agent_at_a_time_works_in_a_folder_and_the_others_say_what_for_they_wait() {
    let (agent, first) = Agent::asked("until_exists \"$seen/go-$call\"; answer 'Well.'", ", workdir: desk", "");
    let workspace = &agent.workspace;
    agent.appears("prompt-1");
    let second = workspace.trigger("the next one");
    let waits = workspace.until("a reason", SOON, || workspace.status()["limits"]["waiting"].as_str().map(str::to_owned));
    let desk = workspace.root().canonicalize().expect("a folder").join("desk");
    assert!(waits.contains(&format!("workdir {} is busy", desk.display())), "{waits}");
    assert_eq!(agent.calls().len(), 1);
    agent.go("go-1");
    agent.ends(&first, "completed");
    agent.appears("prompt-2");
    assert_eq!(workspace.status()["limits"]["waiting"], Value::Null);
    agent.go("go-2");
    agent.ends(&second, "completed");

    // Another name of the same folder is the same folder; only `exclusive: false` lets more than one in.
    std::os::unix::fs::symlink(&desk, workspace.root().join("link")).expect("a link");
    workspace.reconfigure(&agent.config(", workdir: link, exclusive: false", ""));
    let both = [workspace.trigger("at once"), workspace.trigger("at once")];
    agent.appears("prompt-3");
    agent.appears("prompt-4");
    agent.go("go-3");
    agent.go("go-4");
    both.iter().for_each(|id| drop(agent.ends(id, "completed")));
}

#[test]
fn one_that_takes_too_long_is_ended_with_all_that_it_started() {
    let script = "(setsid sleep 7001 &) ; trap '' TERM; echo working; touch \"$seen/ready\"; while :; do sleep 7002 & wait; done";
    let (agent, id) = Agent::asked(script, "", "timeout: 3s");
    let reason = agent.fails(&id);
    assert!(reason.contains("timed out") && reason.contains("3s"), "{reason}");
    agent.leaves_nothing("sleep 700");
    assert_eq!(agent.calls().len(), 1);
}

#[test]
fn one_that_says_nothing_for_too_long_is_ended() {
    let script = "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $n >&2; sleep 0.3; done; touch \"$seen/quiet\"; sleep 7003";
    let (agent, id) = Agent::asked(script, ", idle: 3s", "");
    let reason = agent.fails(&id);
    assert!(agent.seen("quiet").exists(), "what it writes to stderr is no silence: {reason}");
    assert!(reason.contains("fell silent") && reason.contains("3s"), "{reason}");
    agent.leaves_nothing("sleep 7003");
}

#[test]
fn a_failure_tells_the_exit_and_the_last_words() {
    let agent = Agent::new("", "", "");
    let workspace = &agent.workspace;
    workspace.start();
    for (script, words) in [
        ("answer 'An answer.'; echo 'no such key: 4711' >&2; exit 3", ["command failed", "exit code 3", "no such key: 4711"]),
        ("answer 'An answer.'; kill -9 $$", ["command crashed", "signal 9", "sh"]),
        ("printf ' \\033[0m\\n'; echo 'I have nothing to say' >&2", ["empty success", "sh", "I have nothing to say"]),
    ] {
        workspace.write("agent.sh", &format!("{BEGIN}\n{script}\n"));
        let reason = agent.fails(&workspace.trigger("load is 9"));
        assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
    }
    assert_eq!(agent.calls().len(), 3, "a failure is not tried again");
}

#[test]
fn an_answer_without_its_block_is_asked_for_again_with_what_was_wrong() {
    let (agent, id) = Agent::asked("if [ \"$call\" = 1 ]; then echo 'All is well.'; else answer 'As I said.'; fi", "", "");
    let thread = agent.ends(&id, "completed");
    assert_eq!(thread["steps"][0]["content"], "All is well.", "{thread:#}");
    assert_eq!(agent.calls().len(), 2);
    let again = agent.read("prompt-2");
    assert!(again.contains("<earlier-answer>\nAll is well.\n</earlier-answer>") && again.contains("could not be used"), "{again}");
    assert!(again.contains("<start>\nload is 9\n</start>"), "{again}");
}

#[test]
fn a_killed_thread_takes_its_agent_along_before_the_next_one_may_enter_its_folder() {
    let script = "
        if [ \"$call\" = 1 ]; then
            trap '' TERM; (setsid sleep 7004 &); echo $$ > \"$seen/pid\"; touch \"$seen/ready\"
            while :; do sleep 0.1; done
        fi
        kill -0 \"$(cat \"$seen/pid\")\" && touch \"$seen/not-alone\"
        answer 'Well.'";
    let (agent, id) = Agent::asked(script, ", workdir: desk", "");
    let workspace = &agent.workspace;
    agent.appears("ready");
    let next = workspace.trigger("the next one");
    workspace.ok(&["thread", "kill", &id]);
    assert_eq!(workspace.show(&id)["state"], "killed");
    agent.ends(&next, "completed");
    assert!(!agent.seen("not-alone").exists(), "the killed one still ran");
    agent.leaves_nothing("sleep 7004");
}

#[test]
fn a_dry_run_asks_no_command() {
    let agent = Agent::new("answer 'Well.'", "", "");
    agent.workspace.start();
    let args = ["workflow", "trigger", "explain-load", "--prompt", "x", "--dry-run"];
    agent.ends(&id_of(&agent.workspace.ok(&args)), "completed");
    assert_eq!(agent.calls(), Vec::<String>::new());
}

#[test]
fn a_hand_written_role_may_ask_a_command_too() {
    let script = "printf 'Done.\\n\\n%s\\n{\"done\":true}\\n```\\n' \"$tag\"";
    let agent = Agent::new(script, "", "");
    let config = agent.config(", workdir: desk", "");
    let config =
        config.replace("analyst: { kind: cli", "fixer: { kind: cli").replace("fixer: { kind: scripted", "analyst: { kind: scripted");
    agent.workspace.configure(&config);
    agent.workspace.start();
    let id = agent.workspace.trigger("load is 9");
    let thread = agent.ends(&id, "completed");
    assert_eq!(thread["steps"][1]["content"], "Done.", "{thread:#}");
    assert!(agent.calls()[0].starts_with(&format!("{id} 2 1 ")) && agent.calls()[0].ends_with("/desk"), "{:?}", agent.calls());
    assert!(!agent.read("prompt-1").contains("<start>"), "an ask tells only what is asked");
}
