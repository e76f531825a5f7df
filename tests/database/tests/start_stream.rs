//! `start_stream`, `get_stream_status` and `list_active_streams`.

use database_tests::{TestDatabase, Who, code, message};
use serde_json::{Value, json};

const ID: &str = "00000000-0000-4000-8000-000000000001";

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_new_stream_is_live_at_once_and_belongs_to_the_caller() {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    let stream = owner.call("start_stream(null, 'Morning', 'page-1')").await.unwrap();
    assert_eq!(stream["streamer_id"], "owner");
    assert_eq!(stream["title"], "Morning");
    assert_eq!(stream["status"], "live");
    assert_eq!(stream["is_live"], true);
    assert_eq!(stream["duration_seconds"], 0);
    assert_eq!(stream["ended_at"], Value::Null);
    assert_eq!(stream["end_reason"], Value::Null);
    assert!(stream["started_at"].is_string() && stream["started_at"] == stream["last_seen_at"], "{stream}");
    let status = owner.call(&format!("get_stream_status({})", quoted(&stream["stream_id"]))).await.unwrap();
    assert_eq!(status, stream);
}

fn quoted(id: &Value) -> String {
    format!("'{}'", id.as_str().unwrap())
}

#[tokio::test]
async fn the_status_has_exactly_the_documented_fields() {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    let stream = owner.call("start_stream()").await.unwrap();
    let documented = [
        "duration_seconds",
        "end_reason",
        "ended_at",
        "is_live",
        "last_seen_at",
        "started_at",
        "status",
        "stream_id",
        "streamer_id",
        "success",
        "title",
    ];
    assert_eq!(keys(&stream), documented);
}

#[tokio::test]
async fn repeating_a_lost_start_gives_the_same_live_stream() {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    let first = owner.call(&format!("start_stream('{ID}', 'Title')")).await.unwrap();
    let second = owner.call(&format!("start_stream('{ID}', 'Another')")).await.unwrap();
    assert_eq!(first["stream_id"], ID);
    assert_eq!(second["started_at"], first["started_at"]);
    assert_eq!(second["title"], "Title");
    assert_eq!(owner.call("(select count(*) from livestreams)").await.unwrap(), json!(1));
}

#[tokio::test]
async fn an_own_scheduled_stream_goes_live() {
    let db = TestDatabase::new().await;
    scheduled(&db, ID, "owner").await;
    let mut owner = db.caller(Who::User("owner")).await;
    let stream = owner.call(&format!("start_stream('{ID}')")).await.unwrap();
    assert_eq!((&stream["status"], &stream["title"]), (&json!("live"), &json!("Tomorrow")));
    assert!(stream["started_at"].is_string());
}

