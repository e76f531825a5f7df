//! `doctor` on a database: each thing is broken, found, and repaired with what the doctor says.

use database_tests::TestDatabase;
use gateway_tests::doctor::{Examination, examine};
use gateway_tests::postgres::Postgres;
use gateway_tests::run_sql;
use sqlx::{AssertSqlSafe, raw_sql};

async fn of(db: &TestDatabase) -> Examination {
    examine(&[("DATABASE_URL", &db.url())]).await
}

/// A database on which something has just swept, as a gateway does all the time.
async fn sound() -> TestDatabase {
    let db = TestDatabase::new().await;
    run_sql(&db, "select sweep()").await;
    db
}

#[tokio::test]
async fn a_migrated_database_gives_no_cause_for_complaint() {
    let db = sound().await;
    let found = of(&db).await;
    assert_eq!((found.code, found.troubles()), (0, vec![]));
    for check in
        ["database", "clock.database", "migrations", "roles", "grants.functions", "definer", "grants.tables", "rls"]
    {
        assert!(!found.what(check).is_empty());
    }
}

/// What somebody does, what the doctor says, and a word of it. Its fix is SQL, and heals.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    ("alter table livestreams disable row level security", "danger", "rls", "public.livestreams"),
    ("alter table streamkeeper.leases disable row level security", "danger", "rls", "streamkeeper.leases"),
    ("grant execute on function sweep() to anon", "danger", "grants.functions", "anon: public.sweep"),
    ("grant execute on function sweep() to public", "danger", "grants.functions", "anon: public.sweep"),
    (
        "grant execute on function streamkeeper.hold(uuid, text, integer) to anon",
        "danger",
        "grants.functions",
        "streamkeeper.hold",
    ),
    (
        "grant execute on function node_stop(text) to authenticated",
        "danger",
        "grants.functions",
        "authenticated: public.node_stop",
    ),
    (
        "grant execute on all functions in schema public to anon",
        "danger",
        "grants.functions",
        "public.cleanup_stuck_rooms",
    ),
    (
        "revoke execute on function list_active_streams() from anon",
        "problem",
        "grants.functions",
        "anon: public.list_active_streams",
    ),
    (
        "revoke execute on function my_room() from authenticated",
        "problem",
        "grants.functions",
        "authenticated: public.my_room",
    ),
    (
        "grant all on all tables in schema public to anon, authenticated",
        "danger",
        "grants.tables",
        "anon may delete public.livestreams",
    ),
    ("grant insert on chats to authenticated", "danger", "grants.tables", "authenticated may insert public.chats"),
    (
        "grant update (title) on live_rooms to authenticated",
        "danger",
        "grants.tables",
        "authenticated may update public.live_rooms",
    ),
    (
        "grant select on all tables in schema public to anon",
        "danger",
        "grants.tables",
        "anon may select every column of public.live_room_sessions",
    ),
    (
        "grant select (id, idempotency_key) on live_room_sessions to public",
        "danger",
        "grants.tables",
        "authenticated may select idempotency_key of public.live_room_sessions",
    ),
    ("grant select on chat_logs to anon", "danger", "grants.tables", "anon may select public.chat_logs"),
    ("create policy \"every\"\"one\" on emails for select using (true)", "danger", "policies", "public.emails"),
    (
        "alter policy \"open sessions\" on live_room_sessions using (true)",
        "danger",
        "policies",
        "\"open sessions\" on public.live_room_sessions",
    ),
    ("alter policy \"own events, or admin\" on events to anon", "danger", "policies", "public.events"),
    ("drop policy \"member, or admin\" on chats", "problem", "policies", "\"member, or admin\" on public.chats"),
    ("alter view weekly_usage_totals set (security_invoker = false)", "danger", "views", "public.weekly_usage_totals"),
    ("alter view community_live_streams reset (security_invoker)", "danger", "views", "public.community_live_streams"),
    ("alter function sweep() reset search_path", "danger", "definer", "public.sweep"),
    ("create table \"My notes\" (); grant select on \"My notes\" to anon", "danger", "rls.app", "public.My notes"),
    (
        "create materialized view \"All\" as select * from livestreams; grant select on \"All\" to anon",
        "danger",
        "rls.app",
        "public.All",
    ),
    (
        "create foreign data wrapper w; create server s foreign data wrapper w; create foreign table far (id int) server s;
         grant select (id) on far to authenticated",
        "danger",
        "rls.app",
        "public.far",
    ),
    (
        "create view mine as select * from livestreams; grant select on mine to authenticated",
        "problem",
        "views.app",
        "public.mine",
    ),
    (
        "create function f(a int) returns int language sql security definer as 'select 1'",
        "problem",
        "definer.app",
        "public.f",
    ),
    ("grant create on schema public to authenticated", "danger", "schema", "authenticated may make things"),
    (
        "update streamkeeper.sweeper set last_run_at = now() - interval '5 minutes'",
        "problem",
        "sweep",
        "nothing has swept for 30",
    ),
];

