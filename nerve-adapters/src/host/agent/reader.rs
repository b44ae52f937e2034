//! What an agent's output amounts to, decided by what it left and never by its exit code alone.

use std::collections::VecDeque;

use nerve_core::config::{OutputForm, Profile};
use nerve_core::{CallFailure, Evidence, FailureKind, Usage};
use serde_json::Value;

use super::events::Learnt;
use super::lines::Lines;
use super::plain;
use super::words::classify;

/// Bytes of a plain answer that are kept.
const LONGEST_TEXT: usize = 16 * 1024 * 1024;
/// Bytes of stderr that are kept; the end of it.
const TAIL: usize = 2048;
/// How many of the last events are told, and how many characters of each.
const EVENTS: usize = 5;
const EVENT: usize = 500;
/// Characters of an agent's words in a failure.
const WORDS: usize = 4000;

/// Something to act on while the agent still runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It has this session.
    Session(String),
    /// It has said its last word.
    Terminal,
}

/// How an agent's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// All that is known when an agent has ended, besides its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended<'a> {
    /// How.
    pub exit: Exit,
    /// Whether we stopped it.
    pub stopped: bool,
    /// Whether it said more than was kept.
    pub truncated: bool,
    /// What its usage file holds, when it was to write one; empty when it did not.
    pub usage_file: Option<&'a str>,
    /// What the session's turns before this one cost.
    pub before: Usage,
}

/// What an agent answered.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentAnswer {
    /// The answer.
    pub content: String,
    /// What it cost.
    pub usage: Usage,
    /// What proves it.
    pub evidence: Evidence,
    /// The session that it had.
    pub session: Option<String>,
}

/// Reads an agent's output as it comes, in any pieces.
#[derive(Debug)]
pub struct Reader {
    profile: Profile,
    resumed: Option<String>,
    lines: Lines,
    text: Vec<u8>,
    overflown: bool,
    stderr: Vec<u8>,
    learnt: Learnt,
    events: VecDeque<String>,
    /// Lines that are no events: what its runtime or a wrapper says.
    strays: VecDeque<String>,
    told: (Option<String>, bool),
}

impl Reader {
    /// A reader for one call of an agent with this profile; `resumed` is the session that it was to go on with.
    pub fn new(profile: Profile, resumed: Option<String>) -> Self {
        Self {
            profile,
            resumed,
            lines: Lines::default(),
            text: Vec::new(),
            overflown: false,
            stderr: Vec::new(),
            learnt: Learnt::default(),
            events: VecDeque::new(),
            strays: VecDeque::new(),
            told: (None, false),
        }
    }

    /// Takes what it wrote to stdout, and says what is to be acted on at once; each thing is said once.
    pub fn stdout(&mut self, bytes: &[u8]) -> Vec<Seen> {
        match self.profile.output {
            OutputForm::Text => {
                let room = LONGEST_TEXT.saturating_sub(self.text.len());
                self.overflown |= bytes.len() > room;
                self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            OutputForm::Lines => {
                let Self { lines, learnt, events, strays, profile, .. } = self;
                lines.push(bytes, |line| event(line, learnt, events, strays, profile));
            }
        }
        self.news()
    }

    /// Takes what it wrote to stderr; only the end is kept.
    pub fn stderr(&mut self, bytes: &[u8]) {
        self.stderr.extend_from_slice(bytes);
        // A line more than is told, so that the session's stands in it whole.
        let most = TAIL * 4;
        if self.stderr.len() > most * 2 {
            self.stderr.drain(..self.stderr.len() - most);
        }
    }

    /// Whether it has said its last word.
    pub fn is_over(&self) -> bool {
        self.learnt.terminal
    }

    fn news(&mut self) -> Vec<Seen> {
        let mut news = Vec::new();
        if self.learnt.session != self.told.0
            && let Some(session) = &self.learnt.session
        {
            self.told.0 = Some(session.clone());
            // Another one than was asked for is a failure, and nothing to go on with.
            if self.resumed.as_ref().is_none_or(|resumed| resumed == session) {
                news.push(Seen::Session(session.clone()));
            }
        }
        if self.learnt.terminal && !self.told.1 {
            self.told.1 = true;
            news.push(Seen::Terminal);
        }
        news
    }

    /// What it all amounts to.
    ///
    /// # Errors
    /// A typed failure with what it cost and what proves it, unless the agent's last word was seen, it ended well or was stopped after that,
    /// tokens were used where it tells them, and there is a text.
    pub fn end(mut self, ended: Ended<'_>) -> Result<AgentAnswer, CallFailure> {
        let Self { lines, learnt, events, strays, profile, .. } = &mut self;
        lines.finish(|line| event(line, learnt, events, strays, profile));
        if let Some(told) = ended.usage_file.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
            self.learnt.take(&told, &self.profile.events);
        }
        let stderr = plain::text(&String::from_utf8_lossy(&self.stderr));
        let stdout = plain::text(&String::from_utf8_lossy(&self.text));
        self.find_session(&stderr, &stdout);
        let text = match self.profile.output {
            OutputForm::Text => without_noise(&stdout, &self.profile),
            OutputForm::Lines => plain::text(self.learnt.text.as_deref().unwrap_or_default()),
        };
        let usage = self.usage(ended.before);
        let evidence = self.evidence(&ended, &stderr);
        match self.fault(&ended, &text, &stderr) {
            None => Ok(AgentAnswer { content: text, usage, evidence, session: self.learnt.session }),
            Some((kind, message)) => Err(CallFailure::new(kind, cut(&message, WORDS)).with(usage, evidence)),
        }
    }

