//! `nerve`: senses watch, workflows act, every step is kept.

mod checks;
mod cli;
mod client;
mod commands;
mod context;
mod daemon_process;
mod early;
mod error;
mod exit;
mod find;
mod render;
mod ui;
mod usage_error;
mod workspace;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

use crate::cli::Cli;
use crate::ui::Ui;

/// What a step needs is allocated by the engine's thread and freed by the journal's and the calls': the system's allocator has them wait
/// for each other, which costs a step up to a third of its time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(exit) = early::run(&arguments) {
        return exit;
    }
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage_error::report(&error, &arguments),
    };
    let ui = Ui::new(cli.global.json, cli.global.quiet);
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => ui.fail(&error),
    }
}