#[tokio::test]
async fn what_is_broken_is_found_and_the_fix_heals() {
    let db = sound().await;
    for (harm, level, check, word) in BROKEN {
        run_sql(&db, harm).await;
        let found = of(&db).await;
        assert_eq!((found.code, found.troubles()), (1, vec![(*level, *check)]), "{harm}");
        assert!(found.what(check).contains(word), "{harm}: {}", found.what(check));
        // What only a running gateway or an extension repairs.
        let fix = if *check == "sweep" { "select sweep()" } else { found.fix(check) };
        run_sql(&db, fix).await;
        assert_eq!(of(&db).await.troubles(), [], "{harm}");
    }
}

#[tokio::test]
async fn the_fix_of_table_rights_leaves_the_columns_that_are_for_everybody() {
    let db = sound().await;
    let anon_sees = async |column: &str| {
        let ask = format!("select has_column_privilege('anon', 'live_room_sessions', '{column}', 'select')");
        sqlx::query_scalar::<_, bool>(AssertSqlSafe(ask)).fetch_one(&mut db.owner().await).await.unwrap()
    };
    run_sql(&db, "grant all on all tables in schema public to anon").await;
    assert!(anon_sees("idempotency_key").await);
    run_sql(&db, of(&db).await.fix("grants.tables")).await;
    assert!(!anon_sees("idempotency_key").await && anon_sees("started_at").await);
}

#[tokio::test]
async fn a_policy_that_shows_less_is_no_danger_and_is_not_to_be_dropped() {
    let db = sound().await;
    run_sql(&db, "create policy fewer on livestreams as restrictive using (title is not null)").await;
    let found = of(&db).await;
    assert_eq!((found.code, found.troubles()), (0, vec![("hint", "policies.restrictive")]));
    assert_eq!(found.fix("policies.restrictive"), "");
}

/// As a dump leaves it, or one migration that somebody made of all.
#[tokio::test]
async fn a_database_that_keeps_no_account_of_its_migrations_is_looked_at() {
    let db = sound().await;
    run_sql(&db, "drop schema supabase_migrations cascade").await;
    let found = of(&db).await;
    assert_eq!((found.code, found.complaints().contains(&("unknown", "migrations"))), (0, true));
    run_sql(&db, "alter table livestreams disable row level security").await;
    assert_eq!(of(&db).await.troubles(), [("danger", "rls")]);
}

#[tokio::test]
async fn what_the_app_keeps_to_itself_is_its_own_business() {
    let db = sound().await;
    run_sql(
        &db,
        "create table notes (); revoke all on notes from anon, authenticated; create schema inner_workings;
         create table inner_workings.t (); grant all on inner_workings.t to anon; grant usage on schema inner_workings to anon;
         create table guarded (); grant all on guarded to anon, authenticated; alter table guarded enable row level security;
         create policy p on guarded using (true);
         create function f() returns int language sql security definer set search_path = '' as 'select 1';
         create function g() returns int language sql security definer as 'select 1';
         revoke execute on function g() from public",
    )
    .await;
    assert_eq!(of(&db).await.troubles(), []);
}

/// What no line of SQL brings back.
#[tokio::test]
async fn what_is_gone_is_named() {
    let db = sound().await;
    for (harm, check, word) in [
        ("drop function room_stats()", "functions.database", "public.room_stats"),
        ("drop view weekly_usage_totals", "tables", "public.weekly_usage_totals"),
        (
            "create function sweep(a int) returns int language sql as 'select 1'",
            "functions.overloads",
            "public.sweep(a integer)",
        ),
        (
            "delete from supabase_migrations.schema_migrations where version like '%091000'",
            "migrations",
            "20261121091000",
        ),
    ] {
        run_sql(&db, harm).await;
        let found = of(&db).await;
        assert!(found.troubles().contains(&("problem", check)), "{harm}: {:?}", found.troubles());
        assert!(found.what(check).contains(word), "{harm}: {}", found.what(check));
    }
    let found = of(&TestDatabase::empty().await).await;
    assert_eq!((found.code, found.troubles()), (1, vec![("problem", "migrations")]));
    assert_eq!(found.what("migrations"), "none of the migrations has been applied");
    assert!(found.complaints().contains(&("unknown", "grants.tables")), "{:?}", found.complaints());
}

