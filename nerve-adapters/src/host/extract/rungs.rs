//! The rungs of the ladder, each for one way a meta may stand in a text.

use nerve_core::config::ExtractPolicy;

use super::check::Check;
use super::edit::{At, Change, Edit};
use super::fences::{self, Block};
use super::json::{self, Broken, Json};
use super::prose::{self, Found, Search};
use super::{doubt, forms, mend, words};

/// A meta, and the rung that read it.
pub(super) struct Read {
    pub(super) json: Json,
    pub(super) rung: &'static str,
}

type Rung = Result<Read, Vec<String>>;

/// How a text is read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'c> {
    pub(super) check: &'c Check,
    pub(super) policy: ExtractPolicy,
}

impl Reading<'_> {
    /// The whole answer is the JSON, as a provider's schema makes it; else what the prose has.
    pub(super) fn native(self, text: &str) -> Rung {
        match json::whole(text) {
            Ok(json) if json.edits.is_empty() => {
                let json = self.fit(json, false)?;
                let rung = if json.edits.is_empty() { "native" } else { "tolerant" };
                Ok(Read { json, rung })
            }
            Ok(json) => Ok(Read { json: self.fit(json, true)?, rung: "tolerant" }),
            Err(broken) => self.tolerant(text, broken),
        }
    }

    /// The one block with the tag; else what the prose has.
    pub(super) fn tagged(self, text: &str, tag: &str) -> Rung {
        let blocks = fences::with_tag(text, tag);
        let Some(last) = blocks.last() else {
            return match json::whole(text) {
                Ok(json) => Ok(Read { json: self.fit(json, true)?, rung: "tolerant" }),
                Err(_) => self.tolerant(text, Broken(format!("there is no block that opens with ```{tag}"))),
            };
        };
        let json = self.in_block(last)?;
        for block in &blocks[..blocks.len() - 1] {
            if self.in_block(block).map(|other| other.value) != Ok(json.value.clone()) {
                return refuse(format!("{} blocks open with ```{tag}, and they differ; give exactly one", blocks.len()));
            }
        }
        let json = self.fit(json, false)?;
        let after = &text[last.end..];
        let Search { found, broken } = prose::search(after);
        let differs = found.iter().any(|found| self.check.is_attempt(&found.json.value) && found.json.value != json.value);
        if differs || broken.is_some() || doubt::is_taken_back(after) {
            return refuse(format!("what follows the block ```{tag} puts it in doubt; end the answer with the block"));
        }
        Ok(Read { json, rung: "tagged" })
    }

    fn in_block(self, block: &Block<'_>) -> Result<Json, Vec<String>> {
        let json = match json::whole(block.body) {
            Ok(json) => json,
            Err(Broken(why)) => match self.other_form(block) {
                Some(json) => json,
                None => return Err(vec![words::line(&format!("the block: {why}"))]),
            },
        };
        if block.closed || prose::is_nested(&json.value) {
            return Ok(json);
        }
        refuse("the block is not closed, so its value may be cut off".to_owned())
    }

    /// What is no JSON and says nowhere where it ends: only the fence behind it does.
    fn other_form(self, block: &Block<'_>) -> Option<Json> {
        let may = block.closed && self.policy != ExtractPolicy::Strict;
        let schema = self.check.schema();
        may.then(|| forms::key_lines(block.body, schema).or_else(|| forms::tags(block.body, schema)))?
    }

    /// One block of JSON or one object in the prose, when nothing puts it in doubt. `missed` is why the rung before failed.
    fn tolerant(self, text: &str, missed: Broken) -> Rung {
        if self.policy == ExtractPolicy::Strict {
            return refuse(words::line(&format!("only strict JSON is taken here, and: {}", missed.0)));
        }
        let Search { found, broken } = prose::search(text);
        if let Some(Broken(why)) = broken {
            return refuse(words::line(&format!("the JSON in the answer cannot be read: {why}")));
        }
        // One that knows none of the keys may be the answer, broken.
        let other = found.iter().any(|found| found.alone && !self.check.is_attempt(&found.json.value));
        let attempts: Vec<Found<'_>> = found.into_iter().filter(|found| self.check.is_attempt(&found.json.value)).collect();
        let Some(last) = attempts.last() else {
            return refuse(words::line(&format!("there is no JSON in the answer that could be the meta; {}", missed.0)));
        };
        if other || attempts.iter().any(|other| other.json.value != last.json.value) {
            return refuse("there are different JSON values in the answer; give exactly one".to_owned());
        }
        let outside = [&text[..attempts[0].start], &text[last.end..]];
        if outside.iter().any(|text| self.check.has_member(text)) {
            return refuse("members of the JSON stand outside of it; give it whole".to_owned());
        }
        if !last.usable {
            return refuse("the JSON in the answer stands within something else; give it by itself".to_owned());
        }
        let unmeant = doubt::is_unmeant(last.context) || doubt::is_unmeant(last.beside) || doubt::is_taken_back(&text[last.end..]);
        let mut json = self.fit(last.json.clone(), true)?;
        if unmeant {
            return refuse("the words around the JSON leave in doubt whether it is meant as the answer".to_owned());
        }
        json.edits.push(Edit { change: Change::Around, at: At::Path(String::new()) });
        Ok(Read { json, rung: "tolerant" })
    }

    /// The value, when it fits the schema, if need be with changes that the policy allows, and is no placeholder. `strict` takes more for
    /// placeholders.
    fn fit(self, json: Json, strict: bool) -> Result<Json, Vec<String>> {
        if self.policy == ExtractPolicy::Strict && !json.edits.is_empty() {
            return refuse(words::line(&format!("only strict JSON is taken here, and this is not: {}", json.edits[0])));
        }
        if self.check.is_schema(&json.value) {
            return refuse("that is the schema itself; give a value that fits it".to_owned());
        }
        let errors = self.check.errors(&json.value);
        let json = if errors.is_empty() { json } else { self.mended(json).ok_or(errors)? };
        match doubt::echo(&json.value, strict) {
            Some(error) => Err(vec![error]),
            None => Ok(json),
        }
    }

    /// The value with changes within it, when it fits then.
    fn mended(self, json: Json) -> Option<Json> {
        // It has to be written anew, and a number with more digits than are kept would change.
        if json::has_long_number(&json.text) {
            return None;
        }
        let (value, more) = mend::mend(&json.value, self.check.schema(), self.policy)?;
        let edits = json.edits.into_iter().chain(more).collect();
        self.check.errors(&value).is_empty().then(|| Json { text: value.to_string(), value, edits })
    }
}

fn refuse<T>(error: String) -> Result<T, Vec<String>> {
    Err(vec![error])
}
