//! The codes of diagnostics, in one table.

/// A code and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The code as shown, such as `NV0102`.
    pub code: &'static str,
    /// One line that says what it means.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        $(pub(super) const $name: &str = $code;)*

        /// Every code, in order.
        pub const CODES: &[Code] = &[$(Code { code: $code, meaning: $meaning }),*];
    };
}

codes! {
    SYNTAX = "NV0101", "the file is not readable as YAML";
    UNKNOWN_KEY = "NV0102", "a key that does not exist here";
    WRONG_VALUE = "NV0103", "a value of the wrong type, or not one of the words allowed here";
    BAD_DURATION = "NV0104", "a duration that cannot be read, or that has no unit";
    OUT_OF_RANGE = "NV0105", "a number or a duration outside its limits";
    UNKNOWN_NAME = "NV0106", "a provider, adapter, extractor or sense is named that does not exist";
    DUPLICATE_KEY = "NV0107", "a key that stands twice in one map";
    OPEN_HOST = "NV0108", "the API would listen beyond this machine without a token";
    MISSING_KEY = "NV0109", "a key that must be there is missing";
    UNKNOWN_KIND = "NV0110", "an adapter of a kind that does not exist";
    BAD_NAME = "NV0111", "a sense or workflow whose name is not kebab-case";
    BAD_VARIABLE = "NV0112", "a `${` that opens no `${NAME}`";
    LITERAL_SECRET = "NV0120", "a secret stands in the file itself (warning)";
    UNBUILT_SENSE = "NV0130", "a sense that the build does not have";
    UNBUILT_WORKFLOW = "NV0131", "a workflow that the build does not have";
    UNBUILT_ROLE = "NV0132", "a role that the build's workflow does not have";
    NOT_CONFIGURED = "NV0133", "the build has a sense or workflow that nerve.yaml does not name (warning)";
}
