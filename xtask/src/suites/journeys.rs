//! The suites in Node: a person's way through the demo, and the tarball in other people's projects.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{Context, browser};
use crate::failure::{Context as _, Failure, Result};
use crate::port::free_port;
use crate::process::run;
use crate::stack::{self, Stack};
use crate::tools::{self, catalogue};
use crate::workspace::Workspace;
use crate::{npm, package, sizes};

/// Journeys through a demo of their own.
pub fn e2e(context: &Context) -> Result<()> {
    let workspace = &context.workspace;
    let mut tests = tests(context, "tests/e2e")?;
    let chromium = browser::chromium(workspace)?;
    let built = stack::build(workspace)?;
    let mut stack = Stack::start(workspace, &built, free_port()?, "test")?;
    tests.env("CHROMIUM", chromium).env("DEMO_URL", stack.url()).env("DATABASE_URL", stack.database_url());
    tests.env("GATEWAY_BIN", built.gateway());
    // When a server has ended under the tests, that is the reason, and what they say of it is not.
    run(&mut tests).or_else(|failed| stack.check().and(Err(failed)))
}

/// The packed tarball, as others install it, and within its budget.
pub fn packaging(context: &Context) -> Result<()> {
    let mut tests = tests(context, "tests/packaging")?;
    let chromium = browser::chromium(&context.workspace)?;
    let tarball = package::build(&context.workspace)?;
    sizes::report(&context.workspace)?;
    run(tests.env("STREAMKEEPER_TARBALL", tarball).env("CHROMIUM", chromium))
}

/// `node --test` on a directory's files, one after the other: they share a browser's worth of machine.
fn tests(context: &Context, directory: &str) -> Result<Command> {
    let workspace = &context.workspace;
    tools::ensure(workspace, &catalogue::node())?;
    let files = files(workspace, directory)?;
    if workspace.path(directory).join("package.json").exists() {
        npm::ci(workspace, directory)?;
    }
    let mut node = context.tell(workspace.command("node"));
    node.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]).args(files);
    Ok(node)
}

fn files(workspace: &Workspace, directory: &str) -> Result<Vec<PathBuf>> {
    let path = workspace.path(directory);
    let entries = fs::read_dir(&path).context(|| format!("cannot read {}", path.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    // Node with no file looks for tests everywhere.
    if files.is_empty() { Err(Failure::because(format!("{directory} has no *.test.mjs"))) } else { Ok(files) }
}
