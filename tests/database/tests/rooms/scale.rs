//! Many sessions that were: no call gets slower by them.

use database_tests::{Who, is_soak};
use serde_json::json;

use crate::{Host, id};

#[tokio::test]
async fn no_call_reads_the_sessions_that_were() {
    let mut host = Host::new().await;
    host.db.sweeper_is_alive().await;
    let old = if is_soak() { 1_000_000 } else { 100_000 };
    // Half of them of this very room and host; and many rooms in which nothing is on.
    host.db
        .run(&format!(
            "insert into live_rooms (id, host_user_id)
             select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'user-' || n from generate_series(1, 20000) n;
             insert into livestreams (id, streamer_id, status, started_at, last_seen_at, ended_at)
             select ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid,
               case when n % 2 = 0 then 'host' else 'user-' || 1 + n % 20000 end, 'ended',
               now() - n * interval '1 h', now() - n * interval '1 h', now() - n * interval '50 min'
             from generate_series(1, {old}) n;
             insert into live_room_sessions (room_id, stream_id, status, started_at, ended_at, created_at)
             select r.id, l.id, 'ended', l.started_at, l.ended_at, l.started_at
             from livestreams l join live_rooms r on r.host_user_id = l.streamer_id;
             insert into live_room_attendance (session_id, user_id, joined_at, last_seen_at, left_at)
             select s.id, 'guest', s.started_at, s.ended_at, s.ended_at from live_room_sessions s;
             analyze"
        ))
        .await;

    let mut service = host.db.caller(Who::Service).await;
    service.execute("begin").await.unwrap();
    for call in [
        "live_room_create_session('ROOM', null, 'key', 'page-1')",
        "live_room_create_session('ROOM', null, 'key', 'page-1')",
        "get_live_room('ROOM')",
        "(select count(*) from live_room_listing())",
        "touch_stream((select stream_id from live_room_sessions where status = 'live'), 'page-1')",
        "live_room_create_session('ROOM', p_take_over => true)",
        "sweep()",
        "sweep_attendance()",
        "(select count(*) from stuck_rooms())",
        "cleanup_stuck_rooms()",
        "live_room_schedule('ROOM', now() + interval '1 h', p_title => 'x')",
        "live_room_end('ROOM')",
        "live_room_end('ROOM')",
    ] {
        if call.contains("schedule") {
            service.call(&format!("live_room_end('{}')", host.room)).await.unwrap();
        }
        service.call(&call.replace("ROOM", &host.room)).await.unwrap();
        let read = "(select coalesce(json_object_agg(relname, seq_tup_read), '{}') from pg_stat_xact_user_tables
                     where seq_tup_read > 10000)";
        assert_eq!(service.call(read).await.unwrap(), json!({}), "{call}");
    }
    service.execute("rollback").await.unwrap();

    // Everybody else's way.
    let session = id(&host.go_live("").await, "id");
    for who in [Who::Anon, Who::User("guest"), Who::User("host")] {
        let mut caller = host.db.caller(who).await;
        caller.execute("begin").await.unwrap();
        if who != Who::Anon {
            caller.call(&format!("live_room_join('{session}')")).await.unwrap();
        }
        caller.call("(select count(*) from community_live_streams where is_live)").await.unwrap();
        let read = "(select coalesce(json_object_agg(relname, seq_tup_read), '{}') from pg_stat_xact_user_tables
                     where seq_tup_read > 10000)";
        assert_eq!(caller.call(read).await.unwrap(), json!({}), "{who:?}");
        caller.execute("rollback").await.unwrap();
    }
}
