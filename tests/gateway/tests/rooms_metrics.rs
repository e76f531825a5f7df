//! What `/metrics` says of rooms, and what a gateway does for them from time to time.

use std::time::Duration;

use database_tests::TestDatabase;
use gateway_tests::{Answer, Gateway, run_sql, user};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

const TOKEN: &str = "a-token-for-operators";

/// Not again in a test.
const ONCE: Duration = Duration::from_secs(86_400);

async fn gateway(db: &TestDatabase, sweep: Duration, clean_up: Duration) -> Gateway {
    Gateway::start_with(db.options(), false, &[("ADMIN_TOKEN", TOKEN)], |config| {
        (config.sweep_interval, config.rooms_interval) = (sweep, clean_up);
    })
    .await
}

async fn metric(gateway: &Gateway, series: &str) -> Option<f64> {
    let page = Answer::of(gateway.request(Method::GET, "/metrics").bearer_auth(TOKEN)).await.text;
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

async fn until(gateway: &Gateway, series: &str, least: f64) {
    while metric(gateway, series).await.unwrap_or_default() < least {
        tokio::task::yield_now().await;
    }
}

async fn go_live(gateway: &Gateway, room: &Value, token: &str) -> Answer {
    let path = format!("/rooms/{}/sessions", room.as_str().unwrap());
    Answer::of(gateway.request(Method::POST, &path).bearer_auth(token).json(&json!({}))).await
}

async fn is_true(db: &TestDatabase, of: &str) -> bool {
    let sql = format!("select {of}");
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut db.owner().await).await.unwrap()
}

fn upkeep(job: &str, outcome: &str) -> String {
    format!("streamkeeper_gateway_room_upkeep_total{{job=\"{job}\",outcome=\"{outcome}\"}}")
}

#[tokio::test]
async fn conflicts_are_counted_whichever_way_they_came_and_nothing_else_is() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, ONCE, ONCE).await;
    let ann = user("ann");
    let room = gateway.rpc("my_room", Some(&ann), json!({})).await.json()["id"].clone();
    assert_eq!(metric(&gateway, "streamkeeper_gateway_room_conflicts_total").await, Some(0.0));
    assert_eq!(go_live(&gateway, &room, &ann).await.status, 201);
    assert_eq!(go_live(&gateway, &room, &ann).await.status, 409);
    assert_eq!(go_live(&gateway, &room, &user("bob")).await.status, 403);
    let by_rpc = gateway.rpc("live_room_create_session", Some(&ann), json!({"p_room_id": room})).await;
    assert_eq!(by_rpc.status, 409);
    // A conflict, but nobody wanted to go live.
    let arguments = json!({"p_room_id": room, "p_starts_at": "2100-01-01T00:00:00Z"});
    assert!(gateway.rpc("live_room_schedule", Some(&ann), arguments).await.status >= 400);
    assert_eq!(metric(&gateway, "streamkeeper_gateway_room_conflicts_total").await, Some(2.0));
}

#[tokio::test]
async fn rooms_that_are_stuck_or_too_many_are_shown_on_every_gateway_until_they_are_put_right() {
    let db = TestDatabase::new().await;
    let gateways = [gateway(&db, ONCE, ONCE).await, gateway(&db, ONCE, ONCE).await];
    for gateway in &gateways {
        until(gateway, &upkeep("cleanup_stuck_rooms", "ran"), 1.0).await;
    }
    let (ann, bob) = (user("ann"), user("bob"));
    let room = gateways[0].rpc("my_room", Some(&ann), json!({})).await.json()["id"].clone();
    let other = gateways[0].rpc("my_room", Some(&bob), json!({})).await.json()["id"].clone();
    assert_eq!(go_live(&gateways[0], &other, &bob).await.status, 201);
    run_sql(
        &db,
        "update live_rooms set status = 'lobby' where host_user_id = 'ann';
         insert into live_rooms (host_user_id) values ('ann')",
    )
    .await;
    let shown = async |series: &str, value: f64| {
        for gateway in &gateways {
            assert_eq!(metric(gateway, series).await, Some(value), "{series}");
        }
    };
    shown("streamkeeper_rooms", 3.0).await;
    shown("streamkeeper_hosts_with_several_rooms", 1.0).await;
    shown("streamkeeper_room_sessions{status=\"live\"}", 1.0).await;
    shown("streamkeeper_room_sessions{status=\"scheduled\"}", 0.0).await;
    shown("streamkeeper_stuck_rooms", 1.0).await;
    let recovered = go_live(&gateways[1], &room, &ann).await;
    assert_eq!((recovered.status, &recovered.json()["recovered"]), (201, &json!(true)));
    shown("streamkeeper_stuck_rooms", 0.0).await;
    shown("streamkeeper_room_recoveries_total{found_by=\"live_room_create_session\"}", 1.0).await;
}

#[tokio::test]
async fn a_gateway_puts_right_what_is_stuck_and_sees_who_has_left() {
    let db = TestDatabase::new().await;
    let first = gateway(&db, ONCE, ONCE).await;
    let (ann, bob) = (user("ann"), user("bob"));
    let room = first.rpc("my_room", Some(&ann), json!({})).await.json()["id"].clone();
    let session = go_live(&first, &room, &ann).await.json()["id"].clone();
    assert_eq!(first.rpc("live_room_join", Some(&bob), json!({"p_session_id": session})).await.status, 200);
    // Bob's browser was killed, a while ago; and a room is as its predecessor left it.
    run_sql(
        &db,
        "insert into live_rooms (host_user_id, status) values ('eve', 'live');
         update live_room_attendance set joined_at = now() - interval '1 hour', last_seen_at = now() - interval '1 hour';
         update streamkeeper.leases set lease_until = now() - interval '50 s' where kind = 'viewer';
         select pg_sleep_until(pg_postmaster_start_time() + interval '6 s');
         update streamkeeper.sweeper set alive_since = now() - interval '1 hour',
           last_run_at = greatest(now() - interval '20 s', pg_postmaster_start_time())",
    )
    .await;
    let often = Duration::from_millis(10);
    let second = gateway(&db, often, often).await;
    while !is_true(&db, "not exists (select from live_room_attendance where left_at is null)").await {
        tokio::task::yield_now().await;
    }
    while !is_true(&db, "not exists (select from stuck_rooms())").await {
        tokio::task::yield_now().await;
    }
    assert!(is_true(&db, "status = 'idle' from live_rooms where host_user_id = 'eve'").await);
    assert!(is_true(&db, "status = 'live' from live_rooms where host_user_id = 'ann'").await);

    run_sql(
        &db,
        "alter function cleanup_stuck_rooms() rename to t_clean; alter function sweep_attendance() rename to t_sweep",
    )
    .await;
    for job in ["cleanup_stuck_rooms", "sweep_attendance"] {
        until(&second, &upkeep(job, "failed"), 1.0).await;
    }
    run_sql(
        &db,
        "alter function t_clean() rename to cleanup_stuck_rooms; alter function t_sweep() rename to sweep_attendance",
    )
    .await;
    for job in ["cleanup_stuck_rooms", "sweep_attendance"] {
        let ran = metric(&second, &upkeep(job, "ran")).await.unwrap();
        until(&second, &upkeep(job, "ran"), ran + 1.0).await;
    }
}
