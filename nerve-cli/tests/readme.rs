//! The README's tour, as a reader would type it, in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The heading under which every `sh` block is executed.
const TOUR: &str = "## A tour";

/// How long a thread may take to come to its end on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn the_tour_works() {
    // A block that compiles is left out whole, so that what it edits stays unedited.
    play(|block| !block.iter().any(|line| line.starts_with("nerve build")));
}

#[test]
#[ignore = "compiles a workspace: a minute, and the network the first time"]
fn the_tour_works_with_its_build() {
    play(|_| true);
}

fn play(wanted: impl Fn(&[String]) -> bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut place = Place(folder.path().to_owned());
    let blocks: Vec<_> = tour().into_iter().filter(|block| wanted(block)).collect();
    assert!(blocks.len() >= 5, "the README has lost its tour");
    for line in blocks.iter().flatten().filter(|line| !line.starts_with("cargo ")) {
        place.type_in(line);
    }
    let end = place.run("nerve status");
    assert_eq!(end.status.code(), Some(3), "the tour leaves a daemon behind: {}", told(&end));
}

/// The lines of each `sh` block of the tour.
fn tour() -> Vec<Vec<String>> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).expect("a README");
    let tour = readme.split(TOUR).nth(1).expect("a tour").split("\n## ").next().unwrap_or_default();
    let blocks = tour.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(|block| block.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()).collect()
}

/// The folder that the reader is in.
struct Place(PathBuf);

impl Place {
    fn type_in(&mut self, line: &str) {
        if let Some(folder) = line.strip_prefix("cd ") {
            self.0.push(folder);
            assert!(self.0.is_dir(), "{line}");
            return;
        }
        let line = if line.starts_with("nerve thread") { line.replace(" ID", &format!(" {}", self.latest())) } else { line.to_owned() };
        let output = self.run(&line);
        assert!(output.status.success(), "`{line}`: {}", told(&output));
    }

    /// The id of the latest thread, once it has come to its end.
    fn latest(&self) -> String {
        let started = Instant::now();
        loop {
            let output = self.run("nerve thread list --limit 1 | awk 'NR == 2 && $3 == \"completed\" { print $1 }'");
            let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            if !id.is_empty() {
                return id;
            }
            assert!(started.elapsed() < PATIENCE, "no thread came to its end: {}", told(&self.run("nerve logs")));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn run(&self, line: &str) -> Output {
        let nerve = Path::new(env!("CARGO_BIN_EXE_nerve")).parent().expect("a folder").to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(nerve).chain(std::env::split_paths(&path))).expect("a PATH");
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(&self.0).stdin(Stdio::null()).env("PATH", path).env_remove("NERVE_WORKSPACE");
        shell.output().expect("a shell")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // However the test ended, its daemon goes before its folder.
        self.run("nerve stop --now");
    }
}

fn told(output: &Output) -> String {
    format!("{}\n{}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
