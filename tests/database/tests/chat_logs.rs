//! What the chat vendor's webhook reports: kept once, whatever it looks like, and read by those whom it concerns.

use std::sync::Arc;

use database_tests::{TestDatabase, Who, code, message};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, raw_sql};
use tokio::sync::Barrier;

fn record(webhook_id: &str, event: &str) -> String {
    format!("record_chat_event('{webhook_id}', '{}')", event.replace('\'', "''"))
}

/// Has this event recorded, and gives the row, without what the database adds.
async fn recorded(db: &TestDatabase, event: &str) -> Value {
    let mut service = db.caller(Who::Service).await;
    let answer = service.call(&record("hook", event)).await.unwrap();
    assert_eq!(answer, json!({"success": true, "recorded": true}), "{event}");
    let row = "(select type, cid, user_id, message_id, text, created_at from chat_logs)";
    let row = service.rows(row).await.unwrap()[0].clone();
    raw_sql("delete from chat_logs").execute(&mut db.owner().await).await.unwrap();
    row
}

async fn count(db: &TestDatabase) -> Value {
    db.caller(Who::Service).await.call("(select count(*) from chat_logs)").await.unwrap()
}

#[tokio::test]
async fn a_message_is_kept_with_who_where_when_and_what() {
    let db = TestDatabase::new().await;
    let event = json!({
        "type": "message.new", "cid": "messaging:abc", "channel_id": "abc", "channel_type": "messaging",
        "user": {"id": "ana", "role": "user", "teams": []}, "created_at": "2026-08-01T12:00:00.123456789Z",
        "message": {"id": "m-1", "text": "It's “on” 🙂\n", "html": "<p>", "user": {"id": "ana"}, "attachments": [{}]},
        "members": [{"user_id": "ana"}], "watcher_count": 3, "something new": {"deep": [1, null]}
    });
    assert_eq!(
        recorded(&db, &event.to_string()).await,
        json!({
            "type": "message.new", "cid": "messaging:abc", "user_id": "ana", "message_id": "m-1",
            "text": "It's “on” 🙂\n", "created_at": "2026-08-01T12:00:00.123457+00:00"
        })
    );
}

#[tokio::test]
async fn of_other_shapes_is_kept_what_can_be_kept() {
    let db = TestDatabase::new().await;
    let row = |changes: Value| {
        let mut row =
            json!({"type": "x", "cid": null, "user_id": null, "message_id": null, "text": null, "created_at": null});
        row.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        row
    };
    for (event, kept) in [
        (json!({"type": "x"}), json!({})),
        (json!({"type": "x", "channel_type": "messaging", "channel_id": "abc"}), json!({"cid": "messaging:abc"})),
        (json!({"type": "x", "channel_id": "abc"}), json!({})),
        (
            json!({"type": "x", "message": {"cid": "a:b", "user": {"id": "ana"}}}),
            json!({"cid": "a:b", "user_id": "ana"}),
        ),
        (json!({"type": "x", "message_id": "m-1", "user": null}), json!({"message_id": "m-1"})),
        (json!({"type": "x", "cid": 7, "user": ["ana"], "message": "hello", "created_at": 5}), json!({})),
        (json!({"type": "x", "cid": "", "user": {"id": {"a": 1}}, "message": {"id": null}}), json!({})),
        // An id that is cut short would be somebody else's.
        (json!({"type": "x", "cid": "c".repeat(256), "user": {"id": "u".repeat(256)}}), json!({})),
        (json!({"type": "x", "user": {"id": "u".repeat(255)}}), json!({"user_id": "u".repeat(255)})),
        (json!({"type": "x", "message": {"text": "ä".repeat(10_001)}}), json!({"text": "ä".repeat(10_000)})),
    ] {
        assert_eq!(recorded(&db, &event.to_string()).await, row(kept), "{event}");
    }
}

