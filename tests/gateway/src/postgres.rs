//! A PostgreSQL of a test's own, which may be killed: the one that `DATABASE_URL` names is everybody's.
//!
//! It runs from the same binaries and as the same user as that one, on this machine.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use database_tests::server_options;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use streamkeeper_gateway::migrate::migrate;

const PASSWORD: &str = "of-a-test";

/// A server with one migrated database. Dropping it kills it, and removes its data.
#[derive(Debug)]
pub struct Postgres {
    binaries: PathBuf,
    home: PathBuf,
    user: (u32, u32),
    port: u16,
    server: Option<Child>,
}

impl Postgres {
    /// A new one.
    ///
    /// # Panics
    /// When `DATABASE_URL`'s server is not on this machine.
    pub async fn start(name: &str) -> Self {
        let mut other = server_options().connect().await.expect("the server that DATABASE_URL names answers");
        let ask = "select setting from pg_config where name = 'BINDIR'";
        let binaries: String = sqlx::query_scalar(ask).fetch_one(&mut other).await.expect("it knows its binaries");
        let data: String = sqlx::query_scalar("show data_directory").fetch_one(&mut other).await.expect("and its data");
        other.close().await.expect("the connection closes");
        let owner = fs::metadata(data).expect("the server of DATABASE_URL is on this machine");

        let home = std::env::temp_dir().join(format!("streamkeeper-{name}-{}", std::process::id()));
        fs::create_dir(&home).expect("there is room for a directory");
        // Whoever runs it has to get in, and only to what is its own.
        fs::set_permissions(&home, Permissions::from_mode(0o711)).expect("it is ours");
        let port = TcpListener::bind("127.0.0.1:0").expect("there is a free port").local_addr().expect("bound").port();
        let binaries = PathBuf::from(binaries);
        let mut postgres = Self { binaries, home, user: (owner.uid(), owner.gid()), port, server: None };
        postgres.initialise();
        postgres.run().await;
        migrate(&mut postgres.connect().await).await.expect("the migrations apply");
        postgres
    }

    fn initialise(&self) {
        let data = self.data();
        fs::create_dir(&data).expect("there is room for a directory");
        let password = self.home.join("password");
        fs::write(&password, PASSWORD).expect("there is room for a file");
        if fs::metadata(&data).expect("it is there").uid() != self.user.0 {
            chown(&data, Some(self.user.0), Some(self.user.1)).expect("root may give things away");
        }
        let mut initdb = self.program("initdb");
        initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        initdb.arg("--pwfile").arg(password).arg("-D").arg(data);
        assert!(initdb.status().expect("there is an initdb").success());
    }

    /// Runs the server, and waits until it answers.
    pub async fn run(&mut self) {
        let mut server = self.spawn();
        // What was killed may need a moment to be gone, and until then there is no place for another one.
        let mut attempts_left = 100;
        while self.options().connect().await.is_err() {
            if server.try_wait().expect("it is our child").is_some() {
                assert_ne!(attempts_left, 0, "the server stops each time");
                attempts_left -= 1;
                server = self.spawn();
            }
            tokio::task::yield_now().await;
        }
        self.server = Some(server);
    }

    fn spawn(&self) -> Child {
        let mut server = self.program("postgres");
        server.arg("-D").arg(self.data()).arg("-p").arg(self.port.to_string());
        // What is committed is there after a crash of the server. After one of the machine it would not be, without `fsync`.
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=100", "fsync=off"] {
            server.arg("-c").arg(setting);
        }
        server.spawn().expect("there is a postgres")
    }

    /// Kills the server, all of it and at once, as when the power goes: nothing that is under way is brought to its end.
    pub fn kill(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let server_id = server.id().to_string();
        // Held first: otherwise it takes the deaths of its children for a crash, and starts others.
        signal("-STOP", &[&server_id]);
        let children = Command::new("pgrep").args(["-P", &server_id]).output().expect("there is a pgrep").stdout;
        let children = String::from_utf8(children).expect("numbers are text");
        let all: Vec<&str> = children.split_whitespace().chain([server_id.as_str()]).collect();
        signal("-KILL", &all);
        server.wait().expect("it is our child");
    }

    /// How to connect to it, as the superuser.
    pub fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new().host("127.0.0.1").port(self.port).username("postgres").password(PASSWORD)
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("postgres://postgres:{PASSWORD}@127.0.0.1:{}/postgres", self.port)
    }

    /// A connection of the superuser.
    ///
    /// # Panics
    /// When the server does not run.
    pub async fn connect(&self) -> PgConnection {
        self.options().connect().await.expect("the server answers")
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.current_dir(&self.home).env("TZ", "UTC");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if is_root(&self.home) && self.user.0 != 0 {
            command.uid(self.user.0).gid(self.user.1);
        }
        command
    }
}

/// A child may have gone by itself in the meantime.
fn signal(name: &str, processes: &[&str]) {
    Command::new("kill").arg(name).args(processes).stderr(Stdio::null()).status().expect("there is a kill");
}

/// What we made belongs to whom we are.
fn is_root(made: &Path) -> bool {
    fs::metadata(made).is_ok_and(|made| made.uid() == 0)
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
        if let Err(error) = fs::remove_dir_all(&self.home) {
            eprintln!("could not remove {}: {error}", self.home.display());
        }
    }
}
