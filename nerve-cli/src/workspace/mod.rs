//! The workspace on disk: what `nerve init` writes, and what `nerve build` makes of it.
//!
//! Everything here returns values and errors; printing them is the commands' part.

mod build;
mod build_error;
mod cargo;
mod embed;
mod init;
mod init_error;
mod name;
mod process;
mod produced;
mod sdk;
mod unedited;

#[cfg(test)]
mod tests;

pub(crate) use build::{BuildOptions, BuildReport, build};
pub(crate) use build_error::BuildError;
pub(crate) use embed::SDK_VERSION;
pub(crate) use init::{Git, InitOptions, InitReport, init};
pub(crate) use init_error::InitError;
pub(crate) use sdk::{SdkError, restore};
pub(crate) use unedited::{template_hash, unedited};
