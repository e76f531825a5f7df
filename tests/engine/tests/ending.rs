//! How a stream ends: the scenarios.

use engine_tests::{STREAM, World};
use streamkeeper::engine::{Answer, Code, Input, MeetingEvent, PageEvent, Value};

#[test]
fn all_signals_together_twice_are_one_end_call() {
    let mut world = World::new();
    let meeting = world.host();
    for _ in 0..2 {
        for name in ["readyToClose", "videoConferenceLeft", "hangup", "conferenceTerminated"] {
            world.emit(meeting, name);
        }
    }
    assert_eq!(world.sent.len(), 1);
    assert_eq!(world.sent[0].rpc.function, "end_stream_comprehensive");
    assert!(world.sent[0].rpc.keepalive);
    assert_eq!(world.sent[0].rpc.arguments.text("p_reason"), Some("readyToClose"));
    world.answer_ok("ended");
    for name in ["readyToClose", "videoConferenceLeft", "hangup", "conferenceTerminated"] {
        world.emit(meeting, name);
    }
    world.pass(3_600_000);
    assert_eq!((world.sent.len(), world.count("end")), (1, 1));
    assert_eq!(world.status(STREAM), "ended");
    let trace = format!("{:?}", world.manager.trace());
    for name in ["readyToClose", "videoConferenceLeft", "hangup", "conferenceTerminated"] {
        assert_eq!(trace.matches(&format!("(\"event\", Text(\"{name}\"))")).count(), 3, "{name} in {trace}");
    }
}

#[test]
fn the_weakest_signal_first_does_not_hold_the_strongest_up() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "videoConferenceLeft");
    assert_eq!((world.status(STREAM).as_str(), world.sent.len()), ("leaving", 0));
    world.emit(meeting, "readyToClose");
    assert_eq!((world.status(STREAM).as_str(), world.sent.len()), ("ending", 1));
}

#[test]
fn two_failures_then_success_is_three_attempts_one_and_two_seconds_apart() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "readyToClose");
    let start = world.now;
    world.answer_error(500, "XX000");
    world.pass(1_000);
    world.answer_error(500, "XX000");
    world.pass(2_000);
    world.answer_ok("ended");
    assert_eq!(world.sent.iter().map(|sent| sent.at - start).collect::<Vec<_>>(), [0, 1_000, 3_000]);
    let attempts: Vec<_> = world.sent.iter().map(|sent| sent.rpc.arguments.get("p_attempt").cloned()).collect();
    assert_eq!(attempts, [1_u32, 2, 3].map(|number| Some(number.into())));
    assert_eq!((world.status(STREAM).as_str(), world.count("endAttempt")), ("ended", 3));
}

#[test]
fn a_refusal_is_not_retried_and_its_reason_is_visible() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "readyToClose");
    world.answer_error(403, "42501");
    for name in ["hangup", "videoConferenceLeft"] {
        world.emit(meeting, name);
    }
    world.pass(3_600_000);
    assert_eq!((world.status(STREAM).as_str(), world.sent.len()), ("failed", 1));
    assert_eq!(world.stream(STREAM, "lastError"), "end_stream_comprehensive: HTTP 403 42501 no".into());
}

#[test]
fn an_expired_token_is_refreshed_at_once_and_is_not_a_failure() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "hangup");
    world.answer_error(401, "PGRST303");
    assert_eq!(world.sent.len(), 2);
    assert!(!world.sent[0].fresh_token && world.sent[1].fresh_token);
    assert_eq!(world.sent[1].rpc.arguments.get("p_attempt"), Some(&1_u32.into()));
    world.answer_ok("ended");
    assert_eq!((world.status(STREAM).as_str(), world.count("endAttempt")), ("ended", 1));

    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "hangup");
    world.answer_error(401, "PGRST303");
    world.answer_error(401, "PGRST301");
    world.pass(4_000);
    assert_eq!((world.status(STREAM).as_str(), world.sent.len()), ("failed", 2), "until the outbox tries again");
}

