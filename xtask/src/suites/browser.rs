//! The adapters in a real browser, against a server that answers as it is told.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::Context;
use crate::browser::Browser;
use crate::failure::{Context as _, Result};
use crate::home::Home;
use crate::http;
use crate::port::{free_port, is_free};
use crate::process::{run, wait_until};
use crate::service::Service;
use crate::tools::{self, catalogue};
use crate::workspace::{Workspace, path_with};

/// The tests are compiled with the server's address: the same port every time saves compiling them again.
const USUAL_PORT: u16 = 8797;
/// Firefox's, as `webdriver.json` has it.
const USUAL_HOME: &str = "/tmp";

/// `wasm-pack test` in that browser, headless.
pub fn adapters(context: &Context, browser: Browser) -> Result<()> {
    let workspace = &context.workspace;
    tools::ensure(workspace, &catalogue::wasm(workspace)?)?;
    let binary = browser.ensure(workspace)?;
    let driver = browser.ensure_driver(workspace)?;
    let home = Home::create(&workspace.target("test"))?;
    let (server, address) = scripted_server(workspace, &home)?;

    let mut test = context.tell(workspace.command(workspace.tools().join("bin/wasm-pack")));
    test.args(["test", "--headless"]).args(browser.options()).arg(driver);
    test.args(["--", "--features", "browser", "--test", "browser"]);
    test.env("PATH", path_with(&catalogue::wasm_path(workspace))?);
    test.env("STREAMKEEPER_TEST_SERVER", address);
    test.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities(workspace, browser, &binary, &home)?);
    let result = run(&mut test);
    drop(server);
    result
}

/// `tests/browser/server.mjs`, and its address.
fn scripted_server(workspace: &Workspace, home: &Home) -> Result<(Service, String)> {
    let port = if is_free(USUAL_PORT) { USUAL_PORT } else { free_port()? };
    let mut node = workspace.command("node");
    node.args(["tests/browser/server.mjs", &port.to_string()]);
    let log = home.path().join("server.log");
    let mut server = Service::start("the scripted server", node, &log, Signal::SIGTERM)?;
    wait_until("the scripted server was not ready", Duration::from_secs(10), || {
        server.check()?;
        Ok(http::answers(port, "/health"))
    })?;
    Ok((server, format!("http://127.0.0.1:{port}")))
}

/// A copy of `webdriver.json` that names this machine's browser. As root Firefox starts only in a home of root's: it gets ours.
fn capabilities(workspace: &Workspace, browser: Browser, binary: &Path, home: &Home) -> Result<PathBuf> {
    let usual = workspace.path("webdriver.json");
    let text = fs::read_to_string(&usual).context(|| format!("cannot read {}", usual.display()))?;
    let text = text.replace(&quoted(Path::new(browser.usual_path())), &quoted(binary));
    let text = text.replace(&quoted(Path::new(USUAL_HOME)), &quoted(home.path()));
    let copy = home.path().join("webdriver.json");
    fs::write(&copy, text).context(|| format!("cannot write {}", copy.display()))?;
    Ok(copy)
}

fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}
