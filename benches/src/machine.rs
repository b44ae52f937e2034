//! What it was measured on.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::failure::{Result, run};

/// A machine and the program on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    /// Of the folder in which it was measured.
    pub(crate) filesystem: String,
    /// The version of `nerve`.
    pub(crate) version: String,
    /// The commit of the checkout.
    pub(crate) commit: String,
}

impl Machine {
    /// Looks at this machine.
    pub(crate) fn look(nerve: &Path, folder: &Path) -> Result<Self> {
        let text = |command: &mut Command| run(command).map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let after = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(':'));
            line.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
        };
        let memory = after(&file("/proc/meminfo"), "MemTotal");
        let kib: u64 = memory.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or_default();
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            processor: after(&file("/proc/cpuinfo"), "model name"),
            memory_gib: kib.div_ceil(1024 * 1024),
            kernel: file("/proc/sys/kernel/osrelease").trim().to_owned(),
            filesystem: text(Command::new("stat").args(["-f", "-c", "%T"]).arg(folder))?,
            version: text(Command::new(nerve).arg("--version"))?.trim_start_matches("nerve ").to_owned(),
            // A tarball has none.
            commit: text(Command::new("git").args(["rev-parse", "--short", "HEAD"])).unwrap_or_else(|_| "unknown".to_owned()),
        })
    }
}