#[test]
fn no_answer_is_a_failure_after_the_timeout_and_its_late_answer_is_ignored() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "hangup");
    let late = world.in_flight[0].clone();
    world.pass(9_999);
    assert_eq!(world.count("endAttempt"), 0);
    world.pass(1);
    assert_eq!((world.count("endAttempt"), world.in_flight.len()), (1, 0));
    world.handle(Input::Answer { request: late.request, answer: engine_tests::ok("ended") });
    assert_eq!(world.status(STREAM), "ending");
    world.pass(1_000);
    // The lost answer had ended it: that is our own end, not somebody else's.
    world.answer_ok("already_ended");
    assert_eq!(world.events.last().map(|(name, data)| (*name, data.flag("elsewhere"))), Some(("end", false)));
}

#[test]
fn a_leave_ends_after_its_grace_and_a_rejoin_cancels_it() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "videoConferenceLeft");
    world.pass(3_999);
    world.emit(meeting, "videoConferenceJoined");
    world.pass(3_600_000);
    assert_eq!((world.status(STREAM).as_str(), world.sent.len()), ("live", 0));
    world.emit(meeting, "videoConferenceLeft");
    world.pass(4_000);
    assert_eq!((world.status(STREAM).as_str(), world.sent.len()), ("ending", 1));
}

#[test]
fn jitsis_own_reload_keeps_the_stream() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "videoConferenceLeft");
    let fatal = MeetingEvent::ErrorOccurred { name: "connection.dropped".into(), fatal: true };
    world.handle(Input::Meeting { meeting, event: fatal });
    world.pass(30_000);
    world.emit(meeting, "videoConferenceJoined");
    world.pass(3_600_000);
    assert_eq!((world.status(STREAM).as_str(), world.sent.len()), ("live", 0));
}

#[test]
fn strict_mode_detaches_and_attaches_again_and_nothing_ends() {
    let mut world = World::new();
    let first = world.attach(STREAM, "host");
    world.handle(Input::Detach { meeting: first });
    assert_eq!(world.status(STREAM), "leaving");
    let second = world.attach(STREAM, "host");
    world.emit(second, "videoConferenceJoined");
    world.pass(3_600_000);
    assert_eq!((world.status(STREAM).as_str(), world.sent.len()), ("live", 0));
    // What the first mount's listeners still say belongs to nobody.
    world.emit(first, "hangup");
    assert_eq!(world.status(STREAM), "live");
    world.handle(Input::Detach { meeting: second });
    world.pass(4_000);
    assert_eq!(world.sent[0].rpc.arguments.text("p_reason"), Some("detached"));
}

#[test]
fn a_meeting_that_was_joined_let_go_of_and_attached_again_still_ends_its_stream() {
    for name in ["readyToClose", "videoConferenceLeft"] {
        let mut world = World::new();
        let first = world.host();
        world.handle(Input::Detach { meeting: first });
        let second = world.attach(STREAM, "host");
        assert_eq!(world.status(STREAM), "live");
        world.emit(second, name);
        world.pass(4_000);
        assert_eq!((world.status(STREAM).as_str(), world.sent.len()), ("ending", 1), "{name}");
    }
}

#[test]
fn a_viewers_events_never_end_a_stream_and_leave_nothing_behind() {
    let mut world = World::new();
    let viewer = world.attach(STREAM, "viewer");
    for name in ["videoConferenceJoined", "videoConferenceLeft", "readyToClose", "hangup", "conferenceTerminated"] {
        world.emit(viewer, name);
    }
    world.page(PageEvent::PageHide { persisted: false });
    assert_eq!(world.status(STREAM), "live");
    world.handle(Input::Detach { meeting: viewer });
    world.pass(3_600_000);
    assert_eq!((world.status(STREAM).as_str(), world.sent.len()), ("", 0));
}

