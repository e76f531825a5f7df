//! The program itself: its settings, its exit codes, its signals, what it prints.

use database_tests::TestDatabase;
use gateway_tests::program::{Arguments, Variables, run, serving, signal};
use gateway_tests::{Answer, SECRET, client, user};
use serde_json::json;
use tokio::io::AsyncReadExt;

const URL: (&str, &str) = ("DATABASE_URL", "postgres://user:hunter2@127.0.0.1/db");
const GOOD_SECRET: (&str, &str) = ("JWT_SECRET", SECRET);

#[tokio::test]
async fn a_missing_or_bad_setting_stops_it_with_one_line_that_names_it() {
    let cases: &[(Arguments, Variables, &str)] = &[
        (&[], &[], "DATABASE_URL"),
        (&["serve"], &[GOOD_SECRET], "DATABASE_URL"),
        (&["migrate"], &[], "DATABASE_URL"),
        (&["migrate"], &[("DATABASE_URL", "http://user:hunter2@127.0.0.1/db")], "DATABASE_URL"),
        (&["serve"], &[URL], "JWT_SECRET"),
        (&["serve"], &[URL, ("JWT_SECRET", "hunter2")], "JWT_SECRET"),
        (&["serve"], &[URL, GOOD_SECRET, ("BIND", "everywhere")], "BIND"),
        (&["serve"], &[URL, GOOD_SECRET, ("CORS_ORIGINS", "app.example.org")], "CORS_ORIGINS"),
        (&["serve", "--demo"], &[URL, ("BIND", "0.0.0.0:8787")], "BIND"),
        (&["--demo"], &[("DATABASE_URL", "postgres://user:hunter2@db.example.org/db")], "DATABASE_URL"),
        (&["--demo"], &[URL, ("DEMO_DIR", "/nowhere")], "DEMO_DIR"),
        (&["serve", "--verbose"], &[URL, GOOD_SECRET], "--verbose"),
        (&["serve", "migrate"], &[URL, GOOD_SECRET], "migrate"),
        (&["monitor-chat"], &[], "DATABASE_URL"),
        (&["test-chat"], &[], "DATABASE_URL"),
        (&["close-chats"], &[("DATABASE_URL", "http://user:hunter2@127.0.0.1/db")], "DATABASE_URL"),
        (&["close-chats", "--json"], &[URL], "--json"),
        (&["serve"], &[URL, GOOD_SECRET, ("STREAM_API_SECRET", "hunter2")], "STREAM_API_SECRET"),
    ];
    for (arguments, variables, name) in cases {
        let (code, stdout, stderr) = run(arguments, variables).await;
        assert_eq!(code, 2, "{arguments:?} {variables:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(name), "{name}: {stderr}");
        assert!(!stderr.contains("hunter2") && stdout.is_empty(), "{stderr}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_names_the_setting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = taken.local_addr().unwrap().to_string();
    let (code, _, stderr) = run(&["serve"], &[URL, GOOD_SECRET, ("BIND", &bind)]).await;
    assert_eq!((code, stderr.lines().count()), (2, 1), "{stderr}");
    assert!(stderr.contains(&format!("BIND {bind}")), "{stderr}");
}

#[tokio::test]
async fn a_migration_that_cannot_connect_fails_with_one_line() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://user:hunter2@127.0.0.1:{free}/db");
    let (code, _, stderr) = run(&["migrate"], &[("DATABASE_URL", &url)]).await;
    assert_eq!((code, stderr.lines().count()), (1, 1), "{stderr}");
    assert!(!stderr.contains("hunter2"), "{stderr}");
}

#[tokio::test]
async fn help_is_on_standard_output() {
    let (code, stdout, stderr) = run(&["--help"], &[]).await;
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.starts_with("usage: streamkeeper-gateway ") && stdout.lines().count() == 1, "{stdout}");
    for command in ["migrate", "serve", "--demo", "monitor-chat [--json]", "test-chat", "close-chats", "notices"] {
        assert!(stdout.contains(command), "{stdout}");
    }
}

#[tokio::test]
async fn migrated_and_served_it_stops_on_both_signals_and_keeps_secrets_out_of_its_log() {
    let db = TestDatabase::empty().await;
    let url = db.url();
    for applied in ["20261121090000", "applied=[]"] {
        let (code, _, stderr) = run(&["migrate"], &[("DATABASE_URL", &url)]).await;
        assert_eq!(code, 0, "{stderr}");
        assert!(stderr.contains(applied), "{stderr}");
    }
    for name in ["-TERM", "-INT"] {
        let variables = [("DATABASE_URL", url.as_str()), GOOD_SECRET, ("BIND", "127.0.0.1:0"), ("RUST_LOG", "debug")];
        let (mut child, gateway, mut log) = serving(&["serve"], &variables).await;
        let token = user("somebody");
        let request = client().post(format!("{gateway}/rest/v1/rpc/start_stream")).bearer_auth(&token);
        let answer = Answer::of(request.header("apikey", "the api key").json(&json!({"p_title": "x"}))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        signal(&child, name).await;
        assert_eq!(child.wait().await.unwrap().code(), Some(0), "{name}");
        let rest = log.rest().await;
        assert!(rest.contains("/rest/v1/rpc/start_stream") && rest.contains("stopped"), "{rest}");
        let signature = token.rsplit('.').next().unwrap();
        for secret in [signature, SECRET, "the api key"] {
            assert!(!rest.contains(secret), "{rest}");
        }
    }
}

#[tokio::test]
async fn the_demo_needs_nothing_but_a_database() {
    let db = TestDatabase::new().await;
    let (mut child, gateway, _log) =
        serving(&["--demo"], &[("DATABASE_URL", &db.url()), ("BIND", "127.0.0.1:0")]).await;
    let request =
        client().post(format!("{gateway}/demo/token")).json(&json!({"user_id": "x", "role": "authenticated"}));
    let token = Answer::of(request).await.json()["access_token"].as_str().unwrap().to_owned();
    let request = client().post(format!("{gateway}/rest/v1/rpc/start_stream")).bearer_auth(token);
    assert_eq!(Answer::of(request).await.status, 200);
    signal(&child, "-TERM").await;
    assert!(child.wait().await.unwrap().success());
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).await.unwrap();
    assert_eq!(printed, "");
}
