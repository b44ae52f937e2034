//! Looking at processes. Without `/proc` there is less to see, and less is checked.

use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("a pid"))
}

/// Sends a signal; a process that is gone is none of the caller's concern.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let _ = kill(pid_of(pid), signal);
}

/// Whether the process runs; one that has ended with all its threads and only waits to be collected does not.
pub(crate) fn lives(pid: u32) -> bool {
    if !Path::new("/proc/self/stat").exists() {
        return kill(pid_of(pid), None).is_ok();
    }
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The name before the state may hold anything, parentheses too.
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    // The first thread may have ended before others, which still hold the process's files.
    let others = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, |tasks| tasks.count().saturating_sub(1));
    others > 0 || !matches!(state, Some("Z" | "X") | None)
}

/// Every process that works in this folder, names it on its command line, or is marked with it in its environment.
pub(crate) fn below(folder: &Path) -> Vec<String> {
    let name = folder.display().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if pid == std::process::id() {
            continue;
        }
        let text = |file: &str| {
            let bytes = fs::read(entry.path().join(file)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace('\0', " ")
        };
        let (command, environment) = (text("cmdline"), text("environ"));
        let here = fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
        if lives(pid) && (here || command.contains(&name) || environment.contains(&format!("NERVE_WORKSPACE={name}"))) {
            found.push(format!("{pid}: {command}"));
        }
    }
    found
}

/// What a process of a workspace is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Worker,
    Keeper,
    Sweeper,
    Agent,
}

/// The processes that a daemon of this workspace started, and whatever those started: all that carry its mark.
pub(crate) fn of_workspace(root: &Path) -> Vec<(u32, Kind)> {
    let mark = format!("NERVE_WORKSPACE={}", root.display());
    let marked = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let text = |file: &str| fs::read(entry.path().join(file)).ok();
        let words = |bytes: Vec<u8>| -> Vec<String> {
            bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
        };
        if !lives(pid) || !words(text("environ")?).contains(&mark) {
            return None;
        }
        let kind = match words(text("cmdline")?).get(1).map(String::as_str) {
            Some("worker" | "--worker") => Kind::Worker,
            Some("keeper") => Kind::Keeper,
            Some("sweeper") => Kind::Sweeper,
            _ => Kind::Agent,
        };
        Some((pid, kind))
    };
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(marked).collect()
}

/// The process of the daemon of this workspace while it starts, when its pid is not told yet.
pub(crate) fn starting_daemon(root: &Path) -> Option<u32> {
    let wanted = format!("daemon --root {} ", root.display());
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let command = fs::read(entry.path().join("cmdline")).ok()?;
        String::from_utf8_lossy(&command).replace('\0', " ").contains(&wanted).then_some(pid)
    })
}
