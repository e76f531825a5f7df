//! A real PostgreSQL, for as long as we need it.

mod account;
mod binaries;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::failure::{Context, Result};
use crate::home::Home;
use crate::port::free_port;
use crate::process;
use crate::service::Service;
use crate::workspace::Workspace;
use account::Account;

/// A server with an empty cluster. Dropping it stops the server, and then removes the cluster.
#[derive(Debug)]
pub struct Postgres {
    server: Service,
    url: String,
    home: Home,
}

impl Postgres {
    /// Starts the server of a version in the [catalogue](crate::tools::catalogue), with its data under `target/{purpose}`.
    pub fn start(workspace: &Workspace, version: &'static str, purpose: &str) -> Result<Self> {
        let binaries = binaries::find(workspace, version)?;
        let account = Account::for_server()?;
        let home = home(workspace, purpose, account.as_ref())?;
        let binaries = within_reach(binaries, account.as_ref(), &home)?;
        let data = home.path().join("data");
        let password = initialise(&binaries, account.as_ref(), &home, &data)?;

        let port = free_port()?;
        let mut command = program(&binaries, "postgres", account.as_ref(), &home);
        command.arg("-D").arg(&data);
        for setting in settings(port) {
            command.arg("-c").arg(setting);
        }
        // SIGINT is what `pg_ctl stop -m fast` sends.
        let mut server = Service::start("PostgreSQL", command, &home.path().join("postgres.log"), Signal::SIGINT)?;
        let state = data.join("postmaster.pid");
        process::wait_until("PostgreSQL was not ready", Duration::from_secs(30), || {
            server.check()?;
            Ok(fs::read_to_string(&state).is_ok_and(|state| is_ready(&state)))
        })?;
        let url = format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres");
        Ok(Self { server, url, home })
    }

    /// The superuser's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A directory that goes when the server does.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Fails when the server has ended by itself.
    pub fn check(&mut self) -> Result<()> {
        self.server.check()
    }
}

/// Under `target`, unless the server's account cannot get there (a checkout in root's home).
fn home(workspace: &Workspace, purpose: &str, account: Option<&Account>) -> Result<Home> {
    let parent = workspace.target(purpose);
    match account {
        Some(account) if !account.can_reach(&parent) => Home::temporary(purpose),
        _ => Home::create(&parent),
    }
}

/// The binaries, or a copy of them where the server's account can run them.
fn within_reach(binaries: PathBuf, account: Option<&Account>, home: &Home) -> Result<PathBuf> {
    let Some(installation) = binaries.parent() else { return Ok(binaries) };
    let Some(account) = account else { return Ok(binaries) };
    if account.can_reach(&binaries.join("postgres")) {
        return Ok(binaries);
    }
    let copy = home.path().join("installation");
    process::run(process::command(Path::new("cp")).arg("-R").arg(installation).arg(&copy))?;
    account.give(&copy)?;
    Ok(copy.join("bin"))
}

/// Makes an empty cluster, and returns the superuser's password.
fn initialise(binaries: &Path, account: Option<&Account>, home: &Home, data: &Path) -> Result<String> {
    // Loopback is open to everybody on this machine, and a superuser can run programs: no cluster without a password.
    let password = random_hex()?;
    let file = home.path().join("password");
    let mut options = fs::OpenOptions::new();
    let mut writer =
        options.write(true).create_new(true).mode(0o600).open(&file).context(|| "cannot keep a password")?;
    writer.write_all(password.as_bytes()).context(|| "cannot keep a password")?;
    fs::create_dir(data).context(|| format!("cannot make {}", data.display()))?;
    if let Some(account) = account {
        account.give(&file)?;
        account.give(data)?;
    }
    let mut initdb = program(binaries, "initdb", account, home);
    initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    process::capture({
        initdb.arg("--pwfile").arg(&file).arg("-D").arg(data);
        initdb
    })?;
    fs::remove_file(&file).context(|| "cannot remove the password file")?;
    Ok(password)
}

fn program(binaries: &Path, name: &str, account: Option<&Account>, home: &Home) -> Command {
    let mut command = process::command(&binaries.join(name));
    command.current_dir(home.path()).env("TZ", "UTC");
    if let Some(account) = account {
        account.run(&mut command);
    }
    command
}

/// Loopback only, and nothing that makes a throw-away cluster safe against power cuts.
fn settings(port: u16) -> Vec<String> {
    let mut settings = vec![format!("port={port}")];
    let fixed = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=400"];
    let throw_away = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
    settings.extend(fixed.into_iter().chain(throw_away).map(str::to_owned));
    settings
}

/// `postmaster.pid` says so in its eighth line.
fn is_ready(state: &str) -> bool {
    state.lines().nth(7).is_some_and(|status| status.trim() == "ready")
}

fn random_hex() -> Result<String> {
    let mut bytes = [0_u8; 16];
    let mut source = fs::File::open("/dev/urandom").context(|| "no randomness")?;
    source.read_exact(&mut bytes).context(|| "no randomness")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_server_that_is_ready() {
        assert!(is_ready("1\n/data\n0\n5432\n\n127.0.0.1\n  1 2\nready   \n"));
        assert!(!is_ready("1\n/data\n0\n5432\n\n127.0.0.1\n  1 2\nstarting\n"));
        assert!(!is_ready("1\n"));
    }

    #[test]
    fn no_two_passwords_are_the_same() {
        let password = random_hex().unwrap();
        assert_eq!(password.len(), 32);
        assert_ne!(password, random_hex().unwrap());
    }
}
