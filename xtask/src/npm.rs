//! npm in our own packages: `pkg/`, `www/`, `benches/`, `tests/e2e/`, `tests/packaging/`.

use std::path::Path;

use crate::failure::{Failure, Result};
use crate::process::{capture, run, say};
use crate::stamp;
use crate::workspace::Workspace;

/// Installs what `package-lock.json` names, unless `node_modules` is in step with it.
pub fn ci(workspace: &Workspace, package: &str) -> Result<()> {
    let directory = workspace.path(package);
    let inputs = [directory.join("package.json"), directory.join("package-lock.json")];
    if let Some(absent) = inputs.iter().find(|input| !input.exists()) {
        return Err(Failure::missing(absent.display(), format!("npm install --prefix {package}")));
    }
    // The stamp lives in node_modules, and goes with it.
    let modules = directory.join("node_modules");
    stamp::unless_done(&modules.join(".in-step-with-lock"), &inputs, &[], || {
        say(format!("npm ci in {package}"));
        npm(workspace, package, &["ci"])
    })
}

/// Installs a tarball on top of the lock file, as a user of the package would, without writing it down.
pub fn install_tarball(workspace: &Workspace, package: &str, tarball: &Path) -> Result<()> {
    let stamp = workspace.path(package).join("node_modules/.with-tarball");
    stamp::unless_done(&stamp, &[tarball.to_owned()], &[], || {
        say(format!("npm install {} in {package}", tarball.file_name().unwrap_or_default().display()));
        npm(workspace, package, &["install", "--no-save", "--no-package-lock", &tarball.to_string_lossy()])
    })
}

/// Runs a script of the package, with its output.
pub fn run_script(workspace: &Workspace, package: &str, script: &str) -> Result<()> {
    say(format!("npm run {script} in {package}"));
    run(workspace.command_in("npm", package).args(["run", "--silent", script]))
}

/// Runs npm without its chatter.
pub fn npm(workspace: &Workspace, package: &str, arguments: &[&str]) -> Result<()> {
    let mut npm = workspace.command_in("npm", package);
    npm.args(arguments).args(["--no-audit", "--no-fund", "--loglevel=error"]);
    capture(npm).map(drop)
}
