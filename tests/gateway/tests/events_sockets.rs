//! Viewers' sockets: who is let in and counted, what they are told, and how each kind of nonsense ends.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use database_tests::TestDatabase;
use gateway_tests::provider::KeyPair;
use gateway_tests::viewer::{Heard, Viewer};
use gateway_tests::{Answer, Gateway, NEVER, SECRET, admin, sign, user};
use reqwest::Method;
use serde_json::{Value, json};
use streamkeeper_gateway::config::Config;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Bytes, Message};

const OPERATOR: &str = "a-token-for-operators";
const OFTEN: Duration = Duration::from_millis(10);

/// What has not happened by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// A gateway that pushes often, and does the rest as in earnest, but for what the test changes.
async fn gateway_with(db: &TestDatabase, change: impl FnOnce(&mut Config)) -> Gateway {
    let variables = [("ADMIN_TOKEN", OPERATOR), ("SERVICE_KEY", SERVICE_KEY)];
    Gateway::start_with(db.options(), false, &variables, |config| {
        config.events.push = OFTEN;
        change(config);
    })
    .await
}

async fn gateway(db: &TestDatabase) -> Gateway {
    gateway_with(db, |_| {}).await
}

const SERVICE_KEY: &str = "sb_secret_0123456789";

/// An event of `host`.
async fn event(gateway: &Gateway, fields: Value) -> String {
    let mut event = json!({"title": "Concert"});
    event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let request = gateway.request(Method::POST, "/events").bearer_auth(user("host")).json(&event);
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["event_id"].as_str().unwrap().to_owned()
}

/// One of the gateway's series.
async fn series(gateway: &Gateway, series: &str) -> f64 {
    let page = Answer::of(gateway.request(Method::GET, "/metrics").bearer_auth(OPERATOR)).await.text;
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series}: {page}")).parse().unwrap()
}

fn open(part: &str) -> String {
    format!("streamkeeper_gateway_event_connections{{as=\"{part}\"}}")
}

async fn until_open(gateway: &Gateway, part: &str, count: f64) {
    let mut seen = 0.0;
    let waited = timeout(PATIENCE, async {
        while {
            seen = series(gateway, &open(part)).await;
            seen != count
        } {
            tokio::task::yield_now().await;
        }
    });
    assert!(waited.await.is_ok(), "{seen} connections of {part}s, and not {count}");
}

/// A token of this user that is taken for about fifteen seconds more: thirty are allowed for clocks that differ.
fn nearly_expired(id: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    sign(SECRET, &json!({"role": "authenticated", "sub": id, "exp": now - 15}))
}

#[tokio::test]
async fn viewers_are_welcomed_counted_and_told_of_each_other() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    let id = event(&gateway, json!({})).await;
    let token = user("ann");
    let mut ann = Viewer::hello(&gateway.url, &id, Some(&token)).await;
    assert_eq!(ann.said().await, json!({"type": "welcome", "role": "viewer", "viewers": 1, "expires_at": NEVER}));
    // Nobody in particular, and the same person once more.
    let mut anybody = Viewer::hello(&gateway.url, &id, None).await;
    assert_eq!(anybody.said().await, json!({"type": "welcome", "role": "viewer", "viewers": 2, "expires_at": null}));
    let mut again = Viewer::watching(&gateway.url, &id, Some(&token)).await;
    for viewer in [&mut ann, &mut anybody, &mut again] {
        viewer.until_viewers(3).await;
    }
    // A goodbye, and a connection that breaks.
    again.say(json!({"type": "bye"})).await;
    assert_eq!(again.next().await, Heard::Closed(1000, "Goodbye".into()));
    ann.until_viewers(2).await;
    anybody.vanish();
    ann.until_viewers(1).await;
}

#[tokio::test]
async fn a_token_may_come_in_the_subprotocol() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    let id = event(&gateway, json!({"is_public": false})).await;
    let bearer = format!("bearer.{}", user("ann"));
    let mut ann = Viewer::silent(&gateway.url, &id, &["streamkeeper", &bearer]).await;
    assert_eq!(ann.said().await["role"], "viewer");
    let mut wrong = Viewer::silent(&gateway.url, &id, &["streamkeeper", "bearer.nonsense"]).await;
    assert_eq!(wrong.closed().await, 4401);
    // In the address it is nobody's.
    let mut bob = Viewer::at(&gateway.url, &format!("/events/{id}/ws?token={}", user("bob")), &[]).await;
    bob.say(json!({"type": "hello"})).await;
    assert_eq!(bob.closed().await, 4403);
}

