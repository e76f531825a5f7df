//! The demo's servers: a PostgreSQL with our migrations and a gateway that serves the page.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::failure::{Context, Result};
use crate::postgres::Postgres;
use crate::process::{capture, say, wait_until};
use crate::service::Service;
use crate::tools::catalogue;
use crate::workspace::Workspace;
use crate::{gateway, http, package, website};

/// What is built before a stack can start.
#[derive(Debug)]
pub struct Built {
    site: PathBuf,
    gateway: PathBuf,
}

impl Built {
    /// The gateway's binary.
    pub fn gateway(&self) -> &Path {
        &self.gateway
    }
}

/// Builds the package, the page and the gateway, as far as they have changed.
pub fn build(workspace: &Workspace) -> Result<Built> {
    let tarball = package::build(workspace)?;
    Ok(Built { site: website::build(workspace, &tarball)?, gateway: gateway::build(workspace)? })
}

/// A running demo. Dropping it stops the gateway, and then the database (in the order of the fields).
#[derive(Debug)]
pub struct Stack {
    gateway: Service,
    postgres: Postgres,
    port: u16,
}

impl Stack {
    /// Starts everything on an empty database, and returns once `/health` is ok.
    pub fn start(workspace: &Workspace, built: &Built, port: u16, purpose: &str) -> Result<Self> {
        say("starting PostgreSQL and the gateway");
        let postgres = Postgres::start(workspace, catalogue::POSTGRES, purpose)?;
        let command = || gateway::command(workspace, &built.gateway, postgres.url());

        let mut migrate = command();
        migrate.arg("migrate");
        capture(migrate)?;

        // What would be mailed is for the page to show.
        let mails = postgres.home().join("mails");
        fs::create_dir(&mails).context(|| format!("cannot make {}", mails.display()))?;
        let mut serve = command();
        serve.args(["serve", "--demo"]).env("BIND", format!("127.0.0.1:{port}")).env("DEMO_DIR", &built.site);
        serve.env("FRONTEND_URL", format!("http://127.0.0.1:{port}")).env("MAIL_DIR", mails);
        serve.env("MAIL_FROM", "Streamkeeper <streamkeeper@example.org>");
        let log = postgres.home().join("gateway.log");
        let gateway = Service::start("the gateway", serve, &log, Signal::SIGTERM)?;

        let mut stack = Self { gateway, postgres, port };
        wait_until("the gateway's /health was not ok", Duration::from_secs(30), || {
            stack.check()?;
            Ok(http::answers(port, "/health"))
        })?;
        Ok(stack)
    }

    /// Fails when one of the two has ended by itself.
    pub fn check(&mut self) -> Result<()> {
        self.postgres.check()?;
        self.gateway.check()
    }

    /// The page's address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The superuser's address of the database.
    pub fn database_url(&self) -> &str {
        self.postgres.url()
    }
}
