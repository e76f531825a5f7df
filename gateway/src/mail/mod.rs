//! What people are told when no page of theirs is open: letters, and the channels that carry them.

mod folder;
mod html;
mod line;
mod smtp;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use tokio::time::timeout;

pub use folder::Folder;
pub use html::escaped;
pub use line::one_line;
pub use smtp::Smtp;

/// Longer than a mail server that is alive takes.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What somebody is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What it is about, as one word. A letter that is sent again, because nobody knows whether it arrived, has the same one.
    pub key: String,
    /// Whom it is for.
    pub to: Mailbox,
    /// One line.
    pub subject: String,
    /// All of it, for those who do not like HTML.
    pub text: String,
    /// The same in HTML.
    pub html: String,
}

/// Why a letter could not be sent: one line, without a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendError(String);

impl SendError {
    /// Takes the first line.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string().lines().next().unwrap_or_default().to_owned())
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SendError {}

/// How a letter is on its way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send + 'a>>;

/// A way in which letters reach people.
pub trait Channel: fmt::Debug + Send + Sync {
    /// Hands a letter over. Once that is done, somebody else takes care of it.
    fn send<'a>(&'a self, letter: &'a Letter) -> Sending<'a>;
}

/// The post office: a channel, with a limit on how long it may take.
#[derive(Debug, Clone)]
pub struct Mailer(Arc<dyn Channel>);

impl Mailer {
    /// Sends everything this way.
    pub fn new(channel: impl Channel + 'static) -> Self {
        Self(Arc::new(channel))
    }

    /// Sends one letter.
    pub async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let late = |_| Err(SendError(format!("not sent within {} s", TIMEOUT.as_secs())));
        timeout(TIMEOUT, self.0.send(letter)).await.unwrap_or_else(late)
    }
}

/// The letter as an e-mail.
fn message(from: &Mailbox, letter: &Letter) -> Result<Message, SendError> {
    // Out-of-office notes are for people.
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    Message::builder()
        .from(from.clone())
        .to(letter.to.clone())
        .subject(&letter.subject)
        .message_id(Some(format!("<{}@{}>", letter.key, from.email.domain())))
        .raw_header(automatic)
        .multipart(MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone()))
        .map_err(SendError::new)
}
