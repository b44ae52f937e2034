//! What is asked: the thread so far, the role's prompt, and how the meta is wanted.

use std::fmt::Write;

use nerve_core::wire::ContextStep;
use nerve_core::{RawJson, Request};

use super::{Form, extract};

/// Everything that one hosted call is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// What the thread was started with.
    pub start: String,
    /// The finished steps, oldest first.
    pub steps: Vec<ContextStep>,
    /// The role's prompt as it was rendered for this step.
    pub prompt: String,
    /// The meta's JSON schema; needed unless the form is `Plain`.
    pub schema: Option<RawJson>,
    /// How the meta is asked for.
    pub form: Form,
    /// Answers to this very prompt that could not be used, oldest first; empty the first time.
    pub reasks: Vec<Reask>,
}

/// An answer that could not be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reask {
    /// The answer.
    pub answer: String,
    /// What is wrong with it, one sentence each.
    pub errors: Vec<String>,
}

/// One message of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who says it.
    pub speaker: Speaker,
    /// The text.
    pub text: String,
}

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The instructions.
    System,
    /// What the model is told.
    User,
    /// What the model said.
    Assistant,
}

impl Conversation {
    /// The conversation as chat messages, with the meta asked for in `form` (the conversation's own, or what stands in for it).
    ///
    /// Shape: one system message (the prompt and the instructions for the meta); then user messages: the start and each step in a tag
    /// with its role and number; then, for each re-ask, the earlier answer and its errors. A blank start is left out; with nothing at
    /// all to say to the model the prompt is the user message, since providers refuse a chat without one.
    pub fn messages(&self, form: &Form) -> Vec<Message> {
        let mut messages = vec![Message { speaker: Speaker::System, text: self.instructions(form) }];
        if !self.start.trim().is_empty() {
            messages.push(Message { speaker: Speaker::User, text: self.start.clone() });
        }
        messages.extend(self.steps.iter().map(|step| Message { speaker: Speaker::User, text: tagged(step) }));
        if messages.len() == 1 {
            messages[0].speaker = Speaker::User;
        }
        for reask in &self.reasks {
            messages.push(Message { speaker: Speaker::Assistant, text: reask.answer.clone() });
            messages.push(Message { speaker: Speaker::User, text: extract::reask(&reask.errors) });
        }
        messages
    }

    fn instructions(&self, form: &Form) -> String {
        let how = self.schema.as_ref().and_then(|schema| extract::instructions(form, schema));
        match how {
            Some(how) => format!("{}\n\n{how}", self.prompt),
            None => self.prompt.clone(),
        }
    }
}

/// The conversation as two texts, for an adapter of the user's own.
///
/// Shape: `prompt` is the role's prompt, the instructions for the meta and the earlier answers with their errors; `history` is the start
/// and the steps, each in a tag. Such an adapter knows no schemas, so the conversation's form should be a tagged block.
pub fn as_text(conversation: &Conversation) -> Request {
    let mut prompt = conversation.instructions(&conversation.form);
    for Reask { answer, errors } in &conversation.reasks {
        let _ = write!(prompt, "\n\n<earlier-answer>\n{answer}\n</earlier-answer>\n\n{}", extract::reask(errors));
    }
    let mut history = format!("<start>\n{}\n</start>", conversation.start);
    for step in &conversation.steps {
        history.push_str("\n\n");
        history.push_str(&tagged(step));
    }
    Request { prompt, history }
}

/// What an agent is told that goes on with a session: what it does not know yet.
///
/// It knows the thread up to the step `known`, its own answer to that one included; `step` is the one that it is asked for now. When that is
/// the same, it was cut off in the middle, or its answer could not be used: then it is told only that.
pub fn in_session(conversation: &Conversation, known: u32, step: u32) -> String {
    let instructions = conversation.instructions(&conversation.form);
    match conversation.reasks.last() {
        Some(Reask { errors, .. }) if known == step => {
            let how = conversation.schema.as_ref().and_then(|schema| extract::instructions(&conversation.form, schema));
            match how {
                Some(how) => format!("{}\n\n{how}\n", extract::reask(errors)),
                None => format!("{}\n", extract::reask(errors)),
            }
        }
        _ if known == step => format!(
            "You were cut off before your answer was complete. Look at what you have done already, go on from there, and then give the whole \
             answer. What you were asked was:\n\n{instructions}\n"
        ),
        _ => {
            let news: Vec<String> = conversation.steps.iter().filter(|step| step.n > known).map(tagged).collect();
            if news.is_empty() { format!("{instructions}\n") } else { format!("{}\n\n{instructions}\n", news.join("\n\n")) }
        }
    }
}

