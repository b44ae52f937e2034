//! How an answer ended, by the word that its provider has for it.

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// The model had said what it wanted.
    Done,
    /// A limit cut it off.
    Cut,
    /// A filter kept it back.
    Withheld,
    /// The model would not.
    Refused,
    /// It broke off.
    Failed,
    /// Nobody told.
    Untold,
    /// A word that we do not know, or one for what we never asked, such as a tool call: not an answer.
    Unknown,
}

/// What a finish reason means. The list of words is open, and a new one is never taken for success (source of most: litellm's map).
pub(super) fn finish(reason: Option<&str>) -> Finish {
    let Some(reason) = reason.map(str::trim).filter(|reason| !reason.is_empty()) else { return Finish::Untold };
    match reason.to_ascii_lowercase().as_str() {
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" | "stop_token" | "complete" | "completed" | "finished" | "end"
        | "finish_reason_stop" => Finish::Done,
        "length"
        | "max_tokens"
        | "max_output_tokens"
        | "max_completion_tokens"
        | "max_length"
        | "model_length"
        | "model_context_window_exceeded"
        | "context_window_exceeded"
        | "token_limit"
        | "incomplete"
        | "finish_reason_max_tokens" => Finish::Cut,
        "content_filter"
        | "content_filtered"
        | "content_moderation"
        | "safety"
        | "image_safety"
        | "sensitive"
        | "guardrail_intervened"
        | "prohibited_content"
        | "image_prohibited_content"
        | "blocklist"
        | "recitation"
        | "spii"
        | "language"
        | "error_toxic" => Finish::Withheld,
        "refusal" => Finish::Refused,
        "error" | "network_error" | "insufficient_system_resource" | "abort" | "aborted" | "cancelled" | "timeout" => Finish::Failed,
        _ => Finish::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_what_its_provider_means_and_an_unknown_one_no_success() {
        for (reason, expected) in [
            (Some("stop"), Finish::Done),
            (Some("STOP"), Finish::Done),
            (Some("eos_token"), Finish::Done),
            (Some("end_turn"), Finish::Done),
            (Some("COMPLETE"), Finish::Done),
            (Some("length"), Finish::Cut),
            (Some("MAX_TOKENS"), Finish::Cut),
            (Some("model_context_window_exceeded"), Finish::Cut),
            (Some("content_filter"), Finish::Withheld),
            (Some("SAFETY"), Finish::Withheld),
            (Some("sensitive"), Finish::Withheld),
            (Some("guardrail_intervened"), Finish::Withheld),
            (Some("RECITATION"), Finish::Withheld),
            (Some("refusal"), Finish::Refused),
            (Some("error"), Finish::Failed),
            (Some("insufficient_system_resource"), Finish::Failed),
            (Some("pause_turn"), Finish::Unknown),
            (Some("MALFORMED_FUNCTION_CALL"), Finish::Unknown),
            (Some("tool_calls"), Finish::Unknown),
            (Some("function_call"), Finish::Unknown),
            (Some("FINISH_REASON_UNSPECIFIED"), Finish::Unknown),
            (Some("OTHER"), Finish::Unknown),
            (Some("something_new"), Finish::Unknown),
            (Some(" "), Finish::Untold),
            (None, Finish::Untold),
        ] {
            assert_eq!(finish(reason), expected, "{reason:?}");
        }
    }
}
