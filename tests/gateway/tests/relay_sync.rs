//! The sync check: the seed's report, true at every quiet point, and what it finds when something is out of step.

use gateway_tests::relays::{Relaying, demo_gateway, go_live, key, streamer};
use gateway_tests::{Answer, run_sql};
use reqwest::Method;
use serde_json::{Value, json};

/// Waits until the check says so.
async fn until(relaying: &Relaying, query: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let report = relaying.sync_check(query).await;
        if is_so(&report) {
            return report;
        }
    }
}

fn is_clean(report: &Value) -> bool {
    report["discrepancies"]["has_issues"] == false
}

#[tokio::test]
async fn it_is_the_seed_s_report_and_for_operators_only() {
    let db = database_tests::TestDatabase::new().await;
    let variables =
        [("ADMIN_TOKEN", gateway_tests::relays::ADMIN_TOKEN), ("RELAY_UPSTREAMS", "https://origin.example.org")];
    let gateway = gateway_tests::Gateway::start(db.options(), false, &variables).await;
    let relaying = Relaying::at(&gateway.url);
    let none = || json!({ "session_count": 0, "session_keys": [] });
    let expected = json!({
        "state": { "stream_count": 0, "stream_keys": [] },
        "ts_proxy": none(),
        "hls_proxy": none(),
        "database": { "stream_count": 0, "stream_keys": [] },
        "clients": { "hls": 0, "ts": 0 },
        "discrepancies": {
            "orphaned_ts_sessions": [], "orphaned_hls_sessions": [],
            "missing_ts_sessions": [], "missing_hls_sessions": [],
            "missing_streams": [], "orphaned_streams": [],
            "has_issues": false
        }
    });
    assert_eq!(relaying.sync_check("").await, expected);
    let anybody = relaying.request(Method::GET, "/debug/sync-check");
    assert_eq!(Answer::of(anybody).await.error().0, 401);
    let answer = relaying.operator(Method::GET, "/debug/sync-check?repair=please", None).await;
    assert_eq!(answer.error().0, 400);
}

#[tokio::test]
async fn a_stream_of_one_kind_misses_nothing_of_the_other_and_one_of_both_has_both() {
    let (_db, gateway, relaying) = demo_gateway().await;
    let upstream = format!("{}/demo/origin/ts/camera", gateway.url);
    let [ts, hls, both] = [key(1), key(2), key(3)];
    for key in [&ts, &hls, &both] {
        go_live(&gateway.url, &streamer(), key).await;
    }
    relaying.relay(&ts, json!({ "ts": upstream })).await;
    relaying.relay(&hls, json!({ "hls": upstream })).await;
    relaying.relay(&both, json!({ "ts": upstream, "hls": upstream })).await;
    let report = until(&relaying, "", is_clean).await;
    assert_eq!(report["state"], json!({ "stream_count": 3, "stream_keys": [ts, hls, both] }));
    assert_eq!(report["database"], report["state"]);
    assert_eq!(report["ts_proxy"], json!({ "session_count": 2, "session_keys": [ts, both] }));
    assert_eq!(report["hls_proxy"], json!({ "session_count": 2, "session_keys": [hls, both] }));

    relaying.operator(Method::DELETE, &format!("/streams/{both}"), None).await;
    let report = until(&relaying, "", is_clean).await;
    assert_eq!(report["ts_proxy"], json!({ "session_count": 1, "session_keys": [ts] }));
    assert_eq!(report["state"]["stream_keys"], json!([ts, hls]));
}

#[tokio::test]
async fn hundreds_that_begin_and_end_at_once_are_followed_at_once() {
    let (db, _gateway, relaying) = demo_gateway().await;
    run_sql(
        &db,
        "insert into livestreams (streamer_id, status, started_at, last_seen_at)
           select 'streamer', 'live', now(), now() from generate_series(1, 300);
         select set_stream_relay(id, 'http://127.0.0.1:9/', 'http://127.0.0.1:9/') from livestreams",
    )
    .await;
    until(&relaying, "", |report| report["state"]["stream_count"] == 300 && is_clean(report)).await;
    run_sql(&db, "select end_stream_comprehensive(p_force_end_all => true)").await;
    let report = until(&relaying, "", |report| report["state"]["stream_count"] == 0 && is_clean(report)).await;
    assert_eq!((&report["ts_proxy"]["session_count"], &report["hls_proxy"]["session_count"]), (&json!(0), &json!(0)));
}

