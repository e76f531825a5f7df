//! An event and its stream: one brings the host, and what ends one ends the other.

use database_tests::code;
use serde_json::json;

use crate::stage::Stage;

const STREAM: &str = "00000000-0000-4000-8000-000000000001";

/// An event that follows the host's stream, which is live and held.
async fn live() -> Stage {
    let mut stage = scheduled().await;
    stage.user("host", &format!("start_stream('{STREAM}', null, 'page-1')")).await;
    stage.is("live", 1).await;
    stage
}

/// The same, but the stream has not started.
async fn scheduled() -> Stage {
    let stage = Stage::new().await;
    stage.run("delete from events").await;
    stage.run(&format!("insert into livestreams (id, streamer_id) values ('{STREAM}', 'host')")).await;
    stage.user("host", &format!("create_event('Concert', 'EVENT', '{STREAM}')")).await;
    stage
}

async fn stream(stage: &mut Stage) -> (String, Option<String>) {
    let stream = stage.see(&format!("get_stream_status('{STREAM}')")).await;
    (stream["status"].as_str().unwrap().to_owned(), stream["end_reason"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn a_stream_that_goes_live_brings_the_host() {
    let mut stage = scheduled().await;
    stage.is("scheduled", 0).await;
    let mut signals = stage.listen().await;
    stage.user("host", &format!("start_stream('{STREAM}')")).await;
    assert_eq!(signals.heard().await, [("event_started".to_owned(), 1)]);
    stage.is("live", 1).await;
    // Viewers come and go, and so does a host's socket: the stream is live.
    stage.first("a").await;
    stage.last("a").await;
    stage.service("event_host_here('EVENT', 'a')").await;
    stage.service("event_host_gone('EVENT', 'a')").await;
    stage.pass(3600.0).await;
    assert_eq!(stage.sweep().await, (0, 0));
}

#[tokio::test]
async fn an_event_of_a_live_stream_is_live_at_once() {
    let mut stage = Stage::new().await;
    stage.run("delete from events").await;
    stage.user("host", &format!("start_stream('{STREAM}')")).await;
    let event = stage.user("host", &format!("create_event('Concert', 'EVENT', '{STREAM}')")).await;
    assert_eq!((&event["status"], &event["generation"]), (&json!("live"), &json!(1)));
    stage.is("live", 1).await;
}

#[tokio::test]
async fn every_way_in_which_a_stream_ends_ends_its_event_in_the_same_transaction() {
    for (call, reason) in [
        (format!("end_stream_comprehensive('{STREAM}', p_reason => 'done')"), "done"),
        (format!("touch_stream('{STREAM}', 'page-1', 0)"), "left"),
    ] {
        let mut stage = live().await;
        stage.first("a").await;
        let mut signals = stage.listen().await;
        stage.user("host", &call).await;
        assert_eq!(stage.event().await, ("ended".into(), 1, Some("stream".into())), "{call}");
        assert_eq!(stage.see("get_event('EVENT') -> 'end_reason'").await, reason, "{call}");
        assert_eq!(signals.heard().await, [("event_ended".to_owned(), 1)], "{call}");
        assert_eq!(stage.notices().await, json!([[1, "queued"]]), "{call}");
        assert_eq!(code(stage.service_may_fail("event_viewer_first('EVENT', 'a')").await), "PT409", "{call}");
    }
}

#[tokio::test]
async fn a_host_whose_lease_is_over_ends_it_at_that_lapse() {
    let mut stage = live().await;
    stage.pass(600.0).await;
    stage
        .run(
            "update livestreams set started_at = now() - interval '10 minutes', last_seen_at = now() - interval '5 minutes';
             update streamkeeper.leases set lease_until = now() - interval '3 minutes' where kind = 'host'",
        )
        .await;
    let swept = stage.service("sweep()").await;
    assert_eq!(swept["ended"], 1);
    assert_eq!(stage.event().await, ("ended".into(), 1, Some("stream".into())));
    assert_eq!(stage.see("(select e.ended_at = s.ended_at from events e, livestreams s)").await, true);
}

#[tokio::test]
async fn a_host_who_ends_the_event_ends_its_stream() {
    let mut stage = live().await;
    stage.first("a").await;
    assert_eq!(stage.user("host", "end_event('EVENT', 'that was it')").await["already"], false);
    assert_eq!(stream(&mut stage).await, ("ended".into(), Some("that was it".into())));
    assert_eq!(stage.see("get_event('EVENT') -> 'end_reason'").await, "that was it");
    assert_eq!(stage.notices().await, json!([[1, "queued"]]));
}

#[tokio::test]
async fn a_schedule_ends_both() {
    let mut stage = live().await;
    stage.run("update events set scheduled_end_at = clock_timestamp() - interval '1 s', started_at = started_at - interval '1 hour'").await;
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(stream(&mut stage).await, ("ended".into(), Some("scheduled_end".into())));
    assert_eq!(stage.event().await, ("ended".into(), 1, Some("schedule".into())));
    assert_eq!(stage.notices().await, json!([[1, "queued"]]));
}

#[tokio::test]
async fn absence_ends_no_stream_and_a_stream_that_starts_later_begins_it_again() {
    let mut stage = scheduled().await;
    stage.first("a").await;
    stage.is("live", 1).await;
    stage.last("a").await;
    stage.pass(31.0).await;
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(stream(&mut stage).await.0, "scheduled");
    stage.user("host", &format!("start_stream('{STREAM}')")).await;
    stage.is("live", 2).await;
    stage.user("host", &format!("end_stream_comprehensive('{STREAM}')")).await;
    assert_eq!(stage.event().await, ("ended".into(), 2, Some("stream".into())));
}

#[tokio::test]
async fn a_stream_that_starts_after_the_grace_begins_the_next_generation_also_when_nobody_has_swept() {
    let mut stage = scheduled().await;
    stage.first("a").await;
    stage.last("a").await;
    stage.pass(31.0).await;
    // Without this the database has not been alive for long enough to know that everybody was absent.
    stage.service("1").await;
    stage.user("host", &format!("start_stream('{STREAM}')")).await;
    stage.is("live", 2).await;
    assert_eq!(stage.notices().await, json!([[1, "queued"]]));
}

#[tokio::test]
async fn what_has_ended_by_absence_is_over_when_its_stream_is() {
    let mut stage = scheduled().await;
    stage.first("a").await;
    stage.last("a").await;
    stage.pass(31.0).await;
    stage.sweep().await;
    stage.user("host", &format!("end_stream_comprehensive('{STREAM}')")).await;
    assert_eq!(code(stage.service_may_fail("event_viewer_first('EVENT', 'a')").await), "PT409");
    assert_eq!(stage.notices().await, json!([[1, "queued"]]));
}

#[tokio::test]
async fn one_open_event_for_each_stream_and_the_next_one_is_its_successor() {
    let mut stage = scheduled().await;
    let another = format!("create_event('Encore', p_stream_id => '{STREAM}')");
    let mut host = stage.db.caller(database_tests::Who::User("host")).await;
    assert_eq!(code(host.call(&another).await), "PT409");
    stage.first("a").await;
    stage.last("a").await;
    stage.pass(31.0).await;
    stage.sweep().await;
    host.call(&another).await.unwrap();
    assert_eq!(stage.event().await, ("ended".into(), 1, Some("successor".into())));
    assert_eq!(code(stage.service_may_fail("event_viewer_first('EVENT', 'a')").await), "PT409");
}

#[tokio::test]
async fn an_event_that_cannot_follow_keeps_no_stream_from_ending_and_is_not_left_behind() {
    let mut stage = live().await;
    stage
        .run(
            "create function no() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
             create trigger no before insert on notifications for each row execute function no()",
        )
        .await;
    stage.user("host", &format!("end_stream_comprehensive('{STREAM}', p_reason => 'done')")).await;
    assert_eq!(stream(&mut stage).await.0, "ended");
    stage.is("live", 1).await;
    stage.run("drop trigger no on notifications").await;
    stage.service("sweep()").await;
    assert_eq!(stage.event().await, ("ended".into(), 1, Some("stream".into())));
    assert_eq!(stage.notices().await, json!([[1, "queued"]]));
}

#[tokio::test]
async fn an_event_that_did_not_see_its_stream_go_live_does_not_end_by_absence() {
    let mut stage = scheduled().await;
    stage.first("a").await;
    stage
        .run(
            "create function no() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
             create trigger no before update on events for each row execute function no()",
        )
        .await;
    stage.user("host", &format!("start_stream('{STREAM}')")).await;
    assert_eq!(stream(&mut stage).await.0, "live");
    stage.run("drop trigger no on events").await;
    stage.last("a").await;
    stage.pass(31.0).await;
    assert_eq!(stage.sweep().await, (0, 0));
    stage.is("live", 1).await;
    assert_eq!(stage.see("(select host_gone_since is null from events)").await, true);
}

#[tokio::test]
async fn a_stream_that_cannot_end_as_scheduled_keeps_no_other_from_it() {
    const OTHER: &str = "00000000-0000-4000-8000-000000000002";
    let mut stage = live().await;
    stage.user("host", &format!("start_stream('{OTHER}')")).await;
    let event = stage.user("host", &format!("create_event('Encore', p_stream_id => '{OTHER}')")).await;
    stage
        .run(&format!(
            "create function no() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
             create trigger no before update on livestreams for each row when (new.id = '{STREAM}') execute function no();
             update events set scheduled_end_at = clock_timestamp() - interval '1 s', started_at = started_at - interval '1 hour'"
        ))
        .await;
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(stream(&mut stage).await.0, "live");
    let other = stage.see(&format!("get_event('{}')", event["event_id"].as_str().unwrap())).await;
    assert_eq!((&other["status"], &other["ended_by"]), (&json!("ended"), &json!("schedule")));
    stage.run("drop trigger no on livestreams").await;
    assert_eq!(stage.sweep().await, (1, 0));
    assert_eq!(stage.event().await, ("ended".into(), 1, Some("schedule".into())));
}

#[tokio::test]
async fn a_host_who_goes_live_opens_it_again_also_after_a_day_but_not_after_its_scheduled_end() {
    for (ends, status, generation) in [("null", "live", 2), ("clock_timestamp()", "ended", 1)] {
        let mut stage = scheduled().await;
        stage.first("a").await;
        stage.last("a").await;
        stage.pass(31.0).await;
        assert_eq!(stage.sweep().await, (1, 0));
        stage.pass(90_000.0).await;
        stage.run(&format!("update events set scheduled_end_at = {ends}")).await;
        stage.user("host", &format!("start_stream('{STREAM}')")).await;
        stage.is(status, generation).await;
    }
}
