//! What needs no test to be found wrong.

use std::time::Duration;

use super::{Context, audit};
use crate::docs::{self, ON_WASM};
use crate::failure::{Failure, Result};
use crate::process::{capture_within, run, say};
use crate::tools::{self, catalogue};

const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];

/// Format, clippy, documentation, licences, sources and advisories.
pub fn check(context: &Context) -> Result<()> {
    tools::ensure(&context.workspace, &catalogue::lint())?;
    run(&mut context.cargo(&["fmt", "--all", "--check"]))?;
    run(context.cargo(&["clippy", "--workspace", "--all-targets"]).args(DENY_WARNINGS))?;
    run(context.cargo(&["clippy", "--all-targets"]).args(ON_WASM).args(DENY_WARNINGS))?;
    run(context.cargo(&["clippy", "--features", "package"]).args(ON_WASM).args(DENY_WARNINGS))?;
    docs::check(&context.workspace)?;
    dependencies(context)?;
    audit::check(&context.workspace)
}

fn dependencies(context: &Context) -> Result<()> {
    let deny = || {
        let mut deny = context.workspace.command(context.workspace.tools().join("bin/cargo-deny"));
        deny.args(["--workspace", "--log-level", "error"]);
        deny
    };
    run(deny().args(["check", "licenses", "bans", "sources"]))?;

    // Advisories come from a repository elsewhere: that it cannot be reached says nothing about our sources.
    let mut fetch = deny();
    fetch.args(["fetch", "db"]);
    match capture_within(fetch, Some(Duration::from_secs(60))) {
        Ok(_) => run(deny().args(["check", "--disable-fetch", "advisories"])),
        Err(Failure::Because(_)) => {
            say("advisories NOT checked: the advisory database cannot be reached");
            Ok(())
        }
        Err(Failure::Interrupted) => Err(Failure::Interrupted),
    }
}
