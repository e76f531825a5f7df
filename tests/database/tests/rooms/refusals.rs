//! What is refused: each with its code, and nothing has changed.

use database_tests::{Caller, Who, code, message, my_room};

use crate::{Host, id};

const NOBODYS: &str = "00000000-0000-4000-8000-000000000001";

async fn refuses(host: &Host, caller: &mut Caller, call: &str, expected: &str) {
    let before = host.db.all_about_rooms().await;
    assert_eq!(code(caller.call(call).await), expected, "{call}");
    assert_eq!(host.db.all_about_rooms().await, before, "{call}");
}

/// All that is done to a room.
const ON_ROOMS: [&str; 6] = [
    "live_room_create_session('ROOM')",
    "live_room_create_session('ROOM', p_take_over => true)",
    "live_room_end('ROOM')",
    "live_room_schedule('ROOM', now() + interval '1 h')",
    "live_room_open_lobby('ROOM')",
    "live_room_cancel('ROOM')",
];

#[tokio::test]
async fn somebody_elses_room_is_closed_to_all_but_admins_and_the_service() {
    let mut host = Host::new().await;
    host.go_live("p_holder => 'page-1'").await;
    let mut other = host.db.caller(Who::User("other")).await;
    let mut anon = host.db.caller(Who::Anon).await;
    for call in ON_ROOMS {
        let call = call.replace("ROOM", &host.room);
        refuses(&host, &mut other, &call, "42501").await;
        refuses(&host, &mut anon, &call, "42501").await;
    }
    for who in [Who::Admin("admin"), Who::Service] {
        let mut caller = host.db.caller(who).await;
        let taken = format!("live_room_create_session('{}', p_take_over => true)", host.room);
        let stream = id(&caller.call(&taken).await.unwrap(), "stream_id");
        let of = host.db.rows(&format!("select streamer_id from livestreams where id = '{stream}'")).await;
        assert_eq!(of[0]["streamer_id"], "host", "whoever took it live, it is the host's");
        assert_eq!(caller.call(&format!("live_room_end('{}')", host.room)).await.unwrap()["status"], "ended");
    }
}

#[tokio::test]
async fn a_room_that_there_is_not_is_not_found_by_anybody() {
    let mut host = Host::new().await;
    host.go_live("").await;
    for who in [Who::User("host"), Who::Admin("admin"), Who::Service] {
        let mut caller = host.db.caller(who).await;
        for call in ON_ROOMS {
            refuses(&host, &mut caller, &call.replace("ROOM", NOBODYS), "PT404").await;
            refuses(&host, &mut caller, &call.replace("'ROOM'", "null"), "PT404").await;
        }
    }
    for (room, answered) in [(format!("'{NOBODYS}'"), NOBODYS.into()), ("null".to_owned(), serde_json::Value::Null)] {
        let answer = host.caller.call(&format!("get_live_room({room})")).await.unwrap();
        assert_eq!(answer, serde_json::json!({"success": false, "status": "not_found", "id": answered}));
    }
}

#[tokio::test]
async fn a_session_of_another_room_is_not_found_in_this_one() {
    let mut host = Host::new().await;
    host.go_live("").await;
    let mut other = host.db.caller(Who::User("other")).await;
    let there = my_room(&mut other).await;
    let theirs = other.call(&format!("live_room_create_session('{there}')")).await.unwrap();
    // Also for somebody who may do both.
    for who in [Who::User("host"), Who::Service] {
        let mut caller = host.db.caller(who).await;
        let call = format!("live_room_end('{}', '{}')", host.room, id(&theirs, "id"));
        refuses(&host, &mut caller, &call, "PT404").await;
        let call = format!("live_room_end('{}', '{NOBODYS}')", host.room);
        refuses(&host, &mut caller, &call, "PT404").await;
    }
    // Nor can it be put there.
    let sql = format!("update live_rooms set current_session_id = '{}' where id = '{}'", id(&theirs, "id"), host.room);
    assert_eq!(code(sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut host.db.owner().await).await), "23503");
}

