//! A command line that cannot be read, in the form of all other errors.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::{CliError, codes};
use crate::exit::Exit;
use crate::ui::Ui;

/// Prints help and version as asked for, anything else as an error.
pub(crate) fn report(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    // The flags were not read, so the mode is looked for by hand.
    let json = arguments.iter().any(|argument| argument == "--json");
    let ui = Ui::new(json, false);
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match ui.data(&error.render().to_string()) {
            Ok(()) => Exit::OK.into(),
            Err(error) => ui.fail(&error),
        };
    }
    ui.fail(&as_ours(error))
}

/// Clap's words: its first paragraph is what is wrong, its tips are our help.
fn as_ours(error: &clap::Error) -> CliError {
    let rendered = error.render().to_string();
    let message = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "a command is missing".to_owned()
    } else {
        let body = rendered.strip_prefix("error: ").unwrap_or(&rendered);
        let lines = body.lines().take_while(|line| !line.trim().is_empty() && !line.trim_start().starts_with("tip:"));
        lines.map(str::trim).collect::<Vec<_>>().join(" ")
    };
    let suggestions = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let suggested = suggestions.iter().find_map(|kind| error.get(*kind)).and_then(nearest);
    let usage = rendered.lines().find(|line| line.starts_with("Usage: ")).map(str::to_owned);
    let help = match (suggested, usage) {
        (Some(name), _) => format!("did you mean `{name}`?"),
        (None, Some(usage)) => usage.replace("Usage:", "usage:"),
        (None, None) => "nerve --help".to_owned(),
    };
    CliError::new(codes::USAGE, message).help(help)
}

fn nearest(value: &ContextValue) -> Option<String> {
    match value {
        ContextValue::String(name) => Some(name.clone()),
        ContextValue::Strings(names) => names.first().cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use insta::assert_snapshot;

    use super::as_ours;
    use crate::cli::Cli;

    fn refused(line: &str) -> String {
        let error = Cli::try_parse_from(line.split(' ')).expect_err("a wrong command line");
        as_ours(&error).text()
    }

    #[test]
    fn what_is_close_is_suggested() {
        let lines =
            ["nerve thred list", "nerve thread list --limt 3", "nerve workflow trigger", "nerve sense", "nerve thread list --state oppen"];
        let texts: Vec<_> = lines.iter().map(|line| format!("$ {line}\n{}", refused(line))).collect();
        assert_snapshot!(texts.join("\n\n"));
    }
}
