//! The daemon as a process: how it is started, and how one sees that it is gone.

mod lock;
mod options;
mod ready;
mod serve;
mod spawn;

pub(crate) use self::lock::is_free;
pub(crate) use self::options::options;
pub(crate) use self::serve::{body, serve};
pub(crate) use self::spawn::{Spawned, spawn};
