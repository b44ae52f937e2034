//! How a coding agent's command is called and read, as data.
//!
//! The profiles that nerve knows stand in `nerve-adapters/src/host/agent/profiles.yaml`; nerve.yaml overrides any part of one.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::FailureKind;

/// How an agent's command is called and read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// The program; the first of these that is on the PATH.
    pub program: Vec<String>,
    /// Its arguments for a turn without a session.
    pub fresh: Vec<Argument>,
    /// Its arguments for a turn that goes on with a session; empty when it cannot.
    pub resume: Vec<Argument>,
    /// How it gets the prompt.
    pub prompt: PromptWay,
    /// What its stdout is.
    pub output: OutputForm,
    /// What its events say, where its output has any; also of its usage file.
    pub events: Vec<Rule>,
    /// Lines of a text output that begin with one of these, blanks aside, are no part of the answer.
    pub noise: Vec<String>,
    /// An answer that ends with an error in brackets, which begins so, is none.
    pub fault_marks: Vec<String>,
    /// A line of stderr or stdout that begins so names the session.
    pub session_line: Option<String>,
    /// Exit codes that mean something.
    pub exits: BTreeMap<i32, FailureKind>,
    /// Whether an answer tells its tokens, so that none used is none answered.
    pub tells_usage: bool,
    /// Whether the tokens of a resumed turn are those of the whole session.
    pub usage_is_cumulative: bool,
    /// Whether the tokens told as input leave those of the cache out.
    pub input_excludes_cache: bool,
    /// Variables that it must not see.
    pub unset: Vec<String>,
}

/// What of a profile nerve.yaml sets otherwise.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct ProfileOverride {
    /// Arguments of a turn without a session; in place of the profile's.
    pub fresh: Option<Vec<Argument>>,
    /// Arguments of a turn that goes on with a session; `[]` when it cannot.
    pub resume: Option<Vec<Argument>>,
    /// `stdin`, or `argument` where `{prompt}` stands among the arguments.
    #[schemars(schema_with = "prompt_ways")]
    pub prompt: Option<PromptWay>,
    /// `text`, or `lines` of JSON.
    #[schemars(schema_with = "output_forms")]
    pub output: Option<OutputForm>,
    /// What its events say; in place of the profile's.
    pub events: Option<Vec<Rule>>,
    /// What lines begin with that are no part of a text answer.
    pub noise: Option<Vec<String>>,
    /// What an error in brackets begins with that an answer may end with and then is none.
    pub fault_marks: Option<Vec<String>>,
    /// What the line begins with that names the session.
    pub session_line: Option<String>,
    /// Whether an answer tells its tokens, so that none used is none answered.
    pub tells_usage: Option<bool>,
    /// Whether the tokens of a resumed turn are those of the whole session.
    pub usage_is_cumulative: Option<bool>,
    /// Whether the tokens told as input leave those of the cache out.
    pub input_excludes_cache: Option<bool>,
    /// Variables that it must not see.
    pub unset: Option<Vec<String>>,
}

/// An argument, or several that are left out together when something that they name is absent.
///
/// `{model}`, `{session}`, `{workdir}`, `{prompt}`, `{usage_file}`, `{max_turns}`, `{provider}` and `{skills}` are replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Argument {
    /// One argument.
    One(String),
    /// Several that belong together, such as `[--model, "{model}"]`.
    Group(Vec<String>),
}

/// How an agent gets its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromptWay {
    /// On its stdin, however long it is.
    #[default]
    Stdin,
    /// As an argument; one that is too long for that is put into a file, and the argument says so.
    Argument,
}

/// What an agent's stdout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputForm {
    /// The answer.
    #[default]
    Text,
    /// Events, one JSON object a line.
    Lines,
}

/// What one kind of event says. Places are JSON pointers into it, such as `/message/content`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(deny_unknown_fields)]
pub struct Rule {
    /// What stands at these places in an event of this kind.
    pub when: BTreeMap<String, Value>,
    /// Where the session's id stands.
    pub session: Option<String>,
    /// Where the model's name stands.
    pub model: Option<String>,
    /// Where the answer stands: a text, or a list of blocks with texts.
    pub text: Option<String>,
    /// Whether such an event's text goes behind those before it, instead of in place of them.
    pub append: bool,
    /// Whether it is the last event of an answer.
    pub terminal: bool,
    /// Whether the turn failed.
    pub failed: bool,
    /// Where `true` stands when the turn failed.
    pub failed_if: Option<String>,
    /// Where `true` stands when the turn came to its end.
    pub finished_if: Option<String>,
    /// Where the reason of a failure stands, in words.
    pub message: Option<String>,
    /// Where it stands why the model stopped.
    pub reason: Option<String>,
    /// Where the number of tokens of the last answer stands; none is none answered.
    pub proof: Option<String>,
    /// Where tokens read stand.
    pub input: Option<String>,
    /// Where tokens written stand.
    pub output: Option<String>,
    /// Where tokens read from a cache stand.
    pub cache_read: Option<String>,
    /// Where tokens put into a cache stand.
    pub cache_write: Option<String>,
    /// Where tokens of reasoning stand.
    pub reasoning: Option<String>,
    /// Whether its tokens are added to those of events before it, instead of in place of them.
    pub add: bool,
    /// Where the cost in US dollars stands.
    pub cost: Option<String>,
}

// The derive makes a `oneOf` of constants, whose errors list each branch.
fn prompt_ways(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "enum": [PromptWay::Stdin, PromptWay::Argument, null] })
}

fn output_forms(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "enum": [OutputForm::Text, OutputForm::Lines, null] })
}

impl Profile {
    /// The profile with what is set otherwise.
    #[must_use]
    pub fn with(mut self, set: &ProfileOverride) -> Self {
        let ProfileOverride {
            fresh,
            resume,
            prompt,
            output,
            events,
            noise,
            fault_marks,
            session_line,
            tells_usage,
            usage_is_cumulative,
            input_excludes_cache,
            unset,
        } = set.clone();
        put(&mut self.fresh, fresh);
        put(&mut self.resume, resume);
        put(&mut self.prompt, prompt);
        put(&mut self.output, output);
        put(&mut self.events, events);
        put(&mut self.noise, noise);
        put(&mut self.fault_marks, fault_marks);
        put(&mut self.tells_usage, tells_usage);
        put(&mut self.usage_is_cumulative, usage_is_cumulative);
        put(&mut self.input_excludes_cache, input_excludes_cache);
        put(&mut self.unset, unset);
        self.session_line = session_line.or(self.session_line);
        self
    }

    /// Whether a later turn can go on with a session.
    pub fn can_resume(&self) -> bool {
        !self.resume.is_empty()
    }
}

fn put<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
