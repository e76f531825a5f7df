//! The journey of a stream through the gateway, with the functions that clients call.

use database_tests::TestDatabase;
use gateway_tests::{ANON_KEY, Answer, Gateway, admin, user};
use reqwest::Method;
use serde_json::{Value, json};

const ID: &str = "00000000-0000-4000-8000-000000000001";

#[tokio::test]
async fn a_stream_starts_is_listed_ends_once_and_stays_ended() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    let owner = user("owner");
    let started = gateway.rpc("start_stream", Some(&owner), json!({"p_stream_id": ID, "p_title": "Ä"})).await;
    assert_eq!(started.status, 200, "{started:?}");
    assert_eq!(started.header("content-type"), "application/json; charset=utf-8");
    assert_eq!((&started.json()["status"], &started.json()["title"]), (&json!("live"), &json!("Ä")));

    let listed = gateway.rpc("list_active_streams", None, json!({})).await;
    assert_eq!(listed.json()[0]["stream_id"], ID);

    let end = json!({"p_stream_id": ID, "p_reason": "readyToClose", "p_holder": "page-1", "p_attempt": 1});
    let ended = gateway.rpc("end_stream_comprehensive", Some(&owner), end.clone()).await;
    assert_eq!((ended.status, &ended.json()["status"]), (200, &json!("ended")));
    let again = gateway.rpc("end_stream_comprehensive", Some(&owner), end).await;
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("already_ended")));

    let status = gateway.rpc("get_stream_status", Some(ANON_KEY), json!({"p_stream_id": ID})).await;
    assert_eq!((&status.json()["status"], &status.json()["end_reason"]), (&json!("ended"), &Value::Null));
    assert_eq!(gateway.rpc("list_active_streams", None, json!({})).await.text, "[]");
    let revived = gateway.rpc("start_stream", Some(&owner), json!({"p_stream_id": ID})).await;
    assert_eq!(revived.error(), (409, "PT409".into()));
}

#[tokio::test]
async fn who_may_not_is_told_so_in_postgrests_words() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    gateway.rpc("start_stream", Some(&user("owner")), json!({"p_stream_id": ID})).await;
    let end = json!({"p_stream_id": ID});
    let all = json!({"p_force_end_all": true});
    for token in [None, Some(ANON_KEY)] {
        let answer = gateway.rpc("end_stream_comprehensive", token, end.clone()).await;
        assert_eq!(answer.error(), (401, "42501".into()));
    }
    let other = user("other");
    for arguments in [&end, &all] {
        let answer = gateway.rpc("end_stream_comprehensive", Some(&other), arguments.clone()).await;
        assert_eq!(answer.error(), (403, "42501".into()));
    }
    let answer = gateway.rpc("end_stream_comprehensive", Some(&admin("admin")), all).await;
    assert_eq!((answer.status, &answer.json()["affected_count"]), (200, &json!(1)));
}

#[tokio::test]
async fn wrong_arguments_give_postgresqls_own_errors() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    let owner = user("owner");
    for (arguments, code, part) in [
        (json!({"p_stream_id": "nonsense"}), "22P02", "invalid input syntax for type uuid"),
        (json!({"p_stream_id": 7}), "22P02", "uuid"),
        (json!({"p_stream_id": ID, "p_attempt": "many"}), "22P02", "integer"),
        (json!({"p_stream_id": ID, "p_attempt": 1.5}), "22P02", "integer"),
        (json!({"p_stream_id": ID, "p_attempt": 99_999_999_999_u64}), "22003", "integer"),
        (json!({"p_stream_id": ID, "p_force_end_all": "perhaps"}), "22P02", "boolean"),
        (json!({"p_stream_id": ID, "p_attempt": 1001}), "22023", "p_attempt"),
        (json!({"p_stream_id": ID, "p_reason": "x".repeat(501)}), "22023", "at most 500"),
        (json!({"p_stream_id": ID, "p_streamer_id": "owner"}), "22023", "p_streamer_id"),
        (json!({}), "22023", "p_force_end_all"),
        (json!({"p_stream_id": ID, "p_reason": "\0"}), "22P05", "Unicode"),
    ] {
        let answer = gateway.rpc("end_stream_comprehensive", Some(&owner), arguments.clone()).await;
        assert_eq!(answer.error(), (400, code.into()), "{arguments}: {}", answer.text);
        assert!(answer.json()["message"].as_str().unwrap().contains(part), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_supabase_js_sends_is_accepted() {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), false, &[]).await;
    let request = gateway
        .request(Method::POST, "/rest/v1/rpc/get_stream_status")
        .header("apikey", ANON_KEY)
        .header("authorization", format!("Bearer {ANON_KEY}"))
        .header("content-profile", "public")
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .header("x-client-info", "supabase-js-web/2.0.0")
        .body(format!(r#"{{"p_stream_id":"{ID}"}}"#));
    let answer = Answer::of(request).await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("not_found")));
}
