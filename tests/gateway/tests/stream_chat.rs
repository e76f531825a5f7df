//! The demo's stand-in for Stream's chat: its socket and its HTTP API as they are on the wire, and its counts and faults.
//! That the real SDK gets on with it is in `tests/e2e/stream-chat.test.mjs`.

use std::time::Duration;

use database_tests::TestDatabase;
use futures_util::{SinkExt, StreamExt};
use gateway_tests::{Answer, Gateway};
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// For what takes milliseconds, so that a failure is no standstill.
const PATIENCE: Duration = Duration::from_secs(30);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn started() -> (TestDatabase, Gateway) {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), true, &[]).await;
    (db, gateway)
}

async fn control(gateway: &Gateway, what: &str, body: Value) -> Answer {
    Answer::of(gateway.request(Method::POST, &format!("/demo/chat/{what}")).json(&body)).await
}

async fn state(gateway: &Gateway) -> Value {
    Answer::of(gateway.request(Method::GET, "/demo/chat/state")).await.json()
}

async fn counts(gateway: &Gateway, user: &str) -> Value {
    state(gateway).await["by_user"][user].clone()
}

async fn token(gateway: &Gateway, user: &str) -> String {
    control(gateway, "token", json!({"user_id": user})).await.json()["token"].as_str().unwrap().to_owned()
}

/// A user in front of the service, and what they keep.
struct Client<'a> {
    gateway: &'a Gateway,
    token: String,
    stream: Stream,
    hello: Value,
}

async fn connect(gateway: &Gateway, user: &str, key: &str, token: &str) -> Stream {
    let mut url = Url::parse(&format!("{}/demo/stream-chat/connect", gateway.url.replacen("http", "ws", 1))).unwrap();
    let introduction = json!({"user_id": user, "user_details": {"id": user, "name": "A name"}}).to_string();
    let parameters =
        [("json", introduction.as_str()), ("api_key", key), ("authorization", token), ("stream-auth-type", "jwt")];
    url.query_pairs_mut().extend_pairs(parameters);
    connect_async(url.as_str()).await.expect("it is a socket").0
}

impl<'a> Client<'a> {
    async fn new(gateway: &'a Gateway, user: &str) -> Self {
        let token = token(gateway, user).await;
        let mut stream = connect(gateway, user, "demo-key", &token).await;
        let hello = event(&mut stream).await;
        Self { gateway, token, stream, hello }
    }

    fn connection_id(&self) -> &str {
        self.hello["connection_id"].as_str().unwrap()
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        let path = format!("/demo/stream-chat{path}?api_key=demo-key&connection_id={}", self.connection_id());
        Answer::of(self.gateway.request(method, &path).header("authorization", &self.token).json(&body)).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, body).await
    }

    /// Watches a channel of its own making.
    async fn watch(&self, id: &str, members: &[&str]) -> Answer {
        let body = json!({"data": {"members": members}, "watch": true, "state": true});
        self.post(&format!("/channels/messaging/{id}/query"), body).await
    }

    async fn say(&self, id: &str, text: &str) -> Answer {
        self.post(&format!("/channels/messaging/{id}/message"), json!({"message": {"text": text}})).await
    }
}

async fn event(stream: &mut Stream) -> Value {
    let message = stream.next().await.expect("the socket is open").expect("it works");
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

/// Code and status of an error in Stream's shape.
#[track_caller]
fn refusal(error: &Value) -> (u64, u64) {
    let mut keys: Vec<_> = error.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["StatusCode", "code", "duration", "message", "more_info"], "{error}");
    (error["code"].as_u64().unwrap(), error["StatusCode"].as_u64().unwrap())
}

#[track_caller]
fn refused(answer: &Answer) -> u64 {
    let (code, status) = refusal(&answer.json());
    assert_eq!(u64::from(answer.status), status);
    code
}

#[tokio::test]
async fn nothing_of_it_is_there_without_the_demo() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    for path in ["/demo/stream-chat/connect", "/demo/chat/state", "/demo/chat/token"] {
        let answer = Answer::of(gateway.request(Method::GET, path)).await;
        assert_eq!(answer.error(), (404, "PGRST125".into()), "{path}");
    }
}

