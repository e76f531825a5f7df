//! Many streams, and many who end them.

use std::collections::HashSet;
use std::sync::Arc;

use database_tests::{Random, TestDatabase, Who, is_soak};
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, raw_sql};
use tokio::sync::Barrier;

const STREAMS: u64 = 10_000;
const USERS: u64 = 200;
const CONNECTIONS: u64 = 16;

fn id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// What one of the connections does, in any order: its share of the streams, as many again of everybody's, and now and then
/// a whole streamer, a sweep, or a rebuild of the books.
fn calls(connection: u64) -> Vec<String> {
    let mut random = Random::new(connection);
    let mut calls: Vec<String> = (0..STREAMS)
        .filter(|number| number % CONNECTIONS == connection || random.below(CONNECTIONS) == 0)
        .map(|number| format!("end_stream_comprehensive('{}', p_holder => 'page-{connection}')", id(number)))
        .collect();
    for _ in 0..20 {
        calls.push(format!("end_stream_comprehensive(p_streamer_id => 'user-{}')", random.below(USERS)));
        calls.push(format!("end_stream_on_user_disconnect('user-{}')", random.below(USERS)));
    }
    calls.extend(["sweep()".into(), "sweep()".into()]);
    if connection < 3 {
        calls.push("rebuild_weekly_usage()".into());
    }
    random.shuffle(&mut calls);
    calls
}

#[tokio::test]
async fn ten_thousand_streams_ended_by_sixteen_connections_end_once_and_are_booked_to_the_second() {
    let db = TestDatabase::new().await;
    let mut owner = db.owner().await;
    // Live for up to three weeks, in many zones; every fourth one has been held, and its lease is over.
    let setup = format!(
        "insert into app_users (user_id, time_zone)
         select 'user-' || n, (array['UTC', 'Asia/Tokyo', 'America/New_York', 'Europe/Berlin', 'Europe/Atlantis'])[1 + n % 5]
         from generate_series(0, {USERS} - 1) n;
         insert into livestreams (id, streamer_id, status, started_at, last_seen_at)
         select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'user-' || n % {USERS}, 'live', t.at, t.at
         from generate_series(0, {STREAMS} - 1) n, lateral (select now() - n * interval '181.234567 s' as at) t;
         insert into streamkeeper.leases (kind, subject, holder, lease_seconds, lease_until)
         select 'host', id::text, 'page-1', 90, now() - interval '5 s' from livestreams
         where right(id::text, 1) in ('0', '4', '8');
         analyze;
         select pg_sleep_until(pg_postmaster_start_time() + interval '6 s');
         update streamkeeper.sweeper set last_run_at = greatest(now() - interval '20 s', pg_postmaster_start_time()),
           alive_since = now() - interval '1 hour'"
    );
    raw_sql(AssertSqlSafe(setup)).execute(&mut owner).await.unwrap();

    let barrier = Arc::new(Barrier::new(CONNECTIONS as usize));
    let mut tasks = Vec::new();
    for connection in 0..CONNECTIONS {
        let (mut caller, barrier) = (db.caller(Who::Service).await, Arc::clone(&barrier));
        tasks.push(tokio::spawn(async move {
            barrier.wait().await;
            let mut answers = Vec::new();
            for call in calls(connection) {
                let answer = caller.call(&call).await.unwrap();
                answers.push((call, answer));
            }
            answers
        }));
    }
    let mut ended = Vec::new();
    for task in tasks {
        for (call, answer) in task.await.unwrap() {
            if call.starts_with("end_stream_comprehensive") {
                assert_eq!(answer["success"], true, "{call}");
                ended.extend(answer["ended"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()));
            } else if call.starts_with("rebuild") {
                // Whatever has ended is in the books, and right.
                let wrong = (&answer["inserted"], &answer["updated"], &answer["deleted"]);
                assert_eq!(wrong, (&json!(0), &json!(0), &json!(0)), "{answer}");
            }
        }
    }
    let told = ended.len();
    assert_eq!(ended.into_iter().collect::<HashSet<_>>().len(), told, "no stream in two answers");

    let facts: Value = sqlx::query_scalar(
        "select json_build_object(
           'live', (select count(*) from livestreams where status <> 'ended'),
           'on the trail', (select count(*) from end_attempts where outcome = 'ended'),
           'streams on the trail', (select count(distinct stream_id) from end_attempts where outcome = 'ended'),
           'leases', (select count(*) from streamkeeper.leases),
           'deadlocks', (select deadlocks from pg_stat_database where datname = current_database()),
           'wrongly booked', (
             select count(*) from livestreams s
             left join (select stream_id, sum(seconds) as seconds from weekly_usage group by 1) u on u.stream_id = s.id
             where coalesce(u.seconds, 0) <> floor(extract(epoch from s.ended_at - s.started_at))
           ))",
    )
    .fetch_one(&mut owner)
    .await
    .unwrap();
    assert_eq!(
        facts,
        json!({
            "live": 0, "on the trail": STREAMS, "streams on the trail": STREAMS, "leases": 0, "deadlocks": 0,
            "wrongly booked": 0,
        })
    );
    let otherwise: i64 =
        sqlx::query_scalar("select count(*) from end_attempts where reason in ('lease_expired', 'disconnected')")
            .fetch_one(&mut owner)
            .await
            .unwrap();
    assert_eq!(told + otherwise as usize, STREAMS as usize, "each one was told to one caller, or swept");
}

