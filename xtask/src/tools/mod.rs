//! What must be on the machine, and how it gets there.
//!
//! Each tool is declared once, in [`catalogue`]; how a kind of tool is looked for and brought is in [`source`]. Looking
//! touches no network and starts no npm, so that it costs next to nothing when nothing is missing.

pub mod catalogue;
mod source;

use std::fmt;

use crate::failure::{Failure, Result};
use crate::process::say;
use crate::workspace::Workspace;
use source::Source;
pub use source::which;

/// Something that must be there.
#[derive(Debug)]
pub struct Tool {
    name: String,
    /// What a person would type where we cannot bring it.
    by_hand: String,
    source: Source,
}

impl Tool {
    /// Brings the tool if it is not there.
    pub fn ensure(&self, workspace: &Workspace) -> Result<()> {
        if self.source.is_ready(workspace) {
            return Ok(());
        }
        if !self.source.can_be_brought() {
            return Err(self.missing());
        }
        say(format!("installing {self}{}", self.source.takes()));
        match self.source.bring(workspace) {
            Ok(()) if self.source.is_ready(workspace) => Ok(()),
            Ok(()) => Err(self.missing()),
            // The installer has said why; the one line at the end says what to do.
            Err(Failure::Because(why)) => {
                say(why);
                Err(self.missing())
            }
            Err(Failure::Interrupted) => Err(Failure::Interrupted),
        }
    }

    fn missing(&self) -> Failure {
        Failure::missing(self, &self.by_hand)
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Brings each of these tools that is not there.
pub fn ensure(workspace: &Workspace, tools: &[Tool]) -> Result<()> {
    tools.iter().try_for_each(|tool| tool.ensure(workspace))
}
