//! The hot paths of the pure parts, each as one piece of work with its input made beforehand.

mod frames;
mod reading;
mod threads;

pub use frames::{Inbound, decode, encode, inbound_large, inbound_small};
pub use reading::{Answer, config, configure, extract, prose_answer, tagged_answer};
pub use threads::{STEPS, restore, run_hosted, run_written, written_journal};
