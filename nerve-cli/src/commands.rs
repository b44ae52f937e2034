//! One file for each verb.

pub(crate) mod adapter;
pub(crate) mod build;
pub(crate) mod daemon;
pub(crate) mod demo;
pub(crate) mod dev;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod limits;
pub(crate) mod logs;
pub(crate) mod schema;
pub(crate) mod sense;
mod start;
mod start_page;
mod status;
pub(crate) mod stop;
pub(crate) mod thread;
pub(crate) mod usage;
mod validate;
pub(crate) mod worker;
pub(crate) mod workflow;

use std::future::Future;

use crate::cli::{Cli, Command};
use crate::context::Context;
use crate::error::{CliError, codes};
use crate::exit::Exit;

/// Runs the command.
pub(crate) fn run(cli: Cli) -> Result<Exit, CliError> {
    let context = Context::new(cli.global);
    let Some(command) = cli.command else { return start_page::run(&context) };
    match command {
        Command::Init(args) => init::run(&context, &args),
        Command::Demo(args) => wait(demo::run(&context, &args)),
        Command::Start => wait(start::run(&context)),
        Command::Stop(args) => wait(stop::run(&context, args)),
        Command::Status => wait(status::run(&context)),
        Command::Dev(args) => wait(dev::run(&context, &args)),
        Command::Build(args) => build::run(&context, args),
        Command::Validate => validate::run(&context),
        Command::Logs(args) => wait(logs::run(&context, args)),
        Command::Workflow(command) => wait(workflow::run(&context, command)),
        Command::Thread(command) => wait(thread::run(&context, command)),
        Command::Sense(command) => wait(sense::run(&context, command)),
        Command::Limits(command) => wait(limits::run(&context, command)),
        Command::Adapter(command) => adapter::run(&context, command),
        Command::Usage(args) => wait(usage::run(&context, args)),
        Command::Worker(command) => worker::run(&context, command),
        Command::Schema(args) => schema::run(&context, args),
        Command::Explain(args) => explain::run(&context, &args),
        Command::Daemon(args) => daemon::run(args),
    }
}

/// Runs a command that talks to the daemon.
fn wait(command: impl Future<Output = Result<Exit, CliError>>) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::new(codes::FILE, "cannot start the I/O of this process").because(error))?;
    let done = runtime.block_on(command);
    // A blocked read of stdin or a build must not hold the process.
    runtime.shutdown_background();
    done
}
