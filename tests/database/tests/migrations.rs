//! `migrate`: on an empty PostgreSQL, again, from several gateways at once, and on a database that Supabase set up.

use std::fs;
use std::path::Path;

use database_tests::{TestDatabase, Who, code};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, raw_sql};
use streamkeeper_gateway::migrate::{MIGRATIONS, migrate};

fn versions() -> Vec<String> {
    MIGRATIONS.iter().map(|m| m.version.to_string()).collect()
}

async fn history(connection: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar("select version from supabase_migrations.schema_migrations order by version")
        .fetch_all(connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_empty_database_gets_everything_and_a_second_run_nothing() {
    let db = TestDatabase::empty().await;
    let mut connection = db.owner().await;
    assert_eq!(migrate(&mut connection).await.unwrap(), versions());
    assert_eq!(history(&mut connection).await, versions());
    assert!(migrate(&mut connection).await.unwrap().is_empty());
    let status = db.caller(Who::User("owner")).await.call("start_stream()").await.unwrap();
    assert_eq!(status["status"], "live");
}

#[tokio::test]
async fn gateways_that_start_together_migrate_once() {
    let db = TestDatabase::empty().await;
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let mut connection = db.owner().await;
        tasks.push(tokio::spawn(async move { migrate(&mut connection).await.unwrap().len() }));
    }
    let mut applied = Vec::new();
    for task in tasks {
        applied.push(task.await.unwrap());
    }
    applied.sort_unstable();
    assert_eq!(applied, [0, 0, 0, versions().len()]);
}

#[tokio::test]
async fn what_the_supabase_cli_has_applied_is_not_applied_again() {
    let db = TestDatabase::new().await;
    let mut connection = db.owner().await;
    // The CLI's table has had only this column in its older versions.
    raw_sql("alter table supabase_migrations.schema_migrations drop column statements, drop column name")
        .execute(&mut connection)
        .await
        .unwrap();
    assert!(migrate(&mut connection).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_failure_leaves_nothing_behind() {
    let db = TestDatabase::empty().await;
    let mut connection = db.owner().await;
    // In the way of the second migration.
    raw_sql("create table public.livestreams (id integer)").execute(&mut connection).await.unwrap();
    assert_eq!(code(migrate(&mut connection).await), "42P07");
    let leftovers: Option<String> = sqlx::query_scalar(
        "select coalesce(to_regnamespace('streamkeeper')::text, to_regclass('public.app_users')::text,
           to_regnamespace('supabase_migrations')::text)",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(leftovers, None);
}

#[tokio::test]
async fn a_supabase_project_keeps_its_own_and_gets_the_least_grants() {
    let db = TestDatabase::empty().await;
    let mut superuser = db.owner().await;
    raw_sql(include_str!("../../../supabase/plain/roles.sql")).execute(&mut superuser).await.unwrap();
    // As on a new project: somebody less than a superuser, an auth schema that is not ours, and everything in public
    // granted to everyone by default.
    let project = format!("sk_project_{}", std::process::id());
    let setup = format!(
        "create role {project} login password '{project}' createrole createdb in role anon, authenticated, service_role;
         grant all on database {} to {project};
         grant all on schema public to {project};
         grant usage on schema public to anon, authenticated, service_role;
         create schema auth;
         create function auth.uid() returns uuid language sql as $$ select null::uuid $$;
         alter default privileges for role {project} in schema public
           grant all on tables to anon, authenticated, service_role;
         alter default privileges for role {project} in schema public
           grant all on functions to anon, authenticated, service_role;
         alter default privileges for role {project} in schema public
           grant all on sequences to anon, authenticated, service_role;",
        db.options().get_database().unwrap()
    );
    raw_sql(AssertSqlSafe(setup)).execute(&mut superuser).await.unwrap();
    let mut connection = db.options().username(&project).password(&project).connect().await.unwrap();
    assert_eq!(migrate(&mut connection).await.unwrap(), versions());
    connection.close().await.unwrap();
    let shimmed: bool =
        sqlx::query_scalar("select to_regclass('auth.users') is not null").fetch_one(&mut superuser).await.unwrap();
    assert!(!shimmed, "the auth schema was not ours to change");

    let mut owner = db.caller(Who::User("owner")).await;
    owner.call("start_stream()").await.unwrap();
    let ended = owner.call("end_stream_comprehensive(p_streamer_id => 'owner')").await.unwrap();
    assert_eq!(ended["affected_count"], 1);
    let mut anon = db.caller(Who::Anon).await;
    anon.rows("list_active_streams()").await.unwrap();
    for who in [Who::Anon, Who::User("owner"), Who::Service] {
        let mut caller = db.caller(who).await;
        for table in ["livestreams", "end_attempts", "chat_logs"] {
            assert_eq!(code(caller.execute(&format!("delete from {table}")).await), "42501", "{who:?} {table}");
        }
    }
    let open_to_anon: Vec<String> = sqlx::query_scalar(
        "select proname::text from pg_proc
         where pronamespace in ('public'::regnamespace, 'streamkeeper'::regnamespace)
           and has_function_privilege('anon', oid, 'execute') order by 1",
    )
    .fetch_all(&mut superuser)
    .await
    .unwrap();
    assert_eq!(
        open_to_anon,
        [
            "duration_seconds",
            "event_viewers",
            "get_event",
            "get_live_room",
            "get_stream_status",
            "host_name",
            "list_active_streams",
            "live_room_listing",
            "viewers"
        ]
    );
    assert_eq!(code(anon.rows("livestreams").await), "42501");
    let cleanup = format!("reassign owned by {project} to current_user; drop owned by {project}; drop role {project}");
    raw_sql(AssertSqlSafe(cleanup)).execute(&mut superuser).await.unwrap();
}

#[tokio::test]
async fn the_plain_scripts_may_be_run_again() {
    let db = TestDatabase::new().await;
    let mut connection = db.owner().await;
    for _ in 0..2 {
        raw_sql(include_str!("../../../supabase/plain/roles.sql")).execute(&mut connection).await.unwrap();
        raw_sql(include_str!("../../../supabase/plain/auth.sql")).execute(&mut connection).await.unwrap();
    }
}

#[tokio::test]
async fn the_auth_shim_reads_both_kinds_of_claims() {
    let db = TestDatabase::new().await;
    const UID: &str = "00000000-0000-4000-8000-00000000000a";
    let mut user = db.caller(Who::User(UID)).await;
    assert_eq!(user.call("auth.uid()").await.unwrap(), UID);
    assert_eq!(user.call("auth.role()").await.unwrap(), "authenticated");
    assert_eq!(user.call("auth.jwt() ->> 'sub'").await.unwrap(), UID);
    user.execute("select set_config('request.jwt.claims', '', false)").await.unwrap();
    assert!(user.call("auth.uid()").await.unwrap().is_null());
    user.execute(&format!("select set_config('request.jwt.claim.sub', '{UID}', false)")).await.unwrap();
    assert_eq!(user.call("auth.uid()").await.unwrap(), UID);
}

#[test]
fn the_binary_carries_every_file_under_the_name_that_supabase_wants() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../supabase/migrations");
    let mut files: Vec<String> =
        fs::read_dir(directory).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    for file in &files {
        let (version, name) = file.split_once('_').unwrap();
        assert!(version.len() == 14 && version.bytes().all(|b| b.is_ascii_digit()), "{file}");
        assert!(name.strip_suffix(".sql").is_some_and(|name| !name.is_empty()), "{file}");
    }
    let in_files: Vec<&str> = files.iter().map(|f| f.split_once('_').unwrap().0).collect();
    assert_eq!(in_files, versions());
}
