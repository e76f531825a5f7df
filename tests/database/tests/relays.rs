//! Relays in the database: only a live stream has one, and none outlives its stream.

use std::sync::Arc;
use std::time::Duration;

use database_tests::{Caller, Random, TestDatabase, Who, code, message, my_room};
use serde_json::{Value, json};
use sqlx::postgres::PgListener;
use sqlx::{AssertSqlSafe, raw_sql};
use tokio::sync::Barrier;
use tokio::time::timeout;

const ID: &str = "00000000-0000-4000-8000-000000000001";
const HLS: &str = "https://origin.example.org/live/index.m3u8?token=hunter2";
const TS: &str = "http://origin.example.org/live.ts";

/// "owner"'s live stream, which one page holds, with both relays.
struct Stage {
    db: TestDatabase,
    service: Caller,
}

impl Stage {
    async fn new() -> Self {
        let db = TestDatabase::new().await;
        let mut owner = db.caller(Who::User("owner")).await;
        owner.call(&format!("start_stream('{ID}', 'Concert', 'page-1')")).await.unwrap();
        let mut stage = Self { service: db.caller(Who::Service).await, db };
        stage.set(&format!("'{HLS}', '{TS}'")).await;
        stage
    }

    async fn set(&mut self, upstreams: &str) -> Value {
        self.call(&format!("set_stream_relay('{ID}', {upstreams})")).await["relays"].clone()
    }

    async fn call(&mut self, call: &str) -> Value {
        self.service.call(call).await.unwrap()
    }

    /// What a gateway mirrors: kind, generation, state, reason.
    async fn relays(&mut self) -> Value {
        let rows = "(select json_agg(json_build_array(kind, generation, state, reason)) from live_relays())";
        self.call(rows).await
    }

    async fn run(&self, sql: &str) {
        raw_sql(AssertSqlSafe(sql)).execute(&mut self.db.owner().await).await.unwrap();
    }

    /// The rows themselves, past all conditions.
    async fn rows(&self) -> i64 {
        let count = "select count(*) from streamkeeper.stream_relays";
        sqlx::query_scalar(count).fetch_one(&mut self.db.owner().await).await.unwrap()
    }
}

#[tokio::test]
async fn a_gateway_is_told_of_every_live_stream_that_is_relayed() {
    let mut stage = Stage::new().await;
    let relays = stage.service.rows("live_relays()").await.unwrap();
    let [hls, ts] = &relays.as_array().unwrap()[..] else { panic!("{relays}") };
    assert_eq!((&hls["kind"], &hls["upstream"], &hls["state"]), (&json!("hls"), &json!(HLS), &json!("ok")));
    assert_eq!((&ts["kind"], &ts["upstream"], &ts["reason"]), (&json!("ts"), &json!(TS), &json!(null)));
    for relay in [hls, ts] {
        assert_eq!((&relay["stream_id"], &relay["title"]), (&json!(ID), &json!("Concert")));
        assert!(relay["started_at"].is_string() && relay["since"].is_string(), "{relay}");
    }
    assert_eq!(stage.service.rows(&format!("live_relays('{ID}')")).await.unwrap(), relays);
    assert_eq!(stage.service.rows("live_relays(gen_random_uuid())").await.unwrap(), json!([]));
}

#[tokio::test]
async fn another_upstream_is_a_successor_and_the_same_again_is_the_same_relay() {
    let mut stage = Stage::new().await;
    let first = stage.set(&format!("'{HLS}', '{TS}'")).await;
    assert_eq!(stage.set(&format!("'{HLS}'")).await, first, "what is not named stays as it is");
    let second = stage.set("p_hls => 'https://other.example.org/index.m3u8'").await;
    assert_eq!(second["ts"], first["ts"]);
    assert!(second["hls"]["generation"].as_i64() > first["hls"]["generation"].as_i64(), "{second}");
    let third = stage.set("p_ts => ''").await;
    assert_eq!(third, json!({ "hls": second["hls"] }), "an empty one is taken away");
    let fourth = stage.set(&format!("p_ts => '{TS}'")).await;
    assert!(
        fourth["ts"]["generation"].as_i64() > first["ts"]["generation"].as_i64(),
        "never again the same generation"
    );
}