#[test]
fn while_offline_no_attempt_is_lost_and_online_ends_it() {
    let mut world = World::new();
    let meeting = world.host();
    world.page(PageEvent::Offline);
    world.emit(meeting, "readyToClose");
    for _ in 0..10 {
        world.answer(Answer::Unreachable);
        world.pass(30_000);
    }
    assert_eq!(world.status(STREAM), "ending");
    world.answer(Answer::Unreachable);
    world.page(PageEvent::Online);
    world.answer_ok("ended");
    assert_eq!((world.status(STREAM).as_str(), world.count("end")), ("ended", 1));
}

#[test]
fn what_failed_for_want_of_a_network_is_tried_again_when_it_is_back() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "readyToClose");
    // The browser did not notice.
    for pause in [1_000, 2_000, 3_000, 0] {
        world.answer(Answer::Unreachable);
        world.pass(pause);
    }
    assert_eq!(world.status(STREAM), "failed");
    world.page(PageEvent::Online);
    world.answer_ok("ended");
    assert_eq!(world.status(STREAM), "ended");
}

#[test]
fn pagehide_sends_what_is_leaving_or_waiting_at_once() {
    for persisted in [false, true] {
        let mut world = World::new();
        let meeting = world.host();
        world.emit(meeting, "videoConferenceLeft");
        world.page(PageEvent::PageHide { persisted });
        assert_eq!(world.sent.len(), 1);

        let mut world = World::new();
        let meeting = world.host();
        world.emit(meeting, "readyToClose");
        world.answer_error(503, "PGRST001");
        world.page(PageEvent::PageHide { persisted });
        assert_eq!(world.sent.len(), 2);
    }
}

#[test]
fn pagehide_of_a_live_stream_follows_the_configuration() {
    for (policy, persisted, calls) in [("grace", false, 0), ("keep", false, 0), ("end", false, 1), ("end", true, 0)] {
        let mut world = World::with(Value::object([("onPageHide", policy.into())]));
        world.host();
        world.page(PageEvent::PageHide { persisted });
        assert_eq!(world.sent.len(), calls, "{policy} {persisted}");
    }
}

#[test]
fn a_throttled_timer_is_late_never_wrong() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "videoConferenceLeft");
    world.now += 60_000;
    world.page(PageEvent::Visible);
    assert_eq!((world.status(STREAM).as_str(), world.sent.len()), ("ending", 1));
}

