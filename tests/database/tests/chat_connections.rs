//! `record_chat_connection`: two reports of each connection, in any order, by the database's clock.

use std::sync::Arc;

use database_tests::{TestDatabase, Who, code, message};
use serde_json::{Value, json};
use sqlx::raw_sql;
use tokio::sync::Barrier;

/// What is known of all connections, with times in seconds before now, to the nearest ten.
async fn rows(db: &TestDatabase) -> Value {
    let sql = "(select user_id, connection_id as id, cause, reason, reused, avoided, idle_saved_ms,
                  round(extract(epoch from now() - opened_at), -1)::int as opened,
                  round(extract(epoch from now() - closed_at), -1)::int as closed
                from streamkeeper.chat_connections order by user_id, connection_id)";
    db.caller(Who::Service).await.rows(sql).await.unwrap()
}

/// A closing with everything there is to say.
const CLOSE: &str =
    "record_chat_connection('c-1', true, p_connected_ms => 90000, p_reason => 'inactive', p_cause => 'hidden',
                       p_reused => 3, p_avoided => 2, p_idle_saved_ms => 60000)";

/// Puts all openings so many seconds back.
async fn opened_before(db: &TestDatabase, seconds: u32) {
    let sql = format!("update streamkeeper.chat_connections set opened_at = now() - interval '{seconds} s'");
    raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut db.owner().await).await.unwrap();
}

#[tokio::test]
async fn an_opening_and_its_closing_are_one_row_by_our_clock() {
    let db = TestDatabase::new().await;
    let mut ana = db.caller(Who::User("ana")).await;
    let opened = ana.call("record_chat_connection('c-1', p_cause => 'unhealthy', p_reused => 5)").await.unwrap();
    assert_eq!(opened, json!({"success": true}));
    let open = json!({
        "user_id": "ana", "id": "c-1", "cause": "unhealthy", "reason": null, "reused": 0, "avoided": 0, "idle_saved_ms": 0,
        "opened": 0, "closed": null
    });
    assert_eq!(rows(&db).await, json!([open]));

    opened_before(&db, 300).await;
    assert_eq!(ana.call(CLOSE).await.unwrap(), json!({"success": true}));
    // The page's own count, 90 s, is not asked where we have seen both.
    let closed = json!({
        "user_id": "ana", "id": "c-1", "cause": "unhealthy", "reason": "inactive", "reused": 3, "avoided": 2,
        "idle_saved_ms": 60000, "opened": 300, "closed": 0
    });
    assert_eq!(rows(&db).await, json!([closed]));
}

#[tokio::test]
async fn a_closing_whose_opening_got_lost_says_when_it_began() {
    let db = TestDatabase::new().await;
    let mut ana = db.caller(Who::User("ana")).await;
    ana.call(CLOSE).await.unwrap();
    let row = rows(&db).await[0].clone();
    assert_eq!((&row["opened"], &row["closed"], &row["cause"]), (&json!(90), &json!(0), &json!("hidden")));
    // The opening was only late.
    ana.call("record_chat_connection('c-1', p_cause => 'offline')").await.unwrap();
    assert_eq!(rows(&db).await, json!([row]));
}

#[tokio::test]
async fn what_comes_again_changes_nothing() {
    let db = TestDatabase::new().await;
    let mut ana = db.caller(Who::User("ana")).await;
    ana.call("record_chat_connection('c-1')").await.unwrap();
    opened_before(&db, 300).await;
    ana.call("record_chat_connection('c-1', p_cause => 'lost')").await.unwrap();
    let open = rows(&db).await[0].clone();
    assert_eq!((&open["opened"], &open["cause"]), (&json!(300), &json!(null)));

    ana.call(CLOSE).await.unwrap();
    let sql = "update streamkeeper.chat_connections set closed_at = closed_at - interval '100 s'";
    raw_sql(sql).execute(&mut db.owner().await).await.unwrap();
    let closed = rows(&db).await;
    ana.call("record_chat_connection('c-1', true, p_reason => 'lost', p_reused => 99)").await.unwrap();
    assert_eq!(rows(&db).await, closed);
}

#[tokio::test]
async fn the_same_id_of_somebody_else_is_another_connection() {
    let db = TestDatabase::new().await;
    for who in [Who::User("ana"), Who::User("ben"), Who::Admin("admin")] {
        db.caller(who).await.call("record_chat_connection('c-1')").await.unwrap();
    }
    db.caller(Who::User("ben")).await.call(CLOSE).await.unwrap();
    let closed: Vec<_> = rows(&db).await.as_array().unwrap().iter().map(|row| row["closed"].clone()).collect();
    assert_eq!(closed, [json!(null), json!(null), json!(0)]);
}

