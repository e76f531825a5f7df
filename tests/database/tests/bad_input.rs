//! Calls that are wrong: refused with a SQLSTATE and a message that says what is wrong with which argument, and with no
//! effect at all.

use database_tests::{TestDatabase, Who, code, message};
use serde_json::{Value, json};

/// "owner"'s live stream, held by "page-1".
const LIVE: &str = "00000000-0000-4000-8000-000000000001";
/// "owner"'s, ended.
const ENDED: &str = "00000000-0000-4000-8000-000000000002";
/// Nobody's.
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000003";

async fn database() -> TestDatabase {
    let db = TestDatabase::new().await;
    let mut owner = db.caller(Who::User("owner")).await;
    for id in [LIVE, ENDED] {
        owner.call(&format!("start_stream('{id}', p_holder => 'page-1')")).await.unwrap();
    }
    owner.call(&format!("end_stream_comprehensive('{ENDED}')")).await.unwrap();
    db
}

/// Everything that a call could have changed.
async fn everything(db: &TestDatabase) -> Value {
    sqlx::query_scalar(
        "select json_build_array(
           (select json_agg(t order by t.id) from livestreams t), (select json_agg(t order by t.id) from end_attempts t),
           (select json_agg(t) from weekly_usage t), (select json_agg(t) from streamkeeper.leases t),
           (select json_agg(t) from streamkeeper.sweeper t))",
    )
    .fetch_one(&mut db.owner().await)
    .await
    .unwrap()
}

/// Each of these calls is refused with this SQLSTATE and message, and changes nothing.
async fn refused(who: Who, calls: &[(&str, &str, &str)]) {
    let db = database().await;
    let before = everything(&db).await;
    let mut caller = db.caller(who).await;
    caller.execute("set timezone = 'UTC'").await.unwrap();
    for (call, sqlstate, said) in calls {
        let call = call.replace("LIVE", LIVE).replace("ENDED", ENDED).replace("UNKNOWN", UNKNOWN);
        let said = said.replace("LIVE", LIVE).replace("ENDED", ENDED).replace("UNKNOWN", UNKNOWN);
        let expression = format!("(select json_agg(t) from {call} t)");
        assert_eq!(message(caller.call(&expression).await), said, "{who:?}: {call}");
        assert_eq!(code(caller.call(&expression).await), *sqlstate, "{who:?}: {call}");
        assert_eq!(everything(&db).await, before, "{who:?}: {call}");
    }
}

#[tokio::test]
async fn ids_that_are_none() {
    let malformed = "invalid input syntax for type uuid: \"LIVE-and-more\"";
    let selectors = "exactly one of p_stream_id, p_streamer_id and p_force_end_all must be given";
    refused(
        Who::Admin("owner"),
        &[
            ("get_stream_status('LIVE-and-more')", "22P02", malformed),
            ("start_stream('LIVE-and-more')", "22P02", malformed),
            ("touch_stream('LIVE-and-more', 'page-1')", "22P02", malformed),
            ("end_stream_comprehensive('LIVE-and-more')", "22P02", malformed),
            ("get_stream_status('')", "22P02", "invalid input syntax for type uuid: \"\""),
            // Both, all three, none.
            ("end_stream_comprehensive('LIVE', 'owner')", "22023", selectors),
            ("end_stream_comprehensive('LIVE', 'owner', true)", "22023", selectors),
            ("end_stream_comprehensive('LIVE', p_force_end_all => true)", "22023", selectors),
            ("end_stream_comprehensive()", "22023", selectors),
            ("end_stream_comprehensive(null, null, null)", "22023", selectors),
            ("end_stream_on_user_disconnect(null)", "22023", "p_streamer_id is null; it must name a user"),
            ("start_stream('ENDED')", "PT409", "stream ENDED has ended"),
        ],
    )
    .await;
}

#[tokio::test]
async fn ids_that_name_nothing_are_answered_without_a_trace_of_a_stream() {
    let db = database().await;
    let mut owner = db.caller(Who::User("owner")).await;
    let not_found = |id: Value| json!({"success": false, "status": "not_found", "stream_id": id});
    assert_eq!(owner.call("get_stream_status(null)").await.unwrap(), not_found(Value::Null));
    let unknown = owner.call(&format!("get_stream_status('{UNKNOWN}')")).await.unwrap();
    assert_eq!(unknown, not_found(json!(UNKNOWN)));
    let touched = json!({"success": false, "status": "not_found", "lease_until": null});
    for id in ["null".to_owned(), format!("'{UNKNOWN}'")] {
        assert_eq!(owner.call(&format!("touch_stream({id}, 'page-1')")).await.unwrap(), touched);
    }
    assert_eq!(owner.call("(select count(*) from livestreams)").await.unwrap(), json!(2));
}

