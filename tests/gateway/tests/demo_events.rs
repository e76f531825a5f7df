//! What `--demo` adds for events: a look at one, its host's mailbox, and a media server that does what it is told.

use std::env::temp_dir;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use database_tests::TestDatabase;
use gateway_tests::{Answer, Gateway, user};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

const ID: &str = "00000000-0000-4000-8000-000000000001";
const STREAM: &str = "00000000-0000-4000-8000-000000000002";

async fn get(gateway: &Gateway, path: &str) -> Answer {
    Answer::of(gateway.request(Method::GET, path)).await
}

async fn post(gateway: &Gateway, path: &str, body: Value) -> Answer {
    Answer::of(gateway.request(Method::POST, path).json(&body)).await
}

async fn look(gateway: &Gateway) -> Value {
    get(gateway, &format!("/demo/events/{ID}")).await.json()
}

/// Goes live, and makes an event of it.
async fn go_live(gateway: &Gateway) {
    let host = user("host");
    assert_eq!(gateway.rpc("start_stream", Some(&host), json!({"p_stream_id": STREAM})).await.status, 200);
    let event = json!({"p_title": "Premiere", "p_event_id": ID, "p_stream_id": STREAM});
    assert_eq!(gateway.rpc("create_event", Some(&host), event).await.json()["status"], "live");
}

/// A directory of one test, gone when it is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = temp_dir().join(format!("streamkeeper-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[tokio::test]
async fn nothing_of_it_is_there_without_the_flag() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    for path in [format!("/demo/events/{ID}"), "/demo/mails/x.eml".to_owned()] {
        assert_eq!(get(&gateway, &path).await.error(), (404, "PGRST125".into()), "{path}");
    }
    for path in ["/demo/mailboxes".to_owned(), format!("/demo/meetings/{STREAM}/destroyed")] {
        assert_eq!(post(&gateway, &path, json!({})).await.error(), (404, "PGRST125".into()), "{path}");
    }
}

#[tokio::test]
async fn an_address_is_given_once_and_never_instead_of_a_real_one() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), true, &[]).await;
    let mailbox = async |user: &str| post(&gateway, "/demo/mailboxes", json!({"user_id": user})).await;
    assert_eq!(mailbox("Ana O'Neill").await.json(), json!({"address": "ana-o-neill@example.org"}));
    assert_eq!(mailbox("Ana O'Neill").await.json(), json!({"address": "ana-o-neill@example.org"}));
    let long = mailbox(&"x".repeat(200)).await.json();
    assert_eq!(long["address"].as_str().unwrap().find('@'), Some(64));
    db.run("insert into app_users (user_id, email) values ('bo', 'bo@example.com')").await;
    assert_eq!(mailbox("bo").await.json(), json!({"address": "bo@example.com"}));
    assert_eq!(post(&gateway, "/demo/mailboxes", json!({"user": "bo"})).await.error(), (400, "PGRST102".into()));
}

#[tokio::test]
async fn an_event_is_shown_with_what_its_host_was_told_and_the_mail_itself() {
    let (db, mails) = (TestDatabase::new().await, Folder::new("demo-mails"));
    let variables = [("MAIL_DIR", mails.0.to_str().unwrap()), ("MAIL_FROM", "demo@example.org")];
    let gateway = Gateway::start(db.options(), true, &variables).await;
    assert_eq!(look(&gateway).await, json!({"row": null, "count": null, "notices": []}));
    post(&gateway, "/demo/mailboxes", json!({"user_id": "host"})).await;
    go_live(&gateway).await;
    let seen = look(&gateway).await;
    assert_eq!((&seen["row"]["status"], &seen["count"]["viewers"]), (&json!("live"), &json!(0)));

    gateway.rpc("end_event", Some(&user("host")), json!({"p_event_id": ID})).await;
    let notice = loop {
        let seen = look(&gateway).await;
        assert_eq!(seen["row"]["status"], "ended");
        match &seen["notices"][0] {
            notice if notice["state"] == "sent" => break notice.clone(),
            _ => sleep(Duration::from_millis(20)).await,
        }
    };
    assert_eq!((&notice["recipient"], &notice["attempts"]), (&json!("host@example.org"), &json!(1)));
    let key = notice["message_id"].as_str().unwrap();
    let mail = get(&gateway, &format!("/demo/mails/{key}.eml")).await;
    assert_eq!((mail.status, mail.header("content-type")), (200, "message/rfc822"));
    assert!(mail.text.contains("Subject: Event Stream Ended - Premiere\r\n"), "{}", mail.text);

    fs::write(mails.0.with_extension("secret"), "secret").unwrap();
    let outside = mails.0.with_extension("secret");
    let name = outside.file_name().unwrap().to_str().unwrap();
    assert_eq!(get(&gateway, &format!("/demo/mails/..%2F{name}")).await.status, 404);
    fs::remove_file(outside).unwrap();
}

#[tokio::test]
async fn a_meeting_that_is_over_for_the_media_server_ends_its_stream_and_the_event() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), true, &[]).await;
    go_live(&gateway).await;
    let destroyed = async |name: &str| post(&gateway, &format!("/demo/meetings/{name}/destroyed"), json!({})).await;
    assert_eq!(destroyed("nobodys").await.json()["outcome"], "unknown_meeting");
    assert_eq!(look(&gateway).await["row"]["status"], "live");
    assert_eq!(destroyed(STREAM).await.json()["outcome"], "ended");
    let row = look(&gateway).await["row"].clone();
    assert_eq!((&row["status"], &row["ended_by"]), (&json!("ended"), &json!("stream")));
    assert_eq!(destroyed(STREAM).await.json()["outcome"], "already_ended");
}

#[tokio::test]
async fn tokens_may_be_short_lived() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), true, &[]).await;
    let ask = async |seconds: u64| {
        post(&gateway, "/demo/token", json!({"user_id": "x", "role": "anon", "lifetime_seconds": seconds})).await
    };
    for seconds in [0, 3601] {
        let answer = ask(seconds).await;
        assert_eq!(answer.error(), (400, "22023".into()));
        assert!(answer.text.contains("between 1 and 3600"), "{}", answer.text);
    }
    let lifetime = |token: &str| {
        let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(token).unwrap().claims;
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap()
    };
    assert_eq!(lifetime(ask(7).await.json()["access_token"].as_str().unwrap()), 7);
}
