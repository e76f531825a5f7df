//! E-mails by way of a mail server.

use std::fmt;

use axum::http::Uri;
use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::{Channel, Letter, SendError, Sending, message};
use crate::config::is_loopback;

/// A mail server, to which a new connection is made for each letter.
pub struct Smtp {
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").finish_non_exhaustive()
    }
}

impl Smtp {
    /// From `smtps://user:password@host`, `smtp://…?tls=required` or, without encryption, `smtp://host`. An error says what
    /// the URL must be, and not what it is.
    pub fn new(url: &str, from: Mailbox) -> Result<Self, &'static str> {
        const EXPECTED: &str = "it must be like smtps://user:password@mail.example.org or smtp://user:password@mail.example.org:587?tls=required";
        let uri: Uri = url.parse().map_err(|_| EXPECTED)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(EXPECTED) };
        let encrypted = scheme == "smtps" || uri.query() == Some("tls=required");
        if authority.as_str().contains('@') && !encrypted && !is_loopback(authority.host()) {
            return Err("it would send a password without encryption: use smtps://, or add ?tls=required");
        }
        // Its own message may quote the URL, password and all.
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| EXPECTED)?.build();
        Ok(Self { server, from })
    }
}

impl Channel for Smtp {
    fn send<'a>(&'a self, letter: &'a Letter) -> Sending<'a> {
        Box::pin(async move {
            let message = message(&self.from, letter)?;
            self.server.send(message).await.map(drop).map_err(SendError::new)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Smtp, &'static str> {
        Smtp::new(url, "streamkeeper@example.org".parse().unwrap())
    }

    #[test]
    fn a_password_travels_encrypted_or_not_at_all() {
        for url in [
            "smtps://user:hunter2@mail.example.org",
            "smtps://user:hunter2@mail.example.org:4650",
            "smtp://user:hunter2@mail.example.org?tls=required",
            "smtp://user:hunter2@127.0.0.1:2525",
            "smtp://user:hunter2@localhost",
            "smtp://relay",
            "smtp://relay?tls=opportunistic",
        ] {
            assert!(read(url).is_ok(), "{url}");
        }
        for url in [
            "smtp://user:hunter2@mail.example.org",
            "smtp://user:hunter2@mail.example.org?tls=opportunistic",
            "smtp://user:hunter2@mail.example.org?x=1&tls=required&tls=opportunistic",
            "smtp://user@localhost.example.org",
        ] {
            assert!(read(url).unwrap_err().contains("without encryption"), "{url}");
        }
        for url in [
            "",
            "mail.example.org",
            "mail.example.org:25",
            "http://hunter2.example.org",
            "smtp://",
            "smtp://relay?tls=maybe",
        ] {
            assert!(read(url).unwrap_err().starts_with("it must be like"), "{url}");
        }
    }
}
