//! A directory for one run, gone when the run is over.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::failure::{Context, Result};

/// The directory of this process under a parent. Dropping it removes it.
#[derive(Debug)]
pub struct Home(PathBuf);

impl Home {
    /// A new directory, which others may pass through but not list. What earlier runs could not clean up goes now.
    pub fn create(parent: &Path) -> Result<Self> {
        fs::create_dir_all(parent).context(|| format!("cannot make {}", parent.display()))?;
        sweep(parent)?;
        Self::at(parent.join(std::process::id().to_string()))
    }

    /// A new directory under the system's temporary one, for when nothing else is in reach of the server's account.
    pub fn temporary(purpose: &str) -> Result<Self> {
        Self::at(std::env::temp_dir().join(format!("streamkeeper-{purpose}-{}", std::process::id())))
    }

    /// Never a directory that is there already: in a temporary one it may be somebody else's.
    fn at(path: PathBuf) -> Result<Self> {
        fs::create_dir(&path).context(|| format!("cannot make {}", path.display()))?;
        let home = Self(path);
        fs::set_permissions(&home.0, Permissions::from_mode(0o711)).context(|| "cannot open our own directory")?;
        Ok(home)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What stays is swept by the next run.
        let _left = fs::remove_dir_all(&self.0);
    }
}

/// Removes the directories of runs that were killed. A PostgreSQL that outlived its run stops when its files are gone.
fn sweep(parent: &Path) -> Result<()> {
    for entry in fs::read_dir(parent).context(|| format!("cannot read {}", parent.display()))?.flatten() {
        let run = entry.file_name().to_str().and_then(|name| name.parse().ok()).map(Pid::from_raw);
        if run.is_some_and(|run| run == Pid::this() || kill(run, None) == Err(Errno::ESRCH)) {
            let _left = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_its_own_and_dead_runs_only() {
        let parent = std::env::temp_dir().join(format!("xtask-home-{}", std::process::id()));
        let [dead, alive, other] = ["999999999", "1", "notes"].map(|name| parent.join(name));
        for directory in [&dead, &alive, &other] {
            fs::create_dir_all(directory).unwrap();
        }
        let home = Home::create(&parent).unwrap();
        let path = home.path().to_owned();
        assert!(path.exists() && !dead.exists() && alive.exists() && other.exists());
        drop(home);
        assert!(!path.exists());
        fs::remove_dir_all(parent).unwrap();
    }
}
