//! The keeper of one agent: `nerve keeper`, a process between the daemon and a command.
//!
//! It writes down what the agent says and how it ends, whether the daemon lives, is stopped or is dead, and it leaves nothing of
//! the agent behind. Its stdin is its lifeline: the job in one line, then nothing until it closes, and that means to stop.
//! Plain blocking code: it does little, and must do that at once.

mod agent;
mod capture;
mod course;
mod job;
mod tree;
mod wake;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use nix::sys::signal::SigSet;

pub(crate) use job::Job;

use crate::crash_point::{Moment, Point, crash_point};
use crate::daemon::{children, clock};
use crate::processes::Process;
use crate::spool::{Ending, Spool};
use course::Course;

/// How long an agent has between TERM and KILL.
pub(crate) const KILL_AFTER: Duration = Duration::from_secs(3);

/// How long an agent's output may stay open and silent after all its processes are gone: then somebody else holds it.
const LAST_OUTPUT: Duration = Duration::from_secs(1);
/// How long a disk that does not take what the agent said is waited for, or somebody else who goes on talking.
const LAST_WRITE: Duration = Duration::from_secs(30);

/// Keeps the one agent that the first line of stdin describes.
pub fn run() -> ExitCode {
    // A session of its own: what ends a terminal's processes is not for it. It fails only for who leads a group, by hand.
    let _ = nix::unistd::setsid();
    children::become_subreaper();
    let kept = match job::read() {
        // The lifeline closed before there was anything to keep.
        Ok(None) => Ok(()),
        Ok(Some(job)) => keep(&job),
        Err(error) => Err(error),
    };
    match kept {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // It is in the daemon's log; where nobody reads that, the missing record says enough.
            let _ = writeln!(io::stderr(), "keeper: {error}");
            ExitCode::FAILURE
        }
    }
}

fn keep(job: &Job) -> io::Result<()> {
    let spool = Spool::at(job.spool.clone())?;
    let (stdout, stderr) = (capture::open(&spool.stdout_file())?, capture::open(&spool.stderr_file())?);
    crash_point(Point::At(Moment::KeeperJob));
    let agent = match agent::start(job, &spool) {
        Ok(agent) => agent,
        Err(error) => return spool.agent_ended(Ending::Spawn(error.to_string()), false, false, clock::now()),
    };
    crash_point(Point::At(Moment::AgentStarted));
    // Not before the agent, which would inherit it. From here on no signal that can be blocked ends the keeper; the agent's end and
    // the lifeline's are read, not signalled.
    let _ = SigSet::all().thread_block();
    // It was not waited for yet, so its pid is its own. Without the record it is found by its mark.
    let own = std::process::id();
    let keeper = Process::of(own).unwrap_or(Process { pid: own, start: 0 });
    let recorded = Process::of(agent.pid).map_or(Ok(()), |process| spool.agent_runs(process, keeper));

    crash_point(Point::At(Moment::AgentRecorded));
    let mut course = Course::watch(agent.pid);
    let said = course.capture(agent.stdout, stdout);
    course.capture(agent.stderr, stderr);
    course.until_it_is_to_end();
    crash_point(Point::At(Moment::AgentEnded));
    tree::end(agent.pid, &mut course, job.kill_after());
    course.until_all_is_captured(LAST_OUTPUT, LAST_WRITE);
    crash_point(Point::At(Moment::AgentGone));
    let Course { ending, stopped, .. } = course;
    let ending = ending.ok_or_else(|| io::Error::other("the agent cannot be ended, or was collected by somebody else"))?;
    // What is left out of stderr costs no answer.
    spool.agent_ended(ending, stopped, said.truncated(), clock::now())?;
    crash_point(Point::At(Moment::AgentDone));
    recorded
}

#[cfg(test)]
mod tests {
    /// Tests start this program anew as a keeper; run as a test it does nothing.
    #[test]
    fn as_a_process() {
        if std::env::var_os(crate::processes::KEEPER).is_some() {
            super::run();
        }
    }
}