#[tokio::test]
async fn text_that_a_database_cannot_hold_does_not_cost_the_rest() {
    let db = TestDatabase::new().await;
    for (text, kept) in [
        (r"a\u0000b", "ab"),
        (r"a\ud83db", "ab"),
        (r"a\uDE00b", "ab"),
        // An escaped backslash, and then letters.
        (r"a\u0000\\u0000b", r"a\u0000b"),
        (r#"a\u0000\"\n\u00e4b"#, "a\"\näb"),
    ] {
        let event = format!(r#"{{"type": "x", "cid": "a:b", "else\u0000": 1, "message": {{"text": "{text}"}}}}"#);
        let row = recorded(&db, &event).await;
        assert_eq!((&row["cid"], &row["text"]), (&json!("a:b"), &json!(kept)), "{event}");
    }
}

#[tokio::test]
async fn only_a_full_time_is_a_time() {
    let db = TestDatabase::new().await;
    for (time, kept) in [
        ("2026-08-01T12:00:00Z", json!("2026-08-01T12:00:00+00:00")),
        ("2026-08-01T12:00:00.5+02:00", json!("2026-08-01T10:00:00.5+00:00")),
        ("2026-08-01T12:00:00", json!(null)),
        ("2026-08-01", json!(null)),
        ("2026-13-01T12:00:00Z", json!(null)),
        ("now", json!(null)),
        ("infinity", json!(null)),
    ] {
        let event = json!({"type": "x", "created_at": time});
        assert_eq!(recorded(&db, &event.to_string()).await["created_at"], kept, "{time}");
    }
}

#[tokio::test]
async fn what_is_no_event_is_refused_by_the_name_of_what_is_wrong() {
    let db = TestDatabase::new().await;
    let mut service = db.caller(Who::Service).await;
    for (call, said) in [
        (record("hook", "[]"), "p_event is array; it must be an object"),
        (record("hook", "null"), "p_event is null; it must be an object"),
        ("record_chat_event('hook', null)".into(), "p_event is null; it must be an object"),
        (record("hook", "{}"), "p_event.type is missing; it must be a string"),
        (record("hook", r#"{"type": 5}"#), "p_event.type is number; it must be a string"),
        (record("hook", r#"{"type": ""}"#), "p_event.type is empty; it must have 1 to 100 characters"),
        (
            record("hook", &json!({"type": "x".repeat(101)}).to_string()),
            "p_event.type is 101 characters long; at most 100 are allowed",
        ),
        (record("", r#"{"type": "x"}"#), "p_webhook_id is empty; it must have 1 to 200 characters"),
        (
            r#"record_chat_event(null, '{"type": "x"}')"#.into(),
            "p_webhook_id is null; it must have 1 to 200 characters",
        ),
        (record(&"x".repeat(201), r#"{"type": "x"}"#), "p_webhook_id is 201 characters long; at most 200 are allowed"),
    ] {
        assert_eq!(code(service.call(&call).await), "22023", "{call}");
        assert_eq!(message(service.call(&call).await), said, "{call}");
    }
    assert_eq!(count(&db).await, json!(0));
}

#[tokio::test]
async fn a_delivery_that_comes_again_is_kept_once() {
    let db = TestDatabase::new().await;
    let mut service = db.caller(Who::Service).await;
    let first = service.call(&record("hook", r#"{"type": "x"}"#)).await.unwrap();
    let again = service.call(&record("hook", r#"{"type": "y"}"#)).await.unwrap();
    assert_eq!(first, json!({"success": true, "recorded": true}));
    assert_eq!(again, json!({"success": true, "recorded": false}));
    assert_eq!(service.call("(select array_agg(type) from chat_logs)").await.unwrap(), json!(["x"]));
}

#[tokio::test]
async fn deliveries_of_one_id_at_the_same_time_are_kept_once() {
    let db = TestDatabase::new().await;
    let barrier = Arc::new(Barrier::new(8));
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let (mut service, barrier) = (db.caller(Who::Service).await, Arc::clone(&barrier));
        tasks.push(tokio::spawn(async move {
            barrier.wait().await;
            service.call(&record("hook", r#"{"type": "x"}"#)).await.unwrap()["recorded"] == true
        }));
    }
    let mut recorded = 0;
    for task in tasks {
        recorded += usize::from(task.await.unwrap());
    }
    assert_eq!((recorded, count(&db).await), (1, json!(1)));
}

#[tokio::test]
async fn a_delivery_whose_first_attempt_failed_is_kept_by_the_second() {
    let db = TestDatabase::new().await;
    let mut connection = db.owner().await;
    let mut first = connection.begin().await.unwrap();
    let call = format!("select {}", record("hook", r#"{"type": "x"}"#));
    raw_sql(AssertSqlSafe(call.clone())).execute(&mut *first).await.unwrap();
    let mut service = db.caller(Who::Service).await;
    let second = tokio::spawn(async move { service.call(&record("hook", r#"{"type": "x"}"#)).await.unwrap() });
    // It has to wait, because the first may still succeed.
    let waits =
        "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())";
    let mut watcher = db.owner().await;
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut watcher).await.unwrap() {
        tokio::task::yield_now().await;
    }
    first.rollback().await.unwrap();
    assert_eq!(second.await.unwrap()["recorded"], true);
    assert_eq!(count(&db).await, json!(1));
}

/// ana and ben are in one chat, ben and cat in another; the vendor has reported a message of each member in each of them,
/// and one event without a chat.
async fn logs() -> TestDatabase {
    let db = TestDatabase::new().await;
    let mut service = db.caller(Who::Service).await;
    service
        .execute(
            "insert into chats (cid, members, starts_at, ends_at) values
               ('a:1', '{ana,ben}', now(), now() + interval '1 h'), ('a:2', '{ben,cat}', now(), now() + interval '1 h')",
        )
        .await
        .unwrap();
    for (n, (cid, user)) in
        [("a:1", "ana"), ("a:1", "ben"), ("a:2", "ben"), ("a:2", "cat"), ("a:2", "dan")].iter().enumerate()
    {
        let event = json!({"type": "message.new", "cid": cid, "user": {"id": user}, "message": {"text": format!("{cid} {user}")}});
        service.call(&record(&format!("hook-{n}"), &event.to_string())).await.unwrap();
    }
    service.call(&record("hook-other", r#"{"type": "user.banned"}"#)).await.unwrap();
    db
}

/// The texts of a list, in its order.
async fn texts(db: &TestDatabase, who: Who, from: &str) -> Vec<String> {
    let rows = db.caller(who).await.rows(from).await.unwrap();
    rows.as_array().unwrap().iter().map(|row| row["text"].as_str().unwrap_or("-").to_owned()).collect()
}

#[tokio::test]
async fn admins_read_everything_and_users_what_they_wrote_and_what_was_said_in_their_chats() {
    let db = logs().await;
    let everything = ["-", "a:2 dan", "a:2 cat", "a:2 ben", "a:1 ben", "a:1 ana"];
    for (who, seen) in [
        (Who::Admin("admin"), &everything[..]),
        (Who::Service, &everything[..]),
        (Who::User("ben"), &everything[1..]),
        (Who::User("ana"), &everything[4..]),
        (Who::User("cat"), &everything[1..4]),
        // Not a member (any more), but the author.
        (Who::User("dan"), &everything[1..2]),
        (Who::User("eve"), &[]),
    ] {
        assert_eq!(texts(&db, who, "list_chat_logs()").await, seen, "{who:?}");
        let table = texts(&db, who, "(select * from chat_logs order by id desc)").await;
        assert_eq!(table, seen, "{who:?}, in the table itself");
    }
    for from in ["list_chat_logs()", "chat_logs"] {
        assert_eq!(code(db.caller(Who::Anon).await.rows(from).await), "42501", "{from}");
    }
    let mut nobody = db.caller(Who::User("ana")).await;
    nobody.execute("select set_config('request.jwt.claims', '', false)").await.unwrap();
    assert_eq!(nobody.rows("list_chat_logs()").await.unwrap(), json!([]));
}

#[tokio::test]
async fn the_list_is_paged_from_the_newest() {
    let db = logs().await;
    raw_sql("update chat_logs set received_at = timestamptz '2026-08-01T00:00Z' + id * interval '1 min'")
        .execute(&mut db.owner().await)
        .await
        .unwrap();
    for who in [Who::Admin("admin"), Who::User("ben")] {
        let all = texts(&db, who, "list_chat_logs()").await;
        let mut paged = Vec::new();
        let mut before = "null".to_owned();
        loop {
            let page = db.caller(who).await.rows(&format!("list_chat_logs(2, {before})")).await.unwrap();
            let page = page.as_array().unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 2);
            paged.extend(page.iter().map(|row| row["text"].as_str().unwrap_or("-").to_owned()));
            before = format!("'{}'", last["received_at"].as_str().unwrap());
        }
        assert_eq!(paged, all, "{who:?}");
    }
    let mut admin = db.caller(Who::Admin("admin")).await;
    for (limit, said) in [("0", "p_limit is 0"), ("1001", "p_limit is 1001"), ("null", "p_limit is null")] {
        let call = format!("list_chat_logs({limit})");
        assert_eq!(code(admin.rows(&call).await), "22023");
        assert_eq!(message(admin.rows(&call).await), format!("{said}; it must be between 1 and 1000"));
    }
}

#[tokio::test]
async fn only_the_service_records_and_nobody_writes_directly() {
    let db = logs().await;
    for who in [Who::Anon, Who::User("ana"), Who::Admin("admin")] {
        let result = db.caller(who).await.call(&record("new", r#"{"type": "x"}"#)).await;
        assert_eq!(code(result), "42501", "{who:?}");
    }
    for who in [Who::Anon, Who::User("ana"), Who::Admin("admin"), Who::Service] {
        let mut caller = db.caller(who).await;
        for sql in [
            "insert into chat_logs (webhook_id, type) values ('new', 'x')",
            "update chat_logs set text = 'x'",
            "delete from chat_logs",
            "truncate chat_logs",
        ] {
            assert_eq!(code(caller.execute(sql).await), "42501", "{who:?}: {sql}");
        }
    }
    // The check inside: a grant that should not be there is not enough.
    raw_sql("grant execute on function record_chat_event to authenticated")
        .execute(&mut db.owner().await)
        .await
        .unwrap();
    let result = db.caller(Who::Admin("admin")).await.call(&record("new", r#"{"type": "x"}"#)).await;
    assert_eq!(message(result), "record_chat_event is for the service only");
    assert_eq!(count(&db).await, json!(6));
}

#[tokio::test]
async fn an_admins_page_and_a_users_rows_have_an_index() {
    let db = TestDatabase::new().await;
    let mut owner = db.owner().await;
    raw_sql(
        "insert into chats (cid, members, starts_at, ends_at)
         select 'chat:' || n, array['user-' || n], now(), now() + interval '1 h' from generate_series(1, 1000) n;
         insert into chat_logs (webhook_id, type, cid, user_id, received_at)
         select 'hook-' || n, 'x', 'chat:' || n % 1000, 'author-' || n % 1000, now() - n * interval '1 s'
         from generate_series(1, 50000) n;
         analyze chats, chat_logs; set role authenticated",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    // What the function runs, as the caller that the claims name.
    for (claims, query, indices) in [
        (
            r#"{"sub": "admin", "app_metadata": {"role": "admin"}}"#,
            "select * from chat_logs order by received_at desc, id desc limit 100",
            &["chat_logs_by_time"][..],
        ),
        (
            r#"{"sub": "user-7"}"#,
            "select * from chat_logs l
             where l.user_id = (select streamkeeper.current_user_id()) or l.cid = any (array(select c.cid from chats c))
             order by received_at desc, id desc limit 100",
            &["chat_logs_by_user", "chat_logs_by_chat", "chats_by_member"][..],
        ),
    ] {
        let setting = format!("select set_config('request.jwt.claims', '{claims}', false)");
        raw_sql(AssertSqlSafe(setting)).execute(&mut owner).await.unwrap();
        let plan: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("explain {query}"))).fetch_all(&mut owner).await.unwrap();
        let plan = plan.join("\n");
        assert!(indices.iter().all(|index| plan.contains(index)), "{claims}: {plan}");
    }
}
