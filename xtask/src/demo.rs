//! `cargo xtask demo`: everything, on this machine, until Ctrl-C.

use std::env;
use std::process::Stdio;
use std::time::Duration;

use crate::cli::Demo;
use crate::failure::{Failure, Result};
use crate::port::{free_port, is_free};
use crate::process::{self, say};
use crate::stack::{self, Stack};
use crate::tools::which;
use crate::workspace::Workspace;

const USUAL_PORT: u16 = 8787;

/// Serves the demo until we are told to stop, which is a success.
pub fn run(workspace: &Workspace, options: &Demo) -> Result<()> {
    match serve(workspace, options) {
        Err(Failure::Interrupted) => {
            say("stopped");
            Ok(())
        }
        other => other,
    }
}

fn serve(workspace: &Workspace, options: &Demo) -> Result<()> {
    // A port that cannot be had is said before minutes of building, too.
    port(options.port)?;
    let built = stack::build(workspace)?;
    let mut stack = Stack::start(workspace, &built, port(options.port)?, "demo")?;
    println!("Streamkeeper demo: {}", stack.url());
    say(format!("the database is {}; Ctrl-C stops everything", stack.database_url()));
    if options.open {
        open(workspace, &stack.url());
    }
    loop {
        process::check_interrupted()?;
        stack.check()?;
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn port(asked: Option<u16>) -> Result<u16> {
    match asked {
        Some(port) if !is_free(port) => {
            Err(Failure::because(format!("port {port} is in use: choose another, or leave --port out")))
        }
        Some(port) => Ok(port),
        None if is_free(USUAL_PORT) => Ok(USUAL_PORT),
        None => free_port(),
    }
}

/// Opens the person's browser, if there is a screen; that it cannot is no reason to stop.
fn open(workspace: &Workspace, url: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let screen =
        cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some());
    if let (true, Some(opener)) = (screen, which(opener)) {
        let mut command = workspace.command(opener);
        let _unopened = command.arg(url).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    }
}