/// How often the whole of a table has been read, in all of its life.
async fn full_reads(connection: &mut PgConnection, table: &str) -> i64 {
    // What this connection has counted so far is to be seen now.
    raw_sql("select pg_stat_force_next_flush()").execute(&mut *connection).await.unwrap();
    sqlx::query_scalar("select seq_scan from pg_stat_user_tables where relname = $1")
        .bind(table)
        .fetch_one(connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn among_many_ended_streams_the_live_ones_are_found_by_index() {
    let ended = if is_soak() { 1_000_000 } else { 100_000 };
    let db = TestDatabase::new().await;
    let mut owner = db.owner().await;
    let setup = format!(
        "insert into livestreams (id, streamer_id, status, started_at, last_seen_at, ended_at)
         select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'user-' || n % 5000, 'ended', t.at, t.at, t.at
         from generate_series(1, {ended}) n, lateral (select now() - n * interval '1 minute' as at) t;
         insert into livestreams (streamer_id, status, started_at, last_seen_at)
         select 'user-' || n, 'live', now() - n * interval '1 s', now() from generate_series(1, 1000) n;
         insert into end_attempts (stream_id, actor, role, attempt, outcome, at)
         select id, streamer_id, 'authenticated', 1, 'ended', ended_at from livestreams where status = 'ended';
         analyze"
    );
    raw_sql(AssertSqlSafe(setup)).execute(&mut owner).await.unwrap();

    for (query, index) in [
        (
            "select s.id, u.display_name from livestreams s left join app_users u on u.user_id = s.streamer_id
             where s.status = 'live' order by s.started_at desc, s.id",
            "livestreams_live_by_start",
        ),
        ("select * from livestreams where id = '00000000-0000-4000-8000-000000000007'", "livestreams_pkey"),
    ] {
        let plan: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("explain {query}"))).fetch_all(&mut owner).await.unwrap();
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Seq Scan on livestreams"), "{plan}");
    }
    // And that is also what the functions do.
    for call in [
        "select count(*) from list_active_streams()",
        "select get_stream_status('00000000-0000-4000-8000-000000000007')",
        "select start_stream('00000000-0000-4000-8000-000000000000', p_holder => 'page-1')",
        "select touch_stream('00000000-0000-4000-8000-000000000000', 'page-1')",
        "select end_stream_comprehensive('00000000-0000-4000-8000-000000000000')",
        "select end_stream_comprehensive(p_streamer_id => 'user-7')",
        "select end_stream_on_user_disconnect('user-8')",
        "select sweep()",
        "select auto_end_inactive_streams()",
        "select count(*) from orphaned_streams()",
        "select count(*) from end_attempt_stats(now() - interval '1 day')",
    ] {
        raw_sql("select set_config('request.jwt.claims', '{\"sub\": \"user-7\"}', false)")
            .execute(&mut owner)
            .await
            .unwrap();
        for table in ["livestreams", "end_attempts"] {
            let before = full_reads(&mut owner, table).await;
            raw_sql(AssertSqlSafe(call)).execute(&mut owner).await.unwrap();
            assert_eq!(full_reads(&mut owner, table).await, before, "{call} reads all of {table}");
        }
    }
    // The measure itself works.
    let before = full_reads(&mut owner, "livestreams").await;
    raw_sql("select max(title) from livestreams").execute(&mut owner).await.unwrap();
    assert_ne!(full_reads(&mut owner, "livestreams").await, before);
}
