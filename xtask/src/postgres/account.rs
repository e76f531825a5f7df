//! Whom the server runs as: PostgreSQL refuses to be root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Uid, User};

use crate::failure::{Context, Failure, Result};
use crate::process;

/// An account without rights that root can lend to the server.
#[derive(Debug)]
pub struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// `nobody` when we are root; otherwise the server is ours.
    pub fn for_server() -> Result<Option<Self>> {
        if !Uid::effective().is_root() {
            return Ok(None);
        }
        let nobody = User::from_name("nobody").context(|| "cannot look up the user nobody")?;
        let nobody = nobody.ok_or_else(|| Failure::missing("the user nobody", "useradd --system nobody"))?;
        Ok(Some(Self { user: nobody.uid.as_raw(), group: nobody.gid.as_raw() }))
    }

    /// Makes a command run as this account.
    pub fn run(&self, command: &mut Command) {
        command.uid(self.user).gid(self.group);
    }

    /// Hands over a file, or a directory with all that is in it.
    pub fn give(&self, path: &Path) -> Result<()> {
        let owner = format!("{}:{}", self.user, self.group);
        process::run(process::command(Path::new("chown")).arg("-R").arg(owner).arg(path))
    }

    /// Whether this account may use a path (or could, once it exists): each directory on the way lets everybody pass.
    pub fn can_reach(&self, path: &Path) -> bool {
        path.ancestors().all(|part| match fs::metadata(part) {
            Ok(metadata) => {
                metadata.mode() & 0o001 != 0 || (metadata.uid() == self.user && metadata.mode() & 0o100 != 0)
            }
            Err(_) => !part.exists(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_closed_directory_on_the_way_is_out_of_reach() {
        let directory = std::env::temp_dir().join(format!("xtask-account-{}", std::process::id()));
        let inside = directory.join("inside");
        fs::create_dir_all(&inside).unwrap();
        let stranger = Account { user: 12_345, group: 12_345 };
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        assert!(stranger.can_reach(&inside) && stranger.can_reach(&inside.join("not/there/yet")));
        fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
        assert!(!stranger.can_reach(&inside));
        let owner = Account { user: fs::metadata(&directory).unwrap().uid(), group: 0 };
        assert!(owner.can_reach(&inside));
        fs::remove_dir_all(directory).unwrap();
    }
}
