//! What the gateway does for chats by itself: it closes those whose appointments have been over for long enough.

use std::time::Duration;

use database_tests::TestDatabase;
use gateway_tests::{Gateway, admin, run_sql, user};
use serde_json::{Value, json};

/// One that is due, one that began long enough ago but goes on, one that ended too short a time ago.
async fn three_chats(db: &TestDatabase) {
    run_sql(
        db,
        "insert into chats (cid, members, starts_at, ends_at) values
           ('messaging:due', '{ann}', now() - interval '9 h', now() - interval '7 h'),
           ('messaging:long', '{ann}', now() - interval '9 h', now() + interval '1 h'),
           ('messaging:over', '{ann}', now() - interval '9 h', now() - interval '5 h')",
    )
    .await;
}

/// Waits until this is true.
async fn until(db: &TestDatabase, question: &'static str) {
    let mut connection = db.owner().await;
    while !sqlx::query_scalar::<_, bool>(question).fetch_one(&mut connection).await.unwrap() {
        tokio::task::yield_now().await;
    }
}

async fn closed(db: &TestDatabase) -> Vec<String> {
    let cids = "select cid from chats where closed_at is not null order by cid";
    sqlx::query_scalar(cids).fetch_all(&mut db.owner().await).await.unwrap()
}

#[tokio::test]
async fn a_gateway_that_starts_closes_what_is_due_and_nothing_else() {
    let db = TestDatabase::new().await;
    three_chats(&db).await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    until(&db, "select exists (select from chats where closed_at is not null)").await;
    assert_eq!(closed(&db).await, ["messaging:due"]);
    let list = gateway.rpc("chat_list", Some(&admin("admin")), json!({"p_all": true})).await.json();
    let mut status: Vec<(&str, &str)> =
        list.as_array().unwrap().iter().map(|c| (text(&c["cid"]), text(&c["status"]))).collect();
    status.sort_unstable();
    assert_eq!(status, [("messaging:due", "closed"), ("messaging:long", "open"), ("messaging:over", "closing")]);
    let own = gateway.rpc("chat_list", Some(&user("ann")), json!({})).await.json();
    assert_eq!((own.as_array().unwrap().len(), text(&own[0]["cid"])), (1, "messaging:long"));
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn a_closing_that_fails_is_tried_again() {
    let db = TestDatabase::new().await;
    // A sequence remembers also what is rolled back.
    run_sql(
        &db,
        "alter function close_expired_chats() rename to t_close;
         create sequence t_failures;
         create function close_expired_chats() returns int language plpgsql security definer as $$
           begin perform nextval('public.t_failures'); raise exception 'not now'; end $$",
    )
    .await;
    three_chats(&db).await;
    let _gateway = Gateway::with_clock(db.options(), Duration::from_millis(10)).await;
    until(&db, "select last_value > 1 from t_failures").await;
    assert!(closed(&db).await.is_empty());
    run_sql(&db, "drop function close_expired_chats(); alter function t_close() rename to close_expired_chats").await;
    until(&db, "select exists (select from chats where closed_at is not null)").await;
    assert_eq!(closed(&db).await, ["messaging:due"]);
}

#[tokio::test]
async fn several_gateways_do_not_get_in_each_others_way() {
    let db = TestDatabase::new().await;
    three_chats(&db).await;
    // Counts every change of a chat.
    run_sql(
        &db,
        "create table t_changes (cid text);
         create function t_note() returns trigger language plpgsql security definer as $$
           begin insert into public.t_changes values (new.cid); return null; end $$;
         create trigger t_note after update on chats for each row execute function t_note();
         create sequence t_runs;
         alter function close_expired_chats() rename to t_close;
         create function close_expired_chats() returns int language plpgsql security definer as $$
           declare closed int := public.t_close(); begin perform nextval('public.t_runs'); return closed; end $$",
    )
    .await;
    let mut gateways = Vec::new();
    for _ in 0..4 {
        gateways.push(Gateway::start(db.options(), false, &[]).await);
    }
    until(&db, "select last_value = 4 and exists (select from t_changes) from t_runs").await;
    for mut gateway in gateways {
        gateway.ask_to_stop();
        gateway.stopped().await.unwrap();
    }
    let changes: Vec<String> =
        sqlx::query_scalar("select cid from t_changes").fetch_all(&mut db.owner().await).await.unwrap();
    assert_eq!(changes, ["messaging:due"]);
}
