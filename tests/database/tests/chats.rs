//! Chats of appointments: one status for everybody, closed 6 hours after the end, and repaired.

use std::sync::Arc;

use database_tests::{TestDatabase, Who, code};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, raw_sql};
use tokio::sync::Barrier;

async fn run(db: &TestDatabase, sql: &str) {
    raw_sql(AssertSqlSafe(sql)).execute(&mut db.owner().await).await.unwrap();
}

/// A chat of ana's and ben's whose appointment is from so many minutes from now until so many, as the backend writes it.
async fn chat(db: &TestDatabase, cid: &str, minutes: [i32; 2], more: &str) {
    let [starts, ends] = minutes;
    let sql = format!(
        "insert into chats (cid, members, starts_at, ends_at) values
           ('{cid}', '{{ana,ben}}', now() + interval '{starts} min', now() + interval '{ends} min');
         update chats set cid = cid {more} where cid = '{cid}'"
    );
    db.caller(Who::Service).await.execute(&sql).await.unwrap();
}

/// What this caller's list says: the ids of the chats, and their status.
async fn list(db: &TestDatabase, who: Who, all: bool) -> Value {
    let sql = format!("(select cid, status from chat_list({all}))");
    let rows = db.caller(who).await.rows(&sql).await.unwrap();
    Value::Object(
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| (row["cid"].as_str().unwrap().to_owned(), row["status"].clone()))
            .collect(),
    )
}

/// Which chats are not closed in the table, in order.
async fn active(db: &TestDatabase) -> Value {
    let sql = "(select array_agg(cid order by cid) from chats where status = 'active')";
    db.caller(Who::Service).await.call(sql).await.unwrap()
}

const HOUR: i32 = 60;

/// One chat of every kind.
async fn chats(db: &TestDatabase) {
    for (cid, minutes, more) in [
        ("a:tomorrow", [24 * HOUR, 25 * HOUR], ""),
        ("b:now", [-30, 30], ""),
        // The clean-up that this replaces went by the start.
        ("c:long", [-7 * HOUR, 30], ""),
        ("d:just over", [-2 * HOUR, -HOUR], ""),
        ("e:nearly due", [-9 * HOUR, -6 * HOUR + 1], ""),
        ("f:due", [-9 * HOUR, -6 * HOUR - 1], ""),
        ("g:long due", [-900 * HOUR, -800 * HOUR], ""),
        ("h:closed", [-900 * HOUR, -800 * HOUR], ", closed_at = now() - interval '790 hours'"),
        ("i:called off", [24 * HOUR, 25 * HOUR], ", closed_at = now(), close_reason = 'called off'"),
    ] {
        chat(db, cid, minutes, more).await;
    }
}

#[tokio::test]
async fn the_status_goes_by_the_clock_whether_or_not_anything_has_closed_the_chat() {
    let db = TestDatabase::new().await;
    chats(&db).await;
    let statuses = json!({
        "a:tomorrow": "upcoming", "b:now": "open", "c:long": "open", "d:just over": "closing", "e:nearly due": "closing",
        "f:due": "closed", "g:long due": "closed", "h:closed": "closed", "i:called off": "closed"
    });
    assert_eq!(list(&db, Who::Admin("admin"), true).await, statuses);
    assert_eq!(list(&db, Who::Service, true).await, statuses);
    db.caller(Who::Service).await.call("close_expired_chats()").await.unwrap();
    assert_eq!(list(&db, Who::Admin("admin"), true).await, statuses, "the daily job changes no status");
}

#[tokio::test]
async fn a_user_is_listed_the_own_chats_that_are_not_over_with_the_status_that_admins_see() {
    let db = TestDatabase::new().await;
    chats(&db).await;
    let mine = json!({ "a:tomorrow": "upcoming", "b:now": "open", "c:long": "open" });
    assert_eq!(list(&db, Who::User("ana"), false).await, mine);
    assert_eq!(list(&db, Who::User("ben"), false).await, mine);
    assert_eq!(list(&db, Who::Admin("ana"), false).await, mine, "an admin's own");
    for who in [Who::User("an"), Who::User(""), Who::Admin("admin"), Who::Service] {
        assert_eq!(list(&db, who, false).await, json!({}), "{who:?}");
    }
}

#[tokio::test]
async fn all_chats_are_for_admins_and_the_service_only() {
    let db = TestDatabase::new().await;
    for who in [Who::Anon, Who::User("ana")] {
        assert_eq!(code(db.caller(who).await.rows("chat_list(p_all => true)").await), "42501", "{who:?}");
    }
    assert_eq!(code(db.caller(Who::Anon).await.rows("chat_list()").await), "42501");
}

