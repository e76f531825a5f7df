//! Calls that are wrong: refused with a SQLSTATE and a message that says what is wrong, and with no effect.

use database_tests::{Who, code, message};
use serde_json::Value;

use crate::stage::{EVENT, Stage};

const UNKNOWN: &str = "00000000-0000-4000-8000-0000000000ff";
/// "host"'s, ended.
const ENDED: &str = "00000000-0000-4000-8000-000000000002";
/// "guest"'s, live.
const THEIRS: &str = "00000000-0000-4000-8000-000000000003";

async fn everything(stage: &Stage) -> Value {
    sqlx::query_scalar(
        "select json_build_array(
           (select json_agg(t order by t.id) from events t), (select json_agg(t) from notifications t),
           (select json_agg(t) from notification_preferences t), (select json_agg(t) from streamkeeper.leases t),
           (select json_agg(t order by t.id) from streamkeeper.nodes t), (select json_agg(t order by t.id) from livestreams t))",
    )
    .fetch_one(&mut stage.db.owner().await)
    .await
    .unwrap()
}

async fn refused(who: Who, calls: &[(&str, &str, &str)]) {
    let stage = Stage::new().await;
    for (user, stream) in [("host", ENDED), ("guest", THEIRS)] {
        stage.user(user, &format!("start_stream('{stream}')")).await;
    }
    stage.user("host", &format!("end_stream_comprehensive('{ENDED}')")).await;
    let filled = |text: &str| {
        text.replace("EVENT", EVENT).replace("UNKNOWN", UNKNOWN).replace("ENDED", ENDED).replace("THEIRS", THEIRS)
    };
    let before = everything(&stage).await;
    let mut caller = stage.db.caller(who).await;
    caller.execute("set timezone = 'UTC'").await.unwrap();
    for (call, sqlstate, said) in calls {
        assert_eq!(message(caller.call(&filled(call)).await), filled(said), "{who:?}: {call}");
        assert_eq!(code(caller.call(&filled(call)).await), *sqlstate, "{who:?}: {call}");
        assert_eq!(everything(&stage).await, before, "{who:?}: {call}");
    }
}

#[tokio::test]
async fn of_a_host() {
    refused(
        Who::User("host"),
        &[
            ("create_event(null)", "22023", "p_title is null; it must have 1 to 200 characters"),
            ("create_event('')", "22023", "p_title is empty; it must have 1 to 200 characters"),
            ("create_event(repeat('x', 201))", "22023", "p_title is 201 characters long; at most 200 are allowed"),
            ("create_event('x', p_grace_seconds => 4)", "22023", "p_grace_seconds is 4; it must be between 5 and 3600"),
            (
                "create_event('x', p_grace_seconds => 3601)",
                "22023",
                "p_grace_seconds is 3601; it must be between 5 and 3600",
            ),
            (
                "create_event('x', p_starts_at => '2046-01-01 18:00Z', p_scheduled_end_at => '2046-01-01 18:00Z')",
                "22023",
                "p_starts_at is 2046-01-01 18:00:00+00; it must be at most 366 days from now",
            ),
            (
                "create_event('x', p_starts_at => '2006-01-01 18:00Z')",
                "22023",
                "p_starts_at is 2006-01-01 18:00:00+00; it must be at most 1 day ago",
            ),
            (
                "create_event('x', p_starts_at => 'infinity')",
                "22023",
                "p_starts_at is infinity; it must be at most 366 days from now",
            ),
            (
                "create_event('x', p_scheduled_end_at => '2006-01-01 18:00Z')",
                "22023",
                "p_scheduled_end_at is 2006-01-01 18:00:00+00; it must be later than p_starts_at, and than now",
            ),
            (
                "create_event('x', p_scheduled_end_at => '2046-01-01 18:00Z')",
                "22023",
                "p_scheduled_end_at is 2046-01-01 18:00:00+00; it must be at most 366 days after the start",
            ),
            (
                "create_event('x', p_starts_at => 'soon')",
                "22007",
                "invalid input syntax for type timestamp with time zone: \"soon\"",
            ),
            ("create_event('x', p_stream_id => 'UNKNOWN')", "PT404", "there is no stream UNKNOWN"),
            ("create_event('x', p_stream_id => 'ENDED')", "PT409", "stream ENDED has ended"),
            ("create_event('x', p_stream_id => 'THEIRS')", "42501", "stream THEIRS belongs to somebody else"),
            ("create_event('x', 'EVENT-and-more')", "22P02", "invalid input syntax for type uuid: \"EVENT-and-more\""),
            ("get_event('UNKNOWN')", "PT404", "there is no event UNKNOWN"),
            ("get_event(null)", "PT404", "there is no event null"),
            ("event_viewers('UNKNOWN')", "PT404", "there is no event UNKNOWN"),
            ("end_event('UNKNOWN')", "PT404", "there is no event UNKNOWN"),
            ("end_event(null)", "PT404", "there is no event null"),
            (
                "end_event('EVENT', repeat('x', 501))",
                "22023",
                "p_reason is 501 characters long; at most 500 are allowed",
            ),
            (
                "set_notification_preferences(p_delay_seconds => 86401)",
                "22023",
                "p_delay_seconds is 86401; it must be between 0 and 86400",
            ),
            (
                "set_notification_preferences(p_batch => 'weekly')",
                "22023",
                "p_batch is weekly; it must be none, hourly or daily",
            ),
            ("set_notification_preferences(p_channel => 'fax')", "22023", "p_channel is fax; it must be email"),
        ],
    )
    .await;
}

