//! Tables against the peers.

use crate::failure::{Failure, Result};
use crate::postgres::Postgres;
use crate::process::run as run_command;
use crate::tools::{self, catalogue};
use crate::workspace::Workspace;
use crate::{gateway, npm, package, sizes};

/// Runs the bench of that name, or says which there are.
pub fn run(workspace: &Workspace, name: Option<&str>) -> Result<()> {
    match name {
        Some("silent-sockets") => silent_sockets(workspace),
        Some("viewers") => viewers(workspace),
        Some("relay") => relay(workspace),
        Some("size") => {
            package::build(workspace)?;
            sizes::report(workspace)
        }
        None => {
            println!("benches: relay silent-sockets size viewers");
            Ok(())
        }
        Some(other) => {
            Err(Failure::because(format!("unknown bench `{other}`; there are relay, silent-sockets, size and viewers")))
        }
    }
}

/// How many sockets that have gone silent are noticed: beside the SDK, which `tests/e2e` has, as `www` has the bundler.
fn silent_sockets(workspace: &Workspace) -> Result<()> {
    tools::ensure(workspace, &catalogue::node())?;
    let tarball = package::build(workspace)?;
    npm::ci(workspace, "tests/e2e")?;
    npm::ci(workspace, "www")?;
    npm::install_tarball(workspace, "www", &tarball)?;
    run_command(workspace.command("node").arg("benches/silent-sockets.mjs"))
}

/// What a viewer costs, idle and coming and going: beside `ws`, which `tests/e2e` has.
fn viewers(workspace: &Workspace) -> Result<()> {
    tools::ensure(workspace, &catalogue::node())?;
    npm::ci(workspace, "tests/e2e")?;
    let binary = gateway::build_optimised(workspace)?;
    let postgres = Postgres::start(workspace, catalogue::POSTGRES, "bench")?;
    let mut bench = workspace.command("node");
    bench.arg("benches/viewers.mjs").env("GATEWAY_BIN", binary).env("DATABASE_URL", postgres.url());
    run_command(&mut bench)
}

/// What a client of a transport stream costs: beside nginx, where there is one.
fn relay(workspace: &Workspace) -> Result<()> {
    tools::ensure(workspace, &catalogue::node())?;
    let binary = gateway::build_optimised(workspace)?;
    let postgres = Postgres::start(workspace, catalogue::POSTGRES, "bench")?;
    let mut bench = workspace.command("node");
    run_command(bench.arg("benches/relay.mjs").env("GATEWAY_BIN", binary).env("DATABASE_URL", postgres.url()))
}
