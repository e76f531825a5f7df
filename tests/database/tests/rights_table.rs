//! `docs/rights.md`: who may do what, found out by trying everything as everybody.
//!
//! `STREAMKEEPER_WRITE_RIGHTS=1` writes that file; without it the file has to be true.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::{env, fs};

use database_tests::{Caller, TestDatabase, Who, code};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, raw_sql};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rights.md");

const EVERYBODY: [Who; 5] = [Who::Anon, Who::User("owner"), Who::User("other"), Who::Admin("admin"), Who::Service];

/// "owner" has one of everything, and so has "third"; "other" and "admin" have nothing.
const SETUP: &str = "
  insert into app_users (user_id, email) values ('owner', 'owner@example.org'), ('third', 'third@example.org');
  insert into livestreams (id, streamer_id, status, started_at, last_seen_at) values
    ('00000000-0000-4000-8000-000000000001', 'owner', 'live', now() - interval '1 h', now()),
    ('00000000-0000-4000-8000-000000000002', 'third', 'live', now() - interval '1 h', now());
  select streamkeeper.hold(id, 'page-1', 90) from livestreams;
  insert into livestreams (id, streamer_id) values ('00000000-0000-4000-8000-000000000003', 'owner');
  insert into livestreams (id, streamer_id, status, started_at, last_seen_at)
    select gen_random_uuid(), u, 'live', now() - interval '1 h', now() from unnest('{owner,third}'::text[]) u;
  select streamkeeper.finish(array_agg(s.id), null, null, null, null, 1)
    from livestreams s where s.status = 'live' and not exists (select from streamkeeper.leases l where l.subject = s.id::text);
  insert into chats (cid, members, starts_at, ends_at)
    select 'messaging:' || u, array[u], now(), now() + interval '1 h' from unnest('{owner,third}'::text[]) u;
  insert into chat_logs (webhook_id, type, cid, user_id)
    select 'w-' || u, 'message.new', 'messaging:' || u, u from unnest('{owner,third}'::text[]) u;
  insert into streamkeeper.chat_connections (user_id, connection_id, opened_at) values ('owner', 'c', now()), ('third', 'c', now());
  insert into live_rooms (id, host_user_id)
    values ('00000000-0000-4000-8000-000000000011', 'owner'), ('00000000-0000-4000-8000-000000000012', 'third');
  insert into live_room_sessions (id, room_id, stream_id, status, started_at, ended_at)
    select ('00000000-0000-4000-8000-00000000002' || right(s.id::text, 1))::uuid,
      ('00000000-0000-4000-8000-00000000001' || right(s.id::text, 1))::uuid, s.id, 'live', now(), null
    from livestreams s where s.status = 'live';
  select streamkeeper.rooms_in_step(array_agg(id)) from live_rooms;
  insert into live_rooms (id, host_user_id, status) values
    ('00000000-0000-4000-8000-000000000013', 'third', 'idle'), ('00000000-0000-4000-8000-000000000014', 'owner', 'idle');
  insert into live_room_sessions (room_id, stream_id, status, started_at, ended_at)
    select '00000000-0000-4000-8000-000000000013', s.id, 'ended', s.started_at, now() - interval '10 min'
    from livestreams s where s.status = 'ended' and s.streamer_id = 'third';
  insert into live_room_attendance (session_id, user_id, joined_at, last_seen_at)
    select s.id, u, now(), now() from live_room_sessions s, unnest('{guest,owner}'::text[]) u where s.status = 'live';
  insert into events (id, host_user_id, title, grace_seconds, is_public)
    select ('00000000-0000-4000-8000-00000000003' || n)::uuid, u, 'Concert', 30, n > 1
    from unnest('{owner,third}'::text[]) with ordinality as t (u, n);
  insert into events (id, host_user_id, title, grace_seconds, status, ended_at, ended_by, end_reason)
    values ('00000000-0000-4000-8000-000000000033', 'owner', 'Rehearsal', 30, 'ended', clock_timestamp(), 'call', 'done');
  insert into streamkeeper.nodes (id, started_at, heartbeat_at) values ('node-1', now(), now());
  insert into notification_preferences (user_id) values ('owner'), ('third');
  insert into notifications (dedupe_key, event_id, generation, host_user_id, state, ended_at, ended_by, due_at)
    select e.host_user_id, e.id, 1, e.host_user_id, 'queued', now(), 'absence', now() from events e where e.status <> 'ended';
  insert into emails (notification_id, recipient, subject, message_id)
    select n.id, n.host_user_id || '@example.org', 'Event Stream Ended', n.host_user_id from notifications n;
  insert into streamkeeper.stream_relays (stream_id, kind, upstream)
    select s.id, 'hls', 'https://origin.example.org/' || s.streamer_id from livestreams s where s.status = 'live';
  insert into streamkeeper.room_recoveries (room_id, why, found_by) values (gen_random_uuid(), 'no_session', 'live_room_end');
