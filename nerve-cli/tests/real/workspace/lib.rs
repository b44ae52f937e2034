//! What a small model is asked: ten roles whose metas have ten shapes, each once by a provider that takes schemas and once by one that
//! takes none.

use nerve_runtime::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct YesNo {
    /// true for yes
    pub yes: bool,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    Red,
    Green,
    Blue,
    Yellow,
    Other,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Painted {
    /// the colour
    pub colour: Colour,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Counted {
    /// how many
    #[schemars(range(min = 0, max = 20))]
    pub count: u8,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Scored {
    /// from 1, bad, to 10, good
    #[schemars(range(min = 1, max = 10))]
    pub score: i32,
    /// whether you are sure
    pub sure: bool,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    Small,
    MediumSized,
    Large,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Sized {
    pub size: Size,
    /// a few words, if there is something to say
    #[schemars(length(max = 40))]
    pub note: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// the colours, in any order
    #[schemars(length(max = 4))]
    pub colours: Vec<Colour>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    #[schemars(range(min = -9, max = 9))]
    pub x: i8,
    #[schemars(range(min = -9, max = 9))]
    pub y: i8,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Placed {
    pub point: Point,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// the first name
    #[schemars(length(max = 20))]
    pub name: String,
    /// in years, if it is known
    #[schemars(range(min = 0, max = 120))]
    pub age: Option<u8>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Pass,
    Fail,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Reviewed {
    pub verdict: Verdict,
    /// what is wrong, a word each
    #[schemars(length(max = 2), inner(length(max = 20)))]
    pub issues: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    pub colour: Colour,
    #[schemars(range(min = 1, max = 9))]
    pub amount: u8,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Ordered {
    pub item: Item,
    pub paid: bool,
}

/// The workflow `<what>-<way>`, whose one role asks this adapter.
fn asks<M: Meta + JsonSchema>(what: &'static str, way: &str) -> Workflow {
    let key = RoleKey::<M>::new(what);
    // The question stands in the thread's start: what comes before it is the same for all, and is read but once.
    let role = create_role(adapter(way), "Answer the question briefly.", schema_for::<M>(), extractor("default")).build(key);
    let workflow = Workflow::new(format!("{what}-{way}")).role(role);
    workflow.moderator(move |thread| if thread.rounds() == 0 { Next::role(key) } else { Next::end() })
}

/// What the worker registers.
pub fn workspace() -> Workspace {
    ["native", "tagged"].into_iter().fold(Workspace::new(), |all, way| {
        all.workflow(asks::<YesNo>("yes-no", way))
            .workflow(asks::<Painted>("painted", way))
            .workflow(asks::<Counted>("counted", way))
            .workflow(asks::<Scored>("scored", way))
            .workflow(asks::<Sized>("sized", way))
            .workflow(asks::<Listed>("listed", way))
            .workflow(asks::<Placed>("placed", way))
            .workflow(asks::<Person>("person", way))
            .workflow(asks::<Reviewed>("reviewed", way))
            .workflow(asks::<Ordered>("ordered", way))
    })
}
