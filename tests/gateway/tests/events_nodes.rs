//! Nodes: what becomes of their viewers when they stop, die, or lose their database.

use std::time::Duration;

use database_tests::TestDatabase;
use gateway_tests::postgres::Postgres;
use gateway_tests::viewer::Viewer;
use gateway_tests::{Answer, Gateway, run_sql, user};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};
use streamkeeper_gateway::config::Config;
use streamkeeper_gateway::database::CONNECT_TIMEOUT;

const OFTEN: Duration = Duration::from_millis(50);

async fn node(database: PgConnectOptions) -> Gateway {
    node_with(database, |_| {}).await
}

async fn node_with(database: PgConnectOptions, change: impl FnOnce(&mut Config)) -> Gateway {
    Gateway::start_with(database, false, &[], |config| {
        config.events.push = OFTEN;
        config.events.heartbeat = OFTEN;
        config.events.sweep = OFTEN;
        config.events.retry = OFTEN;
        config.events.facts = Duration::ZERO;
        config.sweep_interval = OFTEN;
        change(config);
    })
    .await
}

async fn event(gateway: &Gateway) -> String {
    let request = gateway.request(Method::POST, "/events").bearer_auth(user("host"));
    let answer = Answer::of(request.json(&json!({"title": "Concert", "grace_seconds": 5}))).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["event_id"].as_str().unwrap().to_owned()
}

async fn value(connection: &mut PgConnection, expression: &str) -> Value {
    let sql = AssertSqlSafe(format!("select coalesce(to_json(({expression})), 'null')"));
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

async fn until(connection: &mut PgConnection, condition: &str) {
    while value(connection, condition).await != json!(true) {
        tokio::task::yield_now().await;
    }
}

/// Absence counts after a second, and a node that is silent for two is gone.
async fn hurry(db: &TestDatabase) {
    run_sql(
        db,
        "create or replace function streamkeeper.hand_over_seconds() returns integer
           language sql immutable set search_path = '' as $$ select 1 $$;
         create or replace function streamkeeper.node_lease_seconds() returns integer
           language sql immutable set search_path = '' as $$ select 2 $$",
    )
    .await;
}

const LIVE: &str = "select status = 'live' from events";

#[tokio::test]
async fn a_node_that_stops_hands_its_viewers_over_and_ends_nothing() {
    let db = TestDatabase::new().await;
    let mut connection = db.owner().await;
    let (mut first, second) = (node(db.options()).await, node(db.options()).await);
    let id = event(&first).await;
    let mut ann = Viewer::watching(&first.url, &id, Some(&user("ann"))).await;
    until(&mut connection, LIVE).await;
    first.ask_to_stop();
    let moving = loop {
        let said = ann.said().await;
        if said["type"] == "moving" {
            break said;
        }
    };
    assert!(moving["retry_after_ms"].as_u64().unwrap() < 5_000, "{moving}");
    assert_eq!(ann.closed().await, 1001);
    first.stopped().await.unwrap();
    // Nobody has left, as far as the database is concerned.
    let held = "select count(*) = 1 from streamkeeper.leases l join streamkeeper.nodes n on n.id = l.holder
                where l.kind = 'node' and n.stopped_at is not null";
    assert_eq!(value(&mut connection, held).await, json!(true));
    assert_eq!(value(&mut connection, "select viewers_gone_since is null from events").await, json!(true));
    let mut ann = Viewer::watching(&second.url, &id, Some(&user("ann"))).await;
    ann.until_viewers(1).await;
    let event = value(&mut connection, "select e from events e").await;
    assert_eq!((&event["status"], &event["generation"]), (&json!("live"), &json!(1)));
}

#[tokio::test]
async fn a_node_that_dies_is_missed_and_who_comes_later_begins_anew() {
    let db = TestDatabase::new().await;
    hurry(&db).await;
    let mut connection = db.owner().await;
    let (first, second) = (node(db.options()).await, node(db.options()).await);
    let id = event(&first).await;
    let _ann = Viewer::watching(&first.url, &id, None).await;
    until(&mut connection, LIVE).await;
    drop(first);
    until(&mut connection, "select status = 'ended' and ended_by = 'absence' from events").await;
    until(&mut connection, "select count(*) = 1 from notifications where generation = 1").await;
    let _bob = Viewer::watching(&second.url, &id, None).await;
    until(&mut connection, "select status = 'live' and generation = 2 from events").await;
}

#[tokio::test]
async fn viewers_on_all_nodes_are_counted_together() {
    let db = TestDatabase::new().await;
    let (first, second) = (node(db.options()).await, node(db.options()).await);
    let id = event(&first).await;
    let mut ann = Viewer::watching(&first.url, &id, Some(&user("ann"))).await;
    let mut bob = Viewer::watching(&second.url, &id, Some(&user("bob"))).await;
    ann.until_viewers(2).await;
    bob.until_viewers(2).await;
    // An end that comes by way of one node is heard at the other.
    let end = first.request(Method::POST, &format!("/events/{id}/end")).bearer_auth(user("host"));
    assert_eq!(Answer::of(end.json(&json!({}))).await.status, 200);
    assert_eq!((ann.closed().await, bob.closed().await), (4410, 4410));
}

#[tokio::test]
async fn an_event_that_cannot_be_told_of_keeps_no_other_waiting() {
    let db = TestDatabase::new().await;
    let (mut connection, mut holder) = (db.owner().await, db.owner().await);
    let gateway = node_with(db.options(), |config| config.events.retry = Duration::from_secs(3_600)).await;
    let (stuck, other) = (event(&gateway).await, event(&gateway).await);
    let mut held = holder.begin().await.unwrap();
    let hold = "select from events where id = $1::uuid for update";
    sqlx::query(hold).bind(&stuck).execute(&mut *held).await.unwrap();
    let _ann = Viewer::watching(&gateway.url, &stuck, None).await;
    let waits = "select exists (select from pg_stat_activity where datname = current_database()
                   and wait_event_type = 'Lock' and query like '%event_viewer_first%')";
    until(&mut connection, waits).await;
    let _bob = Viewer::watching(&gateway.url, &other, None).await;
    until(&mut connection, &format!("{LIVE} where id = '{other}'")).await;
    held.rollback().await.unwrap();
}

