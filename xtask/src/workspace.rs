//! Where things are.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Context, Failure, Result};
use crate::process;

/// The checkout that we work on.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The checkout that this program was compiled from.
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let root = root.ok_or_else(|| Failure::because("xtask has no workspace around it"))?;
        let root = root.canonicalize().context(|| format!("cannot find {}", root.display()))?;
        Ok(Self { root })
    }

    /// A path in the checkout.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// What we install and remember; Cargo's own output may be elsewhere, see [`Self::built`].
    pub fn target(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join("target").join(relative)
    }

    /// A binary that `cargo build` makes in the dev profile.
    pub fn built(&self, binary: &str) -> PathBuf {
        self.built_in("debug", binary)
    }

    /// A binary that `cargo build --release` makes.
    pub fn built_optimised(&self, binary: &str) -> PathBuf {
        self.built_in("release", binary)
    }

    fn built_in(&self, profile: &str, binary: &str) -> PathBuf {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        self.root.join(target).join(profile).join(binary)
    }

    /// Where cargo installs our tools.
    pub fn tools(&self) -> PathBuf {
        self.target("tools")
    }

    /// A command at the root.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        self.command_in(program, "")
    }

    /// A command in a directory of the checkout.
    pub fn command_in(&self, program: impl AsRef<Path>, directory: impl AsRef<Path>) -> Command {
        let mut command = process::command(program.as_ref());
        command.current_dir(self.path(directory));
        command
    }

    /// Cargo at the root: the very one that runs us.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(PathBuf::from(env::var_os("CARGO").unwrap_or_else(|| "cargo".into())));
        command.args(arguments);
        command
    }
}

/// The `PATH` of this process with more directories in front.
pub fn path_with(first: &[PathBuf]) -> Result<OsString> {
    let rest = env::var_os("PATH").unwrap_or_default();
    env::join_paths(first.iter().cloned().chain(env::split_paths(&rest))).context(|| "PATH cannot be extended")
}