";

/// Every function that can be called, and with what; true when it worked.
const CALLS: &[(&str, &str, &str)] = &[
    ("get_stream_status", "the public fields", "get_stream_status('LIVE') ->> 'status' = 'live'"),
    ("get_stream_status", "`end_reason`, `last_seen_at`", "get_stream_status('LIVE') ->> 'last_seen_at' is not null"),
    ("list_active_streams", "", "(select count(*) = 2 from list_active_streams())"),
    ("start_stream", "a new stream", "start_stream() ->> 'status' = 'live'"),
    ("start_stream", "the owner's scheduled stream", "start_stream('SCHEDULED') ->> 'status' = 'live'"),
    ("touch_stream", "the owner's stream", "(touch_stream('LIVE', 'page-1') ->> 'success')::boolean"),
    (
        "end_stream_comprehensive",
        "`p_stream_id`: the owner's",
        "(end_stream_comprehensive('LIVE') ->> 'success')::boolean",
    ),
    (
        "end_stream_comprehensive",
        "`p_streamer_id`: the owner",
        "(end_stream_comprehensive(p_streamer_id => 'owner') ->> 'success')::boolean",
    ),
    (
        "end_stream_comprehensive",
        "`p_force_end_all`",
        "(end_stream_comprehensive(p_force_end_all => true) ->> 'success')::boolean",
    ),
    ("end_stream_on_user_disconnect", "the owner", "end_stream_on_user_disconnect('owner') is not null"),
    ("auto_end_inactive_streams", "", "auto_end_inactive_streams() is not null"),
    ("sweep", "", "sweep() is not null"),
    ("orphaned_streams", "", "(select count(*) = 0 from orphaned_streams())"),
    ("end_attempt_stats", "", "(select count(*) > 0 from end_attempt_stats())"),
    ("rebuild_weekly_usage", "", "(rebuild_weekly_usage() ->> 'success')::boolean"),
    ("chat_list", "the owner's chat", "exists (select from chat_list() where cid = 'messaging:owner')"),
    ("chat_list", "`p_all`", "(select count(*) = 2 from chat_list(true))"),
    ("list_chat_logs", "the owner's messages", "exists (select from list_chat_logs() where user_id = 'owner')"),
    ("list_chat_logs", "everybody's messages", "(select count(*) = 2 from list_chat_logs())"),
    ("close_expired_chats", "", "close_expired_chats() is not null"),
    ("repair_chats", "", "repair_chats() is not null"),
    ("chat_usage", "", "chat_usage(now() - interval '1 day', now()) is not null"),
    ("record_chat_connection", "one's own", "(record_chat_connection('c-1') ->> 'success')::boolean"),
    ("my_room", "one's own", "(my_room() ->> 'is_host')::boolean"),
    ("get_live_room", "", "(get_live_room('ROOM') ->> 'success')::boolean"),
    (
        "live_room_create_session",
        "the owner's room",
        "live_room_create_session('ROOM', p_take_over => true) ->> 'status' = 'live'",
    ),
    ("live_room_end", "the owner's room", "live_room_end('ROOM') ->> 'status' = 'ended'"),
    (
        "live_room_schedule",
        "the owner's other room",
        "live_room_schedule('IDLE', now() + interval '1 h') ->> 'status' = 'scheduled'",
    ),
    ("live_room_open_lobby", "the owner's other room", "live_room_open_lobby('IDLE') ->> 'status' = 'lobby'"),
    ("live_room_cancel", "the owner's other room", "live_room_cancel('IDLE') ->> 'status' = 'idle'"),
    ("live_room_join", "a live session", "(live_room_join('SESSION') ->> 'success')::boolean"),
    ("live_room_leave", "one's own attendance", "(live_room_leave('SESSION') ->> 'success')::boolean"),
    ("live_room_listing", "", "(select count(*) = 2 from live_room_listing())"),
    ("stuck_rooms", "", "(select count(*) = 0 from stuck_rooms())"),
    ("cleanup_stuck_rooms", "", "cleanup_stuck_rooms() is not null"),
    ("sweep_attendance", "", "sweep_attendance() = 0"),
    ("room_stats", "", "room_stats() is not null"),
    ("create_event", "one's own", "create_event('Concert') ->> 'status' = 'scheduled'"),
    ("get_event", "what it is called, and who may watch it", "get_event('EVENT') ->> 'title' is not null"),
    ("get_event", "`end_reason`", "get_event('OVER') ->> 'end_reason' is not null"),
    ("event_viewers", "a public event", "event_viewers('PUBLIC') ->> 'viewers' = '0'"),
    ("event_viewers", "the owner's event, which is not public", "event_viewers('EVENT') ->> 'viewers' = '0'"),
    ("event_totals", "", "event_totals() ->> 'events' = '0'"),
    ("end_event", "the owner's event", "end_event('EVENT') ->> 'status' = 'ended'"),
    ("set_notification_preferences", "one's own", "set_notification_preferences() is not null"),
    ("event_viewer_first", "", "event_viewer_first('EVENT', 'node-1') ->> 'status' = 'live'"),
    ("event_viewer_last", "", "event_viewer_last('EVENT', 'node-1') is not null"),
    ("event_host_here", "", "event_host_here('EVENT', 'node-1') ->> 'status' = 'live'"),
    ("event_host_gone", "", "event_host_gone('EVENT', 'node-1') is not null"),
    ("node_heartbeat", "", "node_heartbeat('node-1') is not null"),
    ("node_stop", "", "node_stop('node-1') is not null"),
    ("sweep_events", "", "sweep_events() is not null"),
    ("meeting_signal", "", "(meeting_signal('k', 'x', 'created', now()) ->> 'success')::boolean"),
    (
        "set_stream_relay",
        "the owner's stream",
        "(set_stream_relay('LIVE', p_ts => 'https://origin.example.org/live.ts') ->> 'success')::boolean",
    ),
    ("live_relays", "", "(select count(*) = 2 from live_relays())"),
    ("report_relay", "", "report_relay('LIVE', 'hls', 0, 'ok') ->> 'outcome' = 'outdated'"),
    ("record_chat_event", "", "(record_chat_event('w-1', '{\"type\": \"x\"}') ->> 'success')::boolean"),
];

