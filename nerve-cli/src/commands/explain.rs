//! `nerve explain`.

use clap::Args;
use nerve_core::config::CODES;
use serde_json::json;

use crate::context::Context;
use crate::error::{CliError, codes};
use crate::exit::Exit;

/// Every code with its meaning, the daemon's among them; a test holds the page to the sources.
const PAGE: &str = include_str!("../../../docs/errors.md");

/// Say what an error's code means
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code, such as NV0102
    code: String,
}

pub(crate) fn run(context: &Context, args: &Explain) -> Result<Exit, CliError> {
    let wanted = args.code.to_uppercase();
    let ours = codes::ALL.iter().map(|code| (code.code, code.meaning));
    let known = ours.chain(CODES.iter().map(|code| (code.code, code.meaning))).find(|(code, _)| *code == wanted);
    let Some((code, meaning)) = known.or_else(|| on_the_page(&wanted)) else {
        return Err(
            CliError::new(codes::NO_SUCH_CODE, format!("no code `{}`", args.code)).help("codes look like NV0102 and stand in the error")
        );
    };
    let document = json!({ "schema": "nerve.explain/1", "code": code, "meaning": meaning });
    context.ui.show(&document, |_| format!("{code}  {meaning}\n"))?;
    Ok(Exit::OK)
}

/// The row of a code: `| NV0301 | kind | what happened | next step |`.
fn on_the_page(wanted: &str) -> Option<(&'static str, &'static str)> {
    PAGE.lines().find_map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let code = cells.next().filter(|code| *code == wanted)?;
        Some((code, cells.nth(1)?))
    })
}
