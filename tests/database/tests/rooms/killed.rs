//! PostgreSQL's backend killed in the middle of an end: the whole end, or none of it.

use database_tests::{Random, TestDatabase, is_soak};
use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row, raw_sql};
use tokio::sync::oneshot;

use crate::Host;

/// Everywhere that an end has to write to, in its order.
const PLACES: [&str; 6] = [
    "select from livestreams where status = 'live' for update",
    "select from live_rooms for update",
    "select from live_room_sessions where status = 'live' for update",
    "select from live_room_attendance where left_at is null for update",
    "select from streamkeeper.leases for update",
    "lock table end_attempts in share mode",
];

/// The room is live, with its host and many guests.
async fn fill(host: &mut Host, guests: u32) {
    host.go_live("p_holder => 'page-1'").await;
    host.db
        .run(&format!(
            "insert into live_room_attendance (session_id, user_id, joined_at, last_seen_at)
             select s.id, 'guest-' || n, now(), now() from live_room_sessions s, generate_series(1, {guests}) n
             where s.status = 'live';
             insert into streamkeeper.leases (kind, subject, holder, lease_seconds, lease_until)
             select 'viewer', a.session_id, a.user_id, 90, now() + interval '90 s' from live_room_attendance a
             where a.left_at is null"
        ))
        .await;
}

/// A connection that is going to be killed, and its process.
async fn victim(db: &TestDatabase) -> (PgConnection, i32) {
    let mut connection = db.owner().await;
    let pid = sqlx::query("select pg_backend_pid()").fetch_one(&mut connection).await.unwrap().get(0);
    (connection, pid)
}

#[tokio::test]
async fn wherever_it_is_killed_nothing_of_the_end_is_left() {
    let mut host = Host::new().await;
    for place in PLACES {
        fill(&mut host, 3).await;
        let before = host.db.all_about_rooms().await;
        let mut lock = host.db.owner().await;
        raw_sql(AssertSqlSafe(format!("begin; {place}"))).execute(&mut lock).await.unwrap();
        let (mut connection, pid) = victim(&host.db).await;
        let end = format!("select live_room_end('{}')", host.room);
        let ending = tokio::spawn(async move { raw_sql(AssertSqlSafe(end)).execute(&mut connection).await });
        // Until it waits exactly there.
        let waits = format!("select cardinality(pg_blocking_pids({pid})) > 0");
        let mut looker = host.db.owner().await;
        while !sqlx::query_scalar::<_, bool>(AssertSqlSafe(waits.clone())).fetch_one(&mut looker).await.unwrap() {
            assert!(!ending.is_finished(), "{place}: it has not waited");
            tokio::task::yield_now().await;
        }
        kill(&mut looker, pid).await;
        ending.await.unwrap().unwrap_err();
        raw_sql("rollback").execute(&mut lock).await.unwrap();
        assert_eq!(host.db.all_about_rooms().await, before, "{place}");
        assert_eq!(host.call("live_room_end", "").await.unwrap()["already"], false, "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_it_is_killed_it_is_the_whole_end_or_none_of_it() {
    let mut random = Random::new(5);
    let (mut whole, mut none) = (0, 0);
    let mut host = Host::new().await;
    for round in 0..if is_soak() { 400 } else { 25 } {
        fill(&mut host, 300).await;
        let (mut connection, pid) = victim(&host.db).await;
        let mut killer = host.db.owner().await;
        let (begun, begins) = oneshot::channel();
        let end = format!("select live_room_end('{}')", host.room);
        let ending = tokio::spawn(async move {
            begun.send(()).unwrap();
            raw_sql(AssertSqlSafe(end)).execute(&mut connection).await.is_ok()
        });
        begins.await.unwrap();
        // Anywhere in it, by the statements of somebody else that pass meanwhile.
        for _ in 0..random.below(150) {
            raw_sql("select 1").execute(&mut killer).await.unwrap();
        }
        kill(&mut killer, pid).await;
        let answered = ending.await.unwrap();
        let state = "select l.status = 'ended' as stream, s.status = 'ended' as session, r.status = 'idle' as room,
                       r.current_session_id is null and not r.host_present as reset,
                       (select bool_and(a.left_at is not null) from live_room_attendance a where a.session_id = s.id)
                         as attendance,
                       not exists (select from streamkeeper.leases) as leases,
                       exists (select from end_attempts e where e.stream_id = l.id) as trail
                     from live_room_sessions s join livestreams l on l.id = s.stream_id join live_rooms r on r.id = s.room_id
                     order by s.created_at desc limit 1";
        let state = host.db.rows(state).await[0].clone();
        let ended = state["stream"].as_bool().unwrap();
        assert!(state.as_object().unwrap().values().all(|part| *part == json!(ended)), "{round}: {state}");
        assert!(ended || !answered, "{round}: what was answered is done");
        if ended {
            whole += 1
        } else {
            none += 1
        }
        assert_eq!(host.stuck().await, json!([]), "{round}");
        host.call("live_room_end", "").await.unwrap();
    }
    println!("killed {} ends: {whole} whole, {none} not at all", whole + none);
}

/// Returns when it is gone.
async fn kill(connection: &mut PgConnection, pid: i32) {
    let sql = format!("select pg_terminate_backend({pid}, 60000)");
    raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
}
