//! A role from four things: who answers, what is asked, what the meta looks like, what reads it.

use std::fmt;
use std::time::Duration;

use nerve_core::{Effects, Extractor, HostedRole, IntoAdapter, IntoPrompt, Meta, RawJson, Role, RoleKey, RoleOptions, Schema};

/// Describes a role whose text an adapter gives; the daemon makes the call and reads the meta from the text.
///
/// Finish it with [`build`](RoleBuilder::build). The extractor `extractor("default")` is `extract:` in nerve.yaml.
pub fn create_role<M: Meta>(adapter: impl IntoAdapter, prompt: impl IntoPrompt, schema: Schema<M>, extractor: Extractor) -> RoleBuilder<M> {
    let hosted = HostedRole { adapter: adapter.into_adapter(), prompt: prompt.into_prompt(), extractor, dry_run: Vec::new() };
    RoleBuilder { schema, hosted, options: RoleOptions::default() }
}

/// A role that still lacks its key.
#[must_use = "finish it with .build(KEY)"]
pub struct RoleBuilder<M> {
    schema: Schema<M>,
    hosted: HostedRole,
    options: RoleOptions,
}

impl<M: Meta> RoleBuilder<M> {
    /// How long one attempt may take; the adapter's own timeout (5 m) without it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// What recovery may do with an attempt that was cut off; by the adapter's kind without it.
    pub fn effects(mut self, effects: Effects) -> Self {
        self.options.effects = Some(effects);
        self
    }

    /// The metas that a dry run uses instead of a call, one a turn; the last repeats.
    ///
    /// # Panics
    /// When an example cannot be written as JSON (a map whose keys are no strings): the role's real metas could not be either.
    pub fn dry_run(mut self, examples: impl IntoIterator<Item = M>) -> Self {
        self.hosted.dry_run = examples.into_iter().map(|example| written(&example)).collect();
        self
    }

    /// The role under this key, whose type is the meta's.
    pub fn build(self, key: RoleKey<M>) -> Role {
        Role::hosted(key, self.schema, self.hosted, self.options)
    }
}

impl<M> fmt::Debug for RoleBuilder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleBuilder").field("hosted", &self.hosted).field("options", &self.options).finish_non_exhaustive()
    }
}

fn written<M: Meta>(example: &M) -> RawJson {
    match RawJson::of(example) {
        Ok(json) => json,
        Err(error) => panic!("a dry run's example cannot be written as JSON: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use nerve_core::{RoleBody, adapter, extractor, schema_for};
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{LlmAdapter, seconds};

    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    struct Verdict {
        pass: bool,
    }

    const JUDGE: RoleKey<Verdict> = RoleKey::new("judge");

    #[test]
    fn the_role_holds_what_was_set() {
        let role = create_role(LlmAdapter::provider("openai"), "Judge.", schema_for::<Verdict>(), extractor("default"))
            .timeout(seconds(7))
            .effects(Effects::NeverRepeat)
            .dry_run([Verdict { pass: false }, Verdict { pass: true }])
            .build(JUDGE);
        assert_eq!(role.name(), "judge");
        assert_eq!(role.options(), RoleOptions { timeout: Some(seconds(7)), effects: Some(Effects::NeverRepeat) });
        let RoleBody::Hosted(hosted) = role.body() else { panic!("not hosted") };
        let examples: Vec<&str> = hosted.dry_run.iter().map(RawJson::get).collect();
        assert_eq!(examples, [r#"{"pass":false}"#, r#"{"pass":true}"#]);
    }

    #[test]
    fn nothing_is_set_by_itself() {
        let role = create_role(adapter("a"), String::from("Judge."), schema_for::<Verdict>(), extractor("default")).build(JUDGE);
        assert_eq!(role.options(), RoleOptions::default());
    }
}
