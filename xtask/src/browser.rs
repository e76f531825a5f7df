//! The browsers that tests run in.

use std::path::PathBuf;

use crate::failure::{Failure, Result};
use crate::tools::{catalogue, which};
use crate::workspace::Workspace;

/// A browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    Chromium,
    Firefox,
}

impl Browser {
    /// The browser itself, brought where that can be done.
    pub fn ensure(self, workspace: &Workspace) -> Result<PathBuf> {
        let (tool, name) = match self {
            Self::Chromium => (catalogue::chromium(), "chromium"),
            Self::Firefox => (catalogue::firefox(), catalogue::FIREFOX),
        };
        tool.ensure(workspace)?;
        which(name).ok_or_else(|| Failure::because(format!("{name} is not on PATH")))
    }

    /// What drives it for `wasm-pack test`, brought likewise.
    pub fn ensure_driver(self, workspace: &Workspace) -> Result<PathBuf> {
        match self {
            // It comes with the browser.
            Self::Chromium => Ok(which("chromedriver").unwrap_or_default()),
            Self::Firefox => {
                catalogue::geckodriver().ensure(workspace)?;
                Ok(workspace.tools().join("bin/geckodriver"))
            }
        }
    }

    /// `wasm-pack test`'s names for the two.
    pub fn options(self) -> [&'static str; 2] {
        match self {
            Self::Chromium => ["--chrome", "--chromedriver"],
            Self::Firefox => ["--firefox", "--geckodriver"],
        }
    }

    /// The variable that names the browser to tests in Node.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Chromium => "CHROMIUM",
            Self::Firefox => "FIREFOX",
        }
    }

    /// Where `webdriver.json` expects it.
    pub fn usual_path(self) -> &'static str {
        match self {
            Self::Chromium => "/usr/bin/chromium",
            Self::Firefox => "/usr/bin/firefox-esr",
        }
    }
}
