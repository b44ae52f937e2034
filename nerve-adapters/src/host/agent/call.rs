//! A turn as a command: its arguments, its stdin, and what they leave out when they are shown.

use std::path::{Path, PathBuf};

use nerve_core::config::{Argument, Profile, PromptWay};
use nerve_core::{CallFailure, FailureKind};

/// The longest prompt that goes into an argument, in bytes. Linux takes 128 KiB for one argument; the rest is left for what an agent adds.
const LONGEST_ARGUMENT: usize = 96 * 1024;

/// What is wanted of an agent.
#[derive(Debug, Clone, Copy)]
pub struct AgentTurn<'a> {
    /// All that it is told.
    pub prompt: &'a str,
    /// The session that it is to go on with.
    pub session: Option<&'a str>,
    /// The model.
    pub model: Option<&'a str>,
    /// The provider, for an agent that knows several.
    pub provider: Option<&'a str>,
    /// Skills that it is to load.
    pub skills: &'a [String],
    /// How many turns of its own it may take.
    pub max_turns: u32,
    /// Where it works.
    pub workdir: &'a Path,
    /// A folder of this call's own, for files that the agent reads or writes.
    pub folder: &'a Path,
    /// More arguments, for the end.
    pub args: &'a [String],
}

/// A turn as a command; the program itself is found elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentCall {
    /// The arguments.
    pub args: Vec<String>,
    /// The same without the prompt, to be shown.
    pub shown: Vec<String>,
    /// What it reads on its stdin.
    pub stdin: String,
    /// The file that holds a prompt which is too long for an argument, to be written before the start.
    pub spilled: Option<(PathBuf, String)>,
    /// The file in which it tells what it used.
    pub usage_file: Option<PathBuf>,
}

/// Makes the command of a turn.
///
/// # Errors
/// `Config` when a session is given and the profile has no way to go on with one, or a part of it names what is not there; `SpawnTooLong` when
/// the arguments would be too long even so.
pub fn call(profile: &Profile, turn: &AgentTurn<'_>) -> Result<AgentCall, CallFailure> {
    let written = match turn.session {
        Some(_) if !profile.can_resume() => {
            return Err(CallFailure::new(FailureKind::Config, "this agent cannot go on with a session"));
        }
        Some(_) => &profile.resume,
        None => &profile.fresh,
    };
    let by_argument = profile.prompt == PromptWay::Argument;
    let spilled = (by_argument && turn.prompt.len() > LONGEST_ARGUMENT).then(|| (turn.folder.join("prompt.md"), turn.prompt.to_owned()));
    let prompt = match &spilled {
        Some((file, _)) => format!(
            "Your whole instructions stand in the file {}. Read all of it, to its end, in parts if need be. Do what it says, and answer as it asks.",
            file.display()
        ),
        None => turn.prompt.to_owned(),
    };
    let usage_file = turn.folder.join("usage.json");
    let value = |name: &str, shown: bool| -> Option<String> {
        match name {
            "prompt" if shown => Some("<prompt>".to_owned()),
            "prompt" => Some(prompt.clone()),
            "session" => turn.session.map(str::to_owned),
            "model" => turn.model.map(str::to_owned),
            "provider" => turn.provider.map(str::to_owned),
            "skills" => (!turn.skills.is_empty()).then(|| turn.skills.join(",")),
            "max_turns" => Some(turn.max_turns.to_string()),
            "workdir" => Some(turn.workdir.display().to_string()),
            "usage_file" => Some(usage_file.display().to_string()),
            _ => None,
        }
    };
    let mut args = words(written, &|name| value(name, false))?;
    let mut shown = words(written, &|name| value(name, true))?;
    // A prompt that stands behind an option goes first: what follows it may be taken for a part of it.
    args.extend(turn.args.iter().cloned());
    shown.extend(turn.args.iter().cloned());
    let uses_file = written.iter().any(|word| mentions(word, "{usage_file}"));
    if args.iter().any(|word| word.len() > LONGEST_ARGUMENT + 1024) {
        return Err(CallFailure::new(FailureKind::SpawnTooLong, "an argument is longer than a command may have"));
    }
    Ok(AgentCall {
        args,
        shown,
        stdin: if by_argument { String::new() } else { turn.prompt.to_owned() },
        spilled,
        usage_file: uses_file.then_some(usage_file),
    })
}

fn mentions(argument: &Argument, place: &str) -> bool {
    match argument {
        Argument::One(word) => word.contains(place),
        Argument::Group(words) => words.iter().any(|word| word.contains(place)),
    }
}

