//! The listing as readers get it: at once, on every node, after a gap, and however others behave.

use std::time::Duration;

use database_tests::{TestDatabase, server_options};
use gateway_tests::sse::{Event, Reader};
use gateway_tests::{Answer, Gateway, run_sql, user};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, Executor};
use streamkeeper_gateway::config::Config;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

const PATH: &str = "/rooms/listing";
const TOKEN: &str = "a-token-for-operators";

async fn gateway(db: &TestDatabase, change: impl FnOnce(&mut Config)) -> Gateway {
    Gateway::start_with(db.options(), false, &[("ADMIN_TOKEN", TOKEN)], change).await
}

async fn read(gateway: &Gateway) -> Reader {
    Reader::open(gateway.request(Method::GET, PATH)).await
}

/// The next listing. Anything else would be a mistake.
async fn listing(reader: &mut Reader) -> Event {
    let event = reader.next().await.expect("the stream goes on");
    assert_eq!(event.name, "listing", "{event:?}");
    event
}

/// Reads until the listing has this session, or has it no more.
async fn until_listed(reader: &mut Reader, session: &Value, is_listed: bool) -> Value {
    loop {
        let sessions = listing(reader).await.json();
        if sessions.as_array().unwrap().iter().any(|listed| listed["id"] == session["id"]) == is_listed {
            return sessions;
        }
    }
}

async fn room_of(gateway: &Gateway, token: &str) -> String {
    let answer = Answer::of(gateway.request(Method::GET, "/rooms/me").bearer_auth(token)).await;
    answer.json()["id"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned()
}

async fn post(gateway: &Gateway, room: &str, what: &str, token: &str, body: Value) -> Value {
    let request = gateway.request(Method::POST, &format!("/rooms/{room}/{what}")).bearer_auth(token);
    let answer = Answer::of(request.json(&body)).await;
    assert!([200, 201].contains(&answer.status), "{}", answer.text);
    answer.json()
}

/// The value of a series on this gateway's page.
async fn metric(gateway: &Gateway, series: &str) -> f64 {
    let page = Answer::of(gateway.request(Method::GET, "/metrics").bearer_auth(TOKEN)).await.text;
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series}\n{page}")).parse().unwrap()
}

async fn until_metric(gateway: &Gateway, series: &str, value: f64) {
    while metric(gateway, series).await != value {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_begins_and_ends_at_one_node_is_told_at_every_node() {
    let db = TestDatabase::new().await;
    let (one, other) = (gateway(&db, |_| {}).await, gateway(&db, |_| {}).await);
    let mut readers = [read(&one).await, read(&other).await];
    for reader in &mut readers {
        assert_eq!(listing(reader).await.json(), json!([]));
    }
    let ann = user("ann");
    let room = room_of(&one, &ann).await;
    let session = post(&one, &room, "sessions", &ann, json!({"title": "A\nB", "idempotency_key": "k-1"})).await;
    for reader in &mut readers {
        let listed = until_listed(reader, &session, true).await;
        let [row] = listed.as_array().unwrap().as_slice() else { panic!("{listed}") };
        assert_eq!((&row["title"], &row["is_live"]), (&json!("A\nB"), &json!(true)));
        assert_eq!((&row["room_id"], &row["stream_id"]), (&json!(room), &session["stream_id"]));
        assert_eq!(row.get("idempotency_key"), None, "{row}");
    }
    // Not by the room's own route: whatever ends the stream ends its place in the listing.
    let end = json!({"p_stream_id": session["stream_id"]});
    assert_eq!(other.rpc("end_stream_comprehensive", Some(&ann), end).await.status, 200);
    for reader in &mut readers {
        assert_eq!(until_listed(reader, &session, false).await, json!([]));
    }
    for gateway in [&one, &other] {
        assert_eq!(metric(gateway, "streamkeeper_gateway_listing_readers").await, 1.0);
        // What came before the gateway listened has no lag.
        while metric(gateway, "streamkeeper_gateway_listing_lag_seconds_count").await < 1.0 {
            post(&one, &room, "sessions", &ann, json!({})).await;
            post(&one, &room, "end", &ann, json!({})).await;
        }
    }
}

#[tokio::test]
async fn it_is_public_and_said_to_be_a_stream_by_its_headers() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, |_| {}).await;
    let request = gateway.request(Method::GET, PATH).header("origin", "https://app.example.org");
    let response = request.send().await.unwrap();
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    let mut reader = read(&gateway).await;
    // The first thing may be that there is a connection.
    let mut first = reader.block().await.unwrap();
    while first == "event: alive\ndata:" {
        first = reader.block().await.unwrap();
    }
    assert_eq!(first, "event: listing\nid: 1\nretry: 2000\ndata: []");
    let wrong = Answer::of(gateway.request(Method::POST, PATH)).await;
    assert_eq!(wrong.error(), (405, "PGRST117".into()));
}

#[tokio::test]
async fn a_quiet_connection_says_that_it_is_there() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, |config| config.listing.keep_alive = Duration::from_millis(10)).await;
    let mut reader = read(&gateway).await;
    listing(&mut reader).await;
    for _ in 0..3 {
        assert_eq!(reader.block().await.unwrap(), "event: alive\ndata:");
    }
}

