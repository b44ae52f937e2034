//! The error that user code returns.

use std::fmt;

/// Any error of a prompt, role or sense; `?` converts every error type, `String` and `&str` into it.
///
/// It does not implement [`std::error::Error`] itself: only so can it be made from every type that does.
pub struct Error(Box<dyn std::error::Error + Send + Sync>);

impl Error {
    /// Makes an error from a message.
    pub fn message(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }
}

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for Error {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for Error {
    /// The error and its causes, joined by `: `.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
