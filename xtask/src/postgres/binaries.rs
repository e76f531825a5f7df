//! Which PostgreSQL: the pinned one from npm, or else the system's.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::process::{capture, command, say};
use crate::tools::{self, catalogue, which};
use crate::workspace::Workspace;

/// The oldest major version that we support.
const OLDEST: u32 = 15;

/// The directory of `postgres` and `initdb`.
pub fn find(workspace: &Workspace, version: &'static str) -> Result<PathBuf> {
    let pinned = || {
        tools::ensure(workspace, &tools::catalogue::node())?;
        catalogue::postgres(version)?.ensure(workspace)?;
        Ok(catalogue::postgres_directory(workspace, version)?.join("bin"))
    };
    match pinned() {
        Err(Failure::Because(why)) => {
            let newest = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(OLDEST);
            let system = system(newest).ok_or(Failure::Because(why))?;
            say(format!("using the system's PostgreSQL in {}", system.display()));
            Ok(system)
        }
        other => other,
    }
}

/// The system's newest that is not newer than `newest`.
fn system(newest: u32) -> Option<PathBuf> {
    let on_path = which("postgres").and_then(|postgres| Some(postgres.canonicalize().ok()?.parent()?.to_owned()));
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let candidates = debian.map(|entry| entry.path().join("bin")).chain(on_path);
    let versions = candidates.filter_map(|binaries| Some((major_version(&ask(&binaries)?)?, binaries)));
    versions.filter(|(major, _)| (OLDEST..=newest).contains(major)).max().map(|(_, binaries)| binaries)
}

fn ask(binaries: &Path) -> Option<String> {
    let mut postgres = command(&binaries.join("postgres"));
    postgres.arg("--version");
    capture(postgres).ok()
}

/// From `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major_version(answer: &str) -> Option<u32> {
    answer.split_whitespace().nth(2)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major_version;

    #[test]
    fn reads_the_servers_version() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major_version("command not found"), None);
    }
}
