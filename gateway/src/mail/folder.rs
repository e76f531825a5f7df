//! E-mails as files in a directory, where there is no mail server.

use std::path::{Path, PathBuf};

use lettre::message::Mailbox;
use tokio::fs;

use super::{Channel, Letter, SendError, Sending, message};

/// Writes one `.eml` file for each letter; a letter that is sent again replaces it.
#[derive(Debug)]
pub struct Folder {
    directory: PathBuf,
    from: Mailbox,
}

impl Folder {
    /// In this directory.
    pub fn new(directory: PathBuf, from: Mailbox) -> Self {
        Self { directory, from }
    }
}

impl Channel for Folder {
    fn send<'a>(&'a self, letter: &'a Letter) -> Sending<'a> {
        Box::pin(async move {
            let bytes = message(&self.from, letter)?.formatted();
            let failed = |error| SendError::new(format!("{}: {error}", self.directory.display()));
            write(&self.directory, &letter.key, &bytes).await.map_err(failed)
        })
    }
}

/// Whoever looks into the directory sees whole files only.
async fn write(directory: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = directory.join(format!(".{name}.part"));
    fs::write(&unfinished, bytes).await?;
    fs::rename(&unfinished, directory.join(format!("{name}.eml"))).await
}
