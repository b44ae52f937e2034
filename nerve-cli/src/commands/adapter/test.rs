//! `nerve adapter test`.

use clap::Args;
use nerve_runtime::daemon::api::dto::{AdapterTest, ErrorKind};

use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

/// Call an adapter once, and say in one line whether key, model and schema work
///
/// The daemon makes the call, with its own environment, under the limits of the workspace. It is as short as can be; an agent
/// starts for it, and may take a while. Exit 1 when something is wrong; the line says what.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The adapter's name in nerve.yaml
    name: String,
}

pub(super) async fn run(context: &Context, args: &Test) -> Result<Exit, CliError> {
    let test = context.client()?.test_adapter(&args.name).await?;
    context.ui.show(&test, line)?;
    Ok(if test.ok { Exit::OK } else { Exit::of(ErrorKind::Failed) })
}

fn line(test: &AdapterTest) -> String {
    let who = test.adapter.as_ref().map(|adapter| format!(" ({adapter})")).unwrap_or_default();
    let tokens = match (test.usage.input_tokens, test.usage.output_tokens) {
        (Some(input), Some(output)) => format!("{input} tokens in, {output} out, "),
        _ => String::new(),
    };
    let cost = format!("{tokens}cost {}", test.cost);
    match &test.problem {
        None => {
            let served = test.model.as_ref().map(|model| format!(", model {model}")).unwrap_or_default();
            let schema = test.schema_mode.as_ref().map(|mode| format!(", schema by {mode}")).unwrap_or_default();
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of one call")]
            let seconds = test.took_ms as f64 / 1000.0;
            format!("{}{who}: ok{served}{schema}, {seconds:.1} s, {cost}\n", test.name)
        }
        Some(problem) => {
            let message = problem.message.split_whitespace().collect::<Vec<_>>().join(" ");
            let cost = if test.usage.calls == 0 { String::new() } else { format!("; {cost}") };
            format!("{}{who}: wrong: {}: {message}{cost}; {}\n", test.name, problem.which.name(), problem.help)
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use nerve_core::{FailureKind, Usage};
    use nerve_runtime::daemon::api::dto::{AdapterProblem, Culprit};

    use super::*;

    #[test]
    fn one_line_says_what_works_or_what_is_wrong() {
        let usage = Usage { input_tokens: Some(61), output_tokens: Some(7), ..Usage::ONE_CALL }.priced(13_350);
        let good = AdapterTest {
            schema: String::new(),
            name: "analyst".to_owned(),
            ok: true,
            adapter: Some("openai/gpt-4o-mini".to_owned()),
            model: Some("gpt-4o-mini-2024-07-18".to_owned()),
            schema_mode: Some("native".to_owned()),
            took_ms: 812,
            usage,
            cost: usage.money(),
            problem: None,
        };
        let problem = |which: Culprit, kind, message: &str| AdapterTest {
            ok: false,
            model: None,
            schema_mode: None,
            usage: Usage::default(),
            problem: Some(AdapterProblem { which, kind, message: message.to_owned(), help: which.help().to_owned() }),
            ..good.clone()
        };
        let all = [
            good.clone(),
            problem(Culprit::Auth, Some(FailureKind::Auth), "not authorised: http://h answered 401 with:\nbad key ***"),
            problem(Culprit::Limits, None, "200 calls within the hour"),
        ];
        assert_snapshot!(all.iter().map(line).collect::<String>());
    }
}
