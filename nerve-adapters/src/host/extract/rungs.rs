//! The rungs of the ladder, each for one way a meta may stand in a text.

use super::check::Check;
use super::fences::{self, Block};
use super::json::{self, Broken, Json};
use super::prose::{self, Found, Search};
use super::{doubt, words};

type Rung = Result<(Json, &'static str), Vec<String>>;

/// The whole answer is the JSON, as a provider's schema makes it; else what the prose has.
pub(super) fn native(text: &str, check: &Check) -> Rung {
    match json::whole(text) {
        Ok(json) if !json.edited => Ok((fit(json, check, false)?, "native")),
        Ok(json) => Ok((fit(json, check, true)?, "tolerant")),
        Err(broken) => tolerant(text, check, broken),
    }
}

/// The one block with the tag; else what the prose has.
pub(super) fn tagged(text: &str, tag: &str, check: &Check) -> Rung {
    let blocks = fences::with_tag(text, tag);
    let Some(last) = blocks.last() else {
        return match json::whole(text) {
            Ok(json) => Ok((fit(json, check, true)?, "tolerant")),
            Err(_) => tolerant(text, check, Broken(format!("there is no block that opens with ```{tag}"))),
        };
    };
    let json = in_block(last)?;
    for block in &blocks[..blocks.len() - 1] {
        if in_block(block).map(|other| other.value) != Ok(json.value.clone()) {
            return refuse(format!("{} blocks open with ```{tag}, and they differ; give exactly one", blocks.len()));
        }
    }
    let json = fit(json, check, false)?;
    let after = &text[last.end..];
    let Search { found, broken } = prose::search(after);
    let differs = found.iter().any(|found| check.is_attempt(&found.json.value) && found.json.value != json.value);
    if differs || broken.is_some() || doubt::is_taken_back(after) {
        return refuse(format!("what follows the block ```{tag} puts it in doubt; end the answer with the block"));
    }
    Ok((json, "tagged"))
}

fn in_block(block: &Block<'_>) -> Result<Json, Vec<String>> {
    let json = json::whole(block.body).map_err(|Broken(why)| vec![words::line(&format!("the block: {why}"))])?;
    if block.closed || prose::is_nested(&json.value) {
        return Ok(json);
    }
    refuse("the block is not closed, so its value may be cut off".to_owned())
}

/// One block of JSON or one object in the prose, when nothing puts it in doubt. `missed` is why the rung before failed.
fn tolerant(text: &str, check: &Check, missed: Broken) -> Rung {
    let Search { found, broken } = prose::search(text);
    if let Some(Broken(why)) = broken {
        return refuse(words::line(&format!("the JSON in the answer cannot be read: {why}")));
    }
    let attempts: Vec<Found<'_>> = found.into_iter().filter(|found| check.is_attempt(&found.json.value)).collect();
    let Some(last) = attempts.last() else {
        return refuse(words::line(&format!("there is no JSON in the answer that could be the meta; {}", missed.0)));
    };
    if attempts.iter().any(|other| other.json.value != last.json.value) {
        return refuse("there are different JSON values in the answer; give exactly one".to_owned());
    }
    if !last.usable {
        return refuse("the JSON in the answer stands within something else; give it by itself".to_owned());
    }
    let unmeant = doubt::is_unmeant(last.context) || doubt::is_unmeant(last.beside) || doubt::is_taken_back(&text[last.end..]);
    let json = fit(last.json.clone(), check, true)?;
    if unmeant {
        return refuse("the words around the JSON leave in doubt whether it is meant as the answer".to_owned());
    }
    Ok((json, "tolerant"))
}

/// The value, when it fits the schema and is no placeholder.
fn fit(json: Json, check: &Check, strict: bool) -> Result<Json, Vec<String>> {
    if check.is_schema(&json.value) {
        return refuse("that is the schema itself; give a value that fits it".to_owned());
    }
    let errors = check.errors(&json.value);
    if !errors.is_empty() {
        return Err(errors);
    }
    match doubt::echo(&json.value, strict) {
        Some(error) => Err(vec![error]),
        None => Ok(json),
    }
}

fn refuse<T>(error: String) -> Result<T, Vec<String>> {
    Err(vec![error])
}
