//! The suites in Node: a person's way through the demo, and the tarball in other people's projects.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::Context;
use crate::browser::Browser;
use crate::failure::{Context as _, Failure, Result};
use crate::port::free_port;
use crate::process::collect;
use crate::stack::{self, Stack};
use crate::tools::{self, catalogue};
use crate::workspace::Workspace;
use crate::{npm, package, replay, sizes};

/// The journeys that are tried in Firefox as well: what everybody does, and where browsers differ. `docs/browsers.md` has why
/// the others are not.
const IN_FIREFOX: [&str; 8] =
    ["bfcache", "chat-lifecycle", "ending", "leases", "leaving", "network", "outbox", "rooms"];
/// With time for it, these too.
const IN_FIREFOX_SOAK: [&str; 5] = ["attaching", "events", "input", "rooms-faults", "secrets"];

/// Journeys through demos: one for each lane, because journeys break what they go through.
pub fn e2e(context: &Context, browser: Browser) -> Result<()> {
    let workspace = &context.workspace;
    let mut files = prepare(context, "tests/e2e")?;
    if browser == Browser::Firefox {
        let more = IN_FIREFOX_SOAK.iter().filter(|_| context.soak);
        let names: Vec<_> = IN_FIREFOX.iter().chain(more).map(|name| format!("{name}.test.mjs")).collect();
        files.retain(|file| names.iter().any(|name| file.ends_with(name)));
    }
    let binary = browser.ensure(workspace)?;
    let built = stack::build(workspace)?;
    let replay = replay::build(workspace)?;
    let start = |lane| Stack::start(workspace, &built, free_port()?, &format!("test-{lane}"));
    let mut stacks = (0..lanes()).map(start).collect::<Result<Vec<_>>>()?;
    let addresses: Vec<_> = stacks.iter().map(|stack| (stack.url(), stack.database_url().to_owned())).collect();
    let journey = |(demo, database): &(String, String)| {
        let mut node = node(context);
        node.env("DEMO_URL", demo).env("DATABASE_URL", database);
        node.env(browser.variable(), &binary).env("GATEWAY_BIN", built.gateway());
        node.env("REPLAY_BIN", &replay);
        node
    };
    // When a server has ended under the tests, that is the reason, and what they say of it is not.
    let result = share_out(&files, &addresses, journey);
    result.or_else(|failed| stacks.iter_mut().try_for_each(Stack::check).and(Err(failed)))
}

/// The packed tarball, as others install it, and within its budget.
pub fn packaging(context: &Context) -> Result<()> {
    let files = prepare(context, "tests/packaging")?;
    let chromium = Browser::Chromium.ensure(&context.workspace)?;
    let tarball = package::build(&context.workspace)?;
    sizes::report(&context.workspace)?;
    let installed = |_: &usize| {
        let mut node = node(context);
        node.env("STREAMKEEPER_TARBALL", &tarball).env("CHROMIUM", &chromium);
        node
    };
    share_out(&files, &Vec::from_iter(0..lanes()), installed)
}

/// Most of a journey is waiting, so two go side by side; more would be late for each other on a small machine.
fn lanes() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(2)
}

/// `node --test`, for one file.
fn node(context: &Context) -> Command {
    let mut node = context.tell(context.workspace.command("node"));
    node.args(["--test", "--test-reporter=spec"]);
    // A test that hangs is one that fails; the longest takes half a minute. What is long on purpose says for itself how long.
    if !context.soak {
        node.arg("--test-timeout=300000");
    }
    node
}

/// What a directory's tests need. Gives their files.
fn prepare(context: &Context, directory: &str) -> Result<Vec<PathBuf>> {
    let workspace = &context.workspace;
    tools::ensure(workspace, &catalogue::node())?;
    if workspace.path(directory).join("package.json").exists() {
        npm::ci(workspace, directory)?;
    }
    files(workspace, directory)
}

/// Runs each file by the command of a lane; each lane takes the next file when it has done with one.
fn share_out<L: Sync>(files: &[PathBuf], lanes: &[L], command: impl Fn(&L) -> Command + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let work = |lane: &L| -> Result<()> {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut node = command(lane);
            node.arg(file);
            let (status, output) = collect(node, None)?;
            // In one piece, so that nobody else's lines are between them.
            print!("{}\n{output}", file.display());
            if !status.success() {
                failed.lock().unwrap_or_else(PoisonError::into_inner).push(file);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = lanes.iter().map(|lane| scope.spawn(|| work(lane))).collect();
        let mut results =
            lanes.into_iter().map(|lane| lane.join().unwrap_or(Err(Failure::because("a lane broke down"))));
        results.try_for_each(|result| result)
    })?;
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    let names: Vec<_> = failed.iter().filter_map(|file| file.file_name()).map(|name| name.to_string_lossy()).collect();
    if names.is_empty() { Ok(()) } else { Err(Failure::because(format!("there are failures in {}", names.join(", ")))) }
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
