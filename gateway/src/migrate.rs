//! Brings a database up to date: on a plain PostgreSQL what Supabase would have brought, then the migrations.

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnection;
use sqlx::{Acquire, SqlStr, raw_sql};

/// The migrations, in the order of their versions: the same files that `supabase db push` takes.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../supabase/migrations");

const ROLES: &str = include_str!("../../supabase/plain/roles.sql");
const AUTH: &str = include_str!("../../supabase/plain/auth.sql");

/// Any number will do, as long as every gateway takes the same.
const LOCK: i64 = 0x0005_7EA3_4EE9;

/// The table in which the Supabase CLI keeps its own books: whichever tool comes first, the other one sees its work.
const HISTORY: &str = "
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (version text not null primary key);
    alter table supabase_migrations.schema_migrations
        add column if not exists statements text[],
        add column if not exists name text;
";

/// Applies what is missing, all of it or nothing, and returns the versions that it applied.
///
/// Runs in one transaction under a lock, so that gateways which start together do not get in each other's way.
pub async fn migrate(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let mut tx = connection.begin().await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
    // "already exists, skipping" is what idempotent scripts say on every run; nobody needs to read it.
    raw_sql("set local client_min_messages = warning").execute(&mut *tx).await?;

    // Supabase has both; its own are never touched.
    if !has_roles(&mut tx).await? {
        raw_sql(ROLES).execute(&mut *tx).await?;
    }
    if !has_auth_schema(&mut tx).await? {
        raw_sql(AUTH).execute(&mut *tx).await?;
    }

    raw_sql(HISTORY).execute(&mut *tx).await?;
    let done: Vec<String> =
        sqlx::query_scalar("select version from supabase_migrations.schema_migrations").fetch_all(&mut *tx).await?;
    let mut applied = Vec::new();
    for migration in MIGRATIONS.iter() {
        let version = migration.version.to_string();
        if done.contains(&version) {
            continue;
        }
        apply(&mut tx, &version, &migration.description, migration.sql.clone()).await?;
        applied.push(version);
    }
    tx.commit().await?;
    Ok(applied)
}

async fn has_roles(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select count(*) = 3 from pg_roles where rolname in ('anon', 'authenticated', 'service_role')")
        .fetch_one(connection)
        .await
}

async fn has_auth_schema(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select to_regnamespace('auth') is not null").fetch_one(connection).await
}

async fn apply(connection: &mut PgConnection, version: &str, name: &str, sql: SqlStr) -> Result<(), sqlx::Error> {
    let statements = vec![sql.as_str().to_owned()];
    raw_sql(sql).execute(&mut *connection).await?;
    sqlx::query("insert into supabase_migrations.schema_migrations (version, statements, name) values ($1, $2, $3)")
        .bind(version)
        .bind(statements)
        .bind(name.replace(' ', "_"))
        .execute(connection)
        .await?;
    Ok(())
}