#[test]
fn everyone_who_asks_for_the_end_gets_the_one_answer() {
    let mut world = World::new();
    world.host();
    let calls = [world.end(STREAM), world.end(STREAM), world.end(STREAM)];
    world.answer_ok("ended");
    for call in calls {
        let Some(Ok(result)) = world.result(call) else { panic!("{call:?} is not resolved") };
        assert_eq!((result.text("status"), result.get("attempts")), (Some("ended"), Some(&1_u32.into())));
    }
    let later = world.end(STREAM);
    assert!(matches!(world.result(later), Some(Ok(result)) if result.text("status") == Some("already_ended")));
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn an_end_that_is_given_up_is_queued_and_a_person_may_always_try_again() {
    let mut world = World::new();
    for round in 1..=5 {
        let call = world.end(STREAM);
        for pause in [1_000, 2_000, 3_000] {
            world.answer_error(500, "XX000");
            world.pass(pause);
        }
        assert_eq!(world.in_flight[0].rpc.function, "get_stream_status", "round {round}");
        world.answer_ok("live");
        let Some(Ok(result)) = world.result(call) else { panic!("round {round}: {:?}", world.result(call)) };
        assert_eq!((result.text("status"), result.text("via")), (Some("queued"), Some("outbox")));
        assert_eq!(world.status(STREAM), "failed");
    }
    let call = world.end(STREAM);
    world.answer_ok("not_found");
    assert!(matches!(world.result(call), Some(Ok(result)) if result.text("status") == Some("not_found")));
    assert!(world.stored.is_empty());
}

/// Three attempts that fail, and the three seconds before the fallbacks.
fn round_fails(world: &mut World) {
    for pause in [1_000, 2_000, 3_000] {
        world.answer_error(500, "XX000");
        world.pass(pause);
    }
}

#[test]
fn before_it_is_given_up_it_is_asked_whether_somebody_else_has_ended_it() {
    let mut world = World::new();
    let call = world.end(STREAM);
    round_fails(&mut world);
    world.answer_ok("ended");
    let Some(Ok(result)) = world.result(call) else { panic!("{:?}", world.result(call)) };
    assert_eq!((result.text("status"), result.text("via")), (Some("ended"), Some("fallback")));
    assert_eq!((world.status(STREAM).as_str(), world.count("end")), ("ended", 1));
    assert_eq!(world.count("endAttempt"), 3, "a question is no attempt");
    let ends = world.manager.usage(world.now).get("ends").cloned().unwrap();
    let counted = ["attempts", "ended", "failed"].map(|name| ends.get(name).cloned());
    assert_eq!(counted, [3, 1, 0_u32].map(|count| Some(count.into())));
    assert!(world.stored.is_empty());
}

#[test]
fn then_this_page_lets_go_of_it_which_ends_it_if_nobody_else_holds_it() {
    let mut world = World::new();
    world.renewal_answer = Some(engine_tests::ok("ended"));
    let call = world.end(STREAM);
    round_fails(&mut world);
    world.answer_error(500, "XX000");
    let goodbye = world.renewals.last().unwrap();
    assert_eq!(goodbye.rpc.arguments.get("p_lease_seconds"), Some(&0_u32.into()));
    let Some(Ok(result)) = world.result(call) else { panic!("{:?}", world.result(call)) };
    assert_eq!((result.text("status"), result.text("via")), (Some("ended"), Some("fallback")));
    assert_eq!(world.status(STREAM), "ended");
}

#[test]
fn a_leave_does_not_end_what_another_device_holds_and_an_end_for_all_does() {
    for (event, name, leaves) in [
        ("readyToClose", Value::Null, true),
        ("hangup", Value::Null, true),
        ("errorOccurred", Value::object([("name", "conference.destroyed".into())]), false),
    ] {
        let mut world = World::new();
        let meeting = world.host();
        let event = streamkeeper::engine::MeetingEvent::parse(event, &name).unwrap();
        world.handle(Input::Meeting { meeting, event: event.clone() });
        assert_eq!(world.sent[0].rpc.arguments.get("p_leave"), Some(&leaves.into()), "{event:?}");
    }
    let mut world = World::new();
    world.end(STREAM);
    assert_eq!(world.sent[0].rpc.arguments.get("p_leave"), Some(&false.into()), "endStreamById");

    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "hangup");
    world.answer_ok("held_elsewhere");
    assert_eq!((world.status(STREAM).as_str(), world.count("end")), ("live", 0));
    let renewals = world.renewals.len();
    world.pass(600_000);
    assert_eq!(world.renewals.len(), renewals, "this page holds it no longer");
    assert!(world.stored.is_empty());
    world.emit(meeting, "videoConferenceJoined");
    assert_eq!(world.renewals.len(), renewals + 1, "until its host is back in the meeting");
}

#[test]
fn a_host_who_is_back_before_the_goodbye_is_answered_holds_the_stream() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "readyToClose");
    world.emit(meeting, "videoConferenceJoined");
    let renewals = world.renewals.len();
    world.answer_ok("held_elsewhere");
    assert_eq!((world.status(STREAM).as_str(), world.renewals.len()), ("live", renewals + 1));
    world.pass(60_000);
    assert_eq!(world.renewals.len(), renewals + 4, "and goes on holding it");
}

#[test]
fn an_end_that_is_meant_for_all_overtakes_a_leave_that_is_under_way() {
    let destroyed = || {
        let name = Value::object([("name", "conference.destroyed".into())]);
        streamkeeper::engine::MeetingEvent::parse("errorOccurred", &name).unwrap()
    };
    for by_person in [true, false] {
        let mut world = World::new();
        let meeting = world.host();
        world.emit(meeting, "hangup");
        let call = by_person.then(|| world.end(STREAM));
        if !by_person {
            world.handle(Input::Meeting { meeting, event: destroyed() });
        }
        world.answer_ok("held_elsewhere");
        assert_eq!(world.sent.len(), 2, "it was only a leave when it was sent");
        assert_eq!(world.sent[1].rpc.arguments.get("p_leave"), Some(&false.into()));
        world.answer_ok("ended");
        assert_eq!(world.status(STREAM), "ended");
        if let Some(call) = call {
            assert!(matches!(world.result(call), Some(Ok(result)) if result.text("status") == Some("ended")));
        }
    }
}

