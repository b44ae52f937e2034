//! `nerve-bench`: measures what nerve promises, beside the limits of the machine and beside its peers.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what it measures is told on stdout, and how far it is on stderr")]

mod api;
mod builds;
mod cli;
mod clock;
mod failure;
mod figures;
mod idle;
mod limits;
mod machine;
mod one_core;
mod process;
mod recovery;
mod report;
mod session;
mod stats;
mod steps;
mod stored;
mod worker;
mod workspace;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{AllArgs, Cli, Command, Place, StepsArgs};
use crate::failure::{Failure, Result};
use crate::machine::Machine;
use crate::report::{Peers, Report, chart, markdown, table};
use crate::session::Size;
use crate::steps::{Kind, Plan};
use crate::workspace::Workspace;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.command {
        Command::All(args) => all(&cli.place, args),
        Command::Steps(args) => steps_alone(&cli.place, args).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("nerve-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The released program, and the folder in which it is measured; kept beside this program, so that a workspace is built once.
fn place(place: &Place) -> Result<(PathBuf, PathBuf)> {
    let program = std::env::current_exe()?;
    let beside = |name: &str| program.with_file_name(name);
    let nerve = place.nerve.clone().unwrap_or_else(|| beside("nerve"));
    let nerve = nerve.canonicalize().map_err(Failure::io("find (cargo build --release makes it)", &nerve))?;
    let folder: PathBuf = place.folder.clone().unwrap_or_else(|| beside("nerve-bench-workspaces"));
    std::fs::create_dir_all(&folder).map_err(Failure::io("make", &folder))?;
    let folder = folder.canonicalize().map_err(Failure::io("find", &folder))?;
    Ok((nerve, folder))
}

/// The workspace that all measurements share.
fn workspace(nerve: &Path, folder: &Path) -> Result<Workspace> {
    eprintln!("building the workspace in {}", folder.display());
    Workspace::make(nerve, &folder.join("bench"))
}

/// Measures everything; false when the report is not whole, or not as strict as wanted.
fn all(at: &Place, args: &AllArgs) -> Result<bool> {
    let (nerve, folder) = place(at)?;
    let peers =
        args.peers.as_deref().map(|path| Peers::read(&std::fs::read_to_string(path).map_err(Failure::io("read", path))?)).transpose()?;
    let machine = Machine::look(&nerve, &folder)?;
    let workspace = workspace(&nerve, &folder)?;
    let full = Size { runs: args.runs.unwrap_or(Size::FULL.runs).max(1), ..Size::FULL };
    let size = if args.quick { Size::QUICK } else { full };
    let figures = session::measure(&workspace, &folder, size);
    let report = Report::of(&figures, peers.as_ref(), machine, clock::today(), size);
    print!("{}", table(&report));
    if let Some(out) = &args.out {
        keep(&report, out)?;
    }
    for row in report.missed() {
        eprintln!("budget missed: {} ({})", row.id, row.what);
    }
    for id in &report.missing {
        eprintln!("row missing: {id}");
    }
    Ok(report.is_whole() && !(args.strict && report.missed().next().is_some()))
}

fn keep(report: &Report, out: &Path) -> Result<()> {
    std::fs::create_dir_all(out).map_err(Failure::io("make", out))?;
    let json = serde_json::to_string_pretty(report)? + "\n";
    for (kind, text) in [("json", json), ("md", markdown(report)), ("svg", chart(report))] {
        let path = out.join(format!("{}.{kind}", report.date));
        std::fs::write(&path, text).map_err(Failure::io("write", &path))?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}

fn steps_alone(at: &Place, args: &StepsArgs) -> Result<()> {
    let (nerve, folder) = place(at)?;
    let workspace = workspace(&nerve, &folder)?;
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