async fn scheduled(db: &TestDatabase, id: &str, streamer: &str) {
    sqlx::query(
        "insert into livestreams (id, streamer_id, title, scheduled_at)
         values ($1::uuid, $2, 'Tomorrow', now() + interval '1 day')",
    )
    .bind(id)
    .bind(streamer)
    .execute(&mut db.owner().await)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_title_given_at_the_start_replaces_the_scheduled_one() {
    let db = TestDatabase::new().await;
    scheduled(&db, ID, "owner").await;
    let stream = db.caller(Who::User("owner")).await.call(&format!("start_stream('{ID}', 'Today')")).await.unwrap();
    assert_eq!(stream["title"], "Today");
}

#[tokio::test]
async fn an_ended_stream_is_a_conflict_and_stays_ended() {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    owner.call(&format!("start_stream('{ID}')")).await.unwrap();
    owner.call(&format!("end_stream_comprehensive('{ID}')")).await.unwrap();
    assert_eq!(code(owner.call(&format!("start_stream('{ID}')")).await), "PT409");
    assert_eq!(owner.call(&format!("get_stream_status('{ID}')")).await.unwrap()["status"], "ended");
}

#[tokio::test]
async fn nobody_starts_somebody_elses_stream_not_even_an_admin() {
    let db = TestDatabase::new().await;
    scheduled(&db, ID, "owner").await;
    for who in [Who::User("other"), Who::Admin("admin")] {
        let result = db.caller(who).await.call(&format!("start_stream('{ID}')")).await;
        assert_eq!(code(result), "42501", "{who:?}");
    }
    // Without a user there is nobody whose stream it could be.
    assert_eq!(code(db.caller(Who::Service).await.call("start_stream()").await), "42501");
    assert_eq!(code(db.caller(Who::Anon).await.call("start_stream()").await), "42501");
    let status = db.caller(Who::Anon).await.call(&format!("get_stream_status('{ID}')")).await.unwrap();
    assert_eq!(status["status"], "scheduled");
}

#[tokio::test]
async fn texts_have_bounds_and_the_error_names_argument_and_bound() {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    for (argument, bound) in [("p_title", 200), ("p_holder", 100)] {
        owner.call(&format!("start_stream({argument} => repeat('ä', {bound}))")).await.unwrap();
        let call = format!("start_stream({argument} => repeat('ä', {}))", bound + 1);
        assert_eq!(code(owner.call(&call).await), "22023");
        let expected = format!("{argument} is {} characters long; at most {bound} are allowed", bound + 1);
        assert_eq!(message(owner.call(&call).await), expected);
    }
}

#[tokio::test]
async fn an_unknown_stream_is_not_found_for_everyone() {
    let db = TestDatabase::new().await;
    for who in [Who::Anon, Who::User("owner"), Who::Admin("admin"), Who::Service] {
        let status = db.caller(who).await.call(&format!("get_stream_status('{ID}')")).await.unwrap();
        assert_eq!(status, json!({"success": false, "status": "not_found", "stream_id": ID}), "{who:?}");
    }
}

#[tokio::test]
async fn the_private_fields_are_for_owner_admin_and_service() {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    owner.call(&format!("start_stream('{ID}')")).await.unwrap();
    owner.call(&format!("end_stream_comprehensive('{ID}', p_reason => 'kicked')")).await.unwrap();
    for (who, private) in [
        (Who::Anon, false),
        (Who::User("owner"), true),
        (Who::User("other"), false),
        (Who::Admin("admin"), true),
        (Who::Service, true),
    ] {
        let status = db.caller(who).await.call(&format!("get_stream_status('{ID}')")).await.unwrap();
        assert_eq!(status["status"], "ended", "{who:?}");
        assert!(status["ended_at"].is_string(), "{who:?}");
        assert_eq!(status["end_reason"] == "kicked", private, "{who:?}");
        assert_eq!(status["last_seen_at"].is_string(), private, "{who:?}");
    }
}

#[tokio::test]
async fn the_list_has_what_is_live_newest_first_for_everyone() {
    let db = TestDatabase::new().await;
    scheduled(&db, ID, "owner").await;
    let mut service = db.caller(Who::Service).await;
    service.execute("insert into app_users (user_id, display_name) values ('b', 'Berta')").await.unwrap();
    for user in ["a", "b", "c"] {
        db.caller(Who::User(user)).await.call(&format!("start_stream(p_title => 'Stream of {user}')")).await.unwrap();
    }
    db.caller(Who::User("c")).await.call("end_stream_comprehensive(p_streamer_id => 'c')").await.unwrap();
    for who in [Who::Anon, Who::User("other"), Who::Admin("admin"), Who::Service] {
        let list = db.caller(who).await.rows("list_active_streams()").await.unwrap();
        let streams = list.as_array().unwrap();
        let ids: Vec<_> = streams.iter().map(|s| s["streamer_id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["b", "a"], "{who:?}");
        assert_eq!(streams[0]["streamer_name"], "Berta");
        assert_eq!(streams[1]["streamer_name"], Value::Null);
        assert_eq!(streams[0]["title"], "Stream of b");
        let documented =
            ["duration_seconds", "started_at", "stream_id", "streamer_id", "streamer_name", "title", "viewers"];
        assert_eq!(keys(&streams[0]), documented);
    }
}
