//! Stuck rooms: what is one, what is not, and how they are put right.

use database_tests::{Notices, Who, code};
use serde_json::json;
use sqlx::raw_sql;

use crate::{Host, IDLE, id, state};

/// Each way in which somebody brought a room out of step by hand: what they did, what is said of it, and the three counts.
const BY_HAND: [(&str, &str, [i32; 3]); 7] = [
    ("update live_rooms set status = 'live', current_session_id = OVER", "session_over", [0, 1, 0]),
    ("update live_rooms set status = 'lobby', current_session_id = null", "no_session", [0, 1, 0]),
    ("update live_rooms set current_session_id = OVER", "session_over", [0, 0, 0]),
    ("update live_rooms set host_present = true", "no_session", [0, 0, 0]),
    // The stream went without telling anybody; the session did.
    (
        "LIVE; set session_replication_role = replica;
         update livestreams set status = 'ended', ended_at = now() where status = 'live'",
        "stream_ended",
        [1, 1, 0],
    ),
    (
        "LIVE; update live_room_sessions set status = 'ended', ended_at = now() where status = 'live'",
        "stream_not_ended",
        [0, 1, 1],
    ),
    // Both ended, and the room was forgotten.
    (
        "LIVE; set session_replication_role = replica;
         update livestreams set status = 'ended', ended_at = now() where status = 'live';
         update live_room_sessions set status = 'ended', ended_at = now() where status = 'live'",
        "session_over",
        [0, 1, 0],
    ),
];

/// A host whose room was live, and is stuck since then.
async fn stuck(sql: &str) -> Host {
    let mut host = Host::new().await;
    stick(&mut host, sql).await;
    host
}

async fn stick(host: &mut Host, sql: &str) {
    let over = id(&host.go_live("p_holder => 'page-1'").await, "id");
    if let Some(sql) = sql.strip_prefix("LIVE;") {
        host.db.run(sql).await;
    } else {
        host.call("live_room_end", "").await.unwrap();
        host.db.run(&sql.replace("OVER", &format!("'{over}'"))).await;
    }
}

#[tokio::test]
async fn the_clean_up_finds_each_of_them_and_counts_what_it_does() {
    for (sql, why, [sessions_ended, rooms_reset, streams_synced]) in BY_HAND {
        let host = stuck(sql).await;
        assert_eq!(host.stuck().await[0]["why"], why, "{sql}");
        let mut admin = host.db.caller(Who::Admin("admin")).await;
        let counts = json!({
            "sessions_ended": sessions_ended, "rooms_reset": rooms_reset, "streams_synced": streams_synced
        });
        assert_eq!(admin.call("cleanup_stuck_rooms()").await.unwrap(), counts, "{sql}");
        assert_eq!(host.stuck().await, json!([]), "{sql}");
        assert_eq!(state(&host.room().await), IDLE, "{sql}");
        let open = "select (select count(*) from live_room_sessions where status in ('scheduled', 'live')) as sessions,
                      (select count(*) from livestreams where status <> 'ended') as streams";
        assert_eq!(host.db.rows(open).await, json!([{"sessions": 0, "streams": 0}]), "{sql}");
        // Again: nothing.
        let before = host.db.all_about_rooms().await;
        let none = json!({"sessions_ended": 0, "rooms_reset": 0, "streams_synced": 0});
        assert_eq!(admin.call("cleanup_stuck_rooms()").await.unwrap(), none, "{sql}");
        assert_eq!(host.db.all_about_rooms().await, before, "{sql}");
    }
}

