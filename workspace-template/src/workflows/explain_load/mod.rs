//! `explain-load`: says what keeps the machine busy, and has somebody act when that is needed.

pub mod roles {
    //! One file per role.
    pub mod analyst;
    pub mod fixer;
}

use nerve_runtime::prelude::*;

use roles::analyst::{ANALYST, analyst};
use roles::fixer::{FIXER, fixer};

/// How often the fixer may try.
const TRIES: usize = 2;

/// The analyst looks; the fixer acts if there is need, twice at most.
pub fn workflow() -> Workflow {
    Workflow::new("explain-load").role(analyst()).role(fixer()).moderator(next)
}

/// Must be pure: the same thread, the same choice.
fn next(thread: &ThreadContext) -> Next {
    let Some(diagnosis) = thread.latest(ANALYST) else {
        return Next::role(ANALYST).because("nobody has looked yet");
    };
    if !diagnosis.meta.actionable {
        return Next::end().because("nothing needs doing");
    }
    match thread.latest(FIXER) {
        None => Next::role(FIXER).because("the load needs somebody to act"),
        Some(fix) if fix.meta.done => Next::end().because("it is done"),
        Some(_) if thread.all(FIXER).len() < TRIES => Next::role(FIXER).because("the first try did not do it"),
        Some(_) => Next::end().because("two tries are enough"),
    }
}