#[tokio::test]
async fn somebody_elses_stream() {
    let theirs = "stream LIVE belongs to somebody else";
    refused(
        Who::User("other"),
        &[
            ("start_stream('LIVE')", "42501", theirs),
            ("touch_stream('LIVE', 'page-1')", "42501", theirs),
            ("touch_stream('LIVE', 'page-1', 0)", "42501", theirs),
            ("end_stream_comprehensive('LIVE')", "42501", theirs),
            ("end_stream_comprehensive('ENDED')", "42501", "stream ENDED belongs to somebody else"),
            ("end_stream_comprehensive(p_streamer_id => 'owner')", "42501", "p_streamer_id names somebody else"),
            ("end_stream_on_user_disconnect('owner')", "42501", "p_streamer_id names somebody else"),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_for_admins() {
    // The owner too: owning a stream makes nobody an admin.
    for who in [Who::User("owner"), Who::User("other")] {
        refused(
            who,
            &[
                ("end_stream_comprehensive(p_force_end_all => true)", "42501", "p_force_end_all is for admins only"),
                ("sweep()", "42501", "sweep is for admins only"),
                ("auto_end_inactive_streams()", "42501", "auto_end_inactive_streams is for admins only"),
                ("orphaned_streams()", "42501", "orphaned_streams is for admins only"),
                ("end_attempt_stats()", "42501", "end_attempt_stats is for admins only"),
                ("rebuild_weekly_usage()", "42501", "rebuild_weekly_usage is for admins only"),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn values_out_of_bounds() {
    refused(
        Who::Admin("owner"),
        &[
            // Ten days.
            (
                "touch_stream('LIVE', 'page-1', 864000)",
                "22023",
                "p_lease_seconds is 864000; it must be between 0 and 900",
            ),
            ("touch_stream('LIVE', 'page-1', 901)", "22023", "p_lease_seconds is 901; it must be between 0 and 900"),
            ("touch_stream('LIVE', 'page-1', -1)", "22023", "p_lease_seconds is -1; it must be between 0 and 900"),
            ("touch_stream('LIVE', 'page-1', null)", "22023", "p_lease_seconds is null; it must be between 0 and 900"),
            (
                "touch_stream('LIVE', 'page-1', '3000000000')",
                "22003",
                "value \"3000000000\" is out of range for type integer",
            ),
            ("touch_stream('LIVE', null)", "22023", "p_holder is null; it must have 1 to 100 characters"),
            ("touch_stream('LIVE', '')", "22023", "p_holder is empty; it must have 1 to 100 characters"),
            (
                "touch_stream('LIVE', repeat('x', 101))",
                "22023",
                "p_holder is 101 characters long; at most 100 are allowed",
            ),
            (
                "start_stream(p_title => repeat('x', 201))",
                "22023",
                "p_title is 201 characters long; at most 200 are allowed",
            ),
            ("start_stream(p_holder => '')", "22023", "p_holder is empty; it must have 1 to 100 characters"),
            (
                "end_stream_comprehensive('LIVE', p_attempt => 0)",
                "22023",
                "p_attempt is 0; it must be between 1 and 1000",
            ),
            (
                "end_stream_comprehensive('LIVE', p_reason => repeat('x', 501))",
                "22023",
                "p_reason is 501 characters long; at most 500 are allowed",
            ),
            (
                "end_stream_on_user_disconnect('owner', -1)",
                "22023",
                "p_grace_seconds is -1; it must be between 0 and 86400",
            ),
            (
                "end_stream_on_user_disconnect(repeat('x', 201))",
                "22023",
                "p_streamer_id is 201 characters long; at most 200 are allowed",
            ),
            (
                "rebuild_weekly_usage('2026-02-02', '2026-02-01')",
                "22023",
                "p_from is 2026-02-02 00:00:00+00 and p_to is 2026-02-01 00:00:00+00; p_from must be before p_to",
            ),
            ("end_attempt_stats('2026-01-01', '2027-06-01')", "22023", "p_to is more than 400 days after p_from"),
            (
                "rebuild_weekly_usage('yesterday-ish')",
                "22007",
                "invalid input syntax for type timestamp with time zone: \"yesterday-ish\"",
            ),
        ],
    )
    .await;
}