#[tokio::test]
async fn members_read_their_chats_admins_all_and_only_the_service_writes() {
    let db = TestDatabase::new().await;
    chats(&db).await;
    for (who, seen) in [(Who::User("ana"), 9), (Who::User("eve"), 0), (Who::Admin("admin"), 9), (Who::Service, 9)] {
        assert_eq!(db.caller(who).await.call("(select count(*) from chats)").await.unwrap(), json!(seen), "{who:?}");
    }
    for who in [Who::Anon, Who::User("ana"), Who::Admin("admin")] {
        let mut caller = db.caller(who).await;
        for sql in [
            "insert into chats (cid, starts_at, ends_at) values ('x:y', now(), now() + interval '1 h')",
            "update chats set members = '{eve}'",
            "delete from chats",
            "truncate chats",
        ] {
            assert_eq!(code(caller.execute(sql).await), "42501", "{who:?}: {sql}");
        }
    }
    assert_eq!(code(db.caller(Who::Anon).await.rows("chats").await), "42501");
    let deleted = db.caller(Who::Service).await.execute("delete from chats where cid like 'a:%'").await;
    assert_eq!(deleted.unwrap(), 1);
}

#[tokio::test]
async fn a_token_without_a_user_id_is_in_no_chat() {
    let db = TestDatabase::new().await;
    chats(&db).await;
    let mut caller = db.caller(Who::User("ana")).await;
    for claims in ["", r#"{"role":"authenticated"}"#] {
        caller.execute(&format!("select set_config('request.jwt.claims', '{claims}', false)")).await.unwrap();
        assert_eq!(caller.rows("chats").await.unwrap(), json!([]), "{claims}");
        assert_eq!(caller.rows("chat_list()").await.unwrap(), json!([]), "{claims}");
    }
}

#[tokio::test]
async fn chats_close_six_hours_after_the_end_and_the_count_is_true() {
    let db = TestDatabase::new().await;
    chats(&db).await;
    let mut admin = db.caller(Who::Admin("admin")).await;
    assert_eq!(admin.call("close_expired_chats()").await.unwrap(), json!(2));
    assert_eq!(active(&db).await, json!(["a:tomorrow", "b:now", "c:long", "d:just over", "e:nearly due"]));
    let unchanged = "(select count(*) from chats where cid = 'h:closed' and closed_at < now() - interval '789 hours')";
    assert_eq!(admin.call(unchanged).await.unwrap(), json!(1));
    assert_eq!(db.caller(Who::Service).await.call("close_expired_chats()").await.unwrap(), json!(0));
}

#[tokio::test]
async fn clean_ups_that_run_together_count_each_chat_once() {
    let db = TestDatabase::new().await;
    run(
        &db,
        "insert into chats (cid, starts_at, ends_at)
         select 'chat:' || n, now() - interval '9 h', now() - interval '8 h' from generate_series(1, 500) n",
    )
    .await;
    let barrier = Arc::new(Barrier::new(4));
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let (mut service, barrier) = (db.caller(Who::Service).await, Arc::clone(&barrier));
        tasks.push(tokio::spawn(async move {
            barrier.wait().await;
            service.call("close_expired_chats()").await.unwrap().as_u64().unwrap()
        }));
    }
    let mut closed = 0;
    for task in tasks {
        closed += task.await.unwrap();
    }
    // Whoever meets a row that another has locked leaves it, so together they have them all.
    assert_eq!(closed, 500);
    assert_eq!(active(&db).await, json!(null));
}

#[tokio::test]
async fn a_chat_that_is_just_being_changed_is_not_waited_for() {
    let db = TestDatabase::new().await;
    chats(&db).await;
    let mut backend = db.owner().await;
    let mut change = backend.begin().await.unwrap();
    raw_sql("update chats set ends_at = now() + interval '1 h' where cid = 'f:due'")
        .execute(&mut *change)
        .await
        .unwrap();
    let mut service = db.caller(Who::Service).await;
    service.execute("set lock_timeout = '5s'").await.unwrap();
    assert_eq!(service.call("close_expired_chats()").await.unwrap(), json!(1));
    change.commit().await.unwrap();
    assert_eq!(service.call("close_expired_chats()").await.unwrap(), json!(0), "the appointment was moved");
}

