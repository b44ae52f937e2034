//! Linux: `/proc`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::sync::OnceLock;

use super::{Environ, Process, Row};

/// Where the state, the parent, the group, the number of threads and the start stand behind the name.
const STATE: usize = 0;
const PARENT: usize = 1;
const GROUP: usize = 2;
const THREADS: usize = 17;
const START: usize = 19;

pub(super) fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
}

pub(super) fn row(pid: u32) -> Option<Row> {
    parse(pid, &read(&format!("/proc/{pid}/stat"))?)
}

pub(super) fn rows() -> Vec<Row> {
    pids().filter_map(row).collect()
}

/// The children of a process, those too that wait to be collected; none where this kernel does not list them.
///
/// It says what reading all of `/proc` says, for as many calls as the process has threads. Like that it can miss one while
/// another is being collected.
pub(super) fn children(of: u32) -> Option<Vec<u32>> {
    let mut children = Vec::new();
    let tasks = format!("/proc/{of}/task");
    for thread in numbers(&tasks) {
        match read_list(&format!("{tasks}/{thread}/children")) {
            Some(list) => {
                children.extend(String::from_utf8_lossy(&list).split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            }
            // Where there are no such lists, there is none of this very thread either.
            None if !lists_children() => return None,
            // A thread that has just ended left its children to another.
            None => {}
        }
    }
    Some(children)
}

fn lists_children() -> bool {
    static LISTS: OnceLock<bool> = OnceLock::new();
    *LISTS.get_or_init(|| fs::exists("/proc/thread-self/children").unwrap_or(false))
}

pub(super) fn marked<T>(wanted: impl Fn(&Environ) -> Option<T>) -> Vec<(Process, T)> {
    let spared = line_of(std::process::id());
    let others = pids().filter(|pid| !spared.contains(pid));
    others
        .filter_map(|pid| {
            // Most are none of ours, and one look tells. It is not shown of another user's process.
            environ(pid).and_then(|environ| wanted(&environ))?;
            let row = row(pid).filter(|row| !row.ended)?;
            // The pid may have been given anew in between; now the start is that of the process which is wanted.
            environ(pid).and_then(|environ| wanted(&environ)).map(|found| (row.process, found))
        })
        .collect()
}

/// Now, in ticks since the boot: what started later has a higher start.
pub(super) fn now() -> u64 {
    // Both count hundredths of a second.
    let uptime = read("/proc/uptime").unwrap_or_default();
    let digits = uptime.split(|byte| *byte == b' ').next().unwrap_or_default().iter().filter(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

pub(super) fn environ(pid: u32) -> Option<Environ> {
    read(&format!("/proc/{pid}/environ")).map(Environ::new)
}

/// Reads a file of `/proc` with as few calls as can be: there are many of them, and a look must cost next to nothing.
fn read(path: &str) -> Option<Vec<u8>> {
    // These files give all that fits; what leaves room is the end.
    read_until(path, |read, room| read < room)
}

/// Reads a list of `/proc`, which is given in pieces.
fn read_list(path: &str) -> Option<Vec<u8>> {
    read_until(path, |read, _| read == 0)
}

fn read_until(path: &str, is_end: impl Fn(usize, usize) -> bool) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let mut bytes = vec![0; 8 * 1024];
    let mut filled = 0;
    loop {
        let room = bytes.len() - filled;
        match file.read(&mut bytes[filled..]) {
            Ok(read) => {
                filled += read;
                if is_end(read, room) {
                    bytes.truncate(filled);
                    return Some(bytes);
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
        if filled == bytes.len() {
            bytes.resize(filled * 2, 0);
        }
    }
}

fn pids() -> impl Iterator<Item = u32> {
    numbers("/proc")
}

fn numbers(folder: &str) -> impl Iterator<Item = u32> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A process and those that it descends from.
fn line_of(pid: u32) -> BTreeSet<u32> {
    let mut line = BTreeSet::new();
    let mut next = Some(pid);
    while let Some(pid) = next.filter(|pid| line.insert(*pid)) {
        next = row(pid).map(|row| row.parent);
    }
    line
}

/// Reads a line of `/proc/PID/stat`. The name stands in parentheses and may hold anything, parentheses and line ends too.
fn parse(pid: u32, stat: &[u8]) -> Option<Row> {
    let behind = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let fields: Vec<&str> = std::str::from_utf8(&stat[behind..]).ok()?.split_ascii_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    let threads = number(THREADS)?;
    Some(Row {
        process: Process { pid, start: number(START)? },
        parent: u32::try_from(number(PARENT)?).ok()?,
        group: u32::try_from(number(GROUP)?).ok()?,
        // The first thread may have ended before others, which go on.
        ended: matches!(*fields.get(STATE)?, "Z" | "X" | "x") && threads <= 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, state: &str, threads: u32) -> Vec<u8> {
        format!("77 ({name}) {state} 12 13 14 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 {threads} 0 987654 1 2 3").into_bytes()
    }

    #[test]
    fn a_name_may_hold_anything() {
        for name in ["sleep", "tmux: server", "a) Z 1 2 3", "((", "))", "line\nend", ""] {
            let row = parse(77, &line(name, "S", 1)).unwrap_or_else(|| panic!("{name:?} is not read"));
            assert_eq!(row, Row { process: Process { pid: 77, start: 987_654 }, parent: 12, group: 13, ended: false }, "{name:?}");
        }
    }

    #[test]
    fn it_has_ended_only_with_its_last_thread() {
        assert!(parse(77, &line("a", "Z", 1)).expect("a line").ended);
        assert!(!parse(77, &line("a", "Z", 2)).expect("a line").ended);
        assert!(!parse(77, &line("a", "T", 1)).expect("a line").ended);
    }

    #[test]
    fn a_line_that_is_cut_off_is_no_process() {
        assert_eq!(parse(77, b"77 (sleep) S 12"), None);
        assert_eq!(parse(77, b""), None);
    }
}
