//! Tables against the peers: each is `benches/NAME.mjs`, given what it needs.

use crate::browser::Browser;
use crate::failure::{Failure, Result};
use crate::postgres::Postgres;
use crate::process::{run as run_command, say};
use crate::tools::{self, catalogue};
use crate::workspace::Workspace;
use crate::{gateway, npm, package, sizes};

/// What a bench is given before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// `CHROMIUM`: the browser.
    Chromium,
    /// `GATEWAY_BIN` and `DATABASE_URL`: the gateway, optimised, and a PostgreSQL of its own.
    Gateway,
    /// What the lock file in that directory names.
    Modules(&'static str),
    /// The same, and our own package as others install it.
    PackageIn(&'static str),
}

const BENCHES: [(&str, &[Need]); 9] = [
    ("activity", &[Need::Chromium, Need::PackageIn("benches")]),
    ("churn", &[Need::Chromium, Need::PackageIn("benches")]),
    ("endings", &[Need::Chromium, Need::Gateway, Need::PackageIn("benches")]),
    ("engine", &[Need::PackageIn("benches")]),
    ("idle", &[Need::Chromium, Need::PackageIn("benches")]),
    ("ready", &[Need::Chromium, Need::PackageIn("benches")]),
    ("relay", &[Need::Gateway]),
    ("silent-sockets", &[Need::Modules("tests/e2e"), Need::PackageIn("benches"), Need::PackageIn("www")]),
    ("viewers", &[Need::Gateway, Need::Modules("tests/e2e")]),
];

/// Runs the bench of that name, or `all` of them, or says which there are.
pub fn run(workspace: &Workspace, name: Option<&str>) -> Result<()> {
    let Some(name) = name else {
        println!("benches: all size {}", names(" "));
        return Ok(());
    };
    if name == "size" {
        package::build(workspace)?;
        return sizes::report(workspace);
    }
    let asked: Vec<_> = BENCHES.iter().filter(|(known, _)| name == "all" || name == *known).collect();
    if asked.is_empty() {
        return Err(Failure::because(format!("unknown bench `{name}`; there are all, size, {}", names(", "))));
    }
    asked.into_iter().try_for_each(|(name, needs)| bench(workspace, name, needs))
}

fn names(between: &str) -> String {
    BENCHES.map(|(name, _)| name).join(between)
}

fn bench(workspace: &Workspace, name: &str, needs: &[Need]) -> Result<()> {
    tools::ensure(workspace, &catalogue::node())?;
    let mut bench = workspace.command("node");
    bench.args(["--expose-gc", &format!("benches/{name}.mjs")]);
    // Runs as long as the bench does.
    let mut postgres = None;
    for need in needs {
        match need {
            Need::Chromium => drop(bench.env("CHROMIUM", Browser::Chromium.ensure(workspace)?)),
            Need::Gateway => {
                let server = Postgres::start(workspace, catalogue::POSTGRES, "bench")?;
                bench.env("GATEWAY_BIN", gateway::build_optimised(workspace)?).env("DATABASE_URL", server.url());
                postgres = Some(server);
            }
            Need::Modules(directory) => npm::ci(workspace, directory)?,
            Need::PackageIn(directory) => {
                let tarball = package::build(workspace)?;
                npm::ci(workspace, directory)?;
                npm::install_tarball(workspace, directory, &tarball)?;
            }
        }
    }
    say(format!("bench: {name}"));
    let result = run_command(&mut bench);
    drop(postgres);
    result
}
