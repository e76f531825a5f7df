//! `orphaned_streams`: what should have been ended and was not, and nothing else.

use database_tests::{TestDatabase, Who, code};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, raw_sql};

const ID: &str = "00000000-0000-4000-8000-000000000001";

async fn run(db: &TestDatabase, sql: &str) {
    raw_sql(AssertSqlSafe(sql)).execute(&mut db.owner().await).await.unwrap();
}

/// A stream of "owner", live since 12:00 on a day on which nothing else happened, and seen then for the last time.
async fn live(db: &TestDatabase) {
    run(
        db,
        &format!(
            "insert into livestreams (id, streamer_id, status, started_at, last_seen_at)
             values ('{ID}', 'owner', 'live', '2026-05-01 12:00Z', '2026-05-01 12:00Z')"
        ),
    )
    .await;
}

/// Its holder's lease of so many seconds, which was over at this time of the day.
async fn held_until(db: &TestDatabase, holder: &str, seconds: u32, until: &str) {
    run(
        db,
        &format!(
            "insert into streamkeeper.leases (kind, subject, holder, lease_seconds, lease_until)
             values ('host', '{ID}', '{holder}', {seconds}, '2026-05-01 {until}Z')"
        ),
    )
    .await;
}

/// A sweeper that ran last, and has been alive since, these times of the day.
async fn swept(db: &TestDatabase, last_run: &str, alive_since: &str) {
    run(
        db,
        &format!(
            "update streamkeeper.sweeper
             set last_run_at = '2026-05-01 {last_run}Z', alive_since = '2026-05-01 {alive_since}Z'"
        ),
    )
    .await;
}

/// The orphans at a time, on a server that was started at another one.
async fn orphans(db: &TestDatabase, now: &str, server_started: &str) -> Value {
    let sql = format!(
        "select coalesce(json_agg(json_build_array(o.reason, to_char(o.since at time zone 'UTC', 'HH24:MI:SS'))), '[]')
         from streamkeeper.orphans('2026-05-{now}Z', '2026-05-01 {server_started}Z') o"
    );
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut db.owner().await).await.unwrap()
}

#[tokio::test]
async fn what_a_running_sweeper_leaves_for_more_than_a_minute_is_an_orphan() {
    let db = TestDatabase::new().await;
    live(&db).await;
    held_until(&db, "page-1", 90, "12:10:00").await;
    held_until(&db, "page-2", 300, "12:05:00").await;
    for (now, alive_since, found) in [
        // Not over yet; only just over; over for a minute.
        ("01 12:09:00", "10:00:00", false),
        ("01 12:11:00", "10:00:00", false),
        ("01 12:11:01", "10:00:00", true),
        // Back from an outage: the longest of its leases comes first.
        ("01 12:30:00", "12:24:00", false),
        ("01 12:30:01", "12:24:00", true),
    ] {
        swept(&db, &now["01 ".len()..], alive_since).await;
        let expected = if found { json!([["not_swept", "12:10:00"]]) } else { json!([]) };
        assert_eq!(orphans(&db, now, "08:00:00").await, expected, "{now}, alive since {alive_since}");
    }
    // Whoever holds it again has it.
    held_until(&db, "page-3", 90, "12:31:00").await;
    assert_eq!(orphans(&db, "01 12:30:01", "08:00:00").await, json!([]));
}

#[tokio::test]
async fn when_the_sweeper_has_stopped_that_is_the_reason_after_ten_minutes_of_server_time() {
    let db = TestDatabase::new().await;
    live(&db).await;
    held_until(&db, "page-1", 90, "12:10:00").await;
    for (now, last_run, server_started, found) in [
        ("01 12:20:00", "11:00:00", "08:00:00", false),
        ("01 12:20:01", "11:00:00", "08:00:00", true),
        // It held the stream back for long, and stopped then.
        ("01 13:10:00", "13:00:00", "08:00:00", false),
        ("01 13:10:01", "13:00:00", "08:00:00", true),
        // A server that is just back from an outage has not been swept yet.
        ("01 15:10:00", "12:00:00", "15:00:00", false),
        ("01 15:10:01", "12:00:00", "15:00:00", true),
    ] {
        swept(&db, last_run, "10:00:00").await;
        let expected = if found { json!([["sweeper_stopped", "12:10:00"]]) } else { json!([]) };
        assert_eq!(orphans(&db, now, server_started).await, expected, "{now}, last run {last_run}");
    }
    // As it is before the very first run.
    run(&db, "update streamkeeper.sweeper set last_run_at = '-infinity'").await;
    assert_eq!(orphans(&db, "01 12:20:01", "08:00:00").await, json!([["sweeper_stopped", "12:10:00"]]));
}