#[tokio::test]
async fn neither_the_host_nor_a_recorder_is_a_viewer() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    let id = event(&gateway, json!({})).await;
    let recorder = sign(
        SECRET,
        &json!({"role": "authenticated", "sub": "rec", "exp": NEVER, "app_metadata": {"role": "recorder"}}),
    );
    for (hello, role) in [
        (json!({"token": user("host")}), "host"),
        (json!({"token": user("host"), "as": "recorder"}), "recorder"),
        (json!({"token": SERVICE_KEY, "as": "recorder"}), "recorder"),
        (json!({"apikey": SERVICE_KEY}), "recorder"),
        (json!({"token": recorder}), "recorder"),
        (json!({"token": admin("boss")}), "viewer"),
    ] {
        let mut somebody = Viewer::silent(&gateway.url, &id, &[]).await;
        let mut message = json!({"type": "hello"});
        message.as_object_mut().unwrap().extend(hello.as_object().unwrap().clone());
        somebody.say(message).await;
        let welcome = somebody.said().await;
        assert_eq!(
            (&welcome["role"], &welcome["viewers"]),
            (&json!(role), &json!(u64::from(role == "viewer"))),
            "{hello}"
        );
        until_open(&gateway, role, 1.0).await;
        somebody.say(json!({"type": "bye"})).await;
        somebody.closed().await;
        until_open(&gateway, role, 0.0).await;
    }
}

