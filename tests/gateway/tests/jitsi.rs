//! What a media server says of meetings: who is believed, and what it ends.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use database_tests::TestDatabase;
use gateway_tests::{Answer, Gateway, run_sql, user};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::time::timeout;

const JITSI_SECRET: &str = "whsec_that_we_share_with_the_media_server";
const OFTEN: Duration = Duration::from_millis(50);

async fn gateway(db: &TestDatabase, grace: &str) -> Gateway {
    let variables = [
        ("JITSI_WEBHOOK_SECRET", JITSI_SECRET),
        ("JITSI_END_GRACE_SECS", grace),
        ("ADMIN_TOKEN", "a-token-for-operators"),
    ];
    Gateway::start_with(db.options(), false, &variables, |config| config.sweep_interval = OFTEN).await
}

/// As JaaS signs.
fn signed(secret: &str, body: &str) -> String {
    let code = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let code = code.chain_update("1632490060.").chain_update(body).finalize().into_bytes();
    format!("t=1632490060,v1={}", STANDARD.encode(code))
}

/// A webhook of JaaS.
async fn jaas(gateway: &Gateway, event: &Value) -> Answer {
    let body = event.to_string();
    let signature = signed(JITSI_SECRET, &body);
    let request = gateway.request(Method::POST, "/webhooks/jitsi").header("x-jaas-signature", signature);
    Answer::of(request.header("content-type", "application/json").body(body)).await
}

/// A webhook of `event_sync`.
async fn event_sync(gateway: &Gateway, path: &str, event: &Value) -> Answer {
    let request = gateway.request(Method::POST, &format!("/webhooks/jitsi/events/{path}"));
    Answer::of(request.bearer_auth(JITSI_SECRET).json(event)).await
}

fn outcome(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["outcome"].as_str().unwrap().to_owned()
}

/// A live stream of `host`, held by a page, since an hour: its id.
async fn live_stream(db: &TestDatabase, gateway: &Gateway) -> String {
    let answer = gateway.rpc("start_stream", Some(&user("host")), json!({"p_holder": "page"})).await;
    let id = answer.json()["stream_id"].as_str().unwrap().to_owned();
    run_sql(db, &format!("update livestreams set started_at = now() - interval '1 h' where id = '{id}'")).await;
    id
}

async fn status(gateway: &Gateway, id: &str) -> Value {
    gateway.rpc("get_stream_status", Some(&user("host")), json!({"p_stream_id": id})).await.json()
}

/// So many milliseconds ago, as JaaS gives times.
fn ago(milliseconds: i64) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap() - milliseconds
}

fn jaas_event(key: &str, kind: &str, room: &str, at: i64, data: Value) -> Value {
    json!({
        "idempotencyKey": key, "customerId": "c", "appId": "vpaas-magic-cookie-c", "eventType": kind, "sessionId": "s",
        "timestamp": at, "fqn": format!("vpaas-magic-cookie-c/{room}"), "data": data,
    })
}

#[tokio::test]
async fn the_end_of_its_meeting_ends_a_stream_its_room_and_its_event() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, "0").await;
    let (ann, create) = (user("host"), json!({"p_title": "Show"}));
    let room = gateway.rpc("my_room", Some(&ann), json!({})).await.json()["id"].clone();
    let session = gateway.rpc("live_room_create_session", Some(&ann), json!({"p_room_id": room})).await.json();
    let stream = session["stream_id"].as_str().unwrap();
    run_sql(&db, "update livestreams set started_at = now() - interval '1 h'; update live_room_sessions set started_at = now() - interval '1 h'").await;
    let mut event = create;
    event["p_stream_id"] = stream.into();
    let event = gateway.rpc("create_event", Some(&ann), event).await.json();
    assert_eq!(event["status"], "live", "{event}");
    // By the name of the room, as its guests know it.
    let gone = jaas_event("k-1", "ROOM_DESTROYED", room.as_str().unwrap(), ago(1_000), json!({"conference": "x"}));
    let answer = jaas(&gateway, &gone).await;
    assert_eq!(outcome(&answer), "ended", "{}", answer.text);
    let stream = status(&gateway, stream).await;
    assert_eq!((&stream["status"], &stream["end_reason"]), (&json!("ended"), &json!("meeting_destroyed")));
    let room = gateway.rpc("my_room", Some(&ann), json!({})).await.json();
    assert_eq!(room["status"], "idle", "{room}");
    let event = gateway.rpc("get_event", Some(&ann), json!({"p_event_id": event["event_id"]})).await.json();
    assert_eq!((&event["status"], &event["ended_by"]), (&json!("ended"), &json!("stream")));
    assert_eq!(outcome(&jaas(&gateway, &gone).await), "repeated");
}