#[tokio::test]
async fn going_live_ending_and_planning_put_each_of_them_right() {
    let mut host = Host::new().await;
    for (sql, why, _) in BY_HAND {
        for (function, arguments, status) in [
            ("live_room_create_session", "", "live"),
            ("live_room_end", "", "idle"),
            ("live_room_schedule", "now() + interval '1 h'", "scheduled"),
            ("live_room_open_lobby", "", "lobby"),
            ("live_room_cancel", "", "idle"),
        ] {
            stick(&mut host, sql).await;
            let answer = host.call(function, arguments).await.unwrap();
            if function == "live_room_create_session" {
                assert_eq!(answer["recovered"], true, "{sql}");
            } else if function == "live_room_end" {
                assert_eq!(answer["already"], true, "{sql}");
            }
            assert_eq!(state(&host.room().await).0, status, "{function} {sql}");
            assert_eq!(host.stuck().await, json!([]), "{function} {sql}");
            let last = "select why, found_by from streamkeeper.room_recoveries order by id desc limit 1";
            assert_eq!(host.db.rows(last).await, json!([{"why": why, "found_by": function}]));
            host.call("live_room_end", "").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_room_that_is_live_is_never_reset_whatever_it_says() {
    for sql in [
        "update live_rooms set status = 'idle', current_session_id = null, host_present = false",
        "update live_rooms set status = 'lobby'",
        "update live_rooms set current_session_id = null",
    ] {
        let mut host = Host::new().await;
        let session = host.go_live("p_holder => 'page-1'").await;
        host.db.run(sql).await;
        assert_eq!(host.stuck().await[0]["why"], "out_of_step", "{sql}");
        // Whoever goes live is told of the session that is on, even if the room does not know it.
        let refused = host.call("live_room_create_session", "").await;
        assert_eq!(code(refused), "PT409", "{sql}");
        let counts = host.db.caller(Who::Service).await.call("cleanup_stuck_rooms()").await.unwrap();
        assert_eq!(counts, json!({"sessions_ended": 0, "rooms_reset": 0, "streams_synced": 0}), "{sql}");
        let room = host.room().await;
        assert_eq!((state(&room), &room["current_session_id"]), (("live", true, true), &session["id"]), "{sql}");
        assert_eq!(host.call("live_room_end", "").await.unwrap()["already"], false, "{sql}");
    }
}

#[tokio::test]
async fn rooms_that_are_as_they_should_be_are_not_stuck() {
    let mut host = Host::new().await;
    for (function, arguments) in [
        ("live_room_cancel", ""),
        ("live_room_schedule", "now() + interval '1 h'"),
        ("live_room_open_lobby", ""),
        ("live_room_create_session", "p_holder => 'page-1'"),
        ("live_room_end", ""),
    ] {
        host.call(function, arguments).await.unwrap();
        assert_eq!(host.stuck().await, json!([]), "after {function}");
    }
    let trail = host.db.rows("select why from streamkeeper.room_recoveries").await;
    assert_eq!(trail, json!([]));
}

#[tokio::test]
async fn many_are_put_right_at_once_but_not_those_that_somebody_is_just_changing() {
    let mut host = Host::new().await;
    host.db
        .run(
            "insert into live_rooms (id, host_user_id, status)
             select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'user-' || n, 'live' from generate_series(1, 50) n;
             insert into livestreams (id, streamer_id, status, started_at, last_seen_at)
             select id, host_user_id, 'live', now() - interval '2 h', now() - interval '1 h' from live_rooms where status = 'live';
             insert into live_room_sessions (room_id, stream_id, status, started_at, ended_at)
             select id, id, 'ended', now() - interval '2 h', now() - interval '90 min' from live_rooms where status = 'live'",
        )
        .await;
    // One room and another one's stream are locked.
    let mut other = host.db.owner().await;
    let lock = "begin; select from live_rooms where host_user_id = 'user-1' for update;
                select from livestreams where streamer_id = 'user-2' for update";
    raw_sql(lock).execute(&mut other).await.unwrap();
    let mut service = host.db.caller(Who::Service).await;
    let counts = service.call("cleanup_stuck_rooms()").await.unwrap();
    assert_eq!(counts, json!({"sessions_ended": 0, "rooms_reset": 48, "streams_synced": 48}));
    raw_sql("rollback").execute(&mut other).await.unwrap();
    let counts = service.call("cleanup_stuck_rooms()").await.unwrap();
    assert_eq!(counts, json!({"sessions_ended": 0, "rooms_reset": 2, "streams_synced": 2}));
    // Nobody is billed for what nobody has used: until the host was seen last.
    let ends =
        "select distinct l.ended_at = l.last_seen_at as seen_last from livestreams l where l.streamer_id like 'user-%'";
    assert_eq!(host.db.rows(ends).await, json!([{"seen_last": true}]));
    host.go_live("").await;
}

#[tokio::test]
async fn the_notices_are_the_seeds_with_true_counts() {
    let host = stuck(BY_HAND[4].0).await;
    let mut service = host.db.caller(Who::Service).await;
    for [sessions, rooms, streams] in [[1, 1, 0], [0, 0, 0]] {
        let notices = Notices::listen();
        service.call("cleanup_stuck_rooms()").await.unwrap();
        assert_eq!(
            notices.heard(),
            [
                format!("Ended {sessions} stuck sessions"),
                format!("Reset {rooms} stuck rooms to idle"),
                format!("Synced {streams} stuck streams to ended"),
            ]
        );
    }
}

#[tokio::test]
async fn operators_have_the_numbers() {
    let mut host = stuck(BY_HAND[0].0).await;
    let stats = "room_stats()";
    let mut admin = host.db.caller(Who::Admin("admin")).await;
    let mut expected = json!({
        "rooms": 1, "hosts_with_several_rooms": 0, "live_sessions": 0, "scheduled_sessions": 0, "stuck": 1,
        "recoveries": {}
    });
    assert_eq!(admin.call(stats).await.unwrap(), expected);
    host.go_live("").await;
    host.db.run("insert into live_rooms (host_user_id) values ('host'), ('other')").await;
    host.db.caller(Who::User("third")).await.call("live_room_open_lobby((my_room() ->> 'id')::uuid)").await.unwrap();
    expected = json!({
        "rooms": 4, "hosts_with_several_rooms": 1, "live_sessions": 1, "scheduled_sessions": 1, "stuck": 0,
        "recoveries": {"live_room_create_session": 1}
    });
    assert_eq!(admin.call(stats).await.unwrap(), expected);
}
