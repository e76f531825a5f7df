//! What all suites share.

use std::process::Command;

use crate::workspace::Workspace;

/// The checkout, and how long to test it.
#[derive(Debug)]
pub struct Context {
    pub workspace: Workspace,
    /// The long versions of the tests that have one.
    pub soak: bool,
}

impl Context {
    /// Cargo, with what every suite is told.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        self.tell(self.workspace.cargo(arguments))
    }

    /// Adds what every suite is told to its command.
    pub fn tell(&self, mut command: Command) -> Command {
        if self.soak {
            command.env("STREAMKEEPER_SOAK", "1");
        }
        command
    }
}
