//! When an event is over: by absence, by its schedule, by a call.

use database_tests::code;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, raw_sql};

use crate::stage::{EVENT, Stage};

#[tokio::test]
async fn whoever_comes_in_the_last_tenth_of_a_second_of_the_grace_keeps_it() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.last("a").await;
    let mut owner = stage.db.owner().await;
    // Until the machine was fast enough for it to have been in time.
    let generation = loop {
        let mut late = owner.begin().await.unwrap();
        raw_sql("update events set viewers_gone_since = clock_timestamp() - interval '29.9 s'")
            .execute(&mut *late)
            .await
            .unwrap();
        let due: String = sqlx::query_scalar("select due_at::text from events").fetch_one(&mut *late).await.unwrap();
        let call = format!("select (event_viewer_first('{EVENT}', 'b') ->> 'generation')::int");
        let generation: i32 = sqlx::query_scalar(AssertSqlSafe(call)).fetch_one(&mut *late).await.unwrap();
        let in_time = sqlx::query_scalar("select clock_timestamp() < $1::timestamptz").bind(due);
        if in_time.fetch_one(&mut *late).await.unwrap() {
            late.commit().await.unwrap();
            break generation;
        }
        late.rollback().await.unwrap();
    };
    assert_eq!(generation, 1);
    stage.pass(3600.0).await;
    assert_eq!(stage.sweep().await, (0, 0));
    stage.is("live", 1).await;
    assert_eq!(stage.notices().await, json!([]));
}

#[tokio::test]
async fn whoever_comes_after_it_begins_the_next_generation_also_when_nobody_has_swept() {
    for sweeps in [false, true] {
        let mut stage = Stage::new().await;
        stage.first("a").await;
        stage.last("a").await;
        stage.pass(30.001).await;
        if sweeps {
            assert_eq!(stage.sweep().await, (1, 0));
            stage.is("ended", 1).await;
        }
        assert_eq!(stage.first("b").await["generation"], 2);
        stage.is("live", 2).await;
        assert_eq!(stage.notices().await, json!([[1, "queued"]]));
        assert_eq!(
            stage.see("(select n.ended_at <= e.started_at from notifications n, events e)").await,
            true,
            "it ended before it began again"
        );
    }
}

#[tokio::test]
async fn it_ended_when_the_grace_was_over_however_late_that_is_found_out() {
    let mut stage = Stage::with(", p_grace_seconds => 5").await;
    stage.first("a").await;
    stage.last("a").await;
    stage.pass(1000.0).await;
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(stage.see("(select ended_at - empty_since = '5 s' from events)").await, true);
    let event = stage.see("get_event('EVENT')").await;
    assert_eq!((&event["ended_by"], &event["end_reason"]), (&json!("absence"), &json!("everyone_left")));
    assert_eq!(stage.sweep().await, (0, 0));
}

#[tokio::test]
async fn an_event_that_nobody_came_to_has_ten_minutes() {
    let mut stage = Stage::with(", p_starts_at => now() + interval '1 hour'").await;
    stage.pass(3600.0 + 500.0).await;
    assert_eq!(stage.sweep().await, (0, 0));
    stage.pass(201.0).await;
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(stage.see("get_event('EVENT') -> 'end_reason'").await, "never_joined");
    assert_eq!(stage.notices().await, json!([[0, "queued"]]));
    // Better late: and the end of that is no repetition.
    stage.first("a").await;
    stage.is("live", 1).await;
    stage.last("a").await;
    stage.pass(31.0).await;
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(stage.notices().await, json!([[0, "queued"], [1, "queued"]]));
}

#[tokio::test]
async fn its_schedule_ends_it_whoever_is_there_and_tells_the_host() {
    let mut stage = Stage::with(", p_scheduled_end_at => now() + interval '2 hours'").await;
    stage.first("a").await;
    stage.service("event_host_here('EVENT', 'b')").await;
    stage.pass(7000.0).await;
    assert_eq!(stage.sweep().await, (0, 0));
    stage.pass(201.0).await;
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(stage.event().await, ("ended".into(), 1, Some("schedule".into())));
    assert_eq!(stage.see("(select ended_at = scheduled_end_at from events)").await, true);
    assert_eq!(stage.notices().await, json!([[1, "queued"]]));
    assert_eq!(stage.see("(select count(*) from streamkeeper.leases)").await, 0);
    assert_eq!(code(stage.service_may_fail("event_viewer_first('EVENT', 'a')").await), "PT409");
}

#[tokio::test]
async fn its_schedule_ends_it_for_whoever_comes_before_the_sweeper() {
    let mut stage = Stage::with(", p_scheduled_end_at => now() + interval '2 hours'").await;
    stage.pass(7201.0).await;
    // The call itself is refused, and with it what it would have written.
    assert_eq!(code(stage.service_may_fail("event_viewer_first('EVENT', 'a')").await), "PT409");
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(stage.event().await, ("ended".into(), 0, Some("schedule".into())));
    assert_eq!(stage.notices().await, json!([[0, "queued"]]), "scheduled ends tell the host as well");
}

