//! Stream's webhook, over HTTP and into the database: who is believed, what is kept, and what is said about the rest.

use database_tests::TestDatabase;
use gateway_tests::program::{serving, signal};
use gateway_tests::{Answer, Gateway, SECRET, client, sign as token, user};
use reqwest::{Body, Method, RequestBuilder};
use serde_json::{Value, json};
use streamkeeper_gateway::webhooks::signature::sign;

const PATH: &str = "/webhooks/stream-chat";
const STREAM_SECRET: &str = "the secret that we share with Stream, and nobody else";
const VARIABLES: &[(&str, &str)] = &[("STREAM_API_SECRET", STREAM_SECRET)];

/// As Stream sends it.
const MESSAGE: &str = r#"{"type":"message.new","cid":"messaging:support-1","channel_type":"messaging","channel_id":"support-1",
"user":{"id":"ann","role":"user","online":true},"message":{"id":"m-1","text":"Grüße 👋","user":{"id":"ann"}},
"created_at":"2026-11-20T10:11:12.131415Z","something_new":{"we":["do","not","know"]}}"#;

async fn gateway(database: &TestDatabase) -> Gateway {
    Gateway::start(database.options(), false, VARIABLES).await
}

fn signed(secret: &str, body: &[u8]) -> String {
    sign(secret, body).unwrap()
}

/// A delivery with this id and this signature, or without.
fn post(gateway: &Gateway, id: Option<&str>, signature: Option<&str>, body: impl Into<Body>) -> RequestBuilder {
    let mut request = gateway.request(Method::POST, PATH).header("content-type", "application/json").body(body);
    for (name, value) in [("x-webhook-id", id), ("x-signature", signature)] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    request
}

/// A delivery as Stream makes it.
async fn deliver(gateway: &Gateway, id: &str, body: impl Into<Vec<u8>>) -> Answer {
    let body = body.into();
    Answer::of(post(gateway, Some(id), Some(&signed(STREAM_SECRET, &body)), body)).await
}

async fn logs(database: &TestDatabase) -> Value {
    let rows = "select coalesce(json_agg(l order by id), '[]') from chat_logs l";
    sqlx::query_scalar(rows).fetch_one(&mut database.owner().await).await.unwrap()
}

fn count(logs: &Value) -> usize {
    logs.as_array().unwrap().len()
}

#[tokio::test]
async fn an_event_is_kept_without_a_user_and_for_the_service_alone_to_write() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    let answer = deliver(&gateway, "w-1", MESSAGE).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"success": true, "recorded": true})));
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    let row = &logs(&db).await[0];
    for (column, value) in [
        ("webhook_id", "w-1"),
        ("type", "message.new"),
        ("cid", "messaging:support-1"),
        ("user_id", "ann"),
        ("message_id", "m-1"),
        ("text", "Grüße 👋"),
        ("created_at", "2026-11-20T10:11:12.131415+00:00"),
    ] {
        assert_eq!(row[column], value, "{column}");
    }

    // Past the webhook there is no way in, with whichever token.
    let service = token(SECRET, &json!({"role": "service_role", "exp": gateway_tests::NEVER}));
    for caller in [None, Some(user("ann")), Some(service)] {
        let arguments = json!({"p_webhook_id": "w-2", "p_event": {"type": "message.new"}});
        let refused = gateway.rpc("record_chat_event", caller.as_deref(), arguments).await;
        assert_eq!(refused.error(), (404, "PGRST202".into()));
    }
    assert_eq!(count(&logs(&db).await), 1);
}