#[tokio::test]
async fn only_what_is_live_is_relayed() {
    let mut stage = Stage::new().await;
    stage.call(&format!("end_stream_comprehensive('{ID}')")).await;
    stage
        .run("insert into livestreams (id, streamer_id) values ('00000000-0000-4000-8000-000000000002', 'owner')")
        .await;
    for (id, sqlstate) in [
        (ID, "PT409"),
        ("00000000-0000-4000-8000-000000000002", "PT409"),
        ("00000000-0000-4000-8000-000000000003", "PT404"),
    ] {
        let refused = stage.service.call(&format!("set_stream_relay('{id}', '{HLS}')")).await;
        assert_eq!(code(refused), sqlstate, "{id}");
    }
    assert_eq!(stage.rows().await, 0);
}

#[tokio::test]
async fn what_is_no_upstream_is_refused_without_being_repeated() {
    let mut stage = Stage::new().await;
    let before = stage.service.rows("live_relays()").await.unwrap();
    let long = format!("https://example.org/{}", "x".repeat(2000));
    for (arguments, said) in [
        ("", "one of p_hls and p_ts must be given"),
        ("p_hls => 'file:///etc/passwd'", "p_hls must be an address that begins with http:// or https://"),
        ("p_ts => 'https://'", "p_ts must be an address that begins with http:// or https://"),
        ("p_hls => 'https:///hunter2'", "p_hls must be an address that begins with http:// or https://"),
        ("p_ts => E'https://example.org/\\nhunter2'", "p_ts must be an address that begins with http:// or https://"),
        (&format!("p_ts => '{long}'"), "p_ts is 2020 characters long; at most 2000 are allowed"),
    ] {
        let call = format!(
            "set_stream_relay(p_stream_id => '{ID}'{}{arguments})",
            if arguments.is_empty() { "" } else { ", " }
        );
        assert_eq!(message(stage.service.call(&call).await), said);
        assert_eq!(code(stage.service.call(&call).await), "22023", "{call}");
    }
    for (arguments, said) in [
        ("'gone'", "p_state is gone; it must be ok, degraded or ended"),
        ("null", "p_state is null; it must be ok, degraded or ended"),
        ("'degraded'", "p_reason goes with p_state degraded or ended, and must be there then"),
        ("'ended', ''", "p_reason goes with p_state degraded or ended, and must be there then"),
        ("'ok', 'x'", "p_reason goes with p_state degraded or ended, and must be there then"),
    ] {
        let call = format!("report_relay('{ID}', 'hls', 1, {arguments})");
        assert_eq!(message(stage.service.call(&call).await), said);
        assert_eq!(code(stage.service.call(&call).await), "22023", "{call}");
    }
    assert_eq!(stage.service.rows("live_relays()").await.unwrap(), before);
}

#[tokio::test]
async fn whatever_ends_a_stream_ends_its_relays_in_the_same_transaction() {
    let end = format!("select end_stream_comprehensive('{ID}')");
    for (sql, in_room) in [
        (end.as_str(), false),
        ("select end_stream_comprehensive(p_streamer_id => 'owner')", false),
        ("select end_stream_comprehensive(p_force_end_all => true)", false),
        ("delete from streamkeeper.leases; select end_stream_on_user_disconnect('owner')", false),
        ("select meeting_signal('k', (select id::text from livestreams), 'destroyed', now(), null, 0)", false),
        ("select live_room_end((select id from live_rooms))", true),
        ("select end_event((select id from events))", false),
        (
            "update livestreams set started_at = now() - interval '3 days', last_seen_at = now() - interval '2 days';
             delete from streamkeeper.leases; select auto_end_inactive_streams()",
            false,
        ),
        (
            "update streamkeeper.leases set lease_until = now() - interval '1 hour' where kind = 'host'; select sweep()",
            false,
        ),
        ("update livestreams set status = 'ended', ended_at = now()", false),
        ("delete from livestreams where not exists (select from live_room_sessions)", false),
    ] {
        let mut stage = Stage::new().await;
        let mut owner = stage.db.caller(Who::User("owner")).await;
        owner.call(&format!("create_event('Concert', p_stream_id => '{ID}')")).await.unwrap();
        let mut rows = 2;
        if in_room {
            let room = my_room(&mut owner).await;
            let session = owner.call(&format!("live_room_create_session('{room}')")).await.unwrap();
            let stream = session["stream_id"].as_str().unwrap();
            stage.call(&format!("set_stream_relay('{stream}', '{HLS}')")).await;
            rows += 1;
        }
        assert_eq!(stage.rows().await, rows);
        stage.db.sweeper_is_alive().await;
        stage.run(sql).await;
        assert_eq!(stage.rows().await, if in_room { 2 } else { 0 }, "{sql}");
    }
}

