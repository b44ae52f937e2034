//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Measures what nerve promises, beside the limits of the machine.
#[derive(Debug, Parser)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is measured, and where.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The released `nerve`; without it the one beside this program.
    #[arg(long, global = true)]
    pub(crate) nerve: Option<PathBuf>,
    /// Where the workspace and the limits' files are; on the disk that is to be measured.
    #[arg(long, global = true)]
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everything, and a report of it.
    All(AllArgs),
    /// Durable steps a second.
    Steps(StepsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StepsArgs {
    /// Threads that run at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64, 512])]
    pub(crate) threads: Vec<usize>,
    /// Roles that a script answers, instead of roles written by hand.
    #[arg(long)]
    pub(crate) hosted: bool,
    /// Runs of each.
    #[arg(long, default_value_t = 1)]
    pub(crate) runs: usize,
    /// Seconds that a run takes when the budget is just met.
    #[arg(long, default_value_t = 3.0)]
    pub(crate) seconds: f64,
}

#[derive(Debug, Args)]
pub(crate) struct AllArgs {
    /// One short run of everything, to see that it can be measured: less than 3 minutes. Nothing is kept but by --out.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Runs whose median is told; 5 without it.
    #[arg(long, conflicts_with = "quick")]
    pub(crate) runs: Option<usize>,
    /// A file with what the peers' drivers printed.
    #[arg(long)]
    pub(crate) peers: Option<PathBuf>,
    /// The folder that gets `<date>.json`, `<date>.md` and `<date>.svg`.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// Exit 1 when a budget is missed, too.
    #[arg(long)]
    pub(crate) strict: bool,
}
