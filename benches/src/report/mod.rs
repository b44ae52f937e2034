//! The report: one row for each figure, as JSON, as Markdown and on the terminal.

mod catalogue;
mod chart;
mod markdown;
mod peers;
mod row;

pub(crate) use self::chart::chart;
pub(crate) use self::markdown::{markdown, table};
pub(crate) use self::peers::Peers;
pub(crate) use self::row::Report;

#[cfg(test)]
mod tests;