#[tokio::test]
async fn the_signature_is_the_one_that_other_tools_make() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    // openssl dgst -sha256 -hmac "$STREAM_API_SECRET"
    let signature = "2e10a12a6340c549e7de7190108af75bb090b71e2cc7d76b712080c1756924f2";
    let answer = Answer::of(post(&gateway, Some("w-1"), Some(signature), r#"{"type":"user.updated"}"#)).await;
    assert_eq!(answer.json(), json!({"success": true, "recorded": true}));
}

#[tokio::test]
async fn what_is_not_signed_by_stream_is_refused_and_leaves_nothing() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    let right = signed(STREAM_SECRET, MESSAGE.as_bytes());
    let altered = MESSAGE.replace("Grüße", "grüße");
    let reformatted = serde_json::from_str::<Value>(MESSAGE).unwrap().to_string();
    let other_secret = signed("another secret, which is just as long as the right one", MESSAGE.as_bytes());
    let doubled = format!("{right}{right}");
    for (what, signature, body) in [
        ("missing", None, MESSAGE),
        ("empty", Some(""), MESSAGE),
        ("no digits", Some("signature"), MESSAGE),
        ("cut short", Some(&right[..62]), MESSAGE),
        ("too long", Some(doubled.as_str()), MESSAGE),
        ("with another secret", Some(other_secret.as_str()), MESSAGE),
        ("of another body", Some(right.as_str()), altered.as_str()),
        ("of the same JSON in other bytes", Some(right.as_str()), reformatted.as_str()),
        ("of a body that did not arrive", Some(right.as_str()), ""),
        ("and no JSON", Some(right.as_str()), "not json"),
    ] {
        let answer = Answer::of(post(&gateway, Some("w-1"), signature, body.to_owned())).await;
        assert_eq!(answer.error(), (401, "28000".into()), "{what}");
        assert!(answer.json()["message"].as_str().unwrap().starts_with("X-Signature"), "{what}: {}", answer.text);
        assert!(!answer.text.contains(&right) && !answer.text.contains(STREAM_SECRET), "{what}: {}", answer.text);
    }
    // A user's token is no signature, and a bad one does no harm.
    let unsigned = post(&gateway, Some("w-1"), None, MESSAGE).bearer_auth(user("ann"));
    assert_eq!(Answer::of(unsigned).await.error(), (401, "28000".into()));
    assert_eq!(logs(&db).await, json!([]));
    let answer = Answer::of(post(&gateway, Some("w-1"), Some(&right), MESSAGE).bearer_auth("no token")).await;
    assert_eq!((answer.status, count(&logs(&db).await)), (200, 1), "{}", answer.text);
}

#[tokio::test]
async fn every_delivery_needs_an_id_of_a_sane_length() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    let signature = signed(STREAM_SECRET, MESSAGE.as_bytes());
    let too_long = "x".repeat(201);
    for (id, complaint) in [
        (None, "X-Webhook-Id is missing"),
        (Some(""), "X-Webhook-Id is missing"),
        (Some(too_long.as_str()), "X-Webhook-Id is longer than 200 characters"),
    ] {
        let answer = Answer::of(post(&gateway, id, Some(&signature), MESSAGE)).await;
        assert_eq!(answer.error(), (400, "22023".into()));
        assert_eq!(answer.json()["message"], complaint);
    }
    assert_eq!(logs(&db).await, json!([]));
    assert_eq!(deliver(&gateway, &too_long[1..], MESSAGE).await.status, 200);
}

#[tokio::test]
async fn a_replay_is_no_error_and_changes_nothing() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    assert_eq!(deliver(&gateway, "w-1", MESSAGE).await.json()["recorded"], true);
    let before = logs(&db).await;
    let other = MESSAGE.replace("Grüße", "something else");
    for body in [MESSAGE, MESSAGE, other.as_str()] {
        let answer = deliver(&gateway, "w-1", body).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"success": true, "recorded": false})));
    }
    assert_eq!(logs(&db).await, before);
    // It is the delivery that is told apart, not what it says.
    assert_eq!(deliver(&gateway, "w-2", MESSAGE).await.json()["recorded"], true);
}

#[tokio::test]
async fn of_twenty_deliveries_at_once_one_is_kept() {
    let db = TestDatabase::new().await;
    let (one, two) = (gateway(&db).await, gateway(&db).await);
    let signature = signed(STREAM_SECRET, MESSAGE.as_bytes());
    let deliveries: Vec<_> = (0..20)
        .map(|n| post(if n % 2 == 0 { &one } else { &two }, Some("w-1"), Some(&signature), MESSAGE))
        .map(|request| tokio::spawn(Answer::of(request)))
        .collect();
    let mut recorded = 0;
    for delivery in deliveries {
        let answer = delivery.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
        recorded += usize::from(answer.json()["recorded"].as_bool().unwrap());
    }
    assert_eq!((recorded, count(&logs(&db).await)), (1, 1));
}

#[tokio::test]
async fn bodies_up_to_a_megabyte_are_read_and_no_more() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    let of_size = |bytes: usize| {
        let frame = json!({"type": "message.new", "members": ""}).to_string().len();
        json!({"type": "message.new", "members": "x".repeat(bytes - frame)}).to_string()
    };
    let largest = deliver(&gateway, "w-1", of_size(1024 * 1024)).await;
    assert_eq!((largest.status, count(&logs(&db).await)), (200, 1), "{}", largest.text);
    let answer = deliver(&gateway, "w-2", of_size(1024 * 1024 + 1)).await;
    assert_eq!(answer.error(), (413, "PGRST102".into()));
    assert_eq!(answer.json()["message"], "The body is larger than 1024 KiB");
    assert_eq!(count(&logs(&db).await), 1);
}

