//! Dying where a test wants it. No release holds this.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::{Signal, kill};

use super::Point;

/// The environment variable that says where to die: `<point>[:<nth>][@<flag file>]`.
///
/// The process that reaches the point for the nth time writes the point's name into the flag file and dies by SIGKILL. When the file
/// is there already, somebody died for it and this process lives on.
pub const VARIABLE: &str = "NERVE_CRASH_AT";

struct Armed {
    point: String,
    nth: u32,
    flag: Option<PathBuf>,
    reached: AtomicU32,
}

fn armed() -> Option<&'static Armed> {
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
    ARMED.get_or_init(|| parse(std::env::var(VARIABLE).ok()?)).as_ref()
}

fn parse(text: String) -> Option<Armed> {
    let (place, flag) = text.split_once('@').map_or((text.as_str(), None), |(place, flag)| (place, Some(PathBuf::from(flag))));
    let (point, nth) = place.split_once(':').unwrap_or((place, "1"));
    Some(Armed { point: point.to_owned(), nth: nth.parse().ok()?, flag, reached: AtomicU32::new(0) })
}

/// What a child must be given so that it knows where it is to die.
pub(crate) fn inherited() -> Option<(&'static str, OsString)> {
    Some((VARIABLE, std::env::var_os(VARIABLE)?))
}

pub(super) fn is_armed() -> bool {
    armed().is_some()
}

pub(super) fn reach(point: Point) {
    let Some(armed) = armed() else { return };
    if armed.point == point.to_string() && armed.reached.fetch_add(1, Ordering::SeqCst) + 1 == armed.nth && first(armed) {
        loop {
            // It does not return; were the signal late, nothing may go on meanwhile.
            let _ = kill(nix::unistd::getpid(), Signal::SIGKILL);
        }
    }
}

/// Whether nobody died for this before.
fn first(armed: &Armed) -> bool {
    let Some(flag) = &armed.flag else { return true };
    let Ok(mut file) = File::options().write(true).create_new(true).open(flag) else { return false };
    file.write_all(armed.point.as_bytes()).is_ok()
}
