//! The suites that are plain `cargo test`, with the servers that they need beside them.

use std::process::Command;

use super::Context;
use crate::failure::Result;
use crate::gateway as gateway_binary;
use crate::postgres::Postgres;
use crate::process::run;
use crate::tools::catalogue;

/// The pure engine, and this program.
pub fn engine(context: &Context) -> Result<()> {
    run(&mut tests(context, &["streamkeeper", "engine-tests", "xtask"]))
}

/// The migrations on the PostgreSQL that the demo has.
pub fn database(context: &Context) -> Result<()> {
    database_on(context, catalogue::POSTGRES)
}

/// The migrations on the oldest PostgreSQL that we support.
pub fn database_oldest(context: &Context) -> Result<()> {
    database_on(context, catalogue::POSTGRES_OLDEST)
}

fn database_on(context: &Context, version: &'static str) -> Result<()> {
    let postgres = Postgres::start(&context.workspace, version, "test")?;
    run(tests(context, &["database-tests"]).env("DATABASE_URL", postgres.url()))
}

/// The gateway's own tests, and those that run its binary.
pub fn gateway(context: &Context) -> Result<()> {
    let binary = gateway_binary::build(&context.workspace)?;
    let postgres = Postgres::start(&context.workspace, catalogue::POSTGRES, "test")?;
    run(tests(context, &["streamkeeper-gateway", "gateway-tests"])
        .env("DATABASE_URL", postgres.url())
        .env("GATEWAY_BIN", binary))
}

/// All tests of these packages: one that fails does not keep the others from running.
fn tests(context: &Context, packages: &[&str]) -> Command {
    let mut test = context.cargo(&["test", "--no-fail-fast"]);
    test.args(packages.iter().flat_map(|package| ["--package", package]));
    test
}
