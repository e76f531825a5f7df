//! Holding a stream through the gateway, and the clean-up that it runs.

use std::time::Duration;

use database_tests::TestDatabase;
use gateway_tests::{Answer, Gateway, admin, run_sql, user};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::postgres::PgListener;

const ID: &str = "00000000-0000-4000-8000-000000000001";

/// A live stream whose last holder lapsed 50 seconds ago, under a sweeper that has been alive for an hour. (A server that
/// has just been started is given the time to have had a last run.)
async fn lapse(db: &TestDatabase) {
    run_sql(
        db,
        "update livestreams set started_at = now() - interval '1 hour', last_seen_at = now() - interval '50 s';
         update streamkeeper.leases set lease_until = now() - interval '50 s';
         select pg_sleep_until(pg_postmaster_start_time() + interval '6 s');
         update streamkeeper.sweeper set alive_since = now() - interval '1 hour',
           last_run_at = greatest(now() - interval '20 s', pg_postmaster_start_time())",
    )
    .await;
}

#[tokio::test]
async fn a_heartbeat_and_a_goodbye() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    let owner = user("owner");
    gateway.rpc("start_stream", Some(&owner), json!({"p_stream_id": ID, "p_holder": "page-1"})).await;
    let touch = async |token: Option<String>, seconds: Value| {
        let arguments = json!({"p_stream_id": ID, "p_holder": "page-1", "p_lease_seconds": seconds});
        gateway.rpc("touch_stream", token.as_deref(), arguments).await
    };
    let renewed = gateway.rpc("touch_stream", Some(&owner), json!({"p_stream_id": ID, "p_holder": "page-1"})).await;
    assert_eq!((renewed.status, &renewed.json()["status"]), (200, &json!("live")));
    assert!(renewed.json()["lease_until"].is_string(), "{}", renewed.text);
    assert_eq!(touch(Some(owner.clone()), json!(901)).await.error(), (400, "22023".into()));
    assert_eq!(touch(Some(owner.clone()), json!("long")).await.error(), (400, "22P02".into()));
    assert_eq!(touch(Some(user("other")), json!(90)).await.error(), (403, "42501".into()));
    assert_eq!(touch(None, json!(90)).await.error(), (401, "42501".into()));
    let goodbye = touch(Some(owner.clone()), json!(0)).await;
    assert_eq!(goodbye.json(), json!({"success": true, "status": "ended", "lease_until": null}));
    let path = format!("/rest/v1/rpc/touch_stream?p_stream_id={ID}&p_holder=page-1");
    let over_get = Answer::of(gateway.request(Method::GET, &path).bearer_auth(&owner)).await;
    assert_eq!(over_get.error(), (405, "25006".into()));
}

#[tokio::test]
async fn the_clean_up_is_there_for_admins_only() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    for (function, arguments, done) in [
        ("auto_end_inactive_streams", json!({}), json!(0)),
        ("end_stream_on_user_disconnect", json!({"p_streamer_id": "owner"}), json!(true)),
    ] {
        assert_eq!(gateway.rpc(function, Some(&admin("admin")), arguments.clone()).await.json(), done, "{function}");
        let refused = gateway.rpc(function, Some(&user("other")), arguments.clone()).await;
        assert_eq!(refused.error(), (403, "42501".into()), "{function}");
        assert_eq!(gateway.rpc(function, None, arguments).await.error(), (401, "42501".into()), "{function}");
    }
    let swept = gateway.rpc("sweep", Some(&admin("admin")), json!({})).await.json();
    assert_eq!((&swept["ended"], &swept["held_back"]), (&json!(0), &json!(0)));
    assert_eq!(gateway.rpc("sweep", Some(&user("other")), json!({})).await.error(), (403, "42501".into()));
}

#[tokio::test]
async fn a_list_over_get_may_only_read_and_one_over_post_sweeps() {
    let db = TestDatabase::new().await;
    // Never again after its first run.
    let gateway = Gateway::sweeping(db.options(), Duration::from_secs(86_400)).await;
    let owner = user("owner");
    until_swept(&db).await;
    gateway.rpc("start_stream", Some(&owner), json!({"p_stream_id": ID, "p_holder": "page-1"})).await;
    lapse(&db).await;
    for _ in 0..2 {
        let listed = Answer::of(gateway.request(Method::GET, "/rest/v1/rpc/list_active_streams")).await;
        assert_eq!((listed.status, &listed.json()[0]["stream_id"]), (200, &json!(ID)), "{}", listed.text);
    }
    assert_eq!(gateway.rpc("list_active_streams", None, json!({})).await.text, "[]");
    let sweep = Answer::of(gateway.request(Method::GET, "/rest/v1/rpc/sweep").bearer_auth(admin("admin"))).await;
    assert_eq!(sweep.error(), (405, "25006".into()));
}

/// Waits for the first run in this database: a gateway begins with one.
async fn until_swept(db: &TestDatabase) {
    until(db, "select last_run_at > '-infinity' from streamkeeper.sweeper").await;
}

/// Waits until this is true.
async fn until(db: &TestDatabase, question: &'static str) {
    let mut connection = db.owner().await;
    while !sqlx::query_scalar::<_, bool>(question).fetch_one(&mut connection).await.unwrap() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_gateway_ends_what_nobody_holds_any_more_and_then_stops_in_order() {
    let db = TestDatabase::new().await;
    // A messenger, so that the test hears of the end when it is committed.
    run_sql(
        &db,
        "create function t_notify() returns trigger language plpgsql as $$
           begin perform pg_notify('ended', new.role || ' ' || new.reason); return null; end $$;
         create trigger t_notify after insert on end_attempts for each row execute function t_notify()",
    )
    .await;
    let mut listener =
        PgListener::connect_with(&sqlx::PgPool::connect_with(db.options()).await.unwrap()).await.unwrap();
    listener.listen("ended").await.unwrap();
    let mut gateway = Gateway::sweeping(db.options(), Duration::from_millis(50)).await;
    let owner = user("owner");
    gateway.rpc("start_stream", Some(&owner), json!({"p_stream_id": ID, "p_holder": "page-1"})).await;
    lapse(&db).await;
    assert_eq!(listener.recv().await.unwrap().payload(), "service_role lease_expired");
    let status = gateway.rpc("get_stream_status", Some(&owner), json!({"p_stream_id": ID})).await.json();
    assert_eq!((&status["status"], &status["end_reason"]), (&json!("ended"), &json!("lease_expired")));

    gateway.rpc("start_stream", Some(&owner), json!({})).await;
    run_sql(
        &db,
        "update livestreams set started_at = now() - interval '2 days', last_seen_at = now() - interval '25 hours'
         where is_live",
    )
    .await;
    assert_eq!(listener.recv().await.unwrap().payload(), "service_role inactive");
    gateway.ask_to_stop();
    gateway.stopped().await.unwrap();
}

#[tokio::test]
async fn a_sweep_that_fails_is_tried_again() {
    let db = TestDatabase::new().await;
    // A sequence remembers also what is rolled back.
    run_sql(
        &db,
        "alter function sweep() rename to t_sweep;
         create sequence t_failures;
         create function sweep() returns json language plpgsql security definer as $$
           begin perform nextval('t_failures'); raise exception 'not now'; end $$",
    )
    .await;
    let _gateway = Gateway::sweeping(db.options(), Duration::from_millis(10)).await;
    until(&db, "select last_value > 1 from t_failures").await;
    run_sql(&db, "drop function sweep(); alter function t_sweep() rename to sweep").await;
    until_swept(&db).await;
}
