//! Notices to hosts: a queue in PostgreSQL, and workers that write letters.
//!
//! A notice is queued in the transaction that ends its event. Any number of gateways work; one that dies gives its jobs back.
//! What cannot be sent is tried again after e, e², … and at most e¹⁰ seconds: 16 times, which takes 40 hours.

mod delivery;
mod job;
mod letter;
mod redacted;

use std::time::Duration;

use graphile_worker::{WorkerOptions, WorkerRecoveryConfig, WorkerUtils};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::raw_sql;
use tokio::time::sleep;
use tracing::{debug, warn};

use crate::auth::Role;
use crate::config::Config;
use crate::database::Database;
use crate::events::Counters;
use crate::mail::Mailer;
use crate::stopping::Stopping;
use job::EventNotice;

/// The queue's own schema.
const SCHEMA: &str = "graphile_worker";

/// Workers are the service, as everything here that nobody in particular asked for.
const GRANTS: &str = "
grant usage on schema graphile_worker to service_role;
grant all on all tables in schema graphile_worker to service_role;
grant all on all sequences in schema graphile_worker to service_role;
grant execute on all functions in schema graphile_worker to service_role;
";

/// How many letters are written at the same time.
const CONCURRENCY: usize = 4;

/// One to listen, one for signs of life, and those that take jobs and give them back.
const CONNECTIONS: u32 = 4;

/// How long a letter that is on its way when the process stops may take.
const GRACE: Duration = Duration::from_secs(10);

/// How long things take.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How often a worker says that it is alive.
    pub heartbeat: Duration,
    /// How long one that says nothing is waited for: longer than a letter takes.
    pub patience: Duration,
    /// How often jobs are looked for that nobody was told of.
    pub poll: Duration,
    /// How long after a failure the queue is worked at again.
    pub retry: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(10),
            patience: Duration::from_secs(120),
            poll: Duration::from_secs(1),
            retry: Duration::from_secs(1),
        }
    }
}

/// What a job needs.
#[derive(Debug, Clone)]
pub struct Notices {
    database: Database,
    mailer: Mailer,
    frontend_url: Option<String>,
    counters: Counters,
}

/// A worker of this gateway.
#[derive(Debug)]
pub struct Worker {
    options: PgConnectOptions,
    settings: Settings,
    database: Database,
    mailer: Option<Mailer>,
    frontend_url: Option<String>,
    counters: Counters,
}

impl Worker {
    /// With the mailer of the configuration.
    pub fn new(config: &Config, database: Database, counters: Counters) -> Self {
        Self {
            options: config.database.clone(),
            settings: config.notices,
            database,
            mailer: config.mailer.clone(),
            frontend_url: config.frontend_url.clone(),
            counters,
        }
    }

    /// Works until the process stops, and brings to an end what is under way then. Begins again after an outage.
    pub async fn run(self, mut stopping: Stopping) {
        loop {
            let worked = match &self.mailer {
                Some(mailer) => self.work(mailer.clone(), stopping.clone()).await,
                None => self.leave_it_to_others(&mut stopping).await,
            };
            match worked {
                Ok(()) => return,
                Err(error) => warn!(error, "notices to hosts wait: their queue is not there"),
            }
            tokio::select! {
                () = stopping.wait() => return,
                () = sleep(self.settings.retry) => {}
            }
        }
    }

    async fn work(&self, mailer: Mailer, mut stopping: Stopping) -> Result<(), String> {
        // A login that may take a role and nothing else finds the queue made, by `migrate`.
        if let Err(error) = migrate(self.options.clone()).await {
            debug!(error, "the queue was not brought up to date");
        }
        let options = self.options.clone().options([("role", Role::Service.as_str())]);
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options);
        let notices = Notices {
            database: self.database.clone(),
            mailer,
            frontend_url: self.frontend_url.clone(),
            counters: self.counters.clone(),
        };
        let recovery = WorkerRecoveryConfig::default()
            .heartbeat_interval(self.settings.heartbeat)
            .sweep_interval(self.settings.heartbeat * 2)
            .sweep_threshold(self.settings.patience)
            .recovery_delay(self.settings.retry);
        let worker = WorkerOptions::default()
            .pg_pool(pool.clone())
            .schema(SCHEMA)
            .concurrency(CONCURRENCY)
            .poll_interval(self.settings.poll)
            .worker_recovery(recovery)
            .listen_os_shutdown_signals(false)
            .shutdown_signal(async move { stopping.wait().await })
            .shutdown_grace_period(GRACE)
            .define_job::<EventNotice>()
            .add_extension(notices);
        let worker = worker.init().await.map_err(|error| error.to_string())?;
        let worked = worker.run().await.map_err(|error| error.to_string());
        pool.close().await;
        worked
    }

    /// Without a way to send mail, the queue is made all the same.
    async fn leave_it_to_others(&self, stopping: &mut Stopping) -> Result<(), String> {
        if let Err(error) = migrate(self.options.clone()).await {
            debug!(error, "the queue was not brought up to date");
        }
        warn!("SMTP_URL is missing, and so is MAIL_DIR: notices to hosts wait for a gateway that has one");
        stopping.wait().await;
        Ok(())
    }
}

/// Makes the queue, or brings it up to date. Needs a login that may make schemas.
pub async fn migrate(options: PgConnectOptions) -> Result<(), String> {
    let pool =
        PgPoolOptions::new().max_connections(1).connect_with(options).await.map_err(|error| error.to_string())?;
    let migrated = WorkerUtils::new(pool.clone(), SCHEMA).migrate().await.map_err(|error| error.to_string());
    let granted = raw_sql(GRANTS).execute(&pool).await.map_err(|error| error.to_string());
    pool.close().await;
    migrated.and(granted.map(drop))
}
