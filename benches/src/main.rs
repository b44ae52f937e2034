//! `nerve-bench`: measures what nerve promises, beside the limits of the machine and beside its peers.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what it measures is told on stdout, and how far it is on stderr")]

mod api;
mod cli;
mod clock;
mod failure;
mod limits;
mod process;
mod stats;
mod steps;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command, Place, StepsArgs};
use crate::failure::{Failure, Result};
use crate::steps::{Kind, Plan};
use crate::workspace::Workspace;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.command {
        Command::Steps(args) => steps_alone(&cli.place, args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("nerve-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace that all measurements share; kept beside the program, so that it is built once.
fn workspace(place: &Place) -> Result<Workspace> {
    let program = std::env::current_exe()?;
    let beside = |name: &str| program.with_file_name(name);
    let nerve = place.nerve.clone().unwrap_or_else(|| beside("nerve"));
    let nerve = nerve.canonicalize().map_err(Failure::io("find (cargo build --release makes it)", &nerve))?;
    let folder: PathBuf = place.folder.clone().unwrap_or_else(|| beside("nerve-bench-workspaces"));
    std::fs::create_dir_all(&folder).map_err(Failure::io("make", &folder))?;
    let folder = folder.canonicalize().map_err(Failure::io("find", &folder))?;
    eprintln!("building the workspace in {}", folder.display());
    Workspace::make(&nerve, &folder.join("bench"))
}

fn steps_alone(place: &Place, args: &StepsArgs) -> Result<()> {
    let workspace = workspace(place)?;
    let kind = if args.hosted { Kind::Hosted } else { Kind::Written };
    for concurrency in &args.threads {
        let mut figures = Vec::new();
        for _ in 0..args.runs {
            workspace.fresh()?;
            let run = steps::run(&workspace, Plan { kind, concurrency: *concurrency, seconds: args.seconds })?;
            println!("{concurrency:>4} at once {run}");
            figures.push(run);
        }
        let rates: Vec<f64> = figures.iter().map(|run| run.steps_per_second).collect();
        let shares: Vec<f64> = figures.iter().map(|run| run.steps_per_second / run.budget * 100.0).collect();
        if let (Some(rate), Some([least, most]), Some(share)) = (stats::median(&rates), stats::spread(&rates), stats::median(&shares)) {
            println!("{concurrency:>4} at once: median {rate:.0} ({least:.0}-{most:.0}) steps/s, {share:.0} % of the budget");
        }
    }
    Ok(())
}