#[test]
fn a_stream_may_live_for_long_before_its_meeting_is_attached() {
    let mut world = World::new();
    world.call("startStream", &Value::object([("streamId", STREAM.into())]));
    let body = Value::object([("status", "live".into()), ("stream_id", STREAM.into())]);
    world.answer(Answer::Http { status: 200, body: Some(body) });
    world.pass(3_600_000);
    let meeting = world.attach(STREAM, "host");
    world.pass(60_000);
    assert_eq!(world.status(STREAM), "live");
    world.emit(meeting, "videoConferenceJoined");
    world.pass(3_600_000);
    assert_eq!(world.status(STREAM), "live");
}

#[test]
fn a_host_who_never_gets_into_the_meeting_does_not_stream() {
    let mut world = World::new();
    world.attach(STREAM, "host");
    world.pass(599_000);
    assert_eq!(world.status(STREAM), "live");
    world.pass(20_000);
    assert_eq!(world.stream(STREAM, "reason"), "never_joined".into());
    let mut joined = World::new();
    joined.host();
    joined.pass(3_600_000);
    assert_eq!(joined.status(STREAM), "live");
}

#[test]
fn the_leave_that_jitsis_iframe_tells_of_when_the_page_reloads_is_the_pages() {
    let mut world = World::new();
    let meeting = world.host();
    world.page(PageEvent::BeforeUnload);
    world.emit(meeting, "videoConferenceLeft");
    world.page(PageEvent::PageHide { persisted: false });
    assert!(world.sent.is_empty(), "a reload keeps the stream");
    assert_eq!(world.renewals.last().unwrap().rpc.arguments.get("p_lease_seconds"), Some(&30_u32.into()));
    // One that had begun before is the host's own.
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "videoConferenceLeft");
    world.pass(1_000);
    world.page(PageEvent::BeforeUnload);
    world.page(PageEvent::PageHide { persisted: false });
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn start_makes_this_page_the_host() {
    let mut world = World::new();
    let call = world.call("startStream", &Value::object([("title", "Hello".into())]));
    assert_eq!(world.sent[0].rpc.arguments.text("p_holder"), Some("holder"));
    let body = Value::object([("status", "live".into()), ("stream_id", STREAM.into())]);
    world.answer(Answer::Http { status: 200, body: Some(body) });
    assert!(matches!(world.result(call), Some(Ok(_))));
    assert_eq!((world.status(STREAM), world.stream(STREAM, "role")), ("live".into(), "host".into()));
}

#[test]
fn start_and_status_reject_with_what_the_backend_said() {
    for (answer, code) in [
        (engine_tests::error(403, "42501"), Code::NotAllowed),
        (engine_tests::error(409, "PT409"), Code::Conflict),
        (engine_tests::error(500, "XX000"), Code::Rejected),
        (engine_tests::ok("not_found"), Code::NotFound),
        (Answer::Unreachable, Code::Offline),
        (Answer::NoToken, Code::Token),
        (Answer::Http { status: 200, body: None }, Code::Rejected),
    ] {
        let mut world = World::new();
        let calls = [
            world.call("startStream", &Value::Null),
            world.call("getStreamStatus", &Value::object([("streamId", STREAM.into())])),
        ];
        while world.answer(answer.clone()) {}
        for call in calls {
            assert!(matches!(world.result(call), Some(Err(error)) if error.code == code), "{code:?}");
        }
        assert_eq!(world.status(STREAM), "");
    }
}