#[tokio::test]
async fn the_api_must_not_expose_the_helpers() {
    let db = sound().await;
    // A setting of a role in this database, as Supabase keeps it.
    run_sql(&db, "do $$ begin execute format('alter role authenticator in database %I set pgrst.db_schemas = ''public, streamkeeper''', current_database()); end $$").await;
    assert_eq!(of(&db).await.troubles(), [("danger", "schema")]);
    run_sql(&db, "do $$ begin execute format('alter role authenticator in database %I set pgrst.db_schemas = ''public, graphql_public''', current_database()); end $$").await;
    assert_eq!(of(&db).await.troubles(), []);
}

/// There is no pg_cron for the server of the tests; its tables are what the doctor reads.
#[tokio::test]
async fn cron_has_to_run_every_job_and_its_last_run_must_not_have_failed() {
    let db = sound().await;
    run_sql(
        &db,
        "create schema cron;
         create table cron.job (jobid bigserial primary key, jobname text, active boolean default true,
           database text default current_database());
         create table cron.job_run_details (runid bigserial, jobid bigint, status text);
         insert into cron.job (jobname) values ('streamkeeper-sweep'), ('streamkeeper-auto-end')",
    )
    .await;
    let found = of(&db).await;
    assert_eq!(found.troubles(), [("problem", "cron")]);
    assert!(
        found.what("cron").contains("streamkeeper-close-chats, streamkeeper-stuck-rooms"),
        "{}",
        found.what("cron")
    );
    assert_eq!(found.fix("cron"), "select streamkeeper.schedule_jobs();");
    run_sql(
        &db,
        "insert into cron.job (jobname)
         select 'streamkeeper-' || n from unnest('{close-chats,stuck-rooms,sweep-attendance}'::text[]) n",
    )
    .await;
    assert_eq!(of(&db).await.troubles(), []);
    run_sql(&db, "update cron.job set active = false where jobname = 'streamkeeper-sweep'").await;
    assert!(of(&db).await.what("cron").ends_with("does not run streamkeeper-sweep"));
    run_sql(
        &db,
        "update cron.job set active = true;
         insert into cron.job_run_details (jobid, status) select jobid, s from cron.job, unnest('{succeeded,failed}'::text[]) s
         order by s desc",
    )
    .await;
    let found = of(&db).await;
    assert_eq!(found.troubles(), [("problem", "cron.failed")]);
    run_sql(&db, "insert into cron.job_run_details (jobid, status) select jobid, 'succeeded' from cron.job").await;
    assert_eq!(of(&db).await.troubles(), []);
}

/// Roles belong to a whole server, so this takes one of its own.
#[tokio::test]
async fn roles_with_too_many_rights_are_found_and_the_fix_heals() {
    let mut server = Postgres::start("doctor").await;
    server.run().await;
    let url = server.url();
    let mut connection = server.connect().await;
    streamkeeper_gateway::migrate::migrate(&mut connection).await.unwrap();
    raw_sql("select sweep()").execute(&mut connection).await.unwrap();
    let variables = [("DATABASE_URL", url.as_str())];
    assert_eq!(examine(&variables).await.troubles(), []);
    for (harm, level) in [
        ("alter role anon bypassrls", "danger"),
        ("alter role authenticated superuser", "danger"),
        ("alter role service_role nobypassrls", "problem"),
    ] {
        raw_sql(AssertSqlSafe(harm)).execute(&mut connection).await.unwrap();
        let found = examine(&variables).await;
        assert!(found.troubles().contains(&(level, "roles")), "{harm}: {:?}", found.troubles());
        raw_sql(AssertSqlSafe(found.fix("roles").to_owned())).execute(&mut connection).await.unwrap();
        assert_eq!(examine(&variables).await.troubles(), [], "{harm}");
    }
}

#[tokio::test]
async fn a_login_with_few_rights_is_told_what_it_may_not_see() {
    let db = sound().await;
    let login = format!("sk_doctor_{}", std::process::id());
    run_sql(&db, &format!("create role {login} login password '{login}'")).await;
    let url = db.url();
    let (_, server) = url.split_once('@').unwrap();
    let found = examine(&[("DATABASE_URL", &format!("postgres://{login}:{login}@{server}"))]).await;
    run_sql(&db, &format!("drop role {login}")).await;
    assert_eq!((found.code, found.troubles()), (0, vec![]));
    let unknown = found.complaints();
    assert!(unknown.contains(&("unknown", "migrations")) && unknown.contains(&("unknown", "sweep")), "{unknown:?}");
}
