//! Who may do what: every caller against every function and every table.

use database_tests::{Caller, TestDatabase, Who, code};
use serde_json::json;

const ID: &str = "00000000-0000-4000-8000-000000000001";

const EVERYBODY: [Who; 5] = [Who::Anon, Who::User("owner"), Who::User("other"), Who::Admin("admin"), Who::Service];

/// A database in which "owner" has a live stream with one end call on record, and everybody is a known user.
async fn database() -> TestDatabase {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    owner.call(&format!("start_stream('{ID}', 'Title')")).await.unwrap();
    let mut service = db.caller(Who::Service).await;
    service.call(&format!("end_stream_comprehensive('{ID}')")).await.unwrap();
    db.caller(Who::User("owner")).await.call("start_stream('00000000-0000-4000-8000-000000000002')").await.unwrap();
    service
        .execute("insert into app_users (user_id, email) values ('owner', 'owner@example.org'), ('other', null)")
        .await
        .unwrap();
    db
}

async fn can_execute(caller: &mut Caller, function: &str) -> bool {
    let sql =
        format!("(select bool_or(has_function_privilege(oid, 'execute')) from pg_proc where proname = '{function}')");
    caller.call(&sql).await.unwrap() == json!(true)
}

#[tokio::test]
async fn each_function_is_granted_to_the_fewest() {
    let db = database().await;
    for who in EVERYBODY {
        let mut caller = db.caller(who).await;
        let signed_in = who != Who::Anon;
        assert!(can_execute(&mut caller, "get_stream_status").await, "{who:?}");
        for function in [
            "list_active_streams",
            "get_live_room",
            "live_room_listing",
            "viewers",
            "host_name",
            "get_event",
            "event_viewers",
        ] {
            assert!(can_execute(&mut caller, function).await, "{who:?} {function}");
        }
        for function in [
            "start_stream",
            "touch_stream",
            "end_stream_comprehensive",
            "end_stream_on_user_disconnect",
            "auto_end_inactive_streams",
            "sweep",
            "orphaned_streams",
            "end_attempt_stats",
            "rebuild_weekly_usage",
            "chat_list",
            "close_expired_chats",
            "repair_chats",
            "list_chat_logs",
            "record_chat_connection",
            "chat_usage",
            "my_room",
            "live_room_create_session",
            "live_room_end",
            "live_room_schedule",
            "live_room_open_lobby",
            "live_room_cancel",
            "live_room_join",
            "live_room_leave",
            "stuck_rooms",
            "cleanup_stuck_rooms",
            "sweep_attendance",
            "room_stats",
            "create_event",
            "end_event",
            "event_totals",
            "set_notification_preferences",
            "set_stream_relay",
        ] {
            assert_eq!(can_execute(&mut caller, function).await, signed_in, "{who:?} {function}");
        }
        for function in [
            "record_chat_event",
            "event_viewer_first",
            "event_viewer_last",
            "event_host_here",
            "event_host_gone",
            "node_heartbeat",
            "node_stop",
            "sweep_events",
            "meeting_signal",
            "user_email",
            "live_relays",
            "report_relay",
        ] {
            assert_eq!(can_execute(&mut caller, function).await, who == Who::Service, "{who:?} {function}");
        }
        for function in [
            "hold",
            "finish",
            "sweep_leases",
            "sweep_lazily",
            "alive_since",
            "schedule_jobs",
            "book_usage",
            "orphans",
            "split_by_week",
            "time_zone_of",
            "readable_json",
            "json_id",
            "json_time",
            "chat_usage_numbers",
            "chat_insights",
            "room",
            "rooms_in_step",
            "sessions_in_step",
            "close_lapsed_attendance",
            "stuck",
            "rooms_in_use",
            "heal_rooms",
            "lock_room",
            "open_session",
            "coming_session",
            "plan_session",
            "finish_event",
            "settle_event",
            "notify_host",
            "enqueue_notice",
            "node_seen",
            "check_upstream",
            "relays_json",
        ] {
            assert!(!can_execute(&mut caller, function).await, "{who:?} {function}");
        }
    }
}