#[tokio::test]
async fn the_first_message_says_who_is_connected_and_pings_are_answered() {
    let (_db, gateway) = started().await;
    let mut alice = Client::new(&gateway, "alice").await;
    let hello = &alice.hello;
    assert_eq!((&hello["type"], &hello["cid"]), (&json!("health.check"), &json!("*")));
    assert_eq!((&hello["me"]["id"], &hello["me"]["name"]), (&json!("alice"), &json!("A name")));
    assert_eq!((&hello["me"]["online"], &hello["me"]["channel_mutes"]), (&json!(true), &json!([])));
    for said in [r#"not a ping"#, r#"{"type":"health.check"}"#, r#"[{"type":"health.check","client_id":"x"}]"#] {
        alice.stream.send(Message::text(said)).await.unwrap();
    }
    let answer = event(&mut alice.stream).await;
    assert_eq!(
        (answer["type"].as_str(), answer["connection_id"].as_str()),
        (Some("health.check"), Some(alice.connection_id()))
    );
    assert_eq!(answer.get("me"), None);
}

#[tokio::test]
async fn a_socket_is_refused_with_a_message_and_then_closed_as_if_all_were_well() {
    let (_db, gateway) = started().await;
    let (alice, bob) = (token(&gateway, "alice").await, token(&gateway, "bob").await);
    let forged = format!("{}{}", &alice[..alice.rfind('.').unwrap() + 1], "A".repeat(43));
    for (key, token, expected) in [
        ("another-key", &alice, (2, 401)),
        ("demo-key", &forged, (43, 401)),
        ("demo-key", &"undefined".to_owned(), (5, 401)),
        ("demo-key", &bob, (4, 400)),
    ] {
        let mut stream = connect(&gateway, "alice", key, token).await;
        let message = event(&mut stream).await;
        assert_eq!(refusal(&message["error"]), expected);
        assert!(!message.to_string().contains(token.as_str()), "a token is in {message}");
        let Some(Ok(Message::Close(Some(frame)))) = stream.next().await else { panic!("there is no close frame") };
        assert_eq!(u16::from(frame.code), 1000);
        assert!(stream.next().await.is_none());
    }
    assert_eq!(state(&gateway).await, json!({"sockets": [], "opened_total": 0, "by_user": {}}));
}

#[tokio::test]
async fn faults_at_connect_come_as_often_as_asked_and_to_whom() {
    let (_db, gateway) = started().await;
    let alice = token(&gateway, "alice").await;
    for (fault, count, expected) in [("refuse", 2, (17, 403)), ("expire_tokens", 1, (40, 401))] {
        let answer = control(&gateway, "faults", json!({"fault": fault, "user_id": "alice", "count": count})).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"user_id": "alice", "count": count})));
        Client::new(&gateway, "bob").await;
        for _ in 0..count {
            let mut stream = connect(&gateway, "alice", "demo-key", &alice).await;
            assert_eq!(refusal(&event(&mut stream).await["error"]), expected, "{fault}");
        }
        assert_eq!(Client::new(&gateway, "alice").await.hello["type"], "health.check");
    }
    control(&gateway, "faults", json!({"fault": "refuse", "count": 5})).await;
    control(&gateway, "faults", json!({"fault": "none"})).await;
    assert_eq!(Client::new(&gateway, "alice").await.hello["type"], "health.check");
}