/// One row of a table in Markdown.
fn row(cells: impl IntoIterator<Item = String>) -> String {
    format!("| {} |\n", cells.into_iter().collect::<Vec<_>>().join(" | "))
}

fn head(columns: &[&str]) -> String {
    row(columns.iter().map(|column| (*column).to_owned())) + &row(columns.iter().map(|_| "---".to_owned()))
}

/// Tries it, and takes it back.
async fn may(caller: &mut Caller, expression: &str) -> bool {
    caller.execute("begin").await.unwrap();
    let outcome = caller.call(expression).await;
    caller.execute("rollback").await.unwrap();
    match outcome {
        Ok(answer) => answer.as_bool().unwrap(),
        Err(error) => {
            assert_eq!(code(Err::<(), _>(error)), "42501", "{expression}");
            false
        }
    }
}

async fn functions(db: &TestDatabase) -> String {
    let mut text = head(&["function", "of what", "anon", "the owner", "another user", "an admin", "service_role"]);
    for (function, what, expression) in CALLS {
        let expression = expression
            .replace("LIVE", "00000000-0000-4000-8000-000000000001")
            .replace("SCHEDULED", "00000000-0000-4000-8000-000000000003")
            .replace("ROOM", "00000000-0000-4000-8000-000000000011")
            .replace("IDLE", "00000000-0000-4000-8000-000000000014")
            .replace("SESSION", "00000000-0000-4000-8000-000000000021")
            .replace("EVENT", "00000000-0000-4000-8000-000000000031")
            .replace("PUBLIC", "00000000-0000-4000-8000-000000000032")
            .replace("OVER", "00000000-0000-4000-8000-000000000033");
        let mut cells = vec![format!("`{function}`"), (*what).to_owned()];
        for who in EVERYBODY {
            let may = may(&mut db.caller(who).await, &expression).await;
            cells.push(if may { "yes" } else { "–" }.to_owned());
        }
        text += &row(cells);
    }
    text
}

/// All that has rows, by name.
async fn relations(owner: &mut PgConnection) -> Vec<String> {
    sqlx::query_scalar(
        "select case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in ('public', 'streamkeeper') and c.relkind in ('r', 'p', 'v', 'm') order by n.nspname, c.relname",
    )
    .fetch_all(owner)
    .await
    .unwrap()
}

/// How much of a table a caller can read.
async fn reading(db: &TestDatabase, who: Who, relation: &str, total: i64) -> &'static str {
    let seen = db.caller(who).await.call(&format!("(select count(*) from {relation})")).await;
    match seen.map(|rows| rows.as_i64().unwrap()) {
        Ok(_) if total == 0 => panic!("{who:?} may read {relation}, in which SETUP has put nothing that could be seen"),
        Ok(0) => "nothing of it",
        Ok(seen) if seen == total => "all",
        Ok(_) => "own rows",
        Err(error) => {
            assert_eq!(code(Err::<(), _>(error)), "42501", "{who:?} {relation}");
            "–"
        }
    }
}

