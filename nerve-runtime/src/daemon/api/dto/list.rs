//! One page of many things.

use serde::{Deserialize, Serialize};

/// One page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct List<T> {
    /// The list's own schema.
    pub schema: String,
    /// The items of this page.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: u64,
    /// Where the next page starts (`before`, `offset` or `after`, as the list takes it); absent on the last page.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// A list that fits on one page.
    pub fn whole(schema: &str, items: Vec<T>) -> Self {
        let total = items.len() as u64;
        Self { schema: schema.to_owned(), items, total, next: None }
    }
}