#[tokio::test]
async fn no_function_of_ours_is_open_to_public_or_without_a_fixed_search_path() {
    let db = database().await;
    let mut owner = db.owner().await;
    let open: Vec<String> = sqlx::query_scalar(
        "select p.oid::regprocedure::text from pg_proc p
         where p.pronamespace in ('public'::regnamespace, 'streamkeeper'::regnamespace)
           and (p.proacl is null
             or exists (select from aclexplode(p.proacl) a where a.grantee = 0)
             or p.proconfig is null or not 'search_path=\"\"' = any (p.proconfig))",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test]
async fn there_are_no_overloads() {
    let db = database().await;
    let overloaded: Vec<String> = sqlx::query_scalar(
        "select proname::text from pg_proc where pronamespace = 'public'::regnamespace group by 1 having count(*) > 1",
    )
    .fetch_all(&mut db.owner().await)
    .await
    .unwrap();
    assert!(overloaded.is_empty(), "{overloaded:?}");
}

#[tokio::test]
async fn the_owner_an_admin_and_the_service_end_a_stream_by_id_and_nobody_else_does() {
    for (who, allowed) in [
        (Who::Anon, false),
        (Who::User("owner"), true),
        (Who::User("other"), false),
        (Who::Admin("admin"), true),
        (Who::Service, true),
    ] {
        let db = database().await;
        let mut caller = db.caller(who).await;
        for selector in ["p_stream_id => '00000000-0000-4000-8000-000000000002'", "p_streamer_id => 'owner'"] {
            let result = caller.call(&format!("end_stream_comprehensive({selector})")).await;
            if allowed {
                assert_eq!(result.unwrap()["success"], true, "{who:?} {selector}");
            } else {
                assert_eq!(code(result), "42501", "{who:?} {selector}");
            }
        }
        let live =
            db.caller(Who::Service).await.call("(select count(*) from livestreams where is_live)").await.unwrap();
        assert_eq!(live, json!(if allowed { 0 } else { 1 }), "{who:?}");
    }
}

#[tokio::test]
async fn only_an_admin_and_the_service_end_everything() {
    for (who, allowed) in [
        (Who::Anon, false),
        (Who::User("owner"), false),
        (Who::User("other"), false),
        (Who::Admin("admin"), true),
        (Who::Service, true),
    ] {
        let db = database().await;
        let result = db.caller(who).await.call("end_stream_comprehensive(p_force_end_all => true)").await;
        if allowed {
            assert_eq!(result.unwrap()["affected_count"], 1, "{who:?}");
        } else {
            assert_eq!(code(result), "42501", "{who:?}");
        }
    }
}

#[tokio::test]
async fn the_owner_an_admin_and_the_service_hold_a_stream_and_say_who_is_gone_and_nobody_else_does() {
    for (who, allowed) in [
        (Who::Anon, false),
        (Who::User("owner"), true),
        (Who::User("other"), false),
        (Who::Admin("admin"), true),
        (Who::Service, true),
    ] {
        let db = database().await;
        let mut caller = db.caller(who).await;
        for (call, answer) in [
            ("touch_stream('00000000-0000-4000-8000-000000000002', 'page-1') -> 'success'", json!(true)),
            ("touch_stream('00000000-0000-4000-8000-000000000002', 'page-1', 0) -> 'success'", json!(true)),
            ("end_stream_on_user_disconnect('owner')", json!(true)),
        ] {
            let result = caller.call(call).await;
            if allowed {
                assert_eq!(result.unwrap(), answer, "{who:?} {call}");
            } else {
                assert_eq!(code(result), "42501", "{who:?} {call}");
            }
        }
        let mut service = db.caller(Who::Service).await;
        let live = service.call("(select count(*) from livestreams where is_live)").await.unwrap();
        assert_eq!(live, json!(if allowed { 0 } else { 1 }), "{who:?}");
        // An outsider learns nothing from trying what is over, or not there.
        if who == Who::User("other") {
            assert_eq!(code(caller.call(&format!("touch_stream('{ID}', 'page-1')")).await), "42501");
        }
        assert_eq!(service.call("(select count(*) from streamkeeper.leases)").await.unwrap(), json!(0), "{who:?}");
    }
}

#[tokio::test]
async fn only_an_admin_and_the_service_end_by_deadline() {
    for (who, allowed) in [
        (Who::Anon, false),
        (Who::User("owner"), false),
        (Who::User("other"), false),
        (Who::Admin("admin"), true),
        (Who::Service, true),
    ] {
        let db = database().await;
        let mut caller = db.caller(who).await;
        for call in ["sweep()", "auto_end_inactive_streams()"] {
            let result = caller.call(call).await;
            if allowed {
                result.unwrap();
            } else {
                assert_eq!(code(result), "42501", "{who:?} {call}");
            }
        }
    }
}

#[tokio::test]
async fn leases_and_the_sweepers_books_are_closed_to_all_but_the_service_which_reads_leases() {
    let db = database().await;
    for who in EVERYBODY {
        let mut caller = db.caller(who).await;
        let leases = caller.rows("streamkeeper.leases").await;
        if who == Who::Service {
            leases.unwrap();
        } else {
            assert_eq!(code(leases), "42501", "{who:?}");
        }
        for sql in [
            "select from streamkeeper.sweeper",
            "update streamkeeper.sweeper set alive_since = '-infinity'",
            "update streamkeeper.leases set lease_until = 'infinity'",
            "delete from streamkeeper.leases",
            "insert into streamkeeper.leases (kind, subject, holder, lease_seconds, lease_until)
             values ('viewer', 'x', 'x', 1, now())",
        ] {
            assert_eq!(code(caller.execute(sql).await), "42501", "{who:?}: {sql}");
        }
    }
}

#[tokio::test]
async fn an_operators_own_connection_counts_as_the_service() {
    let db = database().await;
    let result: serde_json::Value = sqlx::query_scalar("select end_stream_comprehensive(p_force_end_all => true)")
        .fetch_one(&mut db.owner().await)
        .await
        .unwrap();
    assert_eq!(result["affected_count"], 1);
}

#[tokio::test]
async fn the_authenticator_before_it_takes_a_role_has_no_rights() {
    let db = database().await;
    let mut owner = db.owner().await;
    sqlx::query("set session authorization authenticator").execute(&mut owner).await.unwrap();
    let denied = sqlx::query("select get_stream_status(gen_random_uuid())").execute(&mut owner).await;
    assert_eq!(code(denied), "42501");
    let denied = sqlx::query("select * from livestreams").execute(&mut owner).await;
    assert_eq!(code(denied), "42501");
}

#[tokio::test]
async fn nobody_writes_the_tables_directly() {
    let db = database().await;
    for who in EVERYBODY {
        let mut caller = db.caller(who).await;
        for sql in [
            "insert into livestreams (streamer_id) values ('owner')",
            "update livestreams set title = 'x'",
            "delete from livestreams",
            "truncate livestreams",
            "insert into end_attempts (role, attempt, outcome) values ('anon', 1, 'ended')",
            "update end_attempts set reason = 'x'",
            "delete from end_attempts",
            "truncate end_attempts",
        ] {
            assert_eq!(code(caller.execute(sql).await), "42501", "{who:?}: {sql}");
        }
        if who != Who::Service {
            for sql in [
                "insert into app_users (user_id) values ('x')",
                "update app_users set email = 'x'",
                "delete from app_users",
            ] {
                assert_eq!(code(caller.execute(sql).await), "42501", "{who:?}: {sql}");
            }
        }
    }
}

#[tokio::test]
async fn reading_the_tables_is_for_the_owner_admins_and_the_service() {
    let db = database().await;
    for (who, streams, attempts, users) in [
        (Who::User("owner"), 2, 1, 1),
        (Who::User("other"), 0, 0, 1),
        (Who::Admin("admin"), 2, 1, 2),
        (Who::Service, 2, 1, 2),
    ] {
        let mut caller = db.caller(who).await;
        let seen = (
            caller.call("(select count(*) from livestreams)").await.unwrap(),
            caller.call("(select count(*) from end_attempts)").await.unwrap(),
            caller.call("(select count(*) from app_users)").await.unwrap(),
        );
        assert_eq!(seen, (json!(streams), json!(attempts), json!(users)), "{who:?}");
    }
    let mut anon = db.caller(Who::Anon).await;
    for table in ["livestreams", "end_attempts", "app_users"] {
        assert_eq!(code(anon.rows(table).await), "42501", "{table}");
    }
}

#[tokio::test]
async fn row_level_security_is_on_for_every_table() {
    let db = database().await;
    let open: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relkind in ('r', 'p') and not relrowsecurity
           and relnamespace in ('public'::regnamespace, 'streamkeeper'::regnamespace)",
    )
    .fetch_all(&mut db.owner().await)
    .await
    .unwrap();
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test]
async fn a_token_without_a_user_id_owns_nothing() {
    let db = database().await;
    let mut caller = db.caller(Who::User("owner")).await;
    for claims in ["", r#"{"role":"authenticated"}"#, r#"{"role":"authenticated","sub":""}"#] {
        caller.execute(&format!("select set_config('request.jwt.claims', '{claims}', false)")).await.unwrap();
        assert_eq!(caller.call("(select count(*) from livestreams)").await.unwrap(), json!(0), "{claims}");
        assert_eq!(code(caller.call("start_stream()").await), "42501", "{claims}");
        let end = format!("end_stream_comprehensive('{ID}')");
        assert_eq!(code(caller.call(&end).await), "42501", "{claims}");
        let touch = "touch_stream('00000000-0000-4000-8000-000000000002', 'page-1')";
        assert_eq!(code(caller.call(touch).await), "42501", "{claims}");
    }
}

#[tokio::test]
async fn the_older_claim_setting_is_understood_too() {
    let db = database().await;
    let mut caller = db.caller(Who::User("owner")).await;
    caller
        .execute(
            "select set_config('request.jwt.claims', '', false), set_config('request.jwt.claim.sub', 'owner', false)",
        )
        .await
        .unwrap();
    assert_eq!(caller.call("(select count(*) from livestreams)").await.unwrap(), json!(2));
    assert_eq!(caller.call("start_stream()").await.unwrap()["streamer_id"], "owner");
}
