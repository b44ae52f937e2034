use insta::assert_snapshot;
use nerve_runtime::daemon::api::dto::{ErrorBody, ErrorKind};

use super::{CliError, codes};

fn broken_config() -> CliError {
    let source = "senses:\n  inbox: { intervall: 1s }\nworkflows:\n  greet: { concurrency: 0 }\n";
    CliError::config(nerve_core::config::parse(source, "nerve.yaml").diagnostics)
}

#[test]
fn an_error_says_what_where_why_and_what_to_do() {
    let file = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let errors = [
        crate::client::not_running(),
        CliError::new(codes::FILE, "cannot read the answer").at("answer.md").because(file),
        ErrorBody::new(ErrorKind::NotFound, "NV0302", "two threads start with `th_7k2m`").help("th_7k2m1…\nth_7k2m9…").into(),
        broken_config(),
    ];
    let texts: Vec<_> = errors.iter().map(CliError::text).collect();
    assert_snapshot!(texts.join("\n\n"));
}

#[test]
fn a_document_has_the_same_facts() {
    let document = broken_config().document();
    assert_eq!(document["schema"], "nerve.error/1");
    assert_eq!(document["error"]["at"], "nerve.yaml:2:12");
    assert_eq!(document["diagnostics"].as_array().map(Vec::len), Some(2));
}

#[test]
fn kinds_have_the_exit_codes_that_scripts_rely_on() {
    let table = [
        (codes::NOT_STARTED, 1),
        (codes::USAGE, 2),
        (codes::NOT_RUNNING, 3),
        (codes::NO_WORKSPACE, 5),
        (codes::NO_BUILD, 6),
        (codes::RUNNING, 7),
        (codes::OCCUPIED, 7),
        (codes::NOT_IN_TIME, 8),
    ];
    for (code, exit) in table {
        assert_eq!(CliError::new(code, "x").kind().exit_code(), exit, "{}", code.code);
    }
    for (kind, exit) in ErrorKind::ALL.into_iter().zip(1u8..) {
        assert_eq!(CliError::from(ErrorBody::new(kind, "NV0000", "x")).kind().exit_code(), exit);
    }
}

#[test]
fn no_code_is_used_twice() {
    let mut all: Vec<&str> =
        codes::ALL.iter().map(|code| code.code).chain(nerve_core::config::CODES.iter().map(|code| code.code)).collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
}