/// What is refused, and how: the code, and the name by which it is counted.
#[tokio::test]
async fn nonsense_is_refused_clearly_and_counted_and_nobody_else_minds() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    let id = event(&gateway, json!({})).await;
    let private = event(&gateway, json!({"is_public": false})).await;
    let over = event(&gateway, json!({})).await;
    let end = gateway.request(Method::POST, &format!("/events/{over}/end")).bearer_auth(user("host"));
    assert_eq!(Answer::of(end.json(&json!({}))).await.status, 200);
    let mut bystander = Viewer::watching(&gateway.url, &id, Some(&user("bystander"))).await;

    let hello = |token: &str| Message::text(json!({"type": "hello", "token": token}).to_string());
    let text = |text: &str| Message::text(text.to_owned());
    let expired = sign(SECRET, &json!({"role": "authenticated", "sub": "ann", "exp": 1}));
    let foreign = sign(
        "the secret of somebody else, which is long enough",
        &json!({"role": "authenticated", "sub": "ann", "exp": NEVER}),
    );
    let other_algorithm = KeyPair::ec("key").sign(&json!({"role": "authenticated", "sub": "ann", "exp": NEVER}));
    let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4iLCJyb2xlIjoiYXV0aGVudGljYXRlZCJ9.";
    let superuser = sign(SECRET, &json!({"role": "postgres", "sub": "ann", "exp": NEVER}));
    let nobody = sign(SECRET, &json!({"role": "authenticated", "exp": NEVER}));
    let recorder = json!({"type": "hello", "token": user("ann"), "as": "recorder"}).to_string();
    let oversize = "x".repeat(4 * 1024 + 1);
    let huge = "x".repeat(1024 * 1024);
    let unknown = "00000000-0000-4000-8000-000000000001";
    let cases = [
        (id.as_str(), hello("nonsense"), 4401, "token"),
        (&id, hello(&expired), 4401, "token"),
        (&id, hello(&foreign), 4401, "token"),
        (&id, hello(&other_algorithm), 4401, "token"),
        (&id, hello(none), 4401, "token"),
        (&id, hello(&nobody), 4401, "token"),
        (&id, hello(&superuser), 4403, "forbidden"),
        (&id, text(&recorder), 4403, "forbidden"),
        (&private, text(r#"{"type":"hello"}"#), 4403, "forbidden"),
        (unknown, hello(&user("ann")), 4404, "unknown_event"),
        ("no-uuid", hello(&user("ann")), 4404, "unknown_event"),
        (&over, hello(&user("ann")), 4410, "ended"),
        (&id, text(&oversize), 1009, "oversize"),
        (&id, text(&huge), 1009, "oversize"),
        (&id, Message::Binary(Bytes::from_static(b"hello")), 1003, "binary"),
        (&id, text(""), 4400, "malformed"),
        (&id, text("hello"), 4400, "malformed"),
        (&id, text("[]"), 4400, "malformed"),
        (&id, text(r#"{"type":"hallo"}"#), 4400, "malformed"),
        (&id, text(r#"{"type":"hello","token":7}"#), 4400, "malformed"),
        (&id, text(r#"{"type":"hello","as":"host"}"#), 4400, "malformed"),
        (&id, text(r#"{"type":"bye"}"#), 4400, "malformed"),
        (&id, text(r#"{"type":"auth","token":"x"}"#), 4400, "malformed"),
    ];
    for (event, message, code, why) in cases {
        let closed = format!("streamkeeper_gateway_event_connections_closed_total{{why=\"{why}\"}}");
        let before = series(&gateway, &closed).await;
        let what = format!("{message:.60}");
        let mut viewer = Viewer::silent(&gateway.url, event, &[]).await;
        viewer.send(message).await;
        assert_eq!(viewer.closed().await, code, "{what}");
        assert_eq!(series(&gateway, &closed).await, before + 1.0, "{what}");
        assert_eq!(series(&gateway, &open("viewer")).await, 1.0, "{what}");
    }
    // One connection is at one event, and is one person.
    for message in [json!({"type": "hello", "token": user("ann")}), json!({"type": "viewers", "count": 7})] {
        let mut viewer = Viewer::watching(&gateway.url, &id, Some(&user("ann"))).await;
        viewer.say(message).await;
        assert_eq!(viewer.closed().await, 4400);
    }
    bystander.say(json!({"type": "ping"})).await;
    while bystander.said().await != json!({"type": "pong"}) {}
    assert_eq!(series(&gateway, &open("viewer")).await, 1.0);
}

#[tokio::test]
async fn who_ends_is_told_why_and_so_is_who_comes_later() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    let id = event(&gateway, json!({})).await;
    let mut ann = Viewer::watching(&gateway.url, &id, None).await;
    let end = gateway.request(Method::POST, &format!("/events/{id}/end")).bearer_auth(user("host"));
    let answer = Answer::of(end.json(&json!({"reason": "between us"}))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let ended = json!({"type": "ended", "reason": "call"});
    while ann.said().await != ended {}
    assert_eq!(ann.closed().await, 4410);
    let mut late = Viewer::hello(&gateway.url, &id, None).await;
    assert_eq!((late.said().await, late.closed().await), (ended, 4410));
}

#[tokio::test]
async fn who_says_nothing_in_time_is_turned_away() {
    let db = TestDatabase::new().await;
    let gateway = gateway_with(&db, |config| config.events.handshake = Duration::from_millis(50)).await;
    let mut slow = Viewer::silent(&gateway.url, &event(&gateway, json!({})).await, &[]).await;
    slow.ping().await;
    assert_eq!(slow.closed().await, 4408);
}

#[tokio::test]
async fn a_connection_lasts_as_long_as_its_token() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    let id = event(&gateway, json!({})).await;
    let mut kept = Viewer::watching(&gateway.url, &id, Some(&nearly_expired("ann"))).await;
    kept.say(json!({"type": "auth", "token": user("ann")})).await;
    // The count may come first.
    while kept.said().await != json!({"type": "authenticated", "expires_at": NEVER}) {}
    let mut lost = Viewer::watching(&gateway.url, &id, Some(&nearly_expired("bob"))).await;
    assert_eq!(lost.closed().await, 4401);
    kept.say(json!({"type": "ping"})).await;
    while kept.said().await != json!({"type": "pong"}) {}

    for (token, code) in [(user("bob"), 4403), ("nonsense".to_owned(), 4401), (SERVICE_KEY.to_owned(), 4403)] {
        let mut ann = Viewer::watching(&gateway.url, &id, Some(&user("ann"))).await;
        ann.say(json!({"type": "auth", "token": token})).await;
        assert_eq!(ann.closed().await, code, "{token}");
    }
}

#[tokio::test]
async fn nobody_takes_more_than_there_is_for_one() {
    let db = TestDatabase::new().await;
    let gateway = gateway_with(&db, |config| {
        config.events.per_user = 2;
        config.events.per_address = 4;
    })
    .await;
    let id = event(&gateway, json!({})).await;
    let ann = user("ann");
    let mut first = Viewer::watching(&gateway.url, &id, Some(&ann)).await;
    let _second = Viewer::watching(&gateway.url, &id, Some(&ann)).await;
    assert_eq!(Viewer::hello(&gateway.url, &id, Some(&ann)).await.closed().await, 4429);
    // Somebody else at the same address; and one who has not said anything takes room as well.
    let _bob = Viewer::watching(&gateway.url, &id, Some(&user("bob"))).await;
    let _silent = Viewer::silent(&gateway.url, &id, &[]).await;
    assert_eq!(Viewer::hello(&gateway.url, &id, None).await.closed().await, 4429);
    first.say(json!({"type": "bye"})).await;
    first.closed().await;
    until_open(&gateway, "viewer", 2.0).await;
    let _third = Viewer::watching(&gateway.url, &id, Some(&ann)).await;
}

#[tokio::test]
async fn who_talks_too_much_is_cut_off() {
    let db = TestDatabase::new().await;
    let gateway = gateway_with(&db, |config| config.events.messages_per_second = 1).await;
    let id = event(&gateway, json!({})).await;
    let mut chatty = Viewer::watching(&gateway.url, &id, None).await;
    for _ in 0..20 {
        chatty.say(json!({"type": "ping"})).await;
        while chatty.said().await != json!({"type": "pong"}) {}
    }
    // However slow this machine is, it does not take seconds to say these.
    for _ in 0..200 {
        chatty.say(json!({"type": "ping"})).await;
    }
    assert_eq!(chatty.closed().await, 4429);
}

#[tokio::test]
async fn who_does_not_answer_is_gone() {
    let db = TestDatabase::new().await;
    let gateway = gateway_with(&db, |config| config.events.ping = Duration::from_secs(1)).await;
    let id = event(&gateway, json!({})).await;
    // Who does not read does not answer, either.
    let _dead = Viewer::watching(&gateway.url, &id, None).await;
    let mut alive = Viewer::watching(&gateway.url, &id, None).await;
    alive.until_viewers(1).await;
    assert_eq!(series(&gateway, "streamkeeper_gateway_event_connections_closed_total{why=\"lost\"}").await, 1.0);
}

#[tokio::test]
async fn an_event_has_its_own_grace_or_else_that_of_the_gateway() {
    let db = TestDatabase::new().await;
    let patient = Gateway::start(db.options(), false, &[("EVENT_END_GRACE_SECS", "77")]).await;
    let usual = gateway(&db).await;
    for (gateway, fields, grace) in [
        (&patient, json!({}), 77),
        (&patient, json!({"grace_seconds": null}), 77),
        (&patient, json!({"grace_seconds": 7}), 7),
        (&usual, json!({}), 30),
    ] {
        let id = event(gateway, fields.clone()).await;
        let event = gateway.rpc("get_event", Some(&user("host")), json!({"p_event_id": id})).await.json();
        assert_eq!(event["grace_seconds"], grace, "{fields}: {event}");
    }
}

#[tokio::test]
async fn the_routes_for_hosts_and_pages() {
    let db = TestDatabase::new().await;
    let gateway = gateway_with(&db, |config| config.events.heartbeat = OFTEN).await;
    let create = async |token: Option<String>, body: Value| {
        let request = gateway.request(Method::POST, "/events").json(&body);
        Answer::of(match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
        .await
    };
    assert_eq!(create(None, json!({"title": "T"})).await.error().0, 401);
    for (body, complaint) in [
        (json!({"title": 7}), "title must"),
        (json!({"titel": "T"}), "titel is not known"),
        (json!({"title": "T", "grace_seconds": "5"}), "grace_seconds must"),
        (json!({"title": "T", "grace_seconds": 4}), "p_grace_seconds"),
        (json!({"title": "x".repeat(201)}), "p_title"),
        (json!({"title": "T", "stream_id": "7"}), "stream_id must"),
        (json!({"title": "T", "starts_at": "soon"}), "soon"),
    ] {
        let answer = create(Some(user("host")), body.clone()).await;
        assert!(answer.status == 400 && answer.text.contains(complaint), "{body}: {}", answer.text);
    }
    let id = event(&gateway, json!({"event_id": "00000000-0000-4000-8000-00000000000a"})).await;
    assert_eq!(event(&gateway, json!({"event_id": id})).await, id);

    let _viewers = [
        Viewer::watching(&gateway.url, &id, Some(&user("ann"))).await,
        Viewer::watching(&gateway.url, &id, Some(&user("ann"))).await,
        Viewer::watching(&gateway.url, &id, None).await,
        Viewer::watching(&gateway.url, &id, Some(&user("host"))).await,
    ];
    let path = format!("/events/{id}/viewers");
    let counts = |answer: &Answer| (answer.json()["viewers"].clone(), answer.json()["users"].clone());
    loop {
        let answer = Answer::of(gateway.request(Method::GET, &path)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        if counts(&answer) == (json!(3), json!(2)) {
            break;
        }
    }
    let totals = Answer::of(gateway.request(Method::GET, "/events/viewers").bearer_auth(user("ann"))).await;
    assert_eq!(counts(&totals), (json!(3), json!(2)), "{}", totals.text);
    let unknown = "/events/00000000-0000-4000-8000-00000000000b/viewers";
    assert_eq!(Answer::of(gateway.request(Method::GET, unknown)).await.error().0, 404);
    assert_eq!(Answer::of(gateway.request(Method::GET, "/events/7/viewers")).await.error().0, 400);
    let end = format!("/events/{id}/end");
    let foreign = gateway.request(Method::POST, &end).bearer_auth(user("ann")).json(&json!({}));
    assert_eq!(Answer::of(foreign).await.error().0, 403);
    // Without the handshake of a socket.
    assert_eq!(Answer::of(gateway.request(Method::GET, &format!("/events/{id}/ws"))).await.error().0, 400);
}