#[tokio::test]
async fn a_change_is_one_reading_however_many_read_it() {
    let db = TestDatabase::new().await;
    run_sql(
        &db,
        "create sequence t_readings minvalue 0 start 0; select nextval('t_readings');
         alter function live_room_listing() rename to t_listing;
         create function live_room_listing() returns setof community_live_streams
           language plpgsql security definer as $$
           begin perform nextval('public.t_readings'); return query select * from public.t_listing(); end $$;
         grant execute on function live_room_listing() to anon",
    )
    .await;
    let gateway = gateway(&db, |_| {}).await;
    let mut readers = Vec::new();
    for _ in 0..100 {
        readers.push(read(&gateway).await);
    }
    let ann = user("ann");
    let room = room_of(&gateway, &ann).await;
    let session = post(&gateway, &room, "sessions", &ann, json!({})).await;
    for reader in &mut readers {
        until_listed(reader, &session, true).await;
    }
    let readings: i64 =
        sqlx::query_scalar("select last_value from t_readings").fetch_one(&mut db.owner().await).await.unwrap();
    // For the beginning, for the change, and a few for the time that all this takes.
    assert!((2..50).contains(&readings), "{readings}");
}

#[tokio::test]
async fn while_the_database_is_away_readers_stay_and_are_told_once_and_then_what_they_missed() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, |_| {}).await;
    let mut reader = read(&gateway).await;
    listing(&mut reader).await;
    let ann = user("ann");
    let room = room_of(&gateway, &ann).await;
    let mut inside = db.owner().await;
    let name = db.options().get_database().unwrap().to_owned();
    let mut server = server_options().connect().await.unwrap();
    let mut allow = async |allowed: bool| {
        let statement = format!("alter database {name} allow_connections {allowed}");
        server.execute(AssertSqlSafe(statement)).await.unwrap();
    };
    allow(false).await;
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()";
    inside.execute(cut).await.unwrap();
    assert_eq!(reader.next().await.unwrap().name, "degraded");
    // Who comes now gets what was known last.
    let mut late = read(&gateway).await;
    assert_eq!(listing(&mut late).await.json(), json!([]));
    assert_eq!(late.next().await.unwrap().name, "degraded");

    // By a connection that is still there: nobody listens.
    let claims = r#"select set_config('request.jwt.claims', '{"sub":"ann","role":"authenticated"}', false)"#;
    inside.execute(claims).await.unwrap();
    let call = format!("select live_room_create_session('{room}')");
    let session: Value = sqlx::query_scalar(AssertSqlSafe(call)).fetch_one(&mut inside).await.unwrap();
    allow(true).await;
    for reader in [&mut reader, &mut late] {
        until_listed(reader, &session, true).await;
    }
    post(&gateway, &room, "end", &ann, json!({})).await;
    for reader in [&mut reader, &mut late] {
        until_listed(reader, &session, false).await;
    }
}

#[tokio::test]
async fn an_address_and_the_gateway_have_a_limit_and_who_leaves_makes_room() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, |config| {
        (config.listing.readers, config.listing.per_address, config.proxy_hops) = (3, 2, 1);
    })
    .await;
    let from = |address: &str| gateway.request(Method::GET, PATH).header("x-forwarded-for", address);
    let first = Reader::open(from("192.0.2.1")).await;
    let _second = Reader::open(from("192.0.2.1")).await;
    // What a client says of itself stands before what our proxy says.
    let refused = Answer::of(from("198.51.100.9, 192.0.2.1")).await;
    assert_eq!(refused.error(), (429, "53300".into()));
    assert_eq!(refused.header("retry-after"), "10");
    let _third = Reader::open(from("192.0.2.3")).await;
    let refused = Answer::of(from("192.0.2.4")).await;
    assert_eq!(refused.error(), (503, "53300".into()));
    assert_eq!(metric(&gateway, "streamkeeper_gateway_listing_refusals_total{why=\"address\"}").await, 1.0);
    assert_eq!(metric(&gateway, "streamkeeper_gateway_listing_refusals_total{why=\"all\"}").await, 1.0);
    assert_eq!(metric(&gateway, "streamkeeper_gateway_listing_readers").await, 3.0);
    drop(first);
    until_metric(&gateway, "streamkeeper_gateway_listing_readers", 2.0).await;
    listing(&mut Reader::open(from("192.0.2.4")).await).await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_let_go_of() {
    let db = TestDatabase::new().await;
    // A listing of a megabyte: what is on its way to somebody who does not read fills some buffers first.
    run_sql(
        &db,
        "create temp table t as select gen_random_uuid() as room, gen_random_uuid() as stream, n
         from generate_series(1, 2000) n;
         insert into livestreams (id, streamer_id, status, started_at, last_seen_at)
         select t.stream, 'u' || n, 'live', now(), now() from t;
         insert into live_rooms (id, host_user_id) select t.room, 'u' || n from t;
         insert into live_room_sessions (room_id, stream_id, title, status, started_at)
         select t.room, t.stream, repeat('x', 200), 'live', now() from t",
    )
    .await;
    let gateway = gateway(&db, |config| config.write_patience = Duration::from_millis(200)).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = gateway.url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut silent = socket.connect(address).await.unwrap();
    silent.write_all(format!("GET {PATH} HTTP/1.1\r\nhost: gateway\r\n\r\n").as_bytes()).await.unwrap();
    until_metric(&gateway, "streamkeeper_gateway_listing_readers", 1.0).await;
    while metric(&gateway, "streamkeeper_gateway_slow_connections_total").await == 0.0 {
        run_sql(&db, "update live_room_sessions set title = left(md5(random()::text) || title, 200)").await;
    }
    until_metric(&gateway, "streamkeeper_gateway_listing_readers", 0.0).await;
}

#[tokio::test]
async fn readers_do_not_keep_a_gateway_from_stopping() {
    let db = TestDatabase::new().await;
    let mut gateway = gateway(&db, |_| {}).await;
    let mut reader = read(&gateway).await;
    listing(&mut reader).await;
    gateway.ask_to_stop();
    assert_eq!(reader.next().await, None);
    gateway.stopped().await.unwrap();
}
