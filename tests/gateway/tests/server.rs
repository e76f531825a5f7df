//! What holds for every request: CORS, health, an absent or busy database, an orderly end.

use std::time::Duration;

use database_tests::TestDatabase;
use gateway_tests::{Answer, Gateway, client, run_sql, until_waiting};
use reqwest::Method;
use serde_json::json;
use sqlx::query;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATH: &str = "/rest/v1/rpc/end_stream_comprehensive";

/// A function that returns as soon as nobody holds advisory lock 1 any more.
const WAIT: &str = "create function t_wait() returns int language sql
    as $$ select pg_advisory_xact_lock_shared(1); select 1 $$";

async fn preflight(gateway: &Gateway, path: &str, origin: &str) -> Answer {
    let request = gateway
        .request(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "apikey,authorization,content-type");
    Answer::of(request).await
}

#[tokio::test]
async fn a_preflight_is_answered_without_a_token_and_may_be_kept_for_a_day() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    let answer = preflight(&gateway, PATH, "https://app.example.org").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-max-age"), "86400");
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    let allowed = answer.header("access-control-allow-headers").to_lowercase();
    let allowed: Vec<&str> = allowed.split(',').map(str::trim).collect();
    for header in
        ["apikey", "authorization", "content-type", "content-profile", "accept-profile", "x-client-info", "prefer"]
    {
        assert!(allowed.contains(&header), "{header}: {allowed:?}");
    }
}

#[tokio::test]
async fn only_the_listed_origins_may_call_and_errors_can_be_read_too() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[("CORS_ORIGINS", "https://app.example.org")]).await;
    for (origin, allowed) in [("https://app.example.org", true), ("https://evil.example.org", false)] {
        let expected = if allowed { origin } else { "" };
        assert_eq!(preflight(&gateway, PATH, origin).await.header("access-control-allow-origin"), expected);
        let request = gateway.request(Method::POST, PATH).header("origin", origin);
        let refused = Answer::of(request).await;
        assert_eq!(refused.error(), (401, "42501".into()));
        assert_eq!(refused.header("access-control-allow-origin"), expected);
    }
}

#[tokio::test]
async fn health_tells_that_all_is_well() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    let answer = Answer::of(gateway.request(Method::GET, "/health")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"status": "ok", "database": "ok", "version": env!("CARGO_PKG_VERSION")}));
}

#[tokio::test]
async fn without_a_database_there_are_503s_and_the_gateway_lives_on() {
    let gateway = Gateway::without_database(false, &[]).await;
    let health = Answer::of(gateway.request(Method::GET, "/health")).await;
    assert_eq!(health.status, 503);
    assert_eq!(health.json(), json!({"status": "degraded", "database": "away", "version": env!("CARGO_PKG_VERSION")}));
    let call = gateway.rpc("list_active_streams", None, json!({})).await;
    assert_eq!(call.error(), (503, "PGRST001".into()));
    assert!(!call.text.contains("127.0.0.1"), "{}", call.text);
}

#[tokio::test]
async fn connections_that_break_are_replaced() {
    let db = TestDatabase::new().await;
    run_sql(&db, WAIT).await;
    let gateway = Gateway::with_functions(db.options(), &["t_wait"]).await;
    let mut holder = db.owner().await;
    query("select pg_advisory_lock(1)").execute(&mut holder).await.unwrap();
    let (answer, ()) = tokio::join!(gateway.rpc("t_wait", None, json!({})), async {
        until_waiting(&db, 1).await;
        run_sql(&db, "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()").await;
    });
    assert_eq!(answer.error(), (503, "57P01".into()));
    query("select pg_advisory_unlock(1)").execute(&mut holder).await.unwrap();
    assert_eq!(gateway.rpc("t_wait", None, json!({})).await.status, 200);
}

