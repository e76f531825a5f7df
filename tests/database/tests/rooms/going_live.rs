//! Having a room, going live in it, and ending it: the seed's tests 1 and 2, and what follows from an end on whatever way.

use database_tests::{TestDatabase, Who, code};
use serde_json::{Value, json};
use sqlx::postgres::PgDatabaseError;

use crate::{Host, IDLE, id, state};

/// The refusal of a room that is live: its hint, and the session in its details.
fn conflict(result: Result<Value, sqlx::Error>) -> (String, Value) {
    let Err(sqlx::Error::Database(error)) = result else { panic!("{result:?}") };
    let error = error.downcast::<PgDatabaseError>();
    assert_eq!(error.code(), "PT409");
    (error.hint().unwrap().to_owned(), serde_json::from_str(error.detail().unwrap()).unwrap())
}

#[tokio::test]
async fn a_user_has_one_room_for_good() {
    let db = TestDatabase::new().await;
    let mut host = db.caller(Who::User("host")).await;
    let room = host.call("my_room()").await.unwrap();
    let mut expected = json!({
        "id": room["id"], "title": null, "status": "idle", "host_user_id": "host", "current_session_id": null,
        "host_present": false, "starts_at": null, "is_host": true, "current_session": null,
        "created": true
    });
    assert_eq!(room, expected);
    expected["created"] = json!(false);
    assert_eq!(host.call("my_room()").await.unwrap(), expected);
    // A user whom the application has known before.
    db.run("insert into app_users (user_id, display_name) values ('known', 'Known')").await;
    let known = db.caller(Who::User("known")).await.call("my_room()").await.unwrap();
    assert_ne!(known["id"], room["id"]);
    let users = db.rows("select user_id, display_name, live_room_id from app_users order by 1").await;
    assert_eq!(
        users,
        json!([
            {"user_id": "host", "display_name": null, "live_room_id": room["id"]},
            {"user_id": "known", "display_name": "Known", "live_room_id": known["id"]}
        ])
    );
}

#[tokio::test]
async fn going_live_starts_a_session_with_its_stream_and_its_holder() {
    let mut host = Host::new().await;
    let session = host.go_live("'Hello', p_holder => 'page-1'").await;
    assert_eq!(
        session,
        json!({
            "id": session["id"], "room_id": host.room, "stream_id": session["stream_id"], "title": "Hello",
            "status": "live", "starts_at": null, "started_at": session["started_at"], "ended_at": null,
            "recovered": false, "replayed": false
        })
    );
    let streams = host.db.rows("select id, streamer_id, title, status, started_at from livestreams").await;
    assert_eq!(
        streams,
        json!([{
            "id": session["stream_id"], "streamer_id": "host", "title": "Hello", "status": "live",
            "started_at": session["started_at"]
        }])
    );
    let leases = host.db.rows("select kind, subject, holder, lease_seconds from streamkeeper.leases").await;
    assert_eq!(
        leases,
        json!([{"kind": "host", "subject": session["stream_id"], "holder": "page-1", "lease_seconds": 90}])
    );

    let mut shape = session;
    shape.as_object_mut().unwrap().retain(|field, _| field != "recovered" && field != "replayed");
    let room = host.room().await;
    assert_eq!(state(&room), ("live", true, true));
    assert_eq!((&room["current_session"], &room["is_host"], &room["success"]), (&shape, &json!(false), &json!(true)));
    let own = host.call("get_live_room", "").await.unwrap();
    assert_eq!((&own["current_session"], &own["is_host"]), (&shape, &json!(true)));
}

#[tokio::test]
async fn seed_test_1_a_stuck_room_is_put_right_by_going_live() {
    let mut host = Host::new().await;
    let over = id(&host.go_live("").await, "id");
    host.call("live_room_end", "").await.unwrap();
    for stuck in [format!("'{over}'"), "null".to_owned()] {
        host.db.run(&format!("update live_rooms set status = 'lobby', current_session_id = {stuck}")).await;
        let session = host.go_live("").await;
        assert_eq!((&session["status"], &session["recovered"]), (&json!("live"), &json!(true)), "{stuck}");
        assert_eq!(host.room().await["current_session_id"], session["id"]);
        host.call("live_room_end", "").await.unwrap();
    }
    let trail = host.db.rows("select room_id, why, found_by from streamkeeper.room_recoveries order by id").await;
    let found = |why| json!({"room_id": host.room, "why": why, "found_by": "live_room_create_session"});
    assert_eq!(trail, json!([found("session_over"), found("no_session")]));
}

