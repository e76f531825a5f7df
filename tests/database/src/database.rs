//! Databases that live as long as one test.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::hash::{Hash, Hasher};
use std::thread;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, raw_sql};
use streamkeeper_gateway::migrate::{MIGRATIONS, migrate};
use uuid::Uuid;

use crate::{Caller, Notices, Who};

/// The server under test, from `DATABASE_URL`.
///
/// # Panics
/// When it is missing or wrong: a database test that does not run must not pass.
pub fn server_options() -> PgConnectOptions {
    Notices::install();
    let Ok(url) = env::var("DATABASE_URL") else {
        panic!("DATABASE_URL is missing: these tests need a superuser on a PostgreSQL (`cargo xtask test` brings one)");
    };
    // Never the URL itself in a message: it carries a password.
    match url.parse() {
        Ok(options) => options,
        Err(error) => panic!("DATABASE_URL is not a PostgreSQL URL: {error}"),
    }
}

/// A database of its own for one test; dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
}

impl TestDatabase {
    /// A database with all migrations applied.
    pub async fn new() -> Self {
        let mut server = connect(&server_options()).await;
        let template = template(&mut server).await;
        Self::create(server, &format!("template {template}")).await
    }

    /// A database in which there is nothing at all.
    pub async fn empty() -> Self {
        Self::create(connect(&server_options()).await, "template template0").await
    }

    async fn create(mut server: PgConnection, template: &str) -> Self {
        let name = format!("sk_test_{}", Uuid::new_v4().simple());
        execute(&mut server, format!("create database {name} {template}")).await;
        server.close().await.expect("the connection closes");
        Self { name }
    }

    /// How to connect to it, as the superuser.
    pub fn options(&self) -> PgConnectOptions {
        server_options().database(&self.name)
    }

    /// The same as a URL, for programs that are started with `DATABASE_URL`.
    pub fn url(&self) -> String {
        let url = env::var("DATABASE_URL").expect("checked when this database was made");
        let (address, options) = url.split_once('?').unwrap_or((&url, ""));
        let (server, _) = address.rsplit_once('/').expect("a URL names its database");
        format!("{server}/{}?{options}", self.name)
    }

    /// A connection of the superuser, who owns the tables.
    pub async fn owner(&self) -> PgConnection {
        connect(&self.options()).await
    }

    /// A connection on which everything runs as this caller, the way a request does.
    pub async fn caller(&self, who: Who) -> Caller {
        Caller::new(self.owner().await, who).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // Dropping has to wait for the server, and a test's own runtime cannot be waited on from inside of it.
        let statement = format!("drop database if exists {} with (force)", self.name);
        let dropped = thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(sqlx::Error::Io)?;
            runtime.block_on(async {
                let mut server = server_options().connect().await?;
                server.execute(AssertSqlSafe(statement)).await?;
                server.close().await
            })
        })
        .join();
        if !matches!(dropped, Ok(Ok(()))) {
            eprintln!("could not drop {}: {dropped:?}", self.name);
        }
    }
}

async fn connect(options: &PgConnectOptions) -> PgConnection {
    options.connect().await.expect("the server that DATABASE_URL names answers")
}

async fn execute(connection: &mut PgConnection, sql: String) {
    raw_sql(AssertSqlSafe(sql)).execute(connection).await.expect("the statement works");
}

/// The migrated database that all others are copies of: made once for each state of the migrations.
async fn template(server: &mut PgConnection) -> String {
    let mut hasher = DefaultHasher::new();
    for migration in MIGRATIONS.iter() {
        migration.checksum.hash(&mut hasher);
    }
    let name = format!("sk_template_{:016x}", hasher.finish());
    // Tests run at the same time, in one process and in several: one makes it, the others wait.
    execute(server, "select pg_advisory_lock(2026)".into()).await;
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(&mut *server)
        .await
        .expect("the catalogue can be read");
    if !exists {
        execute(server, "drop database if exists sk_template_new with (force)".into()).await;
        execute(server, "create database sk_template_new template template0".into()).await;
        let mut fresh = connect(&server_options().database("sk_template_new")).await;
        migrate(&mut fresh).await.expect("the migrations apply");
        fresh.close().await.expect("the connection closes");
        execute(server, format!("alter database sk_template_new rename to {name}")).await;
    }
    execute(server, "select pg_advisory_unlock(2026)".into()).await;
    name
}
