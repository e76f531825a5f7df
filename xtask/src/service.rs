//! Children that run beside us, and that never outlive us.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use nix::sys::signal::Signal;

use crate::failure::{Context, Failure, Result};
use crate::process;

/// A child in the background, with its output in a file. Dropping it stops it.
#[derive(Debug)]
pub struct Service {
    name: &'static str,
    child: Child,
    log: PathBuf,
    stop: Signal,
}

impl Service {
    /// Starts `command`; `stop` is the signal that ends it in good order.
    pub fn start(name: &'static str, mut command: Command, log: &Path, stop: Signal) -> Result<Self> {
        let file = File::create(log).context(|| format!("cannot write {}", log.display()))?;
        let errors = file.try_clone().context(|| format!("cannot write {}", log.display()))?;
        let child = process::spawn(command.stdout(file).stderr(errors))?;
        Ok(Self { name, child, log: log.to_owned(), stop })
    }

    /// Fails, with the last lines of its log, when it has ended by itself.
    pub fn check(&mut self) -> Result<()> {
        let Some(status) = self.child.try_wait().context(|| format!("cannot watch {}", self.name))? else {
            return Ok(());
        };
        let log = fs::read(&self.log).unwrap_or_default();
        let log = process::last_lines(&String::from_utf8_lossy(&log), 20);
        Err(Failure::because(format!("{} ended by itself ({status}); its last lines:\n{log}", self.name)))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        process::stop(&mut self.child, self.stop);
    }
}