/// Somebody changes the table behind everybody's back: nobody is told.
async fn silently(db: &database_tests::TestDatabase, sql: &str) {
    let sql = format!(
        "begin;
         alter table streamkeeper.stream_relays disable trigger user;
         {sql};
         alter table streamkeeper.stream_relays enable trigger user;
         commit"
    );
    run_sql(db, &sql).await;
}

#[tokio::test]
async fn what_is_out_of_step_is_found_counted_and_repaired() {
    let (db, gateway, relaying) = demo_gateway().await;
    let upstream = format!("{}/demo/origin/ts/camera", gateway.url);
    let [orphaned, missing] = [key(1), key(2)];
    for key in [&orphaned, &missing] {
        go_live(&gateway.url, &streamer(), key).await;
    }
    relaying.relay(&orphaned, json!({ "ts": upstream })).await;
    until(&relaying, "", is_clean).await;
    silently(
        &db,
        &format!(
            "delete from streamkeeper.stream_relays;
             insert into streamkeeper.stream_relays (stream_id, kind, upstream) values ('{missing}', 'hls', '{upstream}')"
        ),
    )
    .await;
    let found = relaying.sync_check("").await["discrepancies"].clone();
    assert_eq!((&found["orphaned_streams"], &found["missing_streams"]), (&json!([orphaned]), &json!([missing])));
    assert_eq!(found["has_issues"], true);

    let repaired = relaying.sync_check("?repair=1").await;
    assert!(is_clean(&repaired), "{repaired}");
    let what = &repaired["repaired"];
    assert_eq!((&what["orphaned_streams"], &what["missing_streams"]), (&json!([orphaned]), &json!([missing])));
    assert_eq!(repaired["state"]["stream_keys"], json!([missing]));
    assert_eq!(relaying.playback(&orphaned, "ts").await.status, 410);
    relaying.playback_path(&missing, "hls").await;
    // Nothing was there to be repaired.
    let again = relaying.sync_check("?repair=1").await;
    assert!(again["repaired"].as_object().unwrap().values().all(|keys| *keys == json!([])), "{again}");
}

#[tokio::test]
async fn monitoring_sees_the_same() {
    let (_db, gateway, relaying) = demo_gateway().await;
    go_live(&gateway.url, &streamer(), &key(1)).await;
    relaying.relay(&key(1), json!({ "ts": format!("{}/demo/origin/ts/camera", gateway.url) })).await;
    until(&relaying, "", is_clean).await;
    assert_eq!(relaying.number("streamkeeper_gateway_relays{kind=\"ts\",state=\"ok\"}").await, 1);
    assert_eq!(relaying.number("streamkeeper_gateway_relays{kind=\"hls\",state=\"ok\"}").await, 0);
    assert!(relaying.number("streamkeeper_gateway_relay_tasks{kind=\"ts\"}").await > 0);
    assert_eq!(relaying.number("streamkeeper_gateway_relay_tasks{kind=\"hls\"}").await, 0);
    assert_eq!(relaying.number("streamkeeper_gateway_relay_clients{kind=\"ts\"}").await, 0);
    while relaying.number("streamkeeper_gateway_relay_sync_checks_total{outcome=\"done\"}").await == 0 {}
    for what in [
        "orphaned_ts_sessions",
        "orphaned_hls_sessions",
        "missing_ts_sessions",
        "missing_hls_sessions",
        "missing_streams",
        "orphaned_streams",
    ] {
        assert_eq!(relaying.number(&format!("streamkeeper_gateway_relay_discrepancies{{what=\"{what}\"}}")).await, 0);
    }
}