#[tokio::test]
async fn a_host_ends_it_for_good_and_once() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    let ended = stage.user("host", "end_event('EVENT', 'that was it')").await;
    assert_eq!(
        (&ended["status"], &ended["already"], &ended["generation"]),
        (&json!("ended"), &json!(false), &json!(1))
    );
    assert_eq!(stage.user("host", "end_event('EVENT')").await["already"], true);
    assert_eq!(stage.see("get_event('EVENT') -> 'end_reason'").await, "that was it");
    assert_eq!(stage.user("guest", "get_event('EVENT') -> 'end_reason'").await, json!(null));
    assert_eq!(stage.notices().await, json!([[1, "queued"]]));
    assert_eq!(code(stage.service_may_fail("event_host_here('EVENT', 'a')").await), "PT409");
    // The node that still had somebody says so in the end, and that is all.
    assert_eq!(stage.last("a").await["status"], "ended");
}

#[tokio::test]
async fn what_a_host_calls_off_is_no_news_to_the_host() {
    let mut stage = Stage::with(", p_starts_at => now() + interval '1 hour'").await;
    stage.user("host", "end_event('EVENT')").await;
    stage.is("ended", 0).await;
    assert_eq!(stage.notices().await, json!([]));
}

#[tokio::test]
async fn what_has_ended_by_absence_is_over_for_good_once_its_host_says_so() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.last("a").await;
    stage.pass(31.0).await;
    stage.sweep().await;
    assert_eq!(stage.see("get_event('EVENT') -> 'may_join'").await, true);
    assert_eq!(stage.user("host", "end_event('EVENT')").await["already"], true);
    assert_eq!(stage.see("get_event('EVENT') -> 'may_join'").await, false);
    assert_eq!(code(stage.service_may_fail("event_viewer_first('EVENT', 'a')").await), "PT409");
    assert_eq!(stage.notices().await, json!([[1, "queued"]]));
}

#[tokio::test]
async fn the_clean_up_of_cron_ends_events_too() {
    let mut stage = Stage::new().await;
    stage.first("a").await;
    stage.last("a").await;
    stage.pass(31.0).await;
    let swept = stage.service("sweep()").await;
    assert_eq!(
        (&swept["ran"], &swept["events_ended"], &swept["events_held_back"]),
        (&json!(true), &json!(1), &json!(0))
    );
}

#[tokio::test]
async fn an_event_that_cannot_be_ended_keeps_no_other_from_ending() {
    let mut stage = Stage::new().await;
    let other = stage.user("host", "create_event('Encore')").await["event_id"].as_str().unwrap().to_owned();
    for event in [EVENT, &other] {
        stage.service(&format!("event_viewer_first('{event}', 'a')")).await;
        stage.service(&format!("event_viewer_last('{event}', 'a')")).await;
    }
    stage
        .run(
            "create function no() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
             create trigger no before insert on notifications for each row when (new.event_id = 'EVENT') execute function no()",
        )
        .await;
    stage.pass(31.0).await;
    // The one that is due first is the one that cannot.
    stage.run("update events set viewers_gone_since = viewers_gone_since - interval '1 s' where id = 'EVENT'").await;
    assert_eq!(stage.sweep().await, (1, 0));
    stage.is("live", 1).await;
    assert_eq!(stage.see(&format!("get_event('{other}') -> 'status'")).await, "ended");
    stage.run("drop trigger no on notifications").await;
    assert_eq!(stage.sweep().await, (1, 0));
    stage.is("ended", 1).await;
}

#[tokio::test]
async fn what_has_ended_by_absence_does_not_begin_again_after_its_scheduled_end() {
    let mut stage = Stage::with(", p_scheduled_end_at => now() + interval '1 hour'").await;
    stage.first("a").await;
    stage.last("a").await;
    stage.pass(31.0).await;
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(stage.see("get_event('EVENT') -> 'may_join'").await, true);
    stage.pass(3600.0).await;
    assert_eq!(stage.see("get_event('EVENT') -> 'may_join'").await, false);
    for who in ["viewer_first", "host_here"] {
        assert_eq!(code(stage.service_may_fail(&format!("event_{who}('EVENT', 'a')")).await), "PT409", "{who}");
    }
    assert_eq!(stage.sweep().await, (0, 0));
    assert_eq!(stage.event().await, ("ended".into(), 1, Some("absence".into())));
    assert_eq!(stage.notices().await, json!([[1, "queued"]]));
}

#[tokio::test]
async fn viewers_who_wait_until_its_scheduled_end_have_seen_no_live_period() {
    let mut stage =
        Stage::with(", p_starts_at => now() + interval '1 hour', p_scheduled_end_at => now() + interval '2 hours'")
            .await;
    stage.first("a").await;
    // Nobody swept when it was to begin.
    stage.pass(7201.0).await;
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(stage.event().await, ("ended".into(), 0, Some("schedule".into())));
}

#[tokio::test]
async fn whoever_comes_within_a_day_opens_it_again_and_nobody_later() {
    for (hours, opens) in [(23, true), (25, false)] {
        let mut stage = Stage::new().await;
        stage.first("a").await;
        stage.last("a").await;
        stage.pass(31.0).await;
        assert_eq!(stage.sweep().await, (1, 0));
        stage.pass(f64::from(hours) * 3600.0).await;
        assert_eq!(stage.see("get_event('EVENT') -> 'may_join'").await, opens);
        let heartbeat =
            r#"node_heartbeat('a', '{"EVENT": {"viewers": 1, "users": 1}}') -> 'events' -> 'EVENT' -> 'over'"#;
        assert_eq!(stage.service(heartbeat).await, !opens);
        assert_eq!(stage.service_may_fail("event_viewer_first('EVENT', 'a')").await.is_ok(), opens);
        stage.is(if opens { "live" } else { "ended" }, if opens { 2 } else { 1 }).await;
    }
}