#[tokio::test]
async fn nothing_that_is_wrong_with_a_relay_keeps_a_stream_from_ending() {
    let mut stage = Stage::new().await;
    stage.run("alter table streamkeeper.stream_relays rename to of_somebody_else").await;
    assert_eq!(stage.call(&format!("end_stream_comprehensive('{ID}')")).await["status"], "ended");
    stage.run("alter table streamkeeper.of_somebody_else rename to stream_relays").await;
    assert_eq!(stage.rows().await, 2);
    assert_eq!(stage.relays().await, json!(null), "gateways are not told of what is left over");
}

#[tokio::test]
async fn a_relay_that_is_degraded_says_why_and_since_when() {
    let mut stage = Stage::new().await;
    let generation = stage.relays().await[0][1].clone();
    let report = |rest: &str| format!("report_relay('{ID}', 'hls', {generation}, {rest})");
    let hls = format!("(select json_build_array(state, reason, since) from live_relays('{ID}') where kind = 'hls')");
    assert_eq!(stage.call(&report("'degraded', 'connection refused'")).await["outcome"], "noted");
    let first = stage.call(&hls).await;
    assert_eq!((&first[0], &first[1]), (&json!("degraded"), &json!("connection refused")));
    stage.call(&report("'degraded', 'the answer was 404'")).await;
    let second = stage.call(&hls).await;
    assert_eq!((&second[1], &second[2]), (&json!("the answer was 404"), &first[2]), "it has been so since then");
    stage.call(&report("'ok'")).await;
    let third = stage.call(&hls).await;
    assert_eq!((&third[0], &third[1]), (&json!("ok"), &json!(null)));
    assert_ne!(third[2], first[2]);
}

#[tokio::test]
async fn a_relay_whose_stream_does_not_advance_ends_it_and_says_why() {
    let mut stage = Stage::new().await;
    let generation = stage.relays().await[1][1].clone();
    let report = format!("report_relay('{ID}', 'ts', {generation}, 'ended', 'upstream_stalled')");
    assert_eq!(stage.call(&report).await["outcome"], "ended");
    let status = stage.call(&format!("get_stream_status('{ID}')")).await;
    assert_eq!((&status["status"], &status["end_reason"]), (&json!("ended"), &json!("upstream_stalled")));
    assert_eq!(stage.call(&report).await["outcome"], "outdated");
    let trail = stage.service.rows("(select outcome, role, reason, holder, attempt from end_attempts)").await.unwrap();
    let one = json!([{
        "outcome": "ended", "role": "service_role", "reason": "upstream_stalled", "holder": null, "attempt": 1
    }]);
    assert_eq!(trail, one);
    assert_eq!(stage.rows().await, 0);
}

#[tokio::test]
async fn what_a_predecessor_said_changes_nothing() {
    let mut stage = Stage::new().await;
    let before = stage.relays().await[0][1].clone();
    stage.set(&format!("p_hls => '{HLS}&2'")).await;
    let relays = stage.relays().await;
    let unknown = json!(i64::MAX);
    for (kind, generation) in [("hls", &before), ("ts", &before), ("hls", &unknown), ("rtmp", &before)] {
        for rest in ["'degraded', 'x'", "'ok'", "'ended', 'upstream_loops'"] {
            let said = stage.call(&format!("report_relay('{ID}', '{kind}', {generation}, {rest})")).await;
            assert_eq!(said["outcome"], "outdated", "{kind} {rest}");
        }
    }
    assert_eq!(stage.call("report_relay(gen_random_uuid(), 'hls', 1, 'ended', 'x')").await["outcome"], "outdated");
    assert_eq!(stage.relays().await, relays);
}

