//! The listing: what is on, for everybody, and nothing that is not for everybody.

use database_tests::{TestDatabase, Who, code, my_room};
use serde_json::{Value, json};
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::raw_sql;
use streamkeeper_gateway::migrate::migrate;

use crate::{Host, id};

async fn listed(db: &TestDatabase, who: Who) -> Value {
    db.caller(who).await.rows("live_room_listing()").await.unwrap()
}

async fn viewed(db: &TestDatabase, who: Who) -> Vec<String> {
    let rows = db.caller(who).await.rows("community_live_streams").await.unwrap();
    rows.as_array().unwrap().iter().map(|row| id(row, "status")).collect()
}

#[tokio::test]
async fn what_goes_live_is_listed_at_once_and_what_has_ended_is_not() {
    let mut host = Host::new().await;
    host.db.run("update app_users set display_name = 'The host', email = 'host@example.org'").await;
    assert_eq!(listed(&host.db, Who::Anon).await, json!([]));
    let session = host.go_live("'Hello', 'key', 'page-1'").await;
    let expected = json!([{
        "id": session["id"], "room_id": host.room, "stream_id": session["stream_id"], "host_user_id": "host",
        "host_name": "The host", "title": "Hello", "status": "live", "is_live": true, "starts_at": null,
        "started_at": session["started_at"], "ended_at": null, "duration_seconds": 0, "viewers": 0
    }]);
    for who in [Who::Anon, Who::User("other"), Who::User("host"), Who::Admin("admin"), Who::Service] {
        let mut rows = listed(&host.db, who).await;
        // However slow this is.
        rows[0]["duration_seconds"] = json!(0);
        assert_eq!(rows, expected, "{who:?}");
        let mut rows = host.db.caller(who).await.rows("community_live_streams").await.unwrap();
        rows[0]["duration_seconds"] = json!(0);
        assert_eq!(rows, expected, "{who:?}");
    }
    host.call("live_room_end", "").await.unwrap();
    for who in [Who::Anon, Who::User("other"), Who::User("host"), Who::Service] {
        assert_eq!(listed(&host.db, who).await, json!([]), "{who:?}");
    }
    // Its host sees what was; others do not.
    assert_eq!(viewed(&host.db, Who::Anon).await, [""; 0]);
    assert_eq!(viewed(&host.db, Who::User("other")).await, [""; 0]);
    assert_eq!(viewed(&host.db, Who::User("host")).await, ["ended"]);
    assert_eq!(viewed(&host.db, Who::Admin("admin")).await, ["ended"]);
}

#[tokio::test]
async fn first_what_is_live_the_newest_first_then_what_is_to_come() {
    let db = TestDatabase::new().await;
    for (host, call) in [
        ("later", "live_room_schedule('ROOM', now() + interval '2 h')"),
        ("soon", "live_room_schedule('ROOM', now() + interval '1 h')"),
        ("old", "live_room_create_session('ROOM')"),
        ("lobby", "live_room_open_lobby('ROOM')"),
        ("new", "live_room_create_session('ROOM')"),
    ] {
        let mut caller = db.caller(Who::User(host)).await;
        let room = my_room(&mut caller).await;
        caller.call(&call.replace("ROOM", &room)).await.unwrap();
    }
    let rows = listed(&db, Who::Anon).await;
    let rows: Vec<_> =
        rows.as_array().unwrap().iter().map(|row| (id(row, "host_user_id"), id(row, "status"))).collect();
    let expected =
        [("new", "live"), ("old", "live"), ("soon", "scheduled"), ("later", "scheduled"), ("lobby", "lobby")];
    assert_eq!(rows, expected.map(|(host, status)| (host.to_owned(), status.to_owned())));
}

#[tokio::test]
async fn viewers_are_those_who_are_there_and_not_the_host() {
    let mut host = Host::new().await;
    host.db.sweeper_is_alive().await;
    let session = id(&host.go_live("p_holder => 'page-1'").await, "id");
    let join = format!("live_room_join('{session}')");
    for who in ["host", "guest", "gone", "silent"] {
        host.db.caller(Who::User(who)).await.call(&join).await.unwrap();
    }
    let viewers = async |host: &Host| listed(&host.db, Who::Anon).await[0]["viewers"].clone();
    assert_eq!(viewers(&host).await, 3);
    host.db.caller(Who::User("gone")).await.call(&format!("live_room_leave('{session}')")).await.unwrap();
    assert_eq!(viewers(&host).await, 2);
    // Nobody but the reader is there to notice.
    host.db.run("update streamkeeper.leases set lease_until = now() - interval '1 s' where holder = 'silent'").await;
    assert_eq!(viewers(&host).await, 1);
    // In a transaction that may only read it lists what there is.
    let mut anon = host.db.caller(Who::Anon).await;
    anon.execute("begin read only").await.unwrap();
    assert_eq!(anon.rows("live_room_listing()").await.unwrap()[0]["viewers"], 1);
}

