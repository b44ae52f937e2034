//! Typed metas, and the key that ties a role's name to its meta.

use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::RawJson;

/// What a role's meta must be able to do; derived types have it by themselves.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a role's meta",
    note = "add #[derive(Serialize, Deserialize, JsonSchema)] to it"
)]
pub trait Meta: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {}

impl<T: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static> Meta for T {}

/// A role's name together with the type of its meta: `const ANALYST: RoleKey<Diagnosis> = RoleKey::new("analyst");`.
pub struct RoleKey<M> {
    name: &'static str,
    meta: PhantomData<fn() -> M>,
}

impl<M> RoleKey<M> {
    /// Names a role.
    pub const fn new(name: &'static str) -> Self {
        Self { name, meta: PhantomData }
    }

    /// The role's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<M> Clone for RoleKey<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for RoleKey<M> {}

impl<M> fmt::Debug for RoleKey<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoleKey({})", self.name)
    }
}

/// The JSON schema of a meta, made by [`schema_for`].
pub struct Schema<M> {
    json: RawJson,
    meta: PhantomData<fn() -> M>,
}

impl<M> fmt::Debug for Schema<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({:?})", self.json)
    }
}

impl<M> Schema<M> {
    /// The schema's text.
    pub fn json(&self) -> &RawJson {
        &self.json
    }

    /// The schema's text, owned.
    pub fn into_json(self) -> RawJson {
        self.json
    }
}

/// The JSON schema (2020-12, every subschema inlined where it can be) of a type with `#[derive(JsonSchema)]`.
pub fn schema_for<M: Meta>() -> Schema<M> {
    let schema = schemars::generate::SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .into_generator()
        .into_root_schema_for::<M>();
    // A schema is a tree of plain JSON; writing it cannot fail, and a null schema would be refused as one that allows nothing.
    Schema { json: RawJson::of(&schema).unwrap_or_default(), meta: PhantomData }
}
