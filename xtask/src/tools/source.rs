//! Where tools come from.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use crate::failure::{Context, Result};
use crate::process::{capture, command, run};
use crate::workspace::Workspace;

/// Where a tool comes from, and so how it is looked for.
#[derive(Debug)]
pub enum Source {
    /// Somewhere on `PATH`, put there by a person.
    Given { binaries: &'static [&'static str] },
    /// The same, with a version.
    Node { at_least: u32 },
    /// `cargo install`, into `target/tools`.
    Cargo { package: &'static str, binary: &'static str, version: String },
    /// An npm package, in a directory of its own under `target/tools`.
    Npm { package: String, version: &'static str },
    /// A target of the toolchain in use.
    RustTarget(&'static str),
    /// A component of the toolchain in use.
    RustComponent(&'static str),
    /// Packages of Debian's, which only root can install.
    Debian { packages: &'static [&'static str], binaries: &'static [&'static str] },
}

impl Source {
    pub fn is_ready(&self, workspace: &Workspace) -> bool {
        match self {
            Self::Given { binaries } | Self::Debian { binaries, .. } => {
                binaries.iter().all(|name| which(name).is_some())
            }
            Self::Node { at_least } => node_version().is_some_and(|version| version >= *at_least),
            Self::Cargo { binary, version, .. } => {
                let answer = capture_version(&workspace.tools().join("bin").join(binary));
                answer.is_some_and(|answer| answer.split_whitespace().any(|word| word == version))
            }
            Self::Npm { package, version } => complete(workspace, package, version).exists(),
            Self::RustTarget(target) => in_sysroot(workspace, &format!("lib/rustlib/{target}/lib")),
            Self::RustComponent("clippy") => in_sysroot(workspace, "bin/cargo-clippy"),
            Self::RustComponent(component) => in_sysroot(workspace, &format!("bin/{component}")),
        }
    }

    pub fn can_be_brought(&self) -> bool {
        match self {
            Self::Given { .. } | Self::Node { .. } => false,
            Self::Cargo { .. } => true,
            Self::Npm { .. } => which("npm").is_some(),
            Self::RustTarget(_) | Self::RustComponent(_) => which("rustup").is_some(),
            Self::Debian { .. } => Uid::effective().is_root() && which("apt-get").is_some(),
        }
    }

    /// What a person should know before waiting.
    pub fn takes(&self) -> &'static str {
        match self {
            Self::Cargo { .. } => " (compiled here, once: this takes minutes)",
            _ => "",
        }
    }

    pub fn bring(&self, workspace: &Workspace) -> Result<()> {
        match self {
            Self::Given { .. } | Self::Node { .. } => Ok(()),
            Self::Cargo { package, version, .. } => {
                // Without --locked: a lock file made elsewhere may name versions that a registry's mirror does not have yet.
                let mut install = workspace.cargo(&["install", "--quiet", "--force", "--root"]);
                run(install.arg(workspace.tools()).arg(format!("{package}@{version}")))
            }
            Self::Npm { package, version } => install_npm(workspace, package, version),
            Self::RustTarget(target) => run(workspace.command("rustup").args(["target", "add", target])),
            Self::RustComponent(component) => run(workspace.command("rustup").args(["component", "add", component])),
            Self::Debian { packages, .. } => {
                run(&mut apt_get(workspace, &["update"]))?;
                run(apt_get(workspace, &["install", "--yes"]).args(*packages))
            }
        }
    }
}

/// A program on `PATH`.
pub fn which(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|directory| directory.join(name)).find(|path| path.is_file())
}

/// Where an npm package that is a tool is installed.
pub fn npm_package(workspace: &Workspace, package: &str, version: &str) -> PathBuf {
    npm_directory(workspace, package, version).join("node_modules").join(package)
}

/// Where the programs of such a package are.
pub fn npm_programs(workspace: &Workspace, package: &str, version: &str) -> PathBuf {
    npm_directory(workspace, package, version).join("node_modules/.bin")
}

fn npm_directory(workspace: &Workspace, package: &str, version: &str) -> PathBuf {
    let name = package.trim_start_matches('@').replace('/', "-");
    workspace.tools().join("npm").join(format!("{name}-{version}"))
}

/// Written last: an installation that was cut short does not count.
fn complete(workspace: &Workspace, package: &str, version: &str) -> PathBuf {
    npm_directory(workspace, package, version).join("complete")
}

fn install_npm(workspace: &Workspace, package: &str, version: &str) -> Result<()> {
    let directory = npm_directory(workspace, package, version);
    fs::create_dir_all(&directory).context(|| format!("cannot make {}", directory.display()))?;
    let mut install = workspace.command("npm");
    install.args(["install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]);
    // The one script that matters is run below: npm's own settings may forbid it.
    install.arg("--ignore-scripts").arg("--prefix").arg(&directory).arg(format!("{package}@{version}"));
    capture(install)?;
    let installed = npm_package(workspace, package, version);
    if installed.join("native/pg-symlinks.json").exists() {
        // npm cannot pack symbolic links; PostgreSQL's libraries need them.
        let mut links = command(Path::new("node"));
        links.arg("scripts/hydrate-symlinks.js").current_dir(&installed);
        capture(links)?;
    }
    let complete = complete(workspace, package, version);
    fs::write(&complete, "").context(|| format!("cannot write {}", complete.display()))
}

fn apt_get(workspace: &Workspace, arguments: &[&str]) -> std::process::Command {
    let mut apt_get = workspace.command("apt-get");
    apt_get.env("DEBIAN_FRONTEND", "noninteractive").args(["--quiet", "-o", "DPkg::Lock::Timeout=300"]).args(arguments);
    apt_get
}

fn in_sysroot(workspace: &Workspace, path: &str) -> bool {
    let mut rustc = workspace.command("rustc");
    rustc.args(["--print", "sysroot"]);
    capture(rustc).is_ok_and(|sysroot| Path::new(sysroot.trim()).join(path).exists())
}

fn capture_version(binary: &Path) -> Option<String> {
    let mut version = command(binary);
    version.arg("--version");
    capture(version).ok()
}

fn node_version() -> Option<u32> {
    major_version(&capture_version(Path::new("node"))?)
}

fn major_version(version: &str) -> Option<u32> {
    version.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major_version;

    #[test]
    fn reads_nodes_version() {
        assert_eq!(major_version("v20.20.2\n"), Some(20));
        assert_eq!(major_version("22.1.0"), Some(22));
        assert_eq!(major_version("unknown"), None);
    }
}
