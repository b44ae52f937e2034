//! What an endpoint turned out to refuse.

/// Something that was sent and refused; it is not sent again while the daemon lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Refused {
    /// A schema, or JSON as the form of an answer.
    Schema,
    /// An answer as a stream.
    Stream,
    /// `stream_options`.
    StreamUsage,
    /// The key for the most tokens, as the dialect spells it.
    MaxTokens,
}

/// All that one endpoint refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Learnt {
    pub(super) schema: bool,
    pub(super) stream: bool,
    pub(super) stream_usage: bool,
    pub(super) max_tokens: bool,
}

impl Learnt {
    /// Remembers it; false when it was known, and so was not what had been sent.
    pub(super) fn add(&mut self, refused: Refused) -> bool {
        let known = match refused {
            Refused::Schema => &mut self.schema,
            Refused::Stream => &mut self.stream,
            Refused::StreamUsage => &mut self.stream_usage,
            Refused::MaxTokens => &mut self.max_tokens,
        };
        !std::mem::replace(known, true)
    }
}