#[tokio::test]
async fn only_public_columns_are_public() {
    let mut host = Host::new().await;
    host.go_live("'Hello', 'key'").await;
    for who in [Who::Anon, Who::User("other"), Who::User("host"), Who::Admin("admin")] {
        let mut caller = host.db.caller(who).await;
        let public =
            "select id, room_id, stream_id, title, status, starts_at, started_at, ended_at from live_room_sessions";
        assert_eq!(caller.execute(public).await.unwrap(), 1, "{who:?}");
        for column in ["idempotency_key", "requested_title", "end_reason", "*"] {
            let result = caller.execute(&format!("select {column} from live_room_sessions")).await;
            assert_eq!(code(result), "42501", "{who:?} {column}");
        }
    }
    // Rooms in which nothing is on are their hosts' own business.
    host.call("live_room_end", "").await.unwrap();
    for (who, seen) in [(Who::Anon, 0), (Who::User("other"), 0), (Who::User("host"), 1), (Who::Admin("admin"), 1)] {
        let rooms = host.db.caller(who).await.call("(select count(id) from live_rooms)").await.unwrap();
        assert_eq!(rooms, seen, "{who:?}");
        // But who listens has to be let see that a session is over.
        let sessions = host.db.caller(who).await.call("(select count(id) from live_room_sessions)").await.unwrap();
        assert_eq!(sessions, 1, "{who:?}");
    }
    host.db
        .run("update live_room_sessions set started_at = now() - interval '1 h', ended_at = now() - interval '6 min'")
        .await;
    for (who, seen) in [(Who::Anon, 0), (Who::User("other"), 0), (Who::User("host"), 1), (Who::Admin("admin"), 1)] {
        let sessions = host.db.caller(who).await.call("(select count(id) from live_room_sessions)").await.unwrap();
        assert_eq!(sessions, seen, "{who:?}");
    }
    // A name is public with the room, and only with it.
    host.db.run("insert into app_users (user_id, display_name) values ('private', 'No host')").await;
    let name = host.db.caller(Who::Anon).await.call("streamkeeper.host_name('private')").await.unwrap();
    assert_eq!(name, json!(null));
}

#[tokio::test]
async fn every_change_of_sessions_is_told_and_a_viewers_coming_is_not() {
    let mut host = Host::new().await;
    let pool = PgPoolOptions::new().max_connections(1).connect_with(host.db.options()).await.unwrap();
    let mut listener = PgListener::connect_with(&pool).await.unwrap();
    listener.listen("streamkeeper_listing").await.unwrap();
    let session = id(&host.go_live("").await, "id");
    let mut guest = host.db.caller(Who::User("guest")).await;
    for (function, arguments) in [
        ("live_room_end", ""),
        ("live_room_schedule", "now() + interval '1 h'"),
        ("live_room_open_lobby", ""),
        ("live_room_cancel", ""),
        ("live_room_create_session", ""),
    ] {
        let told = listener.recv().await.unwrap();
        let payload: Value = serde_json::from_str(told.payload()).unwrap();
        assert!(payload["at"].is_string(), "{payload}");
        // The rest of the same call.
        marked(&host.db, &mut listener).await;
        if function == "live_room_end" {
            for call in ["join", "leave"] {
                guest.call(&format!("live_room_{call}('{session}')")).await.unwrap();
            }
            assert_eq!(marked(&host.db, &mut listener).await, 0);
        }
        host.call(function, arguments).await.unwrap();
    }
    listener.recv().await.unwrap();
    // What ends nothing, and an end of what is no room's, is no news.
    marked(&host.db, &mut listener).await;
    host.caller.call("start_stream('00000000-0000-4000-8000-000000000001')").await.unwrap();
    host.caller.call("end_stream_comprehensive('00000000-0000-4000-8000-000000000001')").await.unwrap();
    host.db.caller(Who::Service).await.call("cleanup_stuck_rooms()").await.unwrap();
    assert_eq!(marked(&host.db, &mut listener).await, 0);
    // The end of a stream is.
    host.caller.call("end_stream_comprehensive(p_streamer_id => 'host')").await.unwrap();
    assert_eq!(marked(&host.db, &mut listener).await, 1);
}

/// How many notices came until now: until one that is sent now.
async fn marked(db: &TestDatabase, listener: &mut PgListener) -> usize {
    db.run("notify streamkeeper_listing, 'mark'").await;
    let mut told = 0;
    while listener.recv().await.unwrap().payload() != "mark" {
        told += 1;
    }
    told
}

#[tokio::test]
async fn supabases_realtime_is_told_of_sessions_where_there_is_one() {
    for (publication, published) in [
        (None, json!([])),
        (Some("create publication supabase_realtime"), json!([{"tablename": "live_room_sessions"}])),
        (
            Some("create table other (id int primary key); create publication supabase_realtime for table other"),
            json!([{"tablename": "live_room_sessions"}, {"tablename": "other"}]),
        ),
    ] {
        let db = TestDatabase::empty().await;
        let mut owner = db.owner().await;
        if let Some(publication) = publication {
            raw_sql(publication).execute(&mut owner).await.unwrap();
        }
        migrate(&mut owner).await.unwrap();
        let tables = db.rows("select tablename from pg_publication_tables order by 1").await;
        assert_eq!(tables, published, "{publication:?}");
    }
}