async fn reads(db: &TestDatabase) -> String {
    let mut owner = db.owner().await;
    let mut text = head(&["table or view", "anon", "the owner", "another user", "an admin", "service_role"]);
    for relation in relations(&mut owner).await {
        let count = format!("select count(*) from {relation}");
        let total: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut owner).await.unwrap();
        let mut cells = vec![format!("`{relation}`")];
        for who in EVERYBODY {
            cells.push(reading(db, who, &relation, total).await.to_owned());
        }
        text += &row(cells);
    }
    text
}

/// Who holds a right to change something in a table.
async fn writes(owner: &mut PgConnection) -> String {
    let rights: Vec<(String, String, String)> = sqlx::query_as(
        "select case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname, r.role,
           string_agg(lower(p.privilege), ', ' order by p.n)
         from pg_class c join pg_namespace n on n.oid = c.relnamespace,
           unnest('{anon,authenticated,service_role}'::text[]) as r (role),
           unnest('{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) with ordinality as p (privilege, n)
         where n.nspname in ('public', 'streamkeeper') and c.relkind in ('r', 'p', 'v', 'm')
           and case when p.privilege in ('INSERT', 'UPDATE', 'REFERENCES') then has_any_column_privilege(r.role, c.oid, p.privilege)
             else has_table_privilege(r.role, c.oid, p.privilege) end
         group by 1, 2 order by 1, 2",
    )
    .fetch_all(owner)
    .await
    .unwrap();
    let mut text = head(&["table", "role", "may"]);
    for (table, role, rights) in rights {
        text += &row([format!("`{table}`"), role, rights]);
    }
    text
}

/// The helpers that somebody besides their owner may execute.
async fn helpers(owner: &mut PgConnection) -> String {
    let mut text = String::new();
    for role in ["anon", "authenticated", "service_role"] {
        let functions: Vec<String> = sqlx::query_scalar(
            "select '`' || p.proname || '`' from pg_proc p
             where p.pronamespace = 'streamkeeper'::regnamespace and has_function_privilege($1, p.oid, 'execute') order by 1",
        )
        .bind(role)
        .fetch_all(&mut *owner)
        .await
        .unwrap();
        let functions = if functions.is_empty() { "none".to_owned() } else { functions.join(", ") };
        writeln!(text, "- {role}: {functions}").unwrap();
    }
    text
}

async fn document() -> String {
    let db = TestDatabase::new().await;
    let mut owner = db.owner().await;
    raw_sql(SETUP).execute(&mut owner).await.unwrap();
    format!(
        "# Who may do what

Not written by hand: a test (`tests/database/tests/rights_table.rs`) tries everything as everybody, and fails when the outcome is
not what stands here. `STREAMKEEPER_WRITE_RIGHTS=1 cargo xtask test database` writes it anew.

*The owner* is the user to whom the stream, chat or row in question belongs; *an admin* has `role: \"admin\"` in the `app_metadata` of the token.
An operator's own connection to the database counts as `service_role`.

## Functions

{}
## Reading

{}
## Writing, past the functions

Whoever is not listed may not.

{}
## Helpers

The schema `streamkeeper` is not exposed by the API. Its functions are for policies and other functions; these roles may execute

{}",
        functions(&db).await,
        reads(&db).await,
        writes(&mut owner).await,
        helpers(&mut owner).await,
    )
}

#[tokio::test]
async fn the_table_of_who_may_do_what_is_true() {
    let document = document().await;
    if env::var_os("STREAMKEEPER_WRITE_RIGHTS").is_some() {
        fs::write(FILE, document).unwrap();
        return;
    }
    let written = fs::read_to_string(FILE).unwrap();
    let differing = document.lines().zip(written.lines()).find(|(is, stands)| is != stands);
    assert_eq!(differing, None, "what is, and what stands in docs/rights.md");
    assert_eq!(document, written);
}

#[tokio::test]
async fn no_function_is_left_out_of_the_table() {
    let db = TestDatabase::new().await;
    let functions: Vec<String> =
        sqlx::query_scalar("select proname::text from pg_proc where pronamespace = 'public'::regnamespace")
            .fetch_all(&mut db.owner().await)
            .await
            .unwrap();
    let tried: BTreeSet<&str> = CALLS.iter().map(|(function, ..)| *function).collect();
    assert_eq!(functions.iter().map(String::as_str).collect::<BTreeSet<_>>(), tried);
}