    /// A session that is named on a line of its own.
    fn find_session(&mut self, stderr: &str, stdout: &str) {
        let Some(prefix) = self.profile.session_line.as_deref() else { return };
        let on = |text: &str| text.lines().rev().find_map(|line| line.trim().strip_prefix(prefix)).map(|rest| rest.trim().to_owned());
        let named = on(stderr).or_else(|| on(stdout)).filter(|session| !session.is_empty());
        self.learnt.session = self.learnt.session.take().or(named);
    }

    fn usage(&self, before: Usage) -> Usage {
        let mut usage = Usage { calls: 1, ..self.learnt.usage };
        if self.profile.input_excludes_cache {
            let cached = usage.cache_read_tokens.unwrap_or(0).saturating_add(usage.cache_write_tokens.unwrap_or(0));
            usage.input_tokens = usage.input_tokens.map(|input| input.saturating_add(cached));
        }
        if self.profile.usage_is_cumulative && self.resumed.is_some() {
            usage = usage.since(&before);
        }
        match self.learnt.cost_usd {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; `as` saturates")]
            Some(dollars) if dollars >= 0.0 => usage.priced((dollars * 1e9).round() as u64),
            _ => usage,
        }
    }

    fn evidence(&self, ended: &Ended<'_>, stderr: &str) -> Evidence {
        let after = if ended.stopped && self.learnt.terminal {
            ", stopped after its answer"
        } else if ended.stopped {
            ", stopped"
        } else {
            ""
        };
        let exit = match ended.exit {
            Exit::Code(code) => format!("code {code}{after}"),
            Exit::Signal(signal) => format!("signal {signal}{after}"),
        };
        Evidence {
            model: self.learnt.model.clone(),
            finish_reason: self.learnt.reason.clone(),
            session: self.learnt.session.clone(),
            exit: Some(exit),
            stderr_tail: (!stderr.is_empty()).then(|| tail(stderr, TAIL)),
            last_events: self.events.iter().cloned().collect(),
            ..Evidence::default()
        }
    }

