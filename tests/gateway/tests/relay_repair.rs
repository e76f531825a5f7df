//! `GET /debug/sync-check?repair=1`, where a relay has nothing that runs for it, and nothing that would start it again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use database_tests::TestDatabase;
use gateway_tests::origin::{Origin, Reply};
use gateway_tests::relays::{ADMIN_TOKEN, Relaying, key};
use gateway_tests::{SECRET, run_sql};
use reqwest::Method;
use serde_json::json;
use streamkeeper_gateway::auth::Auth;
use streamkeeper_gateway::config::Config;
use streamkeeper_gateway::database::Database;
use streamkeeper_gateway::listen::Listener;
use streamkeeper_gateway::relay::{self, Counters, Makers, Relays};
use tokio::net::TcpListener;
use tokio::task::yield_now;

/// The part of a gateway that relays. The first transport stream that it makes panics, and takes along who would have started
/// it again; from then on all is well.
async fn gateway_with_a_bad_start(db: &TestDatabase) -> Relaying {
    let variables = [("DATABASE_URL", "postgres://localhost/"), ("JWT_SECRET", SECRET), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
    // A demo's upstreams may be on this machine.
    let config = Config::from_variables(true, &lookup).unwrap();
    let database = Database::new(db.options(), Duration::from_secs(60));
    let is_bad = AtomicBool::new(true);
    let change = |usual: Makers| Makers {
        hls: usual.hls,
        ts: Box::new(move |life| {
            assert!(!is_bad.swap(false, Ordering::SeqCst), "as it was told to");
            (usual.ts)(life)
        }),
    };
    let auth = Arc::new(Auth::new(&config));
    let relays = Relays::with_makers(&config, database, auth, Counters::default(), change).unwrap();
    let mut listen = Listener::new(db.options());
    let heard = listen.subscribe(relay::CHANNEL);
    let app = relay::routes(Arc::clone(&relays)).merge(relay::proxies(Arc::clone(&relays)));
    let app = app.merge(relay::debug_routes(Arc::clone(&relays)));
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(tokio::spawn(async move {
        tokio::select! {
            served = axum::serve(listener, app) => served.unwrap(),
            never = listen.run() => match never {},
            never = relays.run(heard) => match never {},
        }
    }));
    Relaying::at(&url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_whose_task_is_gone_begins_anew() {
    let db = TestDatabase::new().await;
    let origin = Origin::start().await;
    origin.set("/camera", Reply::Silence);
    let relaying = gateway_with_a_bad_start(&db).await;
    let key = key(1);
    let sql = format!(
        "insert into livestreams (id, streamer_id, status, started_at, last_seen_at)
           values ('{key}', 'streamer', 'live', now(), now());
         select set_stream_relay('{key}', null, '{}/camera')",
        origin.url
    );
    run_sql(&db, &sql).await;

    // It is there for good: nothing comes back by itself.
    let is_missing = json!([key]);
    while relaying.sync_check("").await["discrepancies"]["missing_ts_sessions"] != is_missing {}
    assert_eq!(relaying.sync_check("").await["ts_proxy"]["session_count"], 0);
    assert_eq!(origin.asked("/camera"), 0);

    let repaired = relaying.sync_check("?repair=1").await;
    assert_eq!(repaired["repaired"]["missing_ts_sessions"], is_missing, "{repaired}");
    assert_eq!(repaired["discrepancies"]["has_issues"], false, "{repaired}");
    assert_eq!(repaired["ts_proxy"], json!({ "session_count": 1, "session_keys": [key] }));
    // It does what a relay does, for somebody who watches.
    let path = relaying.playback_path(&key, "ts").await;
    drop(tokio::spawn(relaying.request(Method::GET, &path).send()));
    while origin.asked("/camera") == 0 {
        yield_now().await;
    }
    let again = relaying.sync_check("?repair=1").await;
    assert!(again["repaired"].as_object().unwrap().values().all(|keys| *keys == json!([])), "{again}");
}
