//! The command line as types; its doc comments are its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    adapter, build, daemon, demo, dev, explain, init, limits, logs, schema, sense, stop, thread, usage, worker, workflow,
};

const AFTER: &str = "\
Exit codes:
  0 ok   1 failed   2 usage   3 daemon not running   4 not authorised   5 not found or ambiguous
  6 configuration invalid   7 conflict   8 timed out   9 waits for a person   10 budget   130 interrupted

Examples:
  nerve demo                                       see it work, no key needed
  nerve init hello && cd hello && nerve dev        make a workspace and watch it
  nerve thread list --state failed                 what went wrong";

/// Senses watch, workflows act, every step is kept.
#[derive(Debug, Parser)]
#[command(name = "nerve", version, about, after_help = AFTER, disable_help_subcommand = true, infer_subcommands = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Flags that every command takes, in any position.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The workspace; without it the nearest folder upward with a nerve.yaml
    #[arg(short = 'C', long, global = true, value_name = "DIR", env = "NERVE_WORKSPACE", hide_env_values = true)]
    pub(crate) workspace: Option<PathBuf>,
    /// One JSON document on stdout, or on stderr when it fails
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No hints, no progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(init::Init),
    Demo(demo::Demo),
    /// Start the daemon; returns when it answers
    ///
    /// A daemon that runs already is fine. Edited sources need `nerve build` first.
    Start,
    Stop(stop::Stop),
    /// Show what the daemon is at
    Status,
    Dev(dev::Dev),
    Build(build::Build),
    /// Check nerve.yaml, all of it in one run
    Validate,
    Logs(logs::Logs),
    #[command(subcommand, arg_required_else_help = true)]
    Workflow(workflow::Workflow),
    Thread(thread::Thread),
    #[command(subcommand, arg_required_else_help = true)]
    Sense(sense::Sense),
    #[command(subcommand, arg_required_else_help = true)]
    Adapter(adapter::Adapter),
    #[command(subcommand, arg_required_else_help = true)]
    Limits(limits::Limits),
    Worker(worker::Worker),
    Usage(usage::UsageArgs),
    Schema(schema::Schema),
    Explain(explain::Explain),
    #[command(hide = true)]
    Daemon(daemon::Daemon),
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use insta::assert_snapshot;

    use super::Cli;

    #[test]
    fn clap_finds_no_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_names_every_command() {
        assert_snapshot!(Cli::command().term_width(100).render_long_help().to_string());
    }

    #[test]
    fn help_of_the_leaves() {
        let mut command = Cli::command().term_width(100);
        command.build();
        let leaves = "init,start,stop,dev,build,logs,demo,thread,workflow trigger,thread list,thread show,thread resume,sense trigger";
        let mut texts = Vec::new();
        for path in leaves.split(',') {
            let mut leaf = &mut command;
            for name in path.split(' ') {
                leaf = leaf.find_subcommand_mut(name).expect("a command");
            }
            texts.push(leaf.render_long_help().to_string());
        }
        assert_snapshot!(texts.join("\n----\n"));
    }

    #[test]
    fn global_flags_stand_anywhere() {
        for line in ["nerve --json thread list", "nerve thread --json list", "nerve thread list --json"] {
            let cli = Cli::try_parse_from(line.split(' ')).expect("a command line");
            assert!(cli.global.json, "{line}");
        }
    }
}