#[tokio::test]
async fn what_is_out_of_bounds_is_named_with_its_bounds() {
    let mut host = Host::new().await;
    for live in [false, true] {
        if live {
            host.go_live("").await;
        }
        for (call, told) in [
            ("live_room_create_session('ROOM', repeat('x', 201))", "p_title is 201 characters long; at most 200"),
            (
                "live_room_create_session('ROOM', null, repeat('x', 201))",
                "p_idempotency_key is 201 characters long; at most 200",
            ),
            ("live_room_create_session('ROOM', null, '')", "p_idempotency_key is empty; it must have 1 to 200"),
            (
                "live_room_create_session('ROOM', p_holder => repeat('x', 101))",
                "p_holder is 101 characters long; at most 100",
            ),
            ("live_room_create_session('ROOM', p_holder => '')", "p_holder is empty; it must have 1 to 100"),
            ("live_room_end('ROOM', p_reason => repeat('x', 501))", "p_reason is 501 characters long; at most 500"),
            ("live_room_end('ROOM', p_holder => repeat('x', 101))", "p_holder is 101 characters long; at most 100"),
            ("live_room_end('ROOM', p_attempt => 0)", "p_attempt is 0; it must be between 1 and 1000"),
            (
                "live_room_schedule('ROOM', now() + interval '1 h', repeat('x', 201))",
                "p_title is 201 characters long; at most 200",
            ),
            ("live_room_schedule('ROOM', null)", "p_starts_at is null; it must be in the future, within a year"),
            ("live_room_schedule('ROOM', now() - interval '1 s')", "it must be in the future, within a year"),
            (
                "live_room_schedule('ROOM', now() + interval '366 days 1 min')",
                "it must be in the future, within a year",
            ),
            (
                "live_room_schedule('ROOM', 'infinity')",
                "p_starts_at is infinity; it must be in the future, within a year",
            ),
        ] {
            let call = call.replace("ROOM", &host.room);
            let before = host.db.all_about_rooms().await;
            let said = message(host.caller.call(&call).await);
            assert!(said.contains(told), "{call}: {said}");
            assert_eq!(code(host.caller.call(&call).await), "22023", "{call}");
            assert_eq!(host.db.all_about_rooms().await, before, "{call}");
        }
    }
}

#[tokio::test]
async fn nobody_writes_the_tables_past_the_functions() {
    let mut host = Host::new().await;
    host.go_live("").await;
    for who in [Who::Anon, Who::User("host"), Who::User("other"), Who::Admin("admin"), Who::Service] {
        let mut caller = host.db.caller(who).await;
        let before = host.db.all_about_rooms().await;
        for sql in [
            "update live_rooms set status = 'idle'",
            "insert into live_rooms (host_user_id) values ('host')",
            "delete from live_rooms",
            "update live_room_sessions set status = 'ended', ended_at = now()",
            "delete from live_room_sessions",
            "insert into live_room_attendance (session_id, user_id, joined_at, last_seen_at)
             select id, 'x', now(), now() from live_room_sessions",
            "update live_room_attendance set left_at = null",
            "delete from live_room_attendance",
            "truncate live_rooms cascade",
            "delete from community_live_streams",
            "update streamkeeper.room_recoveries set why = ''",
        ] {
            let code = code(caller.execute(sql).await);
            // A view of two tables refuses before its rights do.
            assert!(code == "42501" || (code == "55000" && sql.contains("community")), "{who:?} {sql}: {code}");
        }
        assert_eq!(host.db.all_about_rooms().await, before, "{who:?}");
    }
    // But the application's backend names rooms.
    let mut service = host.db.caller(Who::Service).await;
    assert_eq!(service.execute("update live_rooms set title = 'The kitchen'").await.unwrap(), 1);
    assert_eq!(host.room().await["title"], "The kitchen");
    host.call("live_room_end", "").await.unwrap();
    assert_eq!(host.go_live("").await["title"], "The kitchen", "what nobody has named is named after the room");
}

#[tokio::test]
async fn nobody_in_particular_has_no_room_and_is_in_none() {
    let mut host = Host::new().await;
    let session = id(&host.go_live("").await, "id");
    let mut service = host.db.caller(Who::Service).await;
    for call in ["my_room()".to_owned(), format!("live_room_join('{session}')")] {
        refuses(&host, &mut service, &call, "42501").await;
    }
    let left = service.call(&format!("live_room_leave('{session}')")).await.unwrap();
    assert_eq!(left["status"], "already_left");
    let mut other = host.db.caller(Who::User("other")).await;
    for call in ["(select count(*) from stuck_rooms())", "cleanup_stuck_rooms()", "sweep_attendance()", "room_stats()"]
    {
        refuses(&host, &mut other, call, "42501").await;
        refuses(&host, &mut host.db.caller(Who::Anon).await, call, "42501").await;
    }
}
