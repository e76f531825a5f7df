//! States that cannot be, whoever writes: these statements run as the tables' owner.

use database_tests::{TestDatabase, code};
use sqlx::{AssertSqlSafe, raw_sql};

async fn insert(db: &TestDatabase, columns: &str, values: &str) -> Result<(), sqlx::Error> {
    let sql = format!("insert into livestreams (streamer_id, {columns}) values ('owner', {values})");
    raw_sql(AssertSqlSafe(sql)).execute(&mut db.owner().await).await.map(drop)
}

#[tokio::test]
async fn every_state_that_makes_sense_is_accepted() {
    let db = TestDatabase::new().await;
    for (columns, values) in [
        ("status", "'scheduled'"),
        ("status, scheduled_at", "'scheduled', now() + interval '1 day'"),
        ("status, started_at, last_seen_at", "'live', now(), now()"),
        ("status, started_at, last_seen_at, ended_at", "'ended', now(), now(), now()"),
        (
            "status, started_at, last_seen_at, ended_at, end_reason",
            "'ended', now(), now(), now() + interval '1 h', 'x'",
        ),
        ("status, ended_at", "'ended', now()"),
    ] {
        insert(&db, columns, values).await.unwrap();
    }
}

#[tokio::test]
async fn every_state_that_cannot_be_is_refused() {
    let db = TestDatabase::new().await;
    for (columns, values) in [
        ("status", "'active'"),
        ("status", "'live'"),
        ("status, started_at", "'live', now()"),
        ("status, last_seen_at", "'live', now()"),
        ("status, started_at, last_seen_at, ended_at", "'live', now(), now(), now()"),
        ("status, started_at, last_seen_at, end_reason", "'live', now(), now(), 'x'"),
        ("status, started_at, last_seen_at", "'ended', now(), now()"),
        ("status, started_at, ended_at", "'ended', now(), now()"),
        ("status, started_at", "'scheduled', now()"),
        ("status, ended_at", "'scheduled', now()"),
        ("status, end_reason", "'scheduled', 'x'"),
        ("status, started_at, last_seen_at, ended_at", "'ended', now(), now(), now() - interval '1 s'"),
        ("status, started_at, last_seen_at", "'live', now(), now() - interval '1 s'"),
        ("title", "repeat('x', 201)"),
        ("status, ended_at, end_reason", "'ended', now(), repeat('x', 501)"),
    ] {
        assert_eq!(code(insert(&db, columns, values).await), "23514", "({columns}) values ({values})");
    }
    assert_eq!(code(insert(&db, "status", "null").await), "23502");
    assert_eq!(
        code(raw_sql("insert into livestreams (streamer_id) values ('')").execute(&mut db.owner().await).await),
        "23514"
    );
}

#[tokio::test]
async fn is_live_cannot_be_written() {
    let db = TestDatabase::new().await;
    assert_eq!(code(insert(&db, "is_live", "true").await), "428C9");
}

#[tokio::test]
async fn the_audit_trail_knows_three_outcomes() {
    let db = TestDatabase::new().await;
    let sql = "insert into end_attempts (role, attempt, outcome) values ('x', 1, 'perhaps')";
    assert_eq!(code(raw_sql(sql).execute(&mut db.owner().await).await), "23514");
}

#[tokio::test]
async fn the_two_frequent_questions_have_an_index() {
    let db = TestDatabase::new().await;
    let mut owner = db.owner().await;
    raw_sql(
        "insert into livestreams (streamer_id, status, ended_at)
         select 'user-' || n, 'ended', now() from generate_series(1, 20000) n;
         insert into livestreams (streamer_id, status, started_at, last_seen_at)
         select 'user-' || n, 'live', now(), now() from generate_series(1, 200) n;
         analyze livestreams;",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    for (query, index) in [
        ("select * from livestreams where status = 'live' order by started_at desc", "livestreams_live_by_start"),
        ("select * from livestreams where streamer_id = 'user-7' and status = 'live'", "livestreams_by_streamer"),
    ] {
        let plan: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("explain {query}"))).fetch_all(&mut owner).await.unwrap();
        assert!(plan.join("\n").contains(index), "{query}: {plan:#?}");
    }
}