#[test]
fn without_a_backend_calls_say_so() {
    use streamkeeper::engine::page::{Exit, Page};
    use streamkeeper::engine::{Config, Manager};
    let mut world = World::new();
    let page = Page { visible: true, online: true, frozen: false, exit: Exit::None };
    world.manager = Manager::new(Config::default(), "holder".into(), page, world.now);
    let call = world.end(STREAM);
    let Some(Err(error)) = world.result(call) else { panic!("not rejected") };
    assert_eq!(error.code, Code::NoBackend);
    assert_eq!(error.message, "endStreamById needs backend: {url} in the configuration");
    // A meeting's end has nowhere to go either; it must not wait for ever without saying so.
    let meeting = world.host();
    world.emit(meeting, "hangup");
    assert_eq!((world.status(STREAM).as_str(), world.sent.len()), ("failed", 0));
    assert!(world.stream(STREAM, "lastError").as_text().is_some_and(|said| said.contains("backend")));
}

#[test]
fn dispose_sends_what_waits_rejects_who_waits_and_is_silent_afterwards() {
    let mut world = World::new();
    let meeting = world.host();
    let status = world.call("getStreamStatus", &Value::object([("streamId", STREAM.into())]));
    world.emit(meeting, "videoConferenceLeft");
    world.handle(Input::Dispose);
    assert_eq!(world.sent.len(), 2);
    assert!(matches!(world.result(status), Some(Err(error)) if error.code == Code::Disposed));
    assert_eq!(world.manager.next_wakeup(), None);
    let after = world.end(STREAM);
    assert!(matches!(world.result(after), Some(Err(error)) if error.code == Code::Disposed));
    world.handle(Input::Dispose);
    world.answer_ok("ended");
    assert_eq!(world.sent.len(), 2);
}

#[test]
fn a_backward_clock_keeps_the_grace() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "videoConferenceLeft");
    world.now -= 3_600_000;
    world.handle(Input::Wake);
    world.pass(3_999);
    assert_eq!(world.sent.len(), 0);
    world.pass(1);
    assert_eq!(world.sent.len(), 1);
}

#[test]
fn a_viewers_page_remembers_what_it_was_asked_to_end() {
    let mut world = World::new();
    let viewer = world.attach(STREAM, "viewer");
    world.end(STREAM);
    world.handle(Input::Detach { meeting: viewer });
    world.answer_ok("ended");
    world.attach(STREAM, "viewer");
    world.end(STREAM);
    assert_eq!((world.status(STREAM).as_str(), world.sent.len(), world.count("end")), ("ended", 1, 1));
}

#[test]
fn a_meeting_that_says_it_was_joined_before_it_was_attached_ends_its_stream() {
    let mut world = World::new();
    let meeting = world.attach_joined(STREAM);
    world.emit(meeting, "readyToClose");
    assert_eq!(world.status(STREAM), "ending");
}

#[test]
fn the_named_hosts_leave_counts_although_this_page_stays() {
    let mut world = World::new();
    let meeting = world.host();
    let left = |id: &str| MeetingEvent::ParticipantLeft { id: id.into() };
    world.handle(Input::Meeting { meeting, event: left("somebody") });
    assert_eq!(world.status(STREAM), "live");
    world.handle(Input::Meeting { meeting, event: left("h0st") });
    world.pass(4_000);
    assert_eq!(world.sent[0].rpc.arguments.text("p_reason"), Some("participantLeft"));
}

#[test]
fn a_host_who_leaves_and_goes_on_to_watch_has_left() {
    let mut world = World::new();
    let meeting = world.host();
    world.handle(Input::Detach { meeting });
    world.attach(STREAM, "viewer");
    world.pass(4_000);
    assert_eq!((world.status(STREAM).as_str(), world.sent.len()), ("ending", 1));
}

fn start(world: &mut World) -> streamkeeper::engine::CallId {
    world.call("startStream", &Value::object([("streamId", STREAM.into())]))
}

fn live() -> Answer {
    let body = Value::object([("status", "live".into()), ("stream_id", STREAM.into())]);
    Answer::Http { status: 200, body: Some(body) }
}