#[tokio::test]
async fn gateways_hear_of_what_begins_and_ends_and_of_nothing_else() {
    let mut stage = Stage::new().await;
    let mut listener = PgListener::connect_with(
        &sqlx::postgres::PgPoolOptions::new().max_connections(1).connect_with(stage.db.options()).await.unwrap(),
    )
    .await
    .unwrap();
    listener.listen("streamkeeper_relays").await.unwrap();
    let generation = stage.relays().await[0][1].clone();
    stage.set(&format!("'{HLS}'")).await;
    stage.call(&format!("report_relay('{ID}', 'hls', {generation}, 'degraded', 'x')")).await;
    stage.run("notify streamkeeper_relays, 'quiet until here'").await;
    assert_eq!(listener.recv().await.unwrap().payload(), "quiet until here");

    stage.set("p_hls => 'https://other.example.org/'").await;
    assert_eq!(listener.recv().await.unwrap().payload(), ID);
    stage.set("p_hls => ''").await;
    assert_eq!(listener.recv().await.unwrap().payload(), ID);
    stage.call(&format!("end_stream_comprehensive('{ID}')")).await;
    assert_eq!(listener.recv().await.unwrap().payload(), ID);
    stage.run("notify streamkeeper_relays, 'quiet until here'").await;
    assert_eq!(listener.recv().await.unwrap().payload(), "quiet until here", "one stream, one notice");
}

/// Streams that start, are relayed, report and end, all at the same time: nobody waits for ever, and nothing is left over.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_do_everything_at_once_none_is_in_the_way_of_another() {
    const STREAMS: u64 = 4;
    const CONNECTIONS: u64 = 12;
    let db = TestDatabase::new().await;
    let barrier = Arc::new(Barrier::new(CONNECTIONS as usize));
    let mut tasks = Vec::new();
    for n in 0..CONNECTIONS {
        let mut service = db.caller(Who::Service).await;
        let mut owner = db.caller(Who::User("owner")).await;
        let barrier = Arc::clone(&barrier);
        tasks.push(tokio::spawn(async move {
            let mut random = Random::new(n);
            barrier.wait().await;
            for round in 0..60 {
                let id = format!("00000000-0000-4000-8000-{:012}", (round / 20) * STREAMS + random.below(STREAMS));
                let set = format!("set_stream_relay('{id}', 'https://o.example.org/{round}', 'https://o.example.org/{round}')");
                let report = format!(
                    "(select json_agg(report_relay('{id}', kind, generation, 'degraded', 'x')) from live_relays('{id}'))"
                );
                let (caller, call) = match random.below(12) {
                    0..5 => (&mut owner, format!("start_stream('{id}')")),
                    5..8 => (&mut service, set),
                    8..10 => (&mut service, report),
                    10 => (&mut service, format!("end_stream_comprehensive('{id}')")),
                    _ => (&mut service, "end_stream_comprehensive(p_force_end_all => true)".to_owned()),
                };
                match caller.call(&call).await {
                    Ok(_) => {}
                    Err(error) => {
                        let code = code(Err::<(), _>(error));
                        assert!(["PT404", "PT409"].contains(&&*code), "{call}: {code}");
                    }
                }
            }
        }));
    }
    for task in tasks {
        timeout(Duration::from_secs(120), task).await.unwrap().unwrap();
    }
    let left_over: i64 = sqlx::query_scalar(
        "select count(*) from streamkeeper.stream_relays r join livestreams s on s.id = r.stream_id where s.status <> 'live'",
    )
    .fetch_one(&mut db.owner().await)
    .await
    .unwrap();
    assert_eq!(left_over, 0);
}