fn tagged(step: &ContextStep) -> String {
    let ContextStep { n, role, content, meta } = step;
    // An answer that is nothing but its meta is not said twice.
    let meta = meta.get();
    if content.trim() == meta || meta == "null" {
        return format!("<step n=\"{n}\" role=\"{role}\">\n{content}\n</step>");
    }
    format!("<step n=\"{n}\" role=\"{role}\">\n{content}\n<meta>{meta}</meta>\n</step>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation() -> Conversation {
        Conversation {
            start: "load is 9".into(),
            steps: vec![ContextStep { n: 1, role: "analyst".into(), content: "It is the backup.".into(), meta: raw(r#"{"pass":true}"#) }],
            prompt: "Fix it.".into(),
            schema: Some(raw(r#"{"type":"object"}"#)),
            form: Form::TaggedBlock { tag: "meta-7".into() },
            reasks: vec![Reask { answer: "done".into(), errors: vec!["no block".into()] }],
        }
    }

    #[test]
    fn a_session_is_told_only_what_it_does_not_know() {
        let steps = vec![
            ContextStep { n: 1, role: "fixer".into(), content: "Tried.".into(), meta: RawJson::null() },
            ContextStep { n: 2, role: "analyst".into(), content: "Still high.".into(), meta: RawJson::null() },
        ];
        let fresh = Conversation { steps, reasks: Vec::new(), ..conversation() };
        let told = in_session(&fresh, 1, 3);
        assert!(told.starts_with("<step n=\"2\" role=\"analyst\">\nStill high.\n</step>\n\nFix it.\n\n"), "{told}");
        assert!(!told.contains("load is 9") && !told.contains("Tried."), "{told}");
        let cut_off = in_session(&fresh, 3, 3);
        assert!(cut_off.starts_with("You were cut off") && cut_off.contains("Fix it.") && !cut_off.contains("Still high."), "{cut_off}");
        let again = in_session(&conversation(), 3, 3);
        assert!(again.starts_with("Your answer could not be used:\n- no block\n") && again.contains("```meta-7"), "{again}");
        assert!(!again.contains("Fix it.") && !again.contains("done"), "{again}");
    }

    fn raw(text: &str) -> RawJson {
        RawJson::parse(text).unwrap_or_default()
    }

    #[test]
    fn a_chat_is_prompt_start_steps_and_what_went_wrong() {
        let conversation = conversation();
        let messages = conversation.messages(&conversation.form);
        let speakers: Vec<Speaker> = messages.iter().map(|message| message.speaker).collect();
        assert_eq!(speakers, [Speaker::System, Speaker::User, Speaker::User, Speaker::Assistant, Speaker::User]);
        assert!(messages[0].text.starts_with("Fix it.\n\n") && messages[0].text.contains("```meta-7"));
        assert_eq!(messages[1].text, "load is 9");
        assert_eq!(messages[2].text, "<step n=\"1\" role=\"analyst\">\nIt is the backup.\n<meta>{\"pass\":true}</meta>\n</step>");
        assert_eq!(messages[3].text, "done");
        assert!(messages[4].text.contains("- no block"));
    }

    #[test]
    fn a_plain_call_says_nothing_of_json() {
        let mut conversation = conversation();
        conversation.form = Form::Plain;
        assert_eq!(conversation.messages(&Form::Plain)[0].text, "Fix it.");
    }

    #[test]
    fn with_nothing_to_tell_the_prompt_is_the_user_message() {
        let bare = Conversation { start: " ".into(), steps: Vec::new(), reasks: Vec::new(), ..conversation() };
        let messages = bare.messages(&Form::Plain);
        assert_eq!(messages, [Message { speaker: Speaker::User, text: "Fix it.".into() }]);
    }

    #[test]
    fn a_text_has_the_same_parts() {
        let Request { prompt, history } = as_text(&conversation());
        assert!(prompt.starts_with("Fix it.") && prompt.contains("<earlier-answer>\ndone") && prompt.contains("- no block"));
        assert!(history.starts_with("<start>\nload is 9\n</start>\n\n<step n=\"1\" role=\"analyst\">"));
    }
}
