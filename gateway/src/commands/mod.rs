//! What an operator runs by hand, or cron does: each looks or acts once, and prints. [`mod@doctor`] looks at what it is given;
//! the others need a database and nothing else.

mod close;
pub mod doctor;
mod monitor;
mod notices;
mod session;
mod trial;

use std::fmt;

pub use close::close_chats;
pub use monitor::monitor_chat;
pub use notices::notices;
pub use trial::test_chat;

/// What a command has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// For standard output, with its last line end.
    pub text: String,
    /// Is everything as it should be?
    pub success: bool,
}

impl Output {
    fn good(text: String) -> Self {
        Self { text, success: true }
    }
}

/// Why a command could not be carried out: one line, without a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError(String);

impl CommandError {
    fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string().lines().next().unwrap_or_default().to_owned())
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CommandError {}

impl From<sqlx::Error> for CommandError {
    fn from(error: sqlx::Error) -> Self {
        let Some(error) = error.as_database_error() else { return Self::new(error) };
        match error.code().as_deref() {
            // No such schema, function or table.
            Some("3F000" | "42883" | "42P01") => Self::new(format!(
                "the database says: {}; `streamkeeper-gateway migrate` brings what is missing",
                error.message()
            )),
            _ => Self::new(format!("the database says: {}", error.message())),
        }
    }
}
