//! The control API: the shapes that the CLI, scripts and pages read.

pub mod dto;
