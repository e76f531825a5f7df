//! Making an event, looking at it, and who may do what with it.

use database_tests::{Who, code};
use serde_json::{Value, json};

use crate::stage::{EVENT, Stage};

#[tokio::test]
async fn an_event_as_its_host_made_it() {
    let stage =
        Stage::with(", p_starts_at => now() + interval '2 days', p_is_public => false, p_grace_seconds => 45").await;
    let mut event = stage.user("host", "get_event('EVENT')").await;
    for time in ["starts_at", "empty_since", "ends_at"] {
        assert!(event[time].is_string(), "{time}");
        event.as_object_mut().unwrap().remove(time);
    }
    assert_eq!(
        event,
        json!({
            "success": true, "event_id": EVENT, "host_user_id": "host", "stream_id": null, "title": "Concert",
            "is_public": false, "may_watch": true, "is_host": true, "status": "scheduled", "may_join": true, "generation": 0,
            "scheduled_end_at": null, "started_at": null, "ended_at": null, "grace_seconds": 45, "ended_by": null,
            "end_reason": null
        })
    );
}

#[tokio::test]
async fn a_call_that_is_repeated_makes_one_event() {
    let mut stage = Stage::new().await;
    let first = stage.user("host", "get_event('EVENT')").await;
    let again = stage.user("host", "create_event('Another title', 'EVENT', p_grace_seconds => 99)").await;
    assert_eq!(first, again);
    assert_eq!(stage.see("(select count(*) from events)").await, 1);
    stage.user("host", "end_event('EVENT')").await;
    assert_eq!(stage.user("host", "create_event('Concert', 'EVENT')").await["status"], "ended");
}

#[tokio::test]
async fn a_call_that_is_sent_twice_at_once_makes_one_event() {
    let mut stage = Stage::new().await;
    stage.run("delete from events").await;
    let call = format!("create_event('Concert', '{EVENT}')");
    let mut calls = Vec::new();
    for _ in 0..8 {
        let (mut host, call) = (stage.db.caller(Who::User("host")).await, call.clone());
        calls.push(tokio::spawn(async move { host.call(&call).await.unwrap()["event_id"].clone() }));
    }
    for call in calls {
        assert_eq!(call.await.unwrap(), EVENT);
    }
    assert_eq!(stage.see("(select count(*) from events)").await, 1);
}

#[tokio::test]
async fn a_public_event_is_everybodys_to_watch_and_any_other_is_for_those_who_have_signed_in() {
    for (arguments, anon_may) in [("", true), (", p_is_public => false", false)] {
        let stage = Stage::with(arguments).await;
        for (who, may) in [(Who::Anon, anon_may), (Who::User("guest"), true), (Who::Service, true)] {
            let mut caller = stage.db.caller(who).await;
            let event = caller.call(&format!("get_event('{EVENT}')")).await.unwrap();
            let title = if may { json!("Concert") } else { Value::Null };
            assert_eq!((&event["may_watch"], &event["title"]), (&json!(may), &title), "{who:?} {arguments}");
            assert_eq!(event["is_host"], false);
            let viewers = caller.call(&format!("event_viewers('{EVENT}')")).await;
            if may {
                assert_eq!(viewers.unwrap()["viewers"], 0, "{who:?} {arguments}");
            } else {
                assert_eq!(code(viewers), "42501", "{who:?} {arguments}");
            }
        }
    }
}

#[tokio::test]
async fn its_host_an_admin_and_the_service_end_an_event_and_nobody_else_does() {
    for (who, allowed) in [
        (Who::Anon, false),
        (Who::User("host"), true),
        (Who::User("guest"), false),
        (Who::Admin("admin"), true),
        (Who::Service, true),
    ] {
        let mut stage = Stage::new().await;
        let ended = stage.db.caller(who).await.call(&format!("end_event('{EVENT}')")).await;
        if allowed {
            assert_eq!(ended.unwrap()["status"], "ended", "{who:?}");
        } else {
            assert_eq!(code(ended), "42501", "{who:?}");
        }
        stage.is(if allowed { "ended" } else { "scheduled" }, 0).await;
    }
}

#[tokio::test]
async fn the_list_of_ones_own_events_is_ones_own() {
    let stage = Stage::new().await;
    for (who, seen) in [(Who::User("host"), 1), (Who::User("guest"), 0), (Who::Admin("admin"), 1)] {
        assert_eq!(stage.db.caller(who).await.call("(select count(*) from events)").await.unwrap(), seen, "{who:?}");
    }
    assert_eq!(code(stage.db.caller(Who::Anon).await.rows("events").await), "42501");
}

#[tokio::test]
async fn a_host_has_at_most_a_hundred_events_that_have_not_ended() {
    let stage = Stage::new().await;
    stage
        .run("insert into events (host_user_id, title, grace_seconds) select 'host', 'Concert', 30 from generate_series(1, 99)")
        .await;
    let mut host = stage.db.caller(Who::User("host")).await;
    assert_eq!(code(host.call("create_event('One more')").await), "PT409");
    // Who repeats a call makes none.
    host.call(&format!("create_event('Concert', '{EVENT}')")).await.unwrap();
    stage.user("another", "create_event('Concert')").await;
    host.call(&format!("end_event('{EVENT}')")).await.unwrap();
    host.call("create_event('One more')").await.unwrap();
}