#[tokio::test]
async fn a_page_that_is_there_keeps_its_stream_and_one_that_was_killed_does_not() {
    let db = TestDatabase::new().await;
    // Long enough for a slow machine to load a page again.
    let gateway = gateway(&db, "10").await;
    // The sweeper has been alive for long enough to be believed.
    run_sql(&db, "update streamkeeper.sweeper set alive_since = pg_postmaster_start_time()").await;
    let (killed, loaded_again) = (live_stream(&db, &gateway).await, live_stream(&db, &gateway).await);
    for id in [&killed, &loaded_again] {
        let gone = jaas_event(&format!("gone-{id}"), "ROOM_DESTROYED", id, ago(0), json!({}));
        assert_eq!(outcome(&jaas(&gateway, &gone).await), "ending");
    }
    let touch = json!({"p_stream_id": loaded_again, "p_holder": "the page, loaded again"});
    assert_eq!(gateway.rpc("touch_stream", Some(&user("host")), touch).await.status, 200);
    let ended =
        timeout(Duration::from_secs(60), async { while status(&gateway, &killed).await["status"] != "ended" {} });
    assert!(ended.await.is_ok(), "{}", status(&gateway, &killed).await);
    assert_eq!(status(&gateway, &loaded_again).await["status"], "live");
}

#[tokio::test]
async fn a_host_who_joins_again_has_not_left() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, "60").await;
    let id = live_stream(&db, &gateway).await;
    let host = json!({"id": "host", "disconnectReason": "left"});
    let event = |key: &str, kind: &str, at: i64| jaas_event(key, kind, &id, at, host.clone());
    let lease = async || -> (i32, f64) {
        let lease = "select lease_seconds, extract(epoch from lease_until)::float8 from streamkeeper.leases where kind = 'host'";
        sqlx::query_as(lease).fetch_one(&mut db.owner().await).await.unwrap()
    };
    assert_eq!(outcome(&jaas(&gateway, &event("1", "PARTICIPANT_LEFT", ago(2_000))).await), "ending");
    let short = lease().await;
    assert_eq!(short.0, 60);
    // It was before the host left.
    assert_eq!(outcome(&jaas(&gateway, &event("2", "PARTICIPANT_JOINED", ago(3_000))).await), "noted");
    assert_eq!(lease().await, short);
    assert_eq!(outcome(&jaas(&gateway, &event("3", "PARTICIPANT_JOINED", ago(1_000))).await), "noted");
    let long = lease().await;
    assert!(long.0 == 90 && long.1 > short.1, "{short:?} {long:?}");
}

#[tokio::test]
async fn what_is_older_than_what_is_known_changes_nothing() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, "0").await;
    let id = live_stream(&db, &gateway).await;
    let event = |key: &str, kind: &str, at: i64, data: Value| jaas_event(key, kind, &id, at, data);
    // The meeting before: the host came back, and that was heard first.
    assert_eq!(outcome(&jaas(&gateway, &event("1", "ROOM_CREATED", ago(5_000), json!({}))).await), "noted");
    assert_eq!(outcome(&jaas(&gateway, &event("2", "ROOM_DESTROYED", ago(6_000), json!({}))).await), "outdated");
    let host = json!({"id": "host", "disconnectReason": "left"});
    assert_eq!(outcome(&jaas(&gateway, &event("3", "PARTICIPANT_JOINED", ago(3_000), host.clone())).await), "noted");
    assert_eq!(outcome(&jaas(&gateway, &event("4", "PARTICIPANT_LEFT", ago(4_000), host.clone())).await), "outdated");
    // From before the stream.
    assert_eq!(outcome(&jaas(&gateway, &event("5", "ROOM_DESTROYED", ago(7_200_000), json!({}))).await), "outdated");
    // Not the host, not the meeting itself, not of interest, not ours.
    assert_eq!(
        outcome(&jaas(&gateway, &event("6", "PARTICIPANT_LEFT", ago(0), json!({"id": "guest"}))).await),
        "not_the_host"
    );
    assert_eq!(outcome(&jaas(&gateway, &event("7", "PARTICIPANT_LEFT", ago(0), json!({}))).await), "not_the_host");
    for data in [json!({"id": "host", "isBreakout": true}), json!({"id": "host", "disconnectReason": "switch_room"})] {
        assert_eq!(outcome(&jaas(&gateway, &event("8", "PARTICIPANT_LEFT", ago(0), data)).await), "not_of_interest");
    }
    assert_eq!(outcome(&jaas(&gateway, &event("9", "RECORDING_STARTED", ago(0), json!({}))).await), "not_of_interest");
    for room in ["00000000-0000-4000-8000-000000000009", "somebody-elses"] {
        assert_eq!(
            outcome(&jaas(&gateway, &jaas_event("a", "ROOM_DESTROYED", room, ago(0), json!({}))).await),
            "unknown_meeting"
        );
    }
    assert_eq!(status(&gateway, &id).await["status"], "live");
    // A clock that is far ahead does not have the last word.
    assert_eq!(outcome(&jaas(&gateway, &event("b", "PARTICIPANT_JOINED", ago(-86_400_000), host)).await), "noted");
    assert_eq!(outcome(&jaas(&gateway, &event("c", "ROOM_DESTROYED", ago(-86_400_000), json!({}))).await), "ended");
    assert_eq!(outcome(&jaas(&gateway, &event("d", "ROOM_DESTROYED", ago(0), json!({}))).await), "already_ended");
}

