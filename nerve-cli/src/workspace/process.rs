//! A child process whose output is read line by line, and which can be stopped with all that it started.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use nerve_runtime::daemon::{Beside, spawn_beside};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Exited(ExitStatus),
    Cancelled,
    TimedOut,
}

/// How often an idle wait looks at what may end it.
const LOOK: Duration = Duration::from_millis(20);
/// How long output may stay silent after the exit, when something that was left behind holds it open.
const LINGER: Duration = Duration::from_millis(500);
/// How long the processes have between TERM and KILL.
const GRACE: Duration = Duration::from_secs(2);

/// Runs a command without input, in a process group of its own, to its end.
pub(super) fn run(
    mut command: Command,
    cancel: &AtomicBool,
    timeout: Option<Duration>,
    on_line: &mut dyn FnMut(Stream, &str),
) -> io::Result<End> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let started = Instant::now();
    let (child, beside) = spawn(&mut command)?;
    let mut group = Group { child: Some(child), _beside: beside };
    let (sender, lines) = sync_channel(1024);
    if let Some(child) = &mut group.child {
        read_lines(child.stdout.take(), Stream::Stdout, sender.clone());
        read_lines(child.stderr.take(), Stream::Stderr, sender);
    }
    let (mut open, mut exit, mut heard) = (true, None, Instant::now());
    loop {
        match lines.recv_timeout(LOOK) {
            Ok((stream, line)) => {
                heard = Instant::now();
                on_line(stream, &line);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) if open => open = false,
            Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK / 4),
        }
        if exit.is_none() {
            exit = group.exit()?;
            heard = if exit.is_some() { Instant::now() } else { heard };
        }
        match exit {
            Some(exit) if !open || heard.elapsed() > LINGER => return Ok(End::Exited(exit)),
            _ if cancel.load(Ordering::Relaxed) => return Ok(End::Cancelled),
            _ if timeout.is_some_and(|timeout| started.elapsed() > timeout) => return Ok(End::TimedOut),
            _ => {}
        }
    }
}

/// A program that was only just written may still be open for writing in a child that another thread is starting.
fn spawn(command: &mut Command) -> io::Result<(Child, Beside)> {
    for _ in 0..50 {
        match spawn_beside(command) {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => thread::sleep(LOOK),
            done => return done,
        }
    }
    spawn_beside(command)
}

fn read_lines(from: Option<impl Read + Send + 'static>, stream: Stream, sender: SyncSender<(Stream, String)>) {
    let Some(from) = from else { return };
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line);
            // Nobody listens once the run has ended.
            if sender.send((stream, text.trim_end_matches(['\n', '\r']).to_owned())).is_err() {
                return;
            }
            line.clear();
        }
    });
}

/// The child while it runs; dropping it stops its whole group.
struct Group {
    child: Option<Child>,
    /// A daemon in this process, as with `nerve dev`, leaves it alone.
    _beside: Beside,
}

impl Group {
    fn exit(&mut self) -> io::Result<Option<ExitStatus>> {
        let Some(child) = &mut self.child else { return Ok(None) };
        let exit = child.try_wait()?;
        if exit.is_some() {
            self.child = None;
        }
        Ok(exit)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        let group = Pid::from_raw(child.id().cast_signed());
        let _ = killpg(group, Signal::SIGTERM);
        let asked = Instant::now();
        while asked.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
            thread::sleep(LOOK);
        }
        let _ = killpg(group, Signal::SIGKILL);
        let _ = child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, cancel: bool, timeout: Option<Duration>) -> (End, Vec<(Stream, String)>) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut lines = Vec::new();
        let end = run(command, &AtomicBool::new(cancel), timeout, &mut |stream, line| lines.push((stream, line.to_owned())));
        (end.expect("sh is there"), lines)
    }

    #[test]
    fn both_streams_are_read_to_the_end() {
        let (end, lines) = shell("echo out; echo err >&2; printf last; exit 3", false, None);
        assert!(matches!(end, End::Exited(status) if status.code() == Some(3)));
        for line in [(Stream::Stdout, "out"), (Stream::Stderr, "err"), (Stream::Stdout, "last")] {
            assert!(lines.contains(&(line.0, line.1.to_owned())), "{lines:?}");
        }
    }

    #[test]
    fn what_is_left_behind_does_not_hold_it_up() {
        let started = Instant::now();
        assert!(matches!(shell("sleep 20 & echo $!", false, None).0, End::Exited(_)));
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn it_stops_with_all_that_it_started() {
        let started = Instant::now();
        assert_eq!(shell("sleep 20; true", true, None).0, End::Cancelled);
        assert_eq!(shell("sleep 20; true", false, Some(Duration::from_millis(50))).0, End::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