    /// Why this is no answer, if it is none.
    fn fault(&self, ended: &Ended<'_>, text: &str, stderr: &str) -> Option<(FailureKind, String)> {
        let Learnt { session, terminal, failed, unfinished, message, reason, proof, usage, .. } = &self.learnt;
        let said = message.as_deref().filter(|message| !message.trim().is_empty()).unwrap_or(text);
        let strays = self.strays.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
        let all = || format!("{said}\n{stderr}\n{strays}");
        let told = without_own_lines(stderr, &self.profile);
        let reported = message.as_deref().unwrap_or_default();
        let words = |what: &str| {
            let said =
                [reported, told.as_str(), text, strays.as_str()].into_iter().find(|words| !words.trim().is_empty()).unwrap_or_default();
            if said.is_empty() { what.to_owned() } else { format!("{what}: {said}") }
        };
        let as_said = |text: &str, otherwise: FailureKind| classify(text).unwrap_or(otherwise);
        if let (Some(asked), Some(got)) = (&self.resumed, session)
            && asked != got
        {
            return Some((FailureKind::SessionLost, format!("it was to go on with the session {asked} and has another one: {got}")));
        }
        if let (Exit::Signal(signal), false) = (ended.exit, ended.stopped) {
            return Some((FailureKind::Crashed, words(&format!("signal {signal} ended it"))));
        }
        let stopped_early = ended.stopped && !terminal;
        let code = match ended.exit {
            Exit::Code(code) if !ended.stopped && code != 0 => Some(code),
            _ => None,
        };
        if *failed {
            return Some((as_said(&all(), FailureKind::CommandFailed), words("it says that it failed")));
        }
        if *unfinished {
            return Some((as_said(&all(), FailureKind::Truncated), words("it says that it did not come to its end")));
        }
        if let Some(code) = code {
            let meant = self.profile.exits.get(&code).copied();
            let kind = meant.unwrap_or_else(|| as_said(&all(), FailureKind::CommandFailed));
            return Some((kind, words(&format!("it ended with exit code {code}"))));
        }
        let ends_by_word = self.profile.output == OutputForm::Lines || ended.usage_file.is_some();
        let reason_kind = reason.as_deref().and_then(ends_badly);
        if ends_by_word && !terminal && reason_kind.is_none() {
            let kind = as_said(&format!("{stderr}\n{strays}"), FailureKind::NoTerminalEvent);
            return Some((kind, words("it ended without the last event that every answer of it has")));
        }
        let by_signal = matches!(ended.exit, Exit::Signal(_));
        if stopped_early && (ends_by_word || by_signal) {
            return Some((FailureKind::NoTerminalEvent, words("it was stopped before its answer was whole")));
        }
        if ended.truncated || self.overflown || self.lines.cut {
            return Some((FailureKind::Truncated, "it said more than is kept of an answer".to_owned()));
        }
        if let Some(kind) = reason_kind {
            return Some((kind, words(&format!("it stopped for the reason `{}`", reason.as_deref().unwrap_or_default()))));
        }
        if let Some(fault) = self.profile.fault_marks.iter().find_map(|mark| closing(text, mark)) {
            return Some((as_said(fault, FailureKind::BadResponse), words("its answer ends with an error")));
        }
        let none_used = usage.output_tokens == Some(0) || *proof == Some(0) || (self.profile.tells_usage && usage.output_tokens.is_none());
        if none_used {
            return Some((as_said(said, FailureKind::FakeSuccess), words("it ended well, and no token was used")));
        }
        if text.is_empty() {
            return Some((as_said(stderr, FailureKind::FakeSuccess), words("it ended well and said nothing")));
        }
        None
    }
}

fn event(line: &str, learnt: &mut Learnt, events: &mut VecDeque<String>, strays: &mut VecDeque<String>, profile: &Profile) {
    if line.trim().is_empty() {
        return;
    }
    keep(events, line);
    match serde_json::from_str::<Value>(line.trim()) {
        Ok(event) => learnt.take(&event, &profile.events),
        Err(_) => keep(strays, line),
    }
}

/// The last few of what was said.
fn keep(last: &mut VecDeque<String>, line: &str) {
    if last.len() == EVENTS {
        last.pop_front();
    }
    last.push_back(cut(line, EVENT));
}

/// The error in brackets that a text ends with, as `[API Error: …]`.
fn closing<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let at = text.rfind(mark)?;
    (text.ends_with(']') && !text[at..].contains('\n')).then(|| &text[at..])
}

/// The answer without the lines before it and behind it that are the program's own.
fn without_noise(text: &str, profile: &Profile) -> String {
    let is_noise = |line: &str| line.trim().is_empty() || profile.noise.iter().any(|noise| line.trim().starts_with(noise.as_str()));
    let is_session = |line: &str| profile.session_line.as_deref().is_some_and(|prefix| line.trim().starts_with(prefix));
    let mut lines: Vec<&str> = text.lines().skip_while(|line| is_noise(line)).collect();
    while lines.last().is_some_and(|line| line.trim().is_empty() || is_session(line)) {
        lines.pop();
    }
    lines.join("\n").trim().to_owned()
}

/// What stderr says besides lines that the program always writes.
fn without_own_lines(stderr: &str, profile: &Profile) -> String {
    let own = |line: &&str| profile.session_line.iter().chain(&profile.noise).any(|mark| line.trim().starts_with(mark.as_str()));
    stderr.lines().filter(|line| !own(line)).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Reasons by which a turn is over and not done; an open list, in the words of agents and models.
fn ends_badly(reason: &str) -> Option<FailureKind> {
    let reason = reason.to_lowercase().replace('-', "_");
    match reason.as_str() {
        "length" | "max_tokens" | "error_max_turns" | "error_max_budget_usd" | "max_turns" | "max_turn_requests" => {
            Some(FailureKind::Truncated)
        }
        "content_filter" => Some(FailureKind::ContentFilter),
        "refusal" => Some(FailureKind::Refusal),
        "cancelled" | "interrupted" | "aborted" => Some(FailureKind::CommandFailed),
        other if other.contains("error") || other == "failed" => Some(classify(other).unwrap_or(FailureKind::CommandFailed)),
        _ => None,
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn tail(text: &str, most: usize) -> String {
    let mut from = text.len().saturating_sub(most);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].to_owned()
}

#[cfg(test)]
mod tests;
