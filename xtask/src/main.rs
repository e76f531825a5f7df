//! `cargo xtask`: the project's own commands, which bring what a fresh machine lacks.
//!
//! [`cli`] reads the command line; each command is a file of its own ([`demo`], [`suites`], [`package`], [`docs`],
//! [`mod@bench`], [`replay`], [`operate`]). Under them: [`tools`] (what must be there, and how it gets there), [`npm`], [`stack`] (a
//! [`postgres`] and a [`gateway`]), [`service`] and [`process`] (children, of which none outlives us), [`stamp`] (what need
//! not be done again).
//!
//! Linux and macOS; on Windows, inside WSL.

mod bench;
mod browser;
mod cli;
mod demo;
mod docs;
mod failure;
mod gateway;
mod home;
mod http;
mod lockfile;
mod npm;
mod operate;
mod package;
mod port;
mod postgres;
mod process;
mod replay;
mod service;
mod sizes;
mod stack;
mod stamp;
mod suites;
mod tools;
mod website;
mod workspace;

use std::process::ExitCode;

use cli::Command;
use failure::{Failure, Result};
use workspace::Workspace;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(Failure::Interrupted) => ExitCode::from(130),
        Err(Failure::Because(why)) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let command = cli::parse(std::env::args().skip(1))?;
    process::catch_signals()?;
    let workspace = Workspace::find()?;
    match command {
        Command::Help => print!("{}", cli::USAGE),
        Command::Demo(options) => demo::run(&workspace, &options)?,
        Command::Test { suite, soak } => return suites::run(workspace, suite, soak),
        Command::Build => {
            package::build(&workspace)?;
            sizes::report(&workspace)?;
        }
        Command::Docs => docs::build(&workspace)?,
        Command::Bench { name } => bench::run(&workspace, name.as_deref())?,
        Command::Replay(arguments) => replay::run(&workspace, &arguments)?,
        Command::Operate(arguments) => return operate::run(&workspace, &arguments),
    }
    Ok(ExitCode::SUCCESS)
}