#[test]
fn a_stream_that_is_started_again_after_a_refusal_ends_at_its_next_signal() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "hangup");
    world.answer_error(403, "42501");
    start(&mut world);
    world.answer(live());
    assert_eq!((world.status(STREAM), world.stream(STREAM, "lastError")), ("live".into(), Value::Null));
    world.emit(meeting, "readyToClose");
    assert_eq!(world.status(STREAM), "ending");
}

#[test]
fn what_the_database_does_not_know_was_not_ended_and_may_be_started() {
    let mut world = World::new();
    world.end(STREAM);
    world.answer_ok("not_found");
    assert_eq!((world.status(STREAM).as_str(), world.count("end")), ("", 0));
    start(&mut world);
    world.answer(live());
    let meeting = world.host();
    world.emit(meeting, "hangup");
    world.answer_ok("not_found");
    world.emit(meeting, "readyToClose");
    assert_eq!((world.status(STREAM).as_str(), world.count("end"), world.sent.len()), ("failed", 0, 3));
    assert_eq!(world.stream(STREAM, "lastError"), "there is no such stream".into());
}

#[test]
fn going_live_again_cancels_a_leave_unless_it_fails() {
    for (answer, status, calls) in [(live(), "live", 1), (engine_tests::error(503, "x"), "ending", 2)] {
        let mut world = World::new();
        let meeting = world.host();
        world.handle(Input::Detach { meeting });
        world.pass(3_000);
        start(&mut world);
        world.pass(3_000);
        world.answer(answer);
        world.pass(4_000);
        assert_eq!((world.status(STREAM).as_str(), world.sent.len()), (status, calls));
    }
}

#[test]
fn a_late_start_does_not_cancel_a_leave_that_came_after_it() {
    let mut world = World::new();
    let meeting = world.host();
    start(&mut world);
    world.handle(Input::Detach { meeting });
    world.answer(live());
    world.pass(4_000);
    assert_eq!(world.status(STREAM), "ending");
}

#[test]
fn a_persons_end_asks_for_the_token_and_a_signals_end_uses_the_one_at_hand() {
    let mut world = World::new();
    world.end(STREAM);
    world.answer_error(500, "XX000");
    world.pass(1_000);
    assert_eq!(world.sent.iter().map(|sent| sent.fresh_token).collect::<Vec<_>>(), [true, false]);
    // The first asking has not used up the one replacement.
    world.answer_error(401, "PGRST303");
    assert_eq!(world.sent.len(), 3);
    world.answer_ok("ended");
    assert_eq!(world.status(STREAM), "ended");

    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "hangup");
    assert!(!world.sent[0].fresh_token);
}

#[test]
fn a_night_offline_does_not_run_out_of_attempts() {
    let mut world = World::new();
    let meeting = world.host();
    world.page(PageEvent::Offline);
    world.emit(meeting, "hangup");
    for _ in 0..1_200 {
        world.answer(Answer::Unreachable);
        world.pass(30_000);
    }
    let last = world.sent.last().and_then(|sent| sent.rpc.arguments.get("p_attempt").cloned());
    assert_eq!(last, Some(1_000_u32.into()));
    world.answer_ok("ended");
    assert_eq!(world.status(STREAM), "ended");
}

#[test]
fn whoever_hears_of_an_event_finds_the_state_that_it_tells_of() {
    use streamkeeper::engine::Output;
    let mut world = World::new();
    let meeting = world.host();
    world.manager.handle(world.now, Input::Meeting { meeting, event: MeetingEvent::HangUp });
    assert_eq!(world.manager.poll(), Some(Output::Changed));
}

#[test]
fn an_answer_that_is_another_functions_ends_nothing() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "hangup");
    world.answer_ok("live");
    assert_eq!((world.status(STREAM).as_str(), world.count("end")), ("ending", 0));
}

