//! The words of nerve as types.
//!
//! Nothing here does I/O, reads a clock or the environment, or prints: time, ids and randomness come in as arguments.

#[cfg(feature = "config")]
pub mod config;