#[tokio::test]
async fn reports_that_arrive_together_are_one_closed_row() {
    let db = TestDatabase::new().await;
    for round in 0..20 {
        let barrier = Arc::new(Barrier::new(4));
        let mut tasks = Vec::new();
        for n in 0..4 {
            let (mut ana, barrier) = (db.caller(Who::User("ana")).await, Arc::clone(&barrier));
            tasks.push(tokio::spawn(async move {
                let closed = n % 2 == 0;
                barrier.wait().await;
                ana.call(&format!("record_chat_connection('c-{round}', {closed}, p_reason => 'hidden')"))
                    .await
                    .unwrap();
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
    }
    let rows = rows(&db).await;
    assert_eq!(rows.as_array().unwrap().len(), 20);
    assert!(rows.as_array().unwrap().iter().all(|row| row["reason"] == "hidden"), "{rows}");
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused_by_name_and_bound() {
    let db = TestDatabase::new().await;
    let mut ana = db.caller(Who::User("ana")).await;
    let week = "it must be between 0 and 604800000";
    let million = "it must be between 0 and 1000000";
    let reasons = "it must be one of sign_out, switched_user, inactive, hidden, offline, page_hidden, frozen, lost, \
                   unhealthy, token, refused, forced, disposed";
    let of = |argument: &str| format!("'c-1', p_closed => true, {argument}");
    for (arguments, said) in [
        ("null".into(), "p_connection_id is null; it must have 1 to 100 characters".into()),
        ("''".into(), "p_connection_id is empty; it must have 1 to 100 characters".into()),
        ("repeat('x', 101)".into(), "p_connection_id is 101 characters long; at most 100 are allowed".into()),
        (of("p_connected_ms => -1"), format!("p_connected_ms is -1; {week}")),
        (of("p_connected_ms => 604800001"), format!("p_connected_ms is 604800001; {week}")),
        (of("p_connected_ms => null"), format!("p_connected_ms is null; {week}")),
        (of("p_idle_saved_ms => -1"), format!("p_idle_saved_ms is -1; {week}")),
        (of("p_idle_saved_ms => 604800001"), format!("p_idle_saved_ms is 604800001; {week}")),
        (of("p_reused => -1"), format!("p_reused is -1; {million}")),
        (of("p_reused => 1000001"), format!("p_reused is 1000001; {million}")),
        (of("p_avoided => 1000001"), format!("p_avoided is 1000001; {million}")),
        (of("p_avoided => null"), format!("p_avoided is null; {million}")),
        (of("p_reason => 'requested'"), format!("p_reason is \"requested\"; {reasons}")),
        (of("p_reason => ''"), format!("p_reason is \"\"; {reasons}")),
        (of("p_cause => 'Hidden'"), format!("p_cause is \"Hidden\"; {reasons}")),
        (of("p_cause => repeat('x', 999)"), format!("p_cause is \"{}\"; {reasons}", "x".repeat(100))),
    ] {
        let call = format!("record_chat_connection({arguments})");
        assert_eq!(code(ana.call(&call).await), "22023", "{call}");
        assert_eq!(message(ana.call(&call).await), said, "{call}");
    }
    assert_eq!(rows(&db).await, json!([]));
    let widest =
        "record_chat_connection(repeat('x', 100), true, 604800000, null, 'requested', 1000000, 1000000, 604800000)";
    ana.call(widest).await.unwrap();
    for reason in reasons.trim_start_matches("it must be one of ").split(", ") {
        ana.call(&format!("record_chat_connection('{reason}', true, 0, '{reason}', '{reason}')")).await.unwrap();
    }
    assert_eq!(rows(&db).await.as_array().unwrap().len(), 14);
}

#[tokio::test]
async fn only_a_user_has_connections_and_nobody_writes_directly() {
    let db = TestDatabase::new().await;
    db.caller(Who::User("ana")).await.call("record_chat_connection('c-1')").await.unwrap();
    for who in [Who::Anon, Who::Service] {
        assert_eq!(code(db.caller(who).await.call("record_chat_connection('c-1')").await), "42501", "{who:?}");
    }
    for who in [Who::Anon, Who::User("ana"), Who::Admin("admin"), Who::Service] {
        let mut caller = db.caller(who).await;
        assert_eq!(caller.rows("streamkeeper.chat_connections").await.is_ok(), who == Who::Service, "{who:?}");
        for sql in [
            "insert into streamkeeper.chat_connections (user_id, connection_id, opened_at) values ('x', 'x', now())",
            "update streamkeeper.chat_connections set opened_at = '-infinity'",
            "delete from streamkeeper.chat_connections",
        ] {
            assert_eq!(code(caller.execute(sql).await), "42501", "{who:?}: {sql}");
        }
    }
}