#[tokio::test]
async fn a_jitsi_of_ones_own_says_the_same_by_event_sync() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, "0").await;
    let id = live_stream(&db, &gateway).await;
    let now = ago(0) / 1000;
    let room = json!({"room_name": id, "room_jid": format!("{id}@conference.meet.example.org"), "is_breakout": false});
    let with = |fields: Value| {
        let mut event = room.clone();
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        event
    };
    let occupant =
        json!({"id": "host", "occupant_jid": "a@meet.example.org/x", "joined_at": now - 60, "left_at": now - 50});
    let breakout = with(
        json!({"event_name": "muc-room-destroyed", "created_at": now - 60, "destroyed_at": now, "is_breakout": true}),
    );
    let created = with(json!({"event_name": "muc-room-created", "created_at": now - 30}));
    let joined = with(json!({"event_name": "muc-occupant-joined", "active_occupants_count": 1, "occupant": occupant}));
    let left = with(json!({"event_name": "muc-occupant-left", "active_occupants_count": 0, "occupant": occupant}));
    let destroyed = with(
        json!({"event_name": "muc-room-destroyed", "created_at": now - 30, "destroyed_at": now, "all_occupants": []}),
    );
    let old = with(
        json!({"event_name": "muc-room-destroyed", "created_at": now - 99, "destroyed_at": now - 31, "all_occupants": []}),
    );
    for (path, event, expected) in [
        ("room/destroyed", &breakout, "not_of_interest"),
        ("room/created", &created, "noted"),
        ("room/created", &created, "repeated"),
        ("occupant/joined", &joined, "noted"),
        ("occupant/left", &left, "outdated"),
        ("room/destroyed", &old, "outdated"),
        ("room/destroyed", &destroyed, "ended"),
        ("room/destroyed", &destroyed, "repeated"),
    ] {
        assert_eq!(outcome(&event_sync(&gateway, path, event).await), expected, "{event}");
    }
    assert_eq!(status(&gateway, &id).await["end_reason"], "meeting_destroyed");
}

#[tokio::test]
async fn who_has_not_the_secret_ends_nothing_and_is_counted() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db, "0").await;
    let id = live_stream(&db, &gateway).await;
    let body = jaas_event("k", "ROOM_DESTROYED", &id, ago(0), json!({})).to_string();
    let right = signed(JITSI_SECRET, &body);
    let wrong = signed("whsec_of_somebody_else_which_is_long", &body);
    let altered = body.replace("\"k\"", "\"l\"");
    let post = |header: &'static str, value: String, body: &str| {
        gateway.request(Method::POST, "/webhooks/jitsi").header(header, value).body(body.to_owned())
    };
    for (what, request) in [
        ("nothing", gateway.request(Method::POST, "/webhooks/jitsi").body(body.clone())),
        ("another secret", post("x-jaas-signature", wrong, &body)),
        ("another body", post("x-jaas-signature", right.clone(), &altered)),
        ("no signature", post("x-jaas-signature", "t=1".into(), &body)),
        ("another bearer", post("authorization", "Bearer somebody".into(), &body)),
        ("a user", post("authorization", format!("Bearer {}", user("host")), &body)),
        ("both, one of them wrong", post("x-jaas-signature", "t=1,v1=AA==".into(), &body).bearer_auth(JITSI_SECRET)),
    ] {
        let answer = Answer::of(request).await;
        assert_eq!(answer.error(), (401, "28000".into()), "{what}");
        assert!(!answer.text.contains(JITSI_SECRET), "{what}");
    }
    for body in ["", "{}", "[]", "nonsense", r#"{"event_name":"muc-room-destroyed","room_name":"x"}"#] {
        let answer = Answer::of(post("authorization", format!("Bearer {JITSI_SECRET}"), body)).await;
        assert_eq!(answer.error(), (400, "PGRST102".into()), "{body}");
    }
    let huge = jaas_event(&"k".repeat(201), "ROOM_DESTROYED", &id, ago(0), json!({}));
    assert_eq!(jaas(&gateway, &huge).await.error(), (400, "PGRST102".into()));
    assert_eq!(status(&gateway, &id).await["status"], "live");
    let page = Answer::of(gateway.request(Method::GET, "/metrics").bearer_auth("a-token-for-operators")).await.text;
    for (outcome, count) in [("unsigned", 7), ("invalid", 6), ("recorded", 0)] {
        let line = format!("webhook_events_total{{source=\"jitsi\",outcome=\"{outcome}\"}} {count}\n");
        assert!(page.contains(&line), "{line}{page}");
    }
    // Without a secret nobody is believed.
    let without = Gateway::start(db.options(), false, &[]).await;
    let request = without.request(Method::POST, "/webhooks/jitsi").header("x-jaas-signature", right).body(body);
    assert_eq!(Answer::of(request).await.error(), (503, "55000".into()));
}
