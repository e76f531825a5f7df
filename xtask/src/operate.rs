//! The gateway's commands for operators. All but `doctor` need the database that `DATABASE_URL` names.

use std::env;
use std::process::ExitCode;

use crate::failure::{Failure, Result};
use crate::workspace::Workspace;
use crate::{gateway, process};

/// Builds the gateway, and runs it with these arguments in the person's own environment. Its exit code is ours.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    let is_doctor = arguments.first().is_some_and(|name| name == "doctor");
    // Before minutes of building.
    if !is_doctor && env::var_os("DATABASE_URL").is_none_or(|url| url.is_empty()) {
        let example = "postgres://user:password@host:5432/database";
        return Err(Failure::because(format!("DATABASE_URL is missing: set it to a URL like {example}")));
    }
    let binary = gateway::build(workspace)?;
    let status = process::status(workspace.command(binary).args(arguments))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

#[cfg(test)]
mod tests {
    use crate::cli::{Command, USAGE, parse};

    const SCRIPTS: &str = include_str!("../../www/package.json");

    #[test]
    fn each_is_an_npm_script_of_the_demo_as_well() {
        for name in ["monitor-chat", "test-chat", "close-chats"] {
            assert!(SCRIPTS.contains(&format!("\"{name}\": \"cargo xtask {name}\"")), "{name}");
            assert!(USAGE.contains(&format!("cargo xtask {name}")), "{name}");
            assert_eq!(parse([name.to_owned()]).unwrap(), Command::Operate(vec![name.to_owned()]));
        }
    }
}