#[tokio::test]
async fn the_repair_opens_what_was_closed_too_early_and_closes_what_was_left_open() {
    let db = TestDatabase::new().await;
    chats(&db).await;
    // What a clean-up by the start has done: tomorrow's is not among it.
    run(&db, "update chats set closed_at = starts_at + interval '6 h' where cid ~ '^[cde]:'").await;
    // Closed too early, but by now it would be closed anyway.
    chat(&db, "j:too late", [-20 * HOUR, -10 * HOUR], ", closed_at = now() - interval '14 hours'").await;
    // Closed in time; then the appointment was moved.
    chat(&db, "k:moved", [-20 * HOUR, -10 * HOUR], ", closed_at = now() - interval '4 hours'").await;
    run(&db, "update chats set ends_at = now() + interval '1 h' where cid = 'k:moved'").await;

    let mut service = db.caller(Who::Service).await;
    assert_eq!(service.call("repair_chats()").await.unwrap(), json!({"reopened": 4, "closed": 2}));
    assert_eq!(active(&db).await, json!(["a:tomorrow", "b:now", "c:long", "d:just over", "e:nearly due", "k:moved"]));
    assert_eq!(service.call("repair_chats()").await.unwrap(), json!({"reopened": 0, "closed": 0}));
}

#[tokio::test]
async fn only_an_admin_and_the_service_close_and_repair() {
    let db = TestDatabase::new().await;
    for (who, allowed) in
        [(Who::Anon, false), (Who::User("ana"), false), (Who::Admin("admin"), true), (Who::Service, true)]
    {
        let mut caller = db.caller(who).await;
        for call in ["close_expired_chats()", "repair_chats()"] {
            let result = caller.call(call).await;
            if allowed {
                result.unwrap();
            } else {
                assert_eq!(code(result), "42501", "{who:?} {call}");
            }
        }
    }
}

#[tokio::test]
async fn chats_that_cannot_be_are_refused() {
    let db = TestDatabase::new().await;
    let mut service = db.caller(Who::Service).await;
    let cases = [
        ("cid", "''", "23514"),
        ("cid", "repeat('x', 256)", "23514"),
        ("cid", "null", "23502"),
        ("starts_at", "null", "23502"),
        ("ends_at", "null", "23502"),
        ("ends_at", "starts_at", "23514"),
        ("ends_at", "starts_at - interval '1 s'", "23514"),
        ("ends_at", "'infinity'", "23514"),
        ("starts_at", "'-infinity'", "23514"),
        ("members", "null", "23502"),
        ("members", "'{\"\"}'", "23514"),
        ("members", "'{null}'", "23514"),
        ("members", "array_fill('x'::text, '{1001}')", "23514"),
        ("close_reason", "'why'", "23514"),
        ("closed_at, close_reason", "now(), repeat('x', 501)", "23514"),
        ("status", "'closed'", "428C9"),
        ("closes_at", "now()", "428C9"),
    ];
    chat(&db, "a:chat", [0, 60], "").await;
    for (columns, values, sqlstate) in cases {
        let sql = format!("update chats set ({columns}) = row({values})");
        assert_eq!(code(service.execute(&sql).await), sqlstate, "{sql}");
    }
    let twice = "insert into chats (cid, starts_at, ends_at) values ('a:chat', now(), now() + interval '1 h')";
    assert_eq!(code(service.execute(twice).await), "23505");
}

#[tokio::test]
async fn whose_and_which_are_due_have_an_index_also_under_row_level_security() {
    let db = TestDatabase::new().await;
    let mut owner = db.owner().await;
    raw_sql(
        "insert into chats (cid, members, starts_at, ends_at)
         select 'chat:' || n, array['user-' || n, 'other-' || n], now(), now() + n * interval '1 min'
         from generate_series(1, 20000) n;
         analyze chats;
         select set_config('request.jwt.claims', '{\"sub\": \"user-7\"}', false);",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    for (role, query, index) in [
        ("authenticated", "select * from chats", "chats_by_member"),
        ("none", "select * from chats where closed_at is null and closes_at < now()", "chats_active_by_deadline"),
    ] {
        let plan: Vec<String> = {
            raw_sql(AssertSqlSafe(format!("set role {role}"))).execute(&mut owner).await.unwrap();
            sqlx::query_scalar(AssertSqlSafe(format!("explain {query}"))).fetch_all(&mut owner).await.unwrap()
        };
        assert!(plan.join("\n").contains(index), "{query}: {plan:#?}");
    }
}
