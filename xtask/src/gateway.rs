//! The gateway's binary.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Result;
use crate::process::{self, say};
use crate::workspace::Workspace;

/// What a gateway that we start keeps of our environment: a person's own SMTP or JWT settings are not for the demo.
const KEPT: [&str; 4] = ["PATH", "HOME", "RUST_LOG", "RUST_BACKTRACE"];

/// Builds the gateway, in the profile that the tests build it in as well.
pub fn build(workspace: &Workspace) -> Result<PathBuf> {
    say("building the gateway");
    process::run(&mut workspace.cargo(&["build", "--quiet", "--package", "streamkeeper-gateway"]))?;
    Ok(workspace.built("streamkeeper-gateway"))
}

/// The same as it is shipped, for measuring it.
pub fn build_optimised(workspace: &Workspace) -> Result<PathBuf> {
    say("building the gateway, optimised");
    process::run(&mut workspace.cargo(&["build", "--quiet", "--release", "--package", "streamkeeper-gateway"]))?;
    Ok(workspace.built_optimised("streamkeeper-gateway"))
}

/// A command of the gateway against a database.
pub fn command(workspace: &Workspace, binary: &Path, database: &str) -> Command {
    let mut command = workspace.command(binary);
    command.env_clear();
    command.envs(KEPT.iter().filter_map(|name| Some((*name, env::var_os(name)?))));
    command.env("DATABASE_URL", database);
    command
}
