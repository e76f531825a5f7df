//! Variables about mail: by way of what, from whom, to whom.

use std::path::PathBuf;

use lettre::message::Mailbox;

use super::value::{ConfigError, Variables, optional};
use crate::mail::{Folder, Mailer, Smtp};
use crate::orphans::Operator;

/// `OPERATOR_EMAIL`, which needs a way to get there.
pub(super) fn operator(mailer: Option<&Mailer>, variables: Variables) -> Result<Option<Operator>, ConfigError> {
    let Some(address) = mailbox(variables, "OPERATOR_EMAIL")? else { return Ok(None) };
    let mailer = mailer.cloned().ok_or_else(|| {
        ConfigError::new(
            "SMTP_URL is missing, and so is MAIL_DIR: mail to OPERATOR_EMAIL takes the one way or the other",
        )
    })?;
    Ok(Some(Operator { address, mailer }))
}

/// `SMTP_URL`, or without one `MAIL_DIR`.
pub(super) fn mailer(variables: Variables) -> Result<Option<Mailer>, ConfigError> {
    let from = mailbox(variables, "MAIL_FROM")?;
    let from =
        || from.ok_or_else(|| ConfigError::new("MAIL_FROM is missing; it is the address that mail is sent from"));
    if let Some(url) = optional(variables, "SMTP_URL") {
        let smtp = Smtp::new(&url, from()?).map_err(|why| ConfigError::new(format!("SMTP_URL: {why}")))?;
        return Ok(Some(Mailer::new(smtp)));
    }
    let Some(directory) = optional(variables, "MAIL_DIR").map(PathBuf::from) else { return Ok(None) };
    if !directory.is_dir() {
        return Err(ConfigError::new(format!("MAIL_DIR is `{}`; there is no such directory", directory.display())));
    }
    Ok(Some(Mailer::new(Folder::new(directory, from()?))))
}

fn mailbox(variables: Variables, name: &str) -> Result<Option<Mailbox>, ConfigError> {
    let Some(text) = optional(variables, name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        let expected = "ops@example.org or Operations <ops@example.org>";
        ConfigError::new(format!("{name} is {text:?}; it must be one address, like {expected}"))
    })
}