#[tokio::test]
async fn what_nobody_ever_held_is_an_orphan_after_a_day_whatever_the_sweeper_does() {
    let db = TestDatabase::new().await;
    live(&db).await;
    for last_run in ["12:00:00", "23:59:59"] {
        swept(&db, last_run, "10:00:00").await;
        assert_eq!(orphans(&db, "02 12:01:00", "08:00:00").await, json!([]));
        assert_eq!(orphans(&db, "02 12:01:01", "08:00:00").await, json!([["not_auto_ended", "12:00:00"]]));
    }
}

#[tokio::test]
async fn an_end_that_overtook_its_start_leaves_an_orphan_unless_somebody_holds_it() {
    for (actor, found) in [("owner", true), ("somebody", false)] {
        let db = TestDatabase::new().await;
        run(
            &db,
            &format!(
                "insert into end_attempts (stream_id, actor, role, attempt, outcome, at)
                 values ('{ID}', '{actor}', 'authenticated', 1, 'not_found', '2026-05-01 11:59:58Z')"
            ),
        )
        .await;
        assert_eq!(orphans(&db, "01 12:01:01", "08:00:00").await, json!([]));
        live(&db).await;
        assert_eq!(orphans(&db, "01 12:01:00", "08:00:00").await, json!([]));
        let expected = if found { json!([["end_came_first", "11:59:58"]]) } else { json!([]) };
        assert_eq!(orphans(&db, "01 12:01:01", "08:00:00").await, expected, "{actor}");
        held_until(&db, "page-1", 90, "12:02:00").await;
        assert_eq!(orphans(&db, "01 12:01:01", "08:00:00").await, json!([]));
    }
}

#[tokio::test]
async fn only_what_is_live_is_an_orphan() {
    let db = TestDatabase::new().await;
    live(&db).await;
    run(&db, "insert into livestreams (streamer_id) values ('owner')").await;
    run(&db, "update livestreams set status = 'ended', ended_at = started_at where status = 'live'").await;
    assert_eq!(orphans(&db, "20 12:00:00", "08:00:00").await, json!([]));
}

#[tokio::test]
async fn an_admin_sees_whose_it_is_and_a_clean_up_leaves_none() {
    let db = TestDatabase::new().await;
    run(&db, "insert into app_users (user_id, display_name, email) values ('owner', 'Olga', 'olga@example.org')").await;
    run(
        &db,
        &format!(
            "insert into livestreams (id, streamer_id, title, status, started_at, last_seen_at)
             values ('{ID}', 'owner', 'Title', 'live', now() - interval '3 days', now() - interval '2 days');
             insert into livestreams (streamer_id, status, started_at, last_seen_at)
             values ('owner', 'live', now() - interval '3 days', now() - interval '23 hours')"
        ),
    )
    .await;
    for who in [Who::Admin("admin"), Who::Service] {
        let found = db.caller(who).await.rows("orphaned_streams()").await.unwrap();
        assert_eq!(found.as_array().unwrap().len(), 1, "{who:?}");
        let orphan = &found[0];
        assert_eq!(
            json!([
                orphan["stream_id"],
                orphan["title"],
                orphan["streamer_id"],
                orphan["streamer_name"],
                orphan["streamer_email"],
                orphan["reason"]
            ]),
            json!([ID, "Title", "owner", "Olga", "olga@example.org", "not_auto_ended"]),
            "{who:?}"
        );
        assert_eq!(orphan["since"], orphan["last_seen_at"], "{who:?}");
    }
    for who in [Who::Anon, Who::User("owner")] {
        assert_eq!(code(db.caller(who).await.rows("orphaned_streams()").await), "42501", "{who:?}");
    }
    let mut service = db.caller(Who::Service).await;
    assert_eq!(service.call("auto_end_inactive_streams()").await.unwrap(), json!(1));
    assert_eq!(service.rows("orphaned_streams()").await.unwrap(), json!([]));
}

#[tokio::test]
async fn a_host_that_comes_and_goes_never_leaves_an_orphan_behind() {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    let mut service = db.caller(Who::Service).await;
    for call in [
        format!("start_stream('{ID}', p_holder => 'page-1')"),
        format!("touch_stream('{ID}', 'page-2')"),
        format!("touch_stream('{ID}', 'page-1', 0)"),
        format!("touch_stream('{ID}', 'page-2', 0)"),
    ] {
        owner.call(&call).await.unwrap();
        assert_eq!(service.rows("orphaned_streams()").await.unwrap(), json!([]), "{call}");
    }
}