#[test]
fn the_other_methods_give_what_the_database_gives_or_why_not() {
    let body = |body: Value| Answer::Http { status: 200, body: Some(body) };
    let ids = |ids: &[&str]| Value::List(ids.iter().map(|id| Value::from(*id)).collect());
    let all = Value::object([("status", "ended".into()), ("ended", ids(&[STREAM])), ("already_ended", ids(&[]))]);
    for (method, good, bad) in [
        ("listActiveStreams", Value::List(vec![]), Value::Null),
        ("autoEndInactiveStreams", 3_u32.into(), Value::List(vec![])),
        // JSON has no such number, and a browser reads 1e999 as one.
        ("autoEndInactiveStreams", 3_u32.into(), Value::Number(f64::INFINITY)),
        ("forceEndAllStreams", all, 3_u32.into()),
    ] {
        let mut world = World::new();
        let call = world.call(method, &Value::Null);
        assert!(world.sent[0].fresh_token);
        world.answer(body(good.clone()));
        let Some(Ok(result)) = world.result(call) else { panic!("{method}") };
        assert_eq!(result.get("ended"), good.get("ended"));
        if good.get("ended").is_none() {
            assert_eq!(*result, good);
        }
        for (answer, code) in
            [(engine_tests::error(403, "42501"), Code::NotAllowed), (body(bad.clone()), Code::Rejected)]
        {
            let call = world.call(method, &Value::Null);
            world.answer(answer);
            assert!(matches!(world.result(call), Some(Err(error)) if error.code == code), "{method} {code:?}");
        }
    }
}

/// A stream of many.
fn numbered(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// Hosts a stream until it has ended, and lets go of it.
fn host_and_end(world: &mut World, stream: &str) {
    let meeting = world.attach_joined(stream);
    world.emit(meeting, "readyToClose");
    world.answer_ok("ended");
    world.handle(Input::Detach { meeting });
}

fn shown(world: &World) -> Vec<String> {
    let Some(Value::Object(streams)) = world.manager.snapshot().get("streams").cloned() else { panic!("no streams") };
    streams.into_iter().map(|(id, _)| id).collect()
}

#[test]
fn a_page_shows_what_it_has_to_do_with_and_the_twenty_streams_that_were_over_last() {
    let mut world = World::new();
    // Attached to the end, it is shown for as long; the one that has been there longest is the last to end.
    let attached = world.attach_joined(&numbered(0));
    world.emit(attached, "readyToClose");
    world.answer_ok("ended");
    let longest = world.attach_joined(&numbered(1));
    for number in 2..30 {
        host_and_end(&mut world, &numbered(number));
    }
    world.emit(longest, "readyToClose");
    world.answer_ok("ended");
    world.handle(Input::Detach { meeting: longest });
    let expected: Vec<_> = [0].into_iter().chain(11..30).chain([1]).map(numbered).collect();
    assert_eq!(shown(&world), expected);

    for number in 100..130 {
        world.attach_joined(&numbered(number));
    }
    assert_eq!(shown(&world).iter().filter(|id| world.status(id) == "live").count(), 30);
}

#[test]
fn a_stream_that_is_no_longer_shown_is_as_over_as_before_and_only_the_thousandth_is_forgotten() {
    let mut world = World::new();
    for number in 0..30 {
        host_and_end(&mut world, &numbered(number));
    }
    assert!(!shown(&world).contains(&numbered(0)));
    let (ends, calls) = (world.count("end"), world.sent.len());
    let meeting = world.attach_joined(&numbered(0));
    assert_eq!(world.status(&numbered(0)), "ended");
    world.emit(meeting, "readyToClose");
    world.handle(Input::Detach { meeting });
    let call = world.end(&numbered(0));
    assert_eq!(world.result(call).unwrap().as_ref().unwrap().text("status"), Some("already_ended"));
    assert_eq!((world.count("end"), world.sent.len()), (ends, calls));

    world.compares = false;
    for number in 30..1_001 {
        host_and_end(&mut world, &numbered(number));
    }
    let calls = world.sent.len();
    world.end(&numbered(1));
    assert_eq!(world.sent.len(), calls);
    world.end(&numbered(0));
    assert_eq!(world.sent.len(), calls + 1);
}