#[tokio::test]
async fn seed_test_2_an_end_is_the_whole_end() {
    let mut host = Host::new().await;
    let session = host.go_live("p_holder => 'page-1'").await;
    let mut guest = host.db.caller(Who::User("guest")).await;
    guest.call(&format!("live_room_join('{}')", id(&session, "id"))).await.unwrap();
    let end = host.call("live_room_end", "p_reason => 'enough'").await.unwrap();
    let mut answer = json!({
        "success": true, "status": "ended", "room_id": host.room, "session_id": session["id"],
        "stream_id": session["stream_id"], "already": false
    });
    assert_eq!(end, answer);
    assert_eq!(state(&host.room().await), IDLE);
    let rows = host
        .db
        .rows(
            "select s.status, s.end_reason, s.ended_at = l.ended_at as at_once, l.status as stream, l.end_reason as why,
               a.left_at = s.ended_at as left, (select count(*) from streamkeeper.leases) as leases,
               (select json_agg(json_build_array(e.actor, e.reason, e.outcome)) from end_attempts e) as trail
             from live_room_sessions s join livestreams l on l.id = s.stream_id
             join live_room_attendance a on a.session_id = s.id",
        )
        .await;
    assert_eq!(
        rows,
        json!([{
            "status": "ended", "end_reason": "enough", "at_once": true, "stream": "ended", "why": "enough", "left": true,
            "leases": 0, "trail": [["host", "enough", "ended"]]
        }])
    );

    // Once more, with and without the id: already.
    let before = host.db.all_about_rooms().await;
    (answer["status"], answer["already"]) = (json!("already_ended"), json!(true));
    assert_eq!(host.call("live_room_end", "").await.unwrap(), answer);
    let session_id = id(&session, "id");
    assert_eq!(host.call("live_room_end", &format!("'{session_id}'")).await.unwrap(), answer);
    assert_eq!(host.db.all_about_rooms().await, before);
}

#[tokio::test]
async fn a_late_end_does_nothing_to_the_next_session() {
    let mut host = Host::new().await;
    let first = host.go_live("").await;
    host.call("live_room_end", "").await.unwrap();
    let second = host.go_live("").await;
    let before = host.db.all_about_rooms().await;
    let late = host.call("live_room_end", &format!("'{}'", id(&first, "id"))).await.unwrap();
    assert_eq!((&late["already"], &late["session_id"]), (&json!(true), &first["id"]));
    assert_eq!(host.db.all_about_rooms().await, before);
    let end = host.call("live_room_end", &format!("'{}'", id(&second, "id"))).await.unwrap();
    assert_eq!(end["already"], false);
    // A room in which nothing ever was.
    let mut other = host.db.caller(Who::User("other")).await;
    let end = other.call("live_room_end((my_room() ->> 'id')::uuid)").await.unwrap();
    assert_eq!((&end["already"], &end["session_id"]), (&json!(true), &json!(null)));
}

#[tokio::test]
async fn the_same_key_is_the_same_call_whatever_became_of_it() {
    let mut host = Host::new().await;
    let session = host.go_live("'A', 'key'").await;
    let mut replay = session.clone();
    replay["replayed"] = json!(true);
    let before = host.db.all_about_rooms().await;
    assert_eq!(host.go_live("'A', 'key'").await, replay);
    assert_eq!(host.db.all_about_rooms().await, before);
    assert_eq!(code(host.call("live_room_create_session", "'B', 'key'").await), "PT422");
    assert_eq!(code(host.call("live_room_create_session", "null, 'key'").await), "PT422");
    assert_eq!(host.db.all_about_rooms().await, before);

    host.call("live_room_end", "").await.unwrap();
    let ended = host.go_live("'A', 'key'").await;
    assert_eq!((&ended["id"], &ended["status"], &ended["replayed"]), (&session["id"], &json!("ended"), &json!(true)));
    // Another key, and none: a session of its own.
    let next = host.go_live("'A', 'key-2'").await;
    assert_ne!(next["id"], session["id"]);
    // The same key in another room is another call.
    let mut other = host.db.caller(Who::User("other")).await;
    let there = other.call("live_room_create_session((my_room() ->> 'id')::uuid, 'C', 'key')").await.unwrap();
    assert_eq!((&there["title"], &there["replayed"]), (&json!("C"), &json!(false)));
}

