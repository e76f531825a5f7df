//! Stepping through a page's trace, or a schedule of the simulation. The engine's tests have the program for it.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Context, Result};
use crate::process;
use crate::workspace::Workspace;

/// Builds the program.
pub fn build(workspace: &Workspace) -> Result<PathBuf> {
    process::run(&mut workspace.cargo(&["build", "--quiet", "--package", "engine-tests", "--bin", "replay"]))?;
    Ok(workspace.built("replay"))
}

/// Becomes the program, in the person's own directory: its files are named from there, and it may read the terminal.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let binary = build(workspace)?;
    let failed = Command::new(&binary).args(arguments).exec();
    Err(failed).context(|| format!("cannot run {}", binary.display()))
}