#[tokio::test]
async fn of_somebody_else() {
    refused(
        Who::User("guest"),
        &[
            ("create_event('x', 'EVENT')", "42501", "event EVENT belongs to somebody else"),
            ("end_event('EVENT')", "42501", "event EVENT belongs to somebody else"),
        ],
    )
    .await;
    refused(
        Who::Service,
        &[
            ("create_event('x')", "42501", "create_event needs a signed-in user"),
            ("set_notification_preferences()", "42501", "set_notification_preferences needs a signed-in user"),
        ],
    )
    .await;
}

#[tokio::test]
async fn of_a_node() {
    let shape = "it must be {\"viewers\": n, \"users\": n}, each between 0 and 1000000000";
    let bad = |value: &str| {
        (format!("node_heartbeat('a', '{{\"EVENT\": {value}}}')"), format!("p_counts has {value} at EVENT; {shape}"))
    };
    let values: Vec<_> = [
        "3",
        "null",
        "{\"viewers\": 3}",
        "{\"users\": 1, \"viewers\": -1}",
        "{\"users\": 1, \"viewers\": 0.5}",
        "{\"users\": 1, \"viewers\": \"3\"}",
        "{\"users\": 1, \"viewers\": 1000000001}",
    ]
    .into_iter()
    .map(bad)
    .collect();
    let values: Vec<_> = values.iter().map(|(call, said)| (call.as_str(), "22023", said.as_str())).collect();
    refused(Who::Service, &values).await;
    refused(
        Who::Service,
        &[
            ("event_viewer_first('UNKNOWN', 'a')", "PT404", "there is no event UNKNOWN"),
            ("event_viewer_last('UNKNOWN', 'a')", "PT404", "there is no event UNKNOWN"),
            ("event_host_here('UNKNOWN', 'a')", "PT404", "there is no event UNKNOWN"),
            ("event_host_gone(null, 'a')", "PT404", "there is no event null"),
            ("event_viewer_first('EVENT', '')", "22023", "p_node is empty; it must have 1 to 100 characters"),
            ("event_viewer_last('EVENT', null)", "22023", "p_node is null; it must have 1 to 100 characters"),
            ("node_heartbeat(repeat('x', 101))", "22023", "p_node is 101 characters long; at most 100 are allowed"),
            ("node_heartbeat('a', '[]')", "22023", "p_counts is array; it must be an object"),
            ("node_heartbeat('a', null)", "22023", "p_counts is null; it must be an object"),
            ("node_heartbeat('a', '{\"x\": {}}')", "22P02", "invalid input syntax for type uuid: \"x\""),
            ("node_stop(null)", "22023", "p_node is null; it must have 1 to 100 characters"),
            ("node_stop('z')", "PT404", "there is no node z"),
            ("sweep_events(0)", "22023", "p_limit is 0; it must be between 1 and 10000"),
        ],
    )
    .await;
}