#[tokio::test]
async fn a_body_that_is_no_event_is_refused_with_its_reason() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    for (body, code, complaint) in [
        (&b""[..], "PGRST102", "The body is not a JSON object"),
        (b"{\"type\":", "PGRST102", "The body is not a JSON object"),
        (b"[{\"type\":\"message.new\"}]", "PGRST102", "The body is not a JSON object"),
        (b"null", "PGRST102", "The body is not a JSON object"),
        (b"{\"type\":\"\x00\"}", "PGRST102", "The body is not a JSON object"),
        (b"{\"type\":\"\xff\"}", "PGRST102", "The body is not UTF-8"),
        (b"{}", "22023", "p_event.type is missing; it must be a string"),
        (b"{\"type\":7}", "22023", "p_event.type is number; it must be a string"),
    ] {
        let answer = deliver(&gateway, "w-1", body).await;
        assert_eq!(answer.error(), (400, code.into()), "{body:?}: {}", answer.text);
        assert_eq!(answer.json()["message"], complaint, "{body:?}");
    }
    assert_eq!(logs(&db).await, json!([]));
    // What JSON can say and PostgreSQL's text cannot.
    let escapes = r#"{"type":"message.new","message":{"text":"a\u0000b\ud800c"}}"#;
    assert_eq!(deliver(&gateway, "w-1", escapes).await.status, 200);
    assert_eq!(logs(&db).await[0]["text"], "abc");
}

#[tokio::test]
async fn compressed_bodies_are_refused_by_name() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    let signature = signed(STREAM_SECRET, MESSAGE.as_bytes());
    let encoded =
        |encoding| post(&gateway, Some("w-1"), Some(&signature), MESSAGE).header("content-encoding", encoding);
    let answer = Answer::of(encoded("gzip")).await;
    assert_eq!(answer.error(), (415, "PGRST102".into()));
    assert!(answer.json()["message"].as_str().unwrap().contains("Content-Encoding"), "{}", answer.text);
    assert_eq!(logs(&db).await, json!([]));
    assert_eq!(Answer::of(encoded("identity")).await.status, 200);
}

#[tokio::test]
async fn without_a_database_it_asks_to_be_sent_again() {
    let gateway = Gateway::without_database(false, VARIABLES).await;
    assert_eq!(deliver(&gateway, "w-1", MESSAGE).await.error(), (503, "PGRST001".into()));
    // Nobody else gets as far as that.
    let unsigned = Answer::of(post(&gateway, Some("w-1"), Some("00"), MESSAGE)).await;
    assert_eq!(unsigned.error(), (401, "28000".into()));
}

#[tokio::test]
async fn without_a_secret_nothing_is_believed() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    for secret in [STREAM_SECRET, SECRET, ""] {
        let signature = signed(secret, MESSAGE.as_bytes());
        let answer = Answer::of(post(&gateway, Some("w-1"), Some(&signature), MESSAGE)).await;
        assert_eq!(answer.error(), (503, "55000".into()));
        assert!(answer.json()["message"].as_str().unwrap().starts_with("STREAM_API_SECRET"), "{}", answer.text);
    }
    assert_eq!(logs(&db).await, json!([]));
}

#[tokio::test]
async fn no_page_may_call_it() {
    let db = TestDatabase::new().await;
    let gateway = gateway(&db).await;
    let signature = signed(STREAM_SECRET, MESSAGE.as_bytes());
    let request = post(&gateway, Some("w-1"), Some(&signature), MESSAGE).header("origin", "https://app.example.org");
    let answer = Answer::of(request).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, ""));
    for method in [Method::GET, Method::OPTIONS, Method::PUT] {
        let request = gateway.request(method.clone(), PATH).header("origin", "https://app.example.org");
        let answer = Answer::of(request.header("access-control-request-method", "POST")).await;
        assert_eq!(answer.error(), (405, "PGRST117".into()), "{method}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{method}");
    }
}

#[tokio::test]
async fn secrets_and_signatures_and_messages_stay_out_of_the_log() {
    let db = TestDatabase::new().await;
    let url = db.url();
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("JWT_SECRET", SECRET),
        ("STREAM_API_SECRET", STREAM_SECRET),
        ("BIND", "127.0.0.1:0"),
        ("RUST_LOG", "trace,sqlx=debug"),
    ];
    let (mut child, address, mut log) = serving(&["serve"], &variables).await;
    let signature = signed(STREAM_SECRET, MESSAGE.as_bytes());
    for (given, status) in [(signature.as_str(), 200), (&signature[2..], 401)] {
        let request = client().post(format!("{address}{PATH}")).header("x-webhook-id", "w-1").body(MESSAGE);
        assert_eq!(Answer::of(request.header("x-signature", given)).await.status, status);
    }
    signal(&child, "-TERM").await;
    assert!(child.wait().await.unwrap().success());
    let log = log.rest().await;
    assert!(log.contains("X-Signature does not fit"), "{log}");
    for secret in [STREAM_SECRET, &signature[2..], "Grüße"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
