//! What comes before a session is live: a time, a lobby, and calling it off.

use database_tests::{Who, code};
use serde_json::json;

use crate::{Host, IDLE, id, state};

#[tokio::test]
async fn a_room_is_scheduled_moved_and_called_off() {
    let mut host = Host::new().await;
    let room = host.call("live_room_schedule", "now() + interval '10 days', 'Evening'").await.unwrap();
    assert_eq!(state(&room), ("scheduled", true, false));
    let session = &room["current_session"];
    assert_eq!((&session["status"], &session["title"]), (&json!("scheduled"), &json!("Evening")));
    assert_eq!((&session["starts_at"], &session["started_at"]), (&room["starts_at"], &json!(null)));

    let moved = host.call("live_room_schedule", "now() + interval '1 h'").await.unwrap();
    assert_eq!(moved["current_session_id"], room["current_session_id"]);
    assert_ne!(moved["starts_at"], room["starts_at"]);
    assert_eq!(moved["current_session"]["title"], "Evening", "it is only moved");
    let stream = "select status, scheduled_at, title from livestreams";
    assert_eq!(
        host.db.rows(stream).await,
        json!([{"status": "scheduled", "scheduled_at": moved["starts_at"], "title": "Evening"}])
    );

    let cancelled = host.call("live_room_cancel", "").await.unwrap();
    assert_eq!((state(&cancelled), &cancelled["starts_at"]), (IDLE, &json!(null)));
    let rows = "select s.status, s.started_at, l.status as stream, l.started_at as stream_started
                from live_room_sessions s join livestreams l on l.id = s.stream_id";
    assert_eq!(
        host.db.rows(rows).await,
        json!([{"status": "cancelled", "started_at": null, "stream": "ended", "stream_started": null}])
    );
    // Again: there is nothing to call off.
    let before = host.db.all_about_rooms().await;
    assert_eq!(host.call("live_room_cancel", "").await.unwrap(), cancelled);
    assert_eq!(host.db.all_about_rooms().await, before);
}

#[tokio::test]
async fn what_is_scheduled_or_has_its_lobby_open_goes_live_as_it_is() {
    for (before, function, arguments) in [
        ("scheduled", "live_room_schedule", "now() + interval '1 h', 'Planned'"),
        ("lobby", "live_room_open_lobby", ""),
    ] {
        let mut host = Host::new().await;
        let room = host.call(function, arguments).await.unwrap();
        assert_eq!(state(&room), (before, true, false));
        let session = host.go_live("null, 'key', 'page-1'").await;
        assert_eq!(session["id"], room["current_session_id"]);
        assert_eq!(
            (&session["status"], &session["recovered"], &session["replayed"]),
            (&json!("live"), &json!(false), &json!(false))
        );
        assert_eq!(session["title"], room["current_session"]["title"]);
        assert_eq!(state(&host.room().await), ("live", true, true));
        let started = "select started_at from livestreams";
        assert_eq!(host.db.rows(started).await[0]["started_at"], session["started_at"]);
        assert_eq!(host.go_live("null, 'key', 'page-1'").await["replayed"], true);
    }
}

#[tokio::test]
async fn a_lobby_opens_once_and_keeps_its_time() {
    let mut host = Host::new().await;
    let room = host.call("live_room_schedule", "now() + interval '1 h'").await.unwrap();
    let lobby = host.call("live_room_open_lobby", "").await.unwrap();
    assert_eq!((state(&lobby).0, &lobby["starts_at"]), ("lobby", &room["starts_at"]));
    let opened = host.db.rows("select lobby_at from live_room_sessions").await;
    assert_eq!(host.call("live_room_open_lobby", "").await.unwrap(), lobby);
    assert_eq!(host.db.rows("select lobby_at from live_room_sessions").await, opened);
    // Put off: who waits inside is sent home.
    let later = host.call("live_room_schedule", "now() + interval '2 h'").await.unwrap();
    assert_eq!(state(&later).0, "scheduled");
    let mut guest = host.db.caller(Who::User("guest")).await;
    assert_eq!(code(guest.call(&format!("live_room_join('{}')", id(&later, "current_session_id"))).await), "PT409");
}

#[tokio::test]
async fn a_live_room_is_neither_scheduled_nor_called_off() {
    let mut host = Host::new().await;
    host.go_live("p_holder => 'page-1'").await;
    let before = host.db.all_about_rooms().await;
    for (function, arguments) in
        [("live_room_schedule", "now() + interval '1 h'"), ("live_room_open_lobby", ""), ("live_room_cancel", "")]
    {
        assert_eq!(code(host.call(function, arguments).await), "PT409", "{function}");
        assert_eq!(host.db.all_about_rooms().await, before, "{function}");
    }
}

#[tokio::test]
async fn ending_a_room_before_it_is_live_calls_it_off_by_its_id_only() {
    let mut host = Host::new().await;
    let room = host.call("live_room_open_lobby", "").await.unwrap();
    // A call that comes late, or twice, is about what was.
    let before = host.db.all_about_rooms().await;
    assert_eq!(host.call("live_room_end", "").await.unwrap()["status"], "already_ended");
    assert_eq!(host.db.all_about_rooms().await, before);
    let session = id(&room["current_session"], "id");
    assert_eq!(host.call("live_room_end", &format!("'{session}'")).await.unwrap()["status"], "ended");
    assert_eq!(host.db.rows("select status from live_room_sessions").await, json!([{"status": "cancelled"}]));
    assert_eq!(state(&host.room().await), IDLE);
}

#[tokio::test]
async fn starting_or_ending_a_scheduled_rooms_stream_takes_the_room_with_it() {
    let mut host = Host::new().await;
    for (call, status) in [("start_stream", "live"), ("end_stream_comprehensive", "idle")] {
        let room = host.call("live_room_schedule", "now() + interval '1 h'").await.unwrap();
        let stream = id(&room["current_session"], "stream_id");
        host.caller.call(&format!("{call}('{stream}')")).await.unwrap();
        assert_eq!(state(&host.room().await).0, status, "{call}");
        assert_eq!(host.stuck().await, json!([]));
        host.call("live_room_end", "").await.unwrap();
    }
}