/// The arguments with every place filled; a group that names what is absent is left out.
fn words(written: &[Argument], value: &dyn Fn(&str) -> Option<String>) -> Result<Vec<String>, CallFailure> {
    let mut out = Vec::new();
    for argument in written {
        match argument {
            Argument::One(word) => out.push(filled(word, value).map_err(|name| {
                CallFailure::new(FailureKind::Config, format!("an argument of the agent names `{{{name}}}`, which is not set or not known"))
            })?),
            Argument::Group(words) => {
                if let Ok(words) = words.iter().map(|word| filled(word, value)).collect::<Result<Vec<_>, _>>() {
                    out.extend(words);
                }
            }
        }
    }
    Ok(out)
}

/// The word with each `{name}` replaced; the name that has no value, if there is one. Other braces stay.
fn filled(word: &str, value: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('{') {
        let name = after
            .split_once('}')
            .map(|(name, _)| name)
            .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
        out.push_str(before);
        match name {
            Some(name) => {
                out.push_str(&value(name).ok_or_else(|| name.to_owned())?);
                rest = &after[name.len() + 1..];
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::known;
    use super::*;

    fn turn<'a>(prompt: &'a str, session: Option<&'a str>) -> AgentTurn<'a> {
        AgentTurn {
            prompt,
            session,
            model: Some("m-1"),
            provider: None,
            skills: &[],
            max_turns: 90,
            workdir: Path::new("/work"),
            folder: Path::new("/calls/1"),
            args: &[],
        }
    }

    fn line(name: &str, session: Option<&str>) -> String {
        let call = call(&known(name), &turn("do it", session)).expect("a command");
        assert_eq!(call.stdin.is_empty(), name == "hermes", "{name}");
        call.shown.join(" ")
    }

    #[test]
    fn each_agent_is_called_as_its_vendor_says() {
        for (name, session, said) in [
            ("cursor", None, "-p --output-format stream-json --trust --force --model m-1"),
            ("cursor", Some("s"), "-p --output-format stream-json --trust --force --model m-1 --resume s"),
            ("hermes", None, "-z <prompt> -m m-1 --usage-file /calls/1/usage.json"),
            ("hermes", Some("s"), "chat -q <prompt> -Q --resume s --max-turns 90 -m m-1 --yolo --source tool"),
            ("claude", None, "-p --output-format stream-json --verbose --permission-mode bypassPermissions --model m-1"),
            ("codex", None, "exec --json -s workspace-write --skip-git-repo-check -m m-1 -"),
            ("codex", Some("s"), "exec --json -s workspace-write --skip-git-repo-check -m m-1 resume s -"),
            ("gemini", None, "-p Do what the text above asks. -o stream-json --approval-mode yolo --skip-trust -m m-1"),
            ("qwen", Some("s"), "-o stream-json --approval-mode yolo -m m-1 --resume s"),
            ("opencode", Some("s"), "run --format json --auto -m m-1 -s s"),
            ("text", None, ""),
        ] {
            assert_eq!(line(name, session), said, "{name}");
        }
    }

    #[test]
    fn what_is_not_set_is_left_out_with_its_option_and_more_arguments_come_last() {
        let args = ["--sandbox".to_owned(), "enabled".to_owned()];
        let call = call(&known("cursor"), &AgentTurn { model: None, args: &args, ..turn("p", None) }).expect("a command");
        assert_eq!(call.args.join(" "), "-p --output-format stream-json --trust --force --sandbox enabled");
    }

    #[test]
    fn a_prompt_too_long_for_an_argument_is_put_into_a_file_and_stdin_takes_any() {
        let long = "x".repeat(200_000);
        let by_argument = call(&known("hermes"), &turn(&long, None)).expect("a command");
        assert_eq!(by_argument.spilled, Some((PathBuf::from("/calls/1/prompt.md"), long.clone())));
        assert!(by_argument.args.iter().all(|word| word.len() < 1000) && by_argument.args[1].contains("/calls/1/prompt.md"));
        let by_stdin = call(&known("cursor"), &turn(&long, None)).expect("a command");
        assert_eq!((by_stdin.stdin.len(), by_stdin.spilled), (200_000, None));
        let fits = call(&known("hermes"), &turn("short", None)).expect("a command");
        assert_eq!((fits.args[1].as_str(), fits.spilled), ("short", None));
    }

    #[test]
    fn a_prompt_with_braces_stays_as_it_is() {
        let call = call(&known("hermes"), &turn("use {model} and {\"a\": 1} {", None)).expect("a command");
        assert_eq!(call.args[1], "use {model} and {\"a\": 1} {");
    }

    #[test]
    fn a_session_that_cannot_be_gone_on_with_is_refused() {
        let failure = call(&known("text"), &turn("p", Some("s"))).expect_err("it has no sessions");
        assert_eq!(failure.kind, FailureKind::Config);
    }
}