#[tokio::test]
async fn a_dropped_socket_breaks_without_a_close_frame_and_is_closed_at_once() {
    let (_db, gateway) = started().await;
    let mut alice = Client::new(&gateway, "alice").await;
    let mut bob = Client::new(&gateway, "bob").await;
    control(&gateway, "faults", json!({"fault": "drop", "user_id": "alice", "count": 1})).await;
    assert_eq!(counts(&gateway, "alice").await, json!({"open": 0, "opened": 1, "closed": 1, "peak": 1}));
    let end = alice.stream.next().await.unwrap();
    assert!(matches!(end, Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))), "{end:?}");
    // And the next one too, which hears nothing.
    let mut next = connect(&gateway, "alice", "demo-key", &alice.token).await;
    assert!(next.next().await.unwrap().is_err());
    assert_eq!(counts(&gateway, "alice").await, json!({"open": 0, "opened": 2, "closed": 2, "peak": 1}));
    // Others are not concerned.
    bob.stream.send(Message::text(r#"[{"type":"health.check"}]"#)).await.unwrap();
    assert_eq!(event(&mut bob.stream).await["type"], "health.check");
}

#[tokio::test]
async fn who_closes_before_opening_again_is_never_seen_with_two() {
    let (_db, gateway) = started().await;
    let (users, rounds) = (10, 20);
    let one = async |user: String| {
        for _ in 0..rounds {
            let mut client = Client::new(&gateway, &user).await;
            client.stream.close(None).await.unwrap();
            while client.stream.next().await.is_some() {}
        }
    };
    let all = (0..users).map(|n| one(format!("user-{n}")));
    futures_util::future::join_all(all).await;
    let state = state(&gateway).await;
    assert_eq!((&state["sockets"], &state["opened_total"]), (&json!([]), &json!(users * rounds)));
    for n in 0..users {
        let expected = json!({"open": 0, "opened": rounds, "closed": rounds, "peak": 1});
        assert_eq!(state["by_user"][format!("user-{n}")], expected);
    }
}

#[tokio::test]
async fn sockets_are_listed_and_counts_begin_anew_when_asked() {
    let (_db, gateway) = started().await;
    let (first, second) = (Client::new(&gateway, "alice").await, Client::new(&gateway, "alice").await);
    let state = state(&gateway).await;
    let mut listed: Vec<_> = state["sockets"].as_array().unwrap().iter().collect();
    listed.sort_by_key(|socket| socket["opened_at"].as_str());
    let ids: Vec<_> = listed.iter().map(|socket| socket["connection_id"].as_str().unwrap()).collect();
    assert_eq!(ids, [first.connection_id(), second.connection_id()]);
    assert!(listed.iter().all(|socket| socket["user_id"] == "alice"));
    assert_eq!(counts(&gateway, "alice").await["peak"], 2);
    // A client that is torn out of the net says nothing, and is noticed all the same.
    drop(first);
    let noticed = async { while counts(&gateway, "alice").await["open"] != 1 {} };
    timeout(PATIENCE, noticed).await.expect("the service noticed");
    let answer = control(&gateway, "reset", json!({"user_id": "alice"})).await;
    assert_eq!(answer.json()["by_user"]["alice"], json!({"open": 1, "opened": 1, "closed": 0, "peak": 1}));
}

#[tokio::test]
async fn the_http_api_refuses_in_streams_shape() {
    let (_db, gateway) = started().await;
    let (alice, bob) = (Client::new(&gateway, "alice").await, Client::new(&gateway, "bob").await);
    assert_eq!(alice.watch("talk", &["alice"]).await.status, 200);
    let message = |text: &str| json!({"message": {"text": text}});
    let path = "/channels/messaging/talk/message";
    for (answer, code) in [
        (alice.post("/nothing", json!({})).await, 16),
        (alice.call(Method::PUT, path, json!({})).await, 16),
        (alice.post("/channels/messaging/other/message", message("x")).await, 16),
        (alice.post("/messages/none", message("x")).await, 16),
        (bob.post(path, message("x")).await, 17),
        (bob.watch("talk", &["bob"]).await, 17),
        (alice.post(path, json!({})).await, 4),
        (alice.post(path, message("")).await, 4),
        (alice.post(path, message(&"ä".repeat(5001))).await, 20),
        (alice.post(path, json!({"message": {"text": "x", "extra": "x".repeat(21_000)}})).await, 22),
        (alice.post(path, message(&"x".repeat(70_000))).await, 22),
        (alice.post("/channels/messaging/talk/event", json!({"event": {"type": "custom"}})).await, 18),
        (alice.post("/channels/messaging/talk/query", json!({"messages": {"id_lt": "x"}})).await, 4),
        (alice.post("/channels", json!({"filter_conditions": {"frozen": true}})).await, 4),
        (alice.post("/channels", json!({"filter_conditions": {"cid": {"$ne": "x"}}})).await, 4),
        (alice.watch("new", &["alice"; 31]).await, 4),
        (alice.watch(&"x".repeat(65), &["alice"]).await, 4),
    ] {
        assert_eq!(refused(&answer), code, "{}", answer.text);
    }
    // Nothing without a token, and nothing over a connection that is another's or none.
    let anonymous = gateway.request(Method::POST, "/demo/stream-chat/channels?api_key=demo-key").json(&json!({}));
    assert_eq!(refused(&Answer::of(anonymous).await), 5);
    let query = format!(
        "/demo/stream-chat/channels/messaging/talk/query?api_key=demo-key&connection_id={}",
        bob.connection_id()
    );
    let request = gateway.request(Method::POST, &query).header("authorization", &alice.token);
    assert_eq!(refused(&Answer::of(request.json(&json!({"watch": true}))).await), 46);
    let plain = Answer::of(gateway.request(Method::GET, "/demo/stream-chat/connect")).await;
    assert_eq!(refused(&plain), 4);
}

#[tokio::test]
async fn a_channel_keeps_its_last_hundred_messages() {
    let (_db, gateway) = started().await;
    let alice = Client::new(&gateway, "alice").await;
    alice.watch("talk", &["alice"]).await;
    for n in 0..=100 {
        assert_eq!(alice.say("talk", &n.to_string()).await.status, 200);
    }
    let kept = alice.post("/channels/messaging/talk/query", json!({"messages": {"limit": 200}})).await.json();
    let texts: Vec<_> = kept["messages"].as_array().unwrap().iter().map(|message| &message["text"]).collect();
    assert_eq!((texts.len(), texts[0], texts[99]), (100, &json!("1"), &json!("100")));
}

#[tokio::test]
async fn messages_reach_the_webhook_as_stream_would_send_them() {
    let (db, gateway) = started().await;
    let alice = Client::new(&gateway, "alice").await;
    alice.watch("talk", &["alice", "bob"]).await;
    let id = alice.say("talk", "Helo").await.json()["message"]["id"].as_str().unwrap().to_owned();
    let path = format!("/messages/{id}");
    // One after the other: the webhook is told in its own time.
    until_logged(&db, 1).await;
    alice.post(&path, json!({"message": {"id": id, "text": "Hello"}})).await;
    until_logged(&db, 2).await;
    alice.call(Method::DELETE, &path, json!(null)).await;
    let logs = until_logged(&db, 3).await;
    let row = |kind: &str, text: &str| json!([kind, "messaging:talk", "alice", id, text]);
    assert_eq!(
        logs,
        json!([row("message.new", "Helo"), row("message.updated", "Hello"), row("message.deleted", "Hello")])
    );
}

/// Waits until so many events are in the database.
async fn until_logged(database: &TestDatabase, rows: usize) -> Value {
    let mut connection = database.owner().await;
    let logs = "select coalesce(json_agg(json_build_array(type, cid, user_id, message_id, text) order by id), '[]')
        from chat_logs";
    let arrive = async {
        loop {
            let logs: Value = sqlx::query_scalar(logs).fetch_one(&mut connection).await.unwrap();
            if logs.as_array().unwrap().len() >= rows {
                return logs;
            }
        }
    };
    timeout(PATIENCE, arrive).await.expect("the webhook was told")
}

#[tokio::test]
async fn without_a_database_the_chat_goes_on() {
    let gateway = Gateway::without_database(true, &[]).await;
    let mut alice = Client::new(&gateway, "alice").await;
    alice.watch("talk", &["alice"]).await;
    assert_eq!(alice.say("talk", "Hello").await.status, 200);
    assert_eq!(event(&mut alice.stream).await["message"]["text"], "Hello");
}

#[tokio::test]
async fn an_open_socket_does_not_keep_the_gateway_from_stopping() {
    let (_db, mut gateway) = started().await;
    let alice = token(&gateway, "alice").await;
    let mut stream = connect(&gateway, "alice", "demo-key", &alice).await;
    assert_eq!(event(&mut stream).await["type"], "health.check");
    gateway.ask_to_stop();
    gateway.stopped().await.unwrap();
}

#[tokio::test]
async fn bad_requests_name_the_field_and_its_bounds() {
    let (_db, gateway) = started().await;
    let long = "x".repeat(201);
    for (path, body, code, part) in [
        ("token", json!({"user_id": ""}), "22023", "user_id is 0 characters long; it must have 1 to 200"),
        ("token", json!({"user_id": long}), "22023", "user_id is 201"),
        ("token", json!({"user_id": "a", "seconds": 0}), "22023", "seconds is 0; it must be 1 to 86400"),
        ("token", json!({"user_id": "a", "seconds": -1}), "22023", "seconds is -1"),
        ("token", json!({"user_id": "a", "seconds": 86_401}), "22023", "seconds is 86401"),
        ("token", json!({"user_id": "a", "role": "admin"}), "PGRST102", "role"),
        ("faults", json!({"fault": "explode"}), "PGRST102", "`explode`"),
        ("faults", json!({"fault": "refuse", "count": -1}), "22023", "count is -1; it must be 0 to 1000"),
        ("faults", json!({"fault": "refuse", "count": 1001}), "22023", "count is 1001"),
        ("faults", json!({"fault": "none", "count": 1}), "22023", "count is 1; it must be 0 to 0"),
        ("faults", json!({"fault": "drop", "user_id": ""}), "22023", "user_id is 0"),
        ("reset", json!({"user": "a"}), "PGRST102", "user"),
    ] {
        let answer = control(&gateway, path, body.clone()).await;
        assert_eq!(answer.error(), (400, code.into()), "{body}");
        assert!(answer.json()["message"].as_str().unwrap().contains(part), "{body}: {}", answer.text);
    }
    for seconds in [1, 86_400] {
        let answer = control(&gateway, "token", json!({"user_id": "a", "seconds": seconds})).await;
        assert_eq!((answer.status, &answer.json()["api_key"]), (200, &json!("demo-key")));
    }
}