#[tokio::test]
async fn when_all_connections_stay_busy_a_call_is_told_so() {
    let db = TestDatabase::new().await;
    run_sql(&db, WAIT).await;
    let gateway = Gateway::with_functions(db.options(), &["t_wait"]).await;
    let mut holder = db.owner().await;
    query("select pg_advisory_lock(1)").execute(&mut holder).await.unwrap();
    let call = || gateway.rpc("t_wait", None, json!({}));
    let ((), a, b, c, d, e, f, g, h, i, j) = tokio::join!(
        async {
            until_waiting(&db, 10).await;
            assert_eq!(call().await.error(), (504, "PGRST003".into()));
            query("select pg_advisory_unlock(1)").execute(&mut holder).await.unwrap();
        },
        call(),
        call(),
        call(),
        call(),
        call(),
        call(),
        call(),
        call(),
        call(),
        call(),
    );
    for answer in [a, b, c, d, e, f, g, h, i, j] {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[tokio::test]
async fn stopping_answers_what_is_under_way_and_takes_nothing_new() {
    let db = TestDatabase::new().await;
    run_sql(&db, WAIT).await;
    let mut gateway = Gateway::with_functions(db.options(), &["t_wait"]).await;
    let mut holder = db.owner().await;
    query("select pg_advisory_lock(1)").execute(&mut holder).await.unwrap();
    let url = gateway.url.clone();
    let request = gateway.request(Method::POST, "/rest/v1/rpc/t_wait");
    let under_way = tokio::spawn(Answer::of(request));
    until_waiting(&db, 1).await;
    gateway.ask_to_stop();
    // Refused as soon as the listener is gone; until then it is only slower to say so.
    while client().get(format!("{url}/health")).send().await.is_ok() {
        tokio::task::yield_now().await;
    }
    query("select pg_advisory_unlock(1)").execute(&mut holder).await.unwrap();
    let answer = under_way.await.unwrap();
    assert_eq!((answer.status, answer.text.as_str()), (200, "1"));
    gateway.stopped().await.unwrap();
}

/// A connection on which this much was said.
async fn saying(gateway: &Gateway, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    stream
}

const HALF: &str = "GET /health HTTP/1.1\r\nhost: x\r\nx-half: ";
const WHOLE: &str = "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn whoever_never_gets_to_ask_is_closed_and_whoever_has_asked_may_stay() {
    let patience = Duration::from_secs(2);
    let db = TestDatabase::new().await;
    let change = |config: &mut streamkeeper_gateway::config::Config| config.head_patience = patience;
    let gateway = Gateway::start_with(db.options(), false, &[], change).await;
    let mut asker = saying(&gateway, WHOLE).await;
    assert!(asker.read(&mut [0; 4096]).await.unwrap() > 0);
    let mut silent = [saying(&gateway, "").await, saying(&gateway, HALF).await];
    for stream in &mut silent {
        assert_eq!(stream.read(&mut [0; 4096]).await.unwrap_or(0), 0);
    }
    // It was there before them, and its time would be over.
    asker.write_all(WHOLE.as_bytes()).await.unwrap();
    assert!(asker.read(&mut [0; 4096]).await.unwrap() > 0);
}

#[tokio::test]
async fn half_a_request_keeps_nobody_from_stopping() {
    let db = TestDatabase::new().await;
    let change = |config: &mut streamkeeper_gateway::config::Config| config.stop_patience = Duration::from_millis(100);
    let mut gateway = Gateway::start_with(db.options(), false, &[], change).await;
    // A first one, and one after an answer, so that it is certain that the gateway has read it.
    let _first = saying(&gateway, HALF).await;
    let mut second = saying(&gateway, &format!("{WHOLE}{HALF}")).await;
    assert!(second.read(&mut [0; 4096]).await.unwrap() > 0);
    gateway.ask_to_stop();
    gateway.stopped().await.unwrap();
}

#[tokio::test]
async fn unknown_paths_and_verbs_have_the_usual_shape() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    for path in ["/", "/rest/v1/livestreams", "/rest/v1/rpc", "/index.html"] {
        let answer = Answer::of(gateway.request(Method::GET, path)).await;
        assert_eq!(answer.error(), (404, "PGRST125".into()), "{path}");
    }
    let answer = Answer::of(gateway.request(Method::POST, "/health")).await;
    assert_eq!(answer.error(), (405, "PGRST117".into()));
}

#[tokio::test]
async fn a_login_without_rights_of_its_own_is_enough_to_serve() {
    let db = TestDatabase::new().await;
    let login = format!("sk_login_{}", std::process::id());
    let role =
        format!("create role {login} login password '{login}' noinherit in role anon, authenticated, service_role");
    run_sql(&db, &role).await;
    let gateway = Gateway::start(db.options().username(&login).password(&login), false, &[]).await;
    let answer = gateway.rpc("list_active_streams", None, json!({})).await;
    let started = gateway.rpc("start_stream", Some(&gateway_tests::user("owner")), json!({})).await;
    run_sql(&db, &format!("drop role {login}")).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "[]"));
    assert_eq!(started.status, 200, "{}", started.text);
}
