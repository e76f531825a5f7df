//! The database from inside: what is missing in it, and what it lets whom do.

mod cron;
mod functions;
mod grants;
mod policies;
mod relations;
mod roles;

use std::time::SystemTime;

use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::clock;
use super::finding::{Finding, quoted};
use super::made::Made;
use crate::commands::session::connect;
use crate::migrate::MIGRATIONS;

/// What app and API have in common; an app's own tables are here too.
const EXPOSED: &str = "public";

const NOTHING: &str = "none of the migrations has been applied";

/// Looks at everything, and changes nothing.
pub async fn check(options: Option<&PgConnectOptions>, made: &Made) -> Vec<Finding> {
    let Some(options) = options else {
        let fix = "DATABASE_URL=… or --database-url: on Supabase the connection string of the project's settings";
        return vec![Finding::unknown("database", "what can be seen from inside the database only", fix)];
    };
    let mut connection = match connect(options).await {
        Ok(connection) => connection,
        Err(error) => {
            let fix = "see that address, user and password are right, and that this machine may connect";
            return vec![Finding::problem("database", quoted(&error.to_string()), "", fix)];
        }
    };
    let mut findings = Vec::new();
    for part in PARTS {
        // What follows would only say the same many times.
        if findings.iter().any(|finding: &Finding| finding.what == NOTHING) {
            findings.push(Finding::unknown(part.name(), "not looked at before the migrations have been applied", ""));
            continue;
        }
        match part.look(&mut connection, made).await {
            Ok(found) => findings.extend(found),
            // The next part may get further.
            Err(error) => {
                findings.push(Finding::unknown(part.name(), format!("the database says: {}", told(&error)), ""))
            }
        }
    }
    findings
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Server,
    Migrations,
    Roles,
    Functions,
    Grants,
    Relations,
    Policies,
    Cron,
}

const PARTS: [Part; 8] = [
    Part::Server,
    Part::Migrations,
    Part::Roles,
    Part::Functions,
    Part::Grants,
    Part::Relations,
    Part::Policies,
    Part::Cron,
];

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Server => "database",
            Self::Migrations => "migrations",
            Self::Roles => "roles",
            Self::Functions => "grants.functions",
            Self::Grants => "grants.tables",
            Self::Relations => "rls",
            Self::Policies => "policies",
            Self::Cron => "sweep",
        }
    }

    async fn look(self, connection: &mut PgConnection, made: &Made) -> Result<Vec<Finding>, sqlx::Error> {
        match self {
            Self::Server => server(connection).await,
            Self::Migrations => migrations(connection).await,
            Self::Roles => roles::check(connection).await,
            Self::Functions => functions::check(connection, made).await,
            Self::Grants => grants::check(connection, made).await,
            Self::Relations => relations::check(connection, made).await,
            Self::Policies => policies::check(connection, made).await,
            Self::Cron => cron::check(connection, made).await,
        }
    }
}

fn told(error: &sqlx::Error) -> String {
    quoted(&error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned()))
}

/// Version and clock.
async fn server(connection: &mut PgConnection) -> Result<Vec<Finding>, sqlx::Error> {
    let asked = SystemTime::now();
    let (version, now): (i32, f64) = sqlx::query_as(
        "select current_setting('server_version_num')::int, extract(epoch from clock_timestamp())::float8",
    )
    .fetch_one(connection)
    .await?;
    let answered = SystemTime::now();
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let major = version / 10_000;
    let ahead = clock::least(now - seconds(answered), now - seconds(asked));
    Ok(vec![
        match major {
            15.. => Finding::ok("database", format!("PostgreSQL {major}")),
            _ => Finding::problem(
                "database",
                format!("PostgreSQL {major}"),
                "views need 15 for `security_invoker`",
                "upgrade to 15 or later",
            ),
        },
        clock::verdict("clock.database", "the database's", ahead),
    ])
}

async fn migrations(connection: &mut PgConnection) -> Result<Vec<Finding>, sqlx::Error> {
    const FIX: &str = "supabase db push\n(on a plain PostgreSQL: DATABASE_URL=… streamkeeper-gateway migrate)";
    let kept: bool = sqlx::query_scalar("select to_regclass('supabase_migrations.schema_migrations') is not null")
        .fetch_one(&mut *connection)
        .await?;
    let mut done: Vec<String> = Vec::new();
    if kept {
        done = sqlx::query_scalar("select version from supabase_migrations.schema_migrations")
            .fetch_all(&mut *connection)
            .await?;
    }
    // A schema that was loaded from a dump, or squashed into one file, is there without having been kept account of.
    let there: bool =
        sqlx::query_scalar("select to_regnamespace('streamkeeper') is not null").fetch_one(connection).await?;
    let ours: Vec<String> = MIGRATIONS.iter().map(|migration| migration.version.to_string()).collect();
    let missing: Vec<&str> = ours.iter().filter(|version| !done.contains(version)).map(String::as_str).collect();
    let last = ours.last().map(String::as_str).unwrap_or_default();
    Ok(vec![if missing.len() == ours.len() && there {
        let what = "which migrations were applied: they are there, and the database keeps no account of them";
        let fix = format!("supabase migration repair --status applied {}", ours.join(" "));
        Finding::unknown("migrations", what, fix)
    } else if missing.len() == ours.len() {
        Finding::problem("migrations", NOTHING, "nothing of Streamkeeper is in this database", FIX)
    } else if !missing.is_empty() {
        let what = format!("migrations are missing: {}", missing.join(", "));
        Finding::problem("migrations", what, "functions that the page calls are not there, or are old ones", FIX)
    } else {
        Finding::ok("migrations", format!("all {} migrations are applied, up to {last}", ours.len()))
    }])
}