#[tokio::test]
async fn without_its_database_a_node_goes_on_counting_and_tells_what_happened_when_it_is_back() {
    let mut postgres = Postgres::start("events-away").await;
    // As in earnest: whoever wants to come in must not wait for the database for as long as a handshake may take.
    let gateway = node_with(postgres.options(), |config| config.connect_timeout = CONNECT_TIMEOUT).await;
    let (stayed, left) = (event(&gateway).await, event(&gateway).await);
    let mut ann = Viewer::watching(&gateway.url, &stayed, None).await;
    // What is known of an event is good enough while nobody can be asked.
    Viewer::watching(&gateway.url, &left, None).await.vanish();
    until(&mut postgres.connect().await, "select count(*) = 2 from events where generation = 1").await;
    until(&mut postgres.connect().await, "select count(*) = 1 from streamkeeper.leases where kind = 'node'").await;
    sqlx::query("update events set status = 'scheduled', generation = 0, started_at = null where id = $1::uuid")
        .bind(&left)
        .execute(&mut postgres.connect().await)
        .await
        .unwrap();
    postgres.kill();
    let health = loop {
        let health = Answer::of(gateway.request(Method::GET, "/health")).await;
        if health.status == 503 {
            break health;
        }
    };
    assert_eq!(health.json()["status"], "degraded");
    // Sockets stay, people come and go, and are counted.
    let mut bob = Viewer::watching(&gateway.url, &stayed, None).await;
    ann.until_viewers(2).await;
    bob.say(json!({"type": "bye"})).await;
    ann.until_viewers(1).await;
    // Nobody else is at this one, and there is not going to be anybody when the database is back.
    let mut guest = Viewer::watching(&gateway.url, &left, None).await;
    guest.say(json!({"type": "bye"})).await;
    assert_eq!(guest.closed().await, 1000);
    // What is not known cannot be looked up.
    let unknown = "00000000-0000-4000-8000-000000000001";
    assert_eq!(Viewer::hello(&gateway.url, unknown, None).await.closed().await, 1013);

    postgres.run().await;
    let mut connection = postgres.connect().await;
    until(&mut connection, "select bool_and(generation = 1 and status = 'live') from events").await;
    let gone =
        "select id::text = any (array(select id::text from events where viewers_gone_since is not null)) from events";
    until(&mut connection, &format!("{gone} where id = '{left}'")).await;
    assert_eq!(value(&mut connection, &format!("{gone} where id = '{stayed}'")).await, json!(false));
    while Answer::of(gateway.request(Method::GET, "/health")).await.status != 200 {}
}
