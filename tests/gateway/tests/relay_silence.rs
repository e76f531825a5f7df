//! A database that is there and does not answer: how long a gateway's relays wait for it, and who waits meanwhile.

use futures_util::future::join_all;
use gateway_tests::relays::{ADMIN_TOKEN, Relaying, demo_gateway, go_live, key, streamer};
use gateway_tests::{Answer, Gateway, until_waiting};
use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection, raw_sql};

/// As many as are told at a time: `TOLD_AT_ONCE`.
const TOLD_AT_ONCE: usize = 4;

async fn run(connection: &mut PgConnection, sql: &str) {
    raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
}

/// A stream with a camera of its own, which has its id for a name, and somebody who watches: nobody else makes a relay look.
async fn watched(gateway: &Gateway, relaying: &Relaying, key: &str) {
    go_live(&gateway.url, &streamer(), key).await;
    relaying.relay(key, json!({ "ts": format!("{}/demo/origin/ts/{key}", gateway.url) })).await;
    let path = relaying.playback_path(key, "ts").await;
    let mut watching = relaying.request(Method::GET, &path).send().await.unwrap();
    assert!(watching.chunk().await.unwrap().is_some());
    drop(tokio::spawn(async move { while let Ok(Some(_)) = watching.chunk().await {} }));
}

async fn break_camera(gateway: &Gateway, key: &str) {
    let request = gateway.request(Method::POST, &format!("/demo/origin/{key}")).json(&json!({ "fault": "down" }));
    assert_eq!(Answer::of(request).await.status, 200);
}

async fn until_degraded(relaying: &Relaying, key: &str) {
    while relaying.listed(key).await["ts"]["state"] != "degraded" {}
}

#[tokio::test]
async fn whoever_asks_what_is_live_is_told_that_the_database_took_too_long() {
    let (db, gateway, relaying) = demo_gateway().await;
    watched(&gateway, &relaying, &key(1)).await;
    let mut holder = db.owner().await;
    run(&mut holder, "begin; lock table streamkeeper.stream_relays in access exclusive mode").await;
    let paths = ["/streams", "/debug/sync-check", "/debug/sync-check?repair=1"];
    let ask = |path| Answer::of(relaying.request(Method::GET, path).bearer_auth(ADMIN_TOKEN));
    for answer in join_all(paths.map(ask)).await {
        assert_eq!(answer.error(), (504, "57014".to_owned()));
        assert!(answer.text.contains("The database took too long"), "{}", answer.text);
    }
    // What is relayed goes on.
    assert_eq!(relaying.playback(&key(1), "ts").await.status, 200);
    run(&mut holder, "rollback").await;
    assert_eq!(relaying.listed(&key(1)).await["ts"]["state"], "ok");
}

#[tokio::test]
async fn relays_whose_rows_are_locked_give_way_to_those_that_have_something_new_to_say() {
    let (db, gateway, relaying) = demo_gateway().await;
    let keys: Vec<_> = (1..=TOLD_AT_ONCE + 1).map(key).collect();
    for key in &keys {
        watched(&gateway, &relaying, key).await;
    }
    let (free, locked) = keys.split_last().unwrap();
    let mut holder = db.owner().await;
    let lock = format!("begin; select from streamkeeper.stream_relays where stream_id <> '{free}' for update");
    run(&mut holder, &lock).await;
    for key in locked {
        break_camera(&gateway, key).await;
    }
    until_waiting(&db, TOLD_AT_ONCE as i64).await;
    break_camera(&gateway, free).await;
    until_degraded(&relaying, free).await;
    for key in locked {
        assert_eq!(relaying.listed(key).await["ts"]["state"], "ok");
    }
    // What could not be told then is told now.
    run(&mut holder, "rollback").await;
    for key in locked {
        until_degraded(&relaying, key).await;
    }
}
