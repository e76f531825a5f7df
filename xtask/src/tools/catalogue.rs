//! Every tool, with its version, in one place.

use std::path::PathBuf;

use super::Tool;
use super::source::{Source, npm_package, npm_programs};
use crate::failure::{Failure, Result};
use crate::lockfile::locked_version;
use crate::workspace::Workspace;

const WASM_TARGET: &str = "wasm32-unknown-unknown";
const WASM_PACK: &str = "0.15.1";
const CARGO_DENY: &str = "0.20.2";
const CARGO_MUTANTS: &str = "27.1.0";
const GECKODRIVER: &str = "0.37.1";
const BINARYEN: &str = "132.0.0";
/// The oldest that Vite takes.
const NODE: u32 = 20;

/// The PostgreSQL of the demo and of most suites.
pub const POSTGRES: &str = "18.4.0-beta.17";
/// The oldest PostgreSQL that we support.
pub const POSTGRES_OLDEST: &str = "15.18.0-beta.17";

/// Node and npm: the two that a person has to have.
pub fn node() -> Vec<Tool> {
    let by_hand = if cfg!(target_os = "macos") { "brew install node" } else { "sudo apt-get install nodejs npm" };
    vec![
        Tool {
            name: format!("Node.js {NODE} or newer"),
            by_hand: by_hand.into(),
            source: Source::Node { at_least: NODE },
        },
        Tool { name: "npm".into(), by_hand: by_hand.into(), source: Source::Given { binaries: &["npm"] } },
    ]
}

/// What turns the root crate into `pkg/wasm`, or into a test page.
pub fn wasm(workspace: &Workspace) -> Result<Vec<Tool>> {
    let mut tools = node();
    tools.push(wasm_target());
    tools.push(cargo("wasm-pack", "wasm-pack", WASM_PACK.into()));
    // wasm-pack wants exactly the version that the crate is compiled with.
    tools.push(cargo("wasm-bindgen-cli", "wasm-bindgen", locked_version(workspace, "wasm-bindgen")?));
    tools.push(Tool {
        name: format!("binaryen {BINARYEN} (wasm-opt)"),
        by_hand: format!("npm install binaryen@{BINARYEN}"),
        source: Source::Npm { package: "binaryen".into(), version: BINARYEN },
    });
    Ok(tools)
}

/// The directories of [`wasm`]'s binaries: nothing may be taken from elsewhere by luck.
pub fn wasm_path(workspace: &Workspace) -> Vec<PathBuf> {
    vec![workspace.tools().join("bin"), npm_programs(workspace, "binaryen", BINARYEN)]
}

/// What writes the reference.
pub fn docs() -> Vec<Tool> {
    let mut tools = node();
    tools.push(wasm_target());
    tools
}

/// What looks over the sources.
pub fn lint() -> Vec<Tool> {
    let mut tools = vec![wasm_target()];
    for component in ["clippy", "rustfmt"] {
        tools.push(Tool {
            name: component.into(),
            by_hand: format!("rustup component add {component}"),
            source: Source::RustComponent(component),
        });
    }
    tools.push(cargo("cargo-deny", "cargo-deny", CARGO_DENY.into()));
    tools
}

/// What takes the engine's guards away, one at a time.
pub fn mutants() -> Tool {
    cargo("cargo-mutants", "cargo-mutants", CARGO_MUTANTS.into())
}

/// Chromium and its driver, for tests.
pub fn chromium() -> Tool {
    let by_hand = match cfg!(target_os = "macos") {
        true => "brew install --cask chromium chromedriver",
        false => "sudo apt-get install chromium chromium-driver",
    };
    Tool {
        name: "Chromium with its driver".into(),
        by_hand: by_hand.into(),
        source: Source::Debian { packages: &["chromium", "chromium-driver"], binaries: &["chromium", "chromedriver"] },
    }
}

/// The program's name: Debian has the releases with extended support.
pub const FIREFOX: &str = if cfg!(target_os = "macos") { "firefox" } else { "firefox-esr" };

/// Stock Firefox, for tests.
pub fn firefox() -> Tool {
    let by_hand = match cfg!(target_os = "macos") {
        true => "brew install --cask firefox",
        false => "sudo apt-get install firefox-esr",
    };
    Tool {
        name: "Firefox".into(),
        by_hand: by_hand.into(),
        source: Source::Debian { packages: &["firefox-esr"], binaries: &[FIREFOX] },
    }
}

/// What drives Firefox for `wasm-pack test`.
pub fn geckodriver() -> Tool {
    cargo("geckodriver", "geckodriver", GECKODRIVER.into())
}

/// The npm package with PostgreSQL's binaries of a version for this platform.
pub fn postgres(version: &'static str) -> Result<Tool> {
    let package = postgres_package()?;
    Ok(Tool {
        name: format!("PostgreSQL {version}"),
        by_hand: "sudo apt-get install postgresql".into(),
        source: Source::Npm { package, version },
    })
}

/// Where [`postgres`] keeps `bin/` and `lib/`.
pub fn postgres_directory(workspace: &Workspace, version: &str) -> Result<PathBuf> {
    Ok(npm_package(workspace, &postgres_package()?, version).join("native"))
}

fn postgres_package() -> Result<String> {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => return Err(Failure::because(format!("no PostgreSQL binaries are published for {system} on {other}"))),
    };
    Ok(format!("@embedded-postgres/{system}-{machine}"))
}

fn wasm_target() -> Tool {
    Tool {
        name: format!("the Rust target {WASM_TARGET}"),
        by_hand: format!("rustup target add {WASM_TARGET}"),
        source: Source::RustTarget(WASM_TARGET),
    }
}

fn cargo(package: &'static str, binary: &'static str, version: String) -> Tool {
    Tool {
        name: format!("{package} {version}"),
        by_hand: format!("cargo install --root target/tools {package}@{version}"),
        source: Source::Cargo { package, binary, version },
    }
}