#[tokio::test]
async fn a_room_that_is_live_is_joined_or_taken_over() {
    let mut host = Host::new().await;
    let first = host.go_live("p_holder => 'page-1'").await;
    let before = host.db.all_about_rooms().await;
    let (hint, live) = conflict(host.call("live_room_create_session", "p_holder => 'page-2'").await);
    assert_eq!(
        (hint.as_str(), &live["id"], &live["stream_id"]),
        ("join or take over", &first["id"], &first["stream_id"])
    );
    assert_eq!(host.db.all_about_rooms().await, before);

    // Joined: another page holds the same stream.
    let touch = format!("touch_stream('{}', 'page-2')", id(&live, "stream_id"));
    assert_eq!(host.caller.call(&touch).await.unwrap()["status"], "live");
    // Taken over.
    let second = host.go_live("p_holder => 'page-3', p_take_over => true").await;
    assert_eq!((&second["recovered"], &second["replayed"]), (&json!(false), &json!(false)));
    let rows = host.db.rows("select id, status, end_reason from live_room_sessions order by created_at").await;
    assert_eq!(
        rows,
        json!([
            {"id": first["id"], "status": "ended", "end_reason": "taken_over"},
            {"id": second["id"], "status": "live", "end_reason": null}
        ])
    );
    assert_eq!(host.caller.call(&touch).await.unwrap()["status"], "ended");
    assert_eq!(host.room().await["current_session_id"], second["id"]);
    // With nothing to take over it is a go-live like any other.
    host.call("live_room_end", "").await.unwrap();
    assert_eq!(host.go_live("p_take_over => true").await["status"], "live");
}

#[tokio::test]
async fn every_end_of_the_stream_is_the_end_of_the_room() {
    let mut host = Host::new().await;
    for end in [
        "end_stream_comprehensive('STREAM')",
        "end_stream_comprehensive('STREAM', p_leave => true, p_holder => 'page-1')",
        "end_stream_comprehensive(p_streamer_id => 'host')",
        "end_stream_comprehensive(p_force_end_all => true)",
        "touch_stream('STREAM', 'page-1', 0)",
        "end_stream_on_user_disconnect('host')",
        "sweep()",
        "auto_end_inactive_streams()",
        "(select count(*) from list_active_streams())",
    ] {
        host.db.sweeper_is_alive().await;
        let session = host.go_live("p_holder => 'page-1'").await;
        if end.starts_with("auto_end") {
            host.db.run("delete from streamkeeper.leases; update livestreams set started_at = now() - interval '2 d', last_seen_at = now() - interval '2 d' where status = 'live'").await;
        } else if !end.contains("STREAM") && !end.contains("p_") {
            host.db.run("update streamkeeper.leases set lease_until = now() - interval '1 s'").await;
            host.db.run("update streamkeeper.sweeper set last_run_at = now() - interval '10 s' where now() - interval '10 s' > pg_postmaster_start_time()").await;
        }
        let mut service = host.db.caller(Who::Service).await;
        service.call(&end.replace("STREAM", &id(&session, "stream_id"))).await.unwrap();
        assert_eq!(state(&host.room().await), IDLE, "{end}");
        let rows = "select s.status, s.ended_at = l.ended_at as at_once
                    from live_room_sessions s join livestreams l on l.id = s.stream_id";
        let rows = host.db.rows(&format!("{rows} where s.id = '{}'", id(&session, "id"))).await;
        assert_eq!(rows, json!([{"status": "ended", "at_once": true}]), "{end}");
        assert_eq!(host.stuck().await, json!([]), "{end}");
    }
}

#[tokio::test]
async fn the_host_is_present_as_long_as_a_page_of_the_host_holds_the_stream() {
    let mut host = Host::new().await;
    let present = async |host: &Host| state(&host.room().await).2;
    let session = host.go_live("").await;
    assert!(!present(&host).await, "nobody holds it");
    let stream = id(&session, "stream_id");
    host.caller.call(&format!("touch_stream('{stream}', 'page-1')")).await.unwrap();
    assert!(present(&host).await);
    host.caller.call(&format!("touch_stream('{stream}', 'page-2')")).await.unwrap();
    host.caller.call(&format!("touch_stream('{stream}', 'page-1', 0)")).await.unwrap();
    assert!(present(&host).await, "the other one still does");
    // A page that has left while the other one is about to come back.
    host.db.run("update streamkeeper.leases set lease_seconds = 0 where holder = 'page-2'").await;
    assert!(!present(&host).await);
    host.caller.call(&format!("touch_stream('{stream}', 'page-2')")).await.unwrap();
    assert!(present(&host).await);
    // Another stream of the same host is none of the room's business.
    host.caller.call("start_stream(p_holder => 'page-9')").await.unwrap();
    host.call("live_room_end", "").await.unwrap();
    assert_eq!(state(&host.room().await), IDLE);
}
