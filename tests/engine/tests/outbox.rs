//! The outbox: written first, sent again by whoever is left, struck out when it is done.

use engine_tests::{STREAM, World, error, ok};
use streamkeeper::engine::{Answer, Code, Input, PageEvent, Value};

const KEY: &str = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11/earlier";
const DAY: u64 = 24 * 3_600_000;

/// As an earlier page load has written it, a moment ago.
fn left_behind(world: &World, kind: &str, until: Option<u64>) -> Value {
    Value::object([
        ("streamId", STREAM.into()),
        ("holder", "earlier".into()),
        ("user", "ana".into()),
        ("kind", kind.into()),
        ("until", Value::millis(until)),
        ("reason", "hangup".into()),
        ("leaves", true.into()),
        ("at", Value::millis(Some(world.now - 1_000))),
        ("attempts", 2_u32.into()),
        ("lastError", Value::Null),
    ])
}

/// A page that finds this in its storage, when nobody else sees to it.
fn finds(world: &mut World, intent: &Value) {
    world.handle(Input::Owed { entries: vec![(KEY.to_owned(), intent.clone())] });
    assert!(world.sent.is_empty() && world.claims.contains(KEY), "not before it is ours");
    world.handle(Input::Claimed { key: KEY.to_owned(), intent: intent.clone() });
}

/// How many the outbox owes.
fn pending(world: &World) -> Value {
    let Value::List(pending) = world.manager.pending_ends() else { panic!("no list") };
    (pending.len() as u32).into()
}

#[test]
fn the_intent_is_written_before_the_first_byte_and_struck_out_with_the_answer() {
    let mut world = World::new();
    world.handle(Input::User { id: Some("ana".to_owned()) });
    let meeting = world.host();
    world.emit(meeting, "hangup");
    let (key, intent) = world.stored.iter().next().unwrap();
    assert_eq!(key, &format!("{STREAM}/holder"));
    let texts = ["streamId", "user", "kind", "reason"].map(|name| intent.text(name).unwrap_or_default());
    assert_eq!(texts, [STREAM, "ana", "end", "hangup"]);
    assert_eq!((pending(&world), world.claims.len()), (1_u32.into(), 1));
    assert_eq!(world.manager.snapshot().get("pendingEnds"), Some(&0_u32.into()), "it is only on its way");
    world.answer_ok("ended");
    assert_eq!((world.stored.len(), world.claims.len(), pending(&world)), (0, 0, 0_u32.into()));
}

#[test]
fn it_is_written_first() {
    use streamkeeper::engine::Output;
    let mut world = World::new();
    let meeting = world.host();
    let event = streamkeeper::engine::MeetingEvent::parse("hangup", &Value::Null).unwrap();
    world.manager.handle(world.now, Input::Meeting { meeting, event });
    let outputs: Vec<Output> = std::iter::from_fn(|| world.manager.poll()).collect();
    let at = |is: fn(&Output) -> bool| outputs.iter().position(is).unwrap();
    assert!(at(|output| matches!(output, Output::Store { .. })) < at(|output| matches!(output, Output::Send { .. })));
}

#[test]
fn what_an_earlier_page_owes_is_sent_with_that_users_token_once_nobody_else_sees_to_it() {
    let mut world = World::new();
    let intent = left_behind(&world, "end", None);
    finds(&mut world, &intent);
    let sent = world.sent[0].clone();
    assert_eq!((sent.only_for.as_deref(), sent.fresh_token), (Some("ana"), true));
    let said = ["p_stream_id", "p_holder", "p_reason"].map(|name| sent.rpc.arguments.text(name).unwrap_or_default());
    assert_eq!(said, [STREAM, "earlier", "hangup"]);
    assert_eq!(sent.rpc.arguments.get("p_attempt"), Some(&3_u32.into()), "those that got lost are told of");
    assert_eq!(sent.rpc.arguments.get("p_replayed"), Some(&true.into()));
    world.answer_ok("ended");
    assert_eq!((world.stored.len(), world.claims.len(), pending(&world)), (0, 0, 0_u32.into()));
    let replayed = world.manager.usage(world.now).get("ends").and_then(|ends| ends.get("replayed").cloned());
    assert_eq!(replayed, Some(1_u32.into()));
}

#[test]
fn what_another_tab_has_done_meanwhile_is_not_done_again() {
    let mut world = World::new();
    let intent = left_behind(&world, "end", None);
    world.handle(Input::Owed { entries: vec![(KEY.to_owned(), intent)] });
    world.handle(Input::Claimed { key: KEY.to_owned(), intent: Value::Null });
    assert_eq!((world.sent.len(), world.claims.len(), pending(&world)), (0, 0, 0_u32.into()));
}

#[test]
fn with_somebody_elses_token_nothing_is_sent_and_nothing_is_lost() {
    let mut world = World::new();
    let intent = left_behind(&world, "end", None);
    finds(&mut world, &intent);
    world.answer(Answer::OtherUser);
    world.pass(14 * 60_000);
    assert_eq!((world.sent.len(), pending(&world)), (1, 1_u32.into()));
    assert_eq!(world.stored[KEY].get("attempts"), Some(&2_u32.into()), "which was no attempt");
    world.handle(Input::User { id: Some("ana".to_owned()) });
    assert_eq!(world.sent.len(), 2, "until they sign in");
}

#[test]
fn what_cannot_be_delivered_is_tried_ever_later_and_at_once_when_asked_or_online() {
    let mut world = World::new();
    let intent = left_behind(&world, "end", None);
    finds(&mut world, &intent);
    for gap in [5_000, 10_000, 20_000] {
        world.answer(Answer::Unreachable);
        let tries = world.sent.len();
        world.pass(gap - 1);
        assert_eq!(world.sent.len(), tries);
        world.pass(1);
        assert_eq!(world.sent.len(), tries + 1);
    }
    assert_eq!(world.stored[KEY].get("attempts"), Some(&5_u32.into()));
    world.answer_error(503, "XX000");
    let call = world.call("retryPendingEnds", &Value::Null);
    assert_eq!((world.sent.len(), world.result(call).is_none()), (5, true));
    world.answer_error(503, "XX000");
    assert!(matches!(world.result(call), Some(Ok(_))), "when each has been tried");
    world.page(PageEvent::Offline);
    world.pass(3_600_000);
    assert_eq!(world.sent.len(), 5, "nothing is tried offline");
    world.page(PageEvent::Online);
    assert_eq!(world.sent.len(), 6);
}

#[test]
fn a_refusal_is_delivered_too() {
    for (status, code) in [(403, "42501"), (409, "PT409"), (400, "22023")] {
        let mut world = World::new();
        let intent = left_behind(&world, "end", None);
        finds(&mut world, &intent);
        world.answer(error(status, code));
        assert_eq!((world.stored.len(), pending(&world)), (0, 0_u32.into()), "{code}");
    }
}

#[test]
fn what_this_page_has_given_up_is_replayed_and_then_it_is_over() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "hangup");
    for pause in [1_000, 2_000, 3_000] {
        world.answer_error(500, "XX000");
        world.pass(pause);
    }
    world.answer_error(500, "XX000");
    assert_eq!((world.status(STREAM).as_str(), pending(&world)), ("failed", 1_u32.into()));
    assert_eq!(world.manager.snapshot().get("pendingEnds"), Some(&1_u32.into()));
    world.pass(5_000);
    assert_eq!(world.in_flight[0].rpc.arguments.get("p_attempt"), Some(&4_u32.into()));
    world.answer_ok("ended");
    assert_eq!((world.status(STREAM).as_str(), world.count("end"), world.stored.len()), ("ended", 1, 0));
}

#[test]
fn a_page_that_goes_writes_its_goodbye_down_and_one_that_stays_strikes_it_out() {
    let mut world = World::new();
    world.renewal_answer = None;
    world.host();
    world.page(PageEvent::PageHide { persisted: false });
    let intent = world.stored.values().next().cloned().unwrap();
    assert_eq!(intent.text("kind"), Some("leave"));
    assert_eq!(intent.get("until"), Some(&Value::millis(Some(world.now + 30_000))));
    // From the back/forward cache after all.
    world.page(PageEvent::PageShow);
    assert!(world.stored.is_empty());
    world.page(PageEvent::PageHide { persisted: true });
    assert!(world.stored.is_empty(), "a pause is no goodbye");
}

#[test]
fn a_goodbye_that_may_be_lost_is_said_again_with_what_is_left_of_its_lease() {
    let mut world = World::new();
    let intent = left_behind(&world, "leave", Some(world.now + 12_000));
    finds(&mut world, &intent);
    let goodbye = world.renewals[0].clone();
    assert_eq!(goodbye.rpc.arguments.text("p_holder"), Some("earlier"), "the page that is gone");
    assert_eq!(goodbye.rpc.arguments.get("p_lease_seconds"), Some(&12_u32.into()));
    assert_eq!(pending(&world), 1_u32.into(), "it may be back");
    world.pass(12_000);
    assert_eq!(world.renewals[1].rpc.arguments.get("p_lease_seconds"), Some(&0_u32.into()), "it was not");
    assert_eq!(pending(&world), 0_u32.into());
    let mut late = World::new();
    let intent = left_behind(&late, "leave", Some(late.now - 60_000));
    finds(&mut late, &intent);
    assert_eq!(late.renewals[0].rpc.arguments.get("p_lease_seconds"), Some(&0_u32.into()));
}

#[test]
fn a_page_that_resumes_the_stream_lets_go_of_what_the_one_before_it_held() {
    let mut world = World::new();
    let intent = left_behind(&world, "leave", Some(world.now + 25_000));
    finds(&mut world, &intent);
    world.renewal_answer = None;
    world.host();
    assert_eq!(world.renewals.len(), 2, "not before the database knows that this page holds it");
    let own = world.renewals[1].request;
    world.handle(Input::Answer { request: own, answer: ok("live") });
    let goodbye = world.renewals[2].rpc.arguments.clone();
    assert_eq!((goodbye.text("p_holder"), goodbye.get("p_lease_seconds")), (Some("earlier"), Some(&0_u32.into())));
    world.handle(Input::Answer { request: world.renewals[2].request, answer: ok("live") });
    assert_eq!(pending(&world), 0_u32.into());
}

#[test]
fn what_is_old_or_rubbish_is_swept_out() {
    let mut world = World::new();
    let mut old = left_behind(&world, "end", None);
    if let Value::Object(members) = &mut old {
        members.iter_mut().filter(|(name, _)| name == "at").for_each(|(_, at)| *at = Value::millis(Some(1)));
    }
    world.stored.insert(KEY.to_owned(), old.clone());
    world.stored.insert("junk".to_owned(), Value::Null);
    let entries = vec![(KEY.to_owned(), old), ("junk".to_owned(), Value::List(vec![]))];
    world.handle(Input::Owed { entries });
    assert_eq!((world.stored.len(), world.claims.len(), world.sent.len()), (0, 0, 0));
    let mut waiting = World::new();
    let intent = left_behind(&waiting, "end", None);
    finds(&mut waiting, &intent);
    waiting.answer(Answer::OtherUser);
    waiting.pass(8 * DAY);
    assert_eq!(pending(&waiting), 0_u32.into(), "a week is enough");
}

#[test]
fn a_storage_that_takes_nothing_is_said_once_and_everything_goes_on() {
    let mut world = World::new();
    let meeting = world.host();
    for _ in 0..3 {
        world.handle(Input::NotStored);
    }
    let warned = |(name, data): &&(&str, Value)| *name == "log" && data.text("level") == Some("warn");
    assert_eq!(world.events.iter().filter(warned).count(), 1);
    world.emit(meeting, "hangup");
    world.answer_ok("ended");
    assert_eq!(world.status(STREAM), "ended");
}

#[test]
fn a_new_round_takes_over_from_a_call_of_the_outbox() {
    let mut world = World::new();
    world.end(STREAM);
    for pause in [1_000, 2_000, 3_000, 0, 5_000] {
        world.answer_error(500, "XX000");
        world.pass(pause);
    }
    let replay = world.in_flight[0].request;
    let call = world.end(STREAM);
    assert_eq!((world.aborted.last(), world.in_flight.len()), (Some(&replay), 1));
    world.answer_ok("ended");
    assert!(matches!(world.result(call), Some(Ok(result)) if result.text("status") == Some("ended")));
    assert_eq!((world.stored.len(), world.count("end")), (0, 1));
}

#[test]
fn a_token_that_is_null_is_a_sign_out_which_ends_what_is_live_with_the_last_one() {
    let mut world = World::new();
    world.host();
    world.handle(Input::SignedOut);
    assert_eq!(world.stream(STREAM, "reason"), "sign_out".into());
    assert!(!world.sent[0].fresh_token);
    assert_eq!(world.forgotten, 1);
}

fn redirect(world: &mut World) -> streamkeeper::engine::CallId {
    world.call("endStreamOnRedirect", &Value::object([("streamerId", "ana".into())]))
}

#[test]
fn a_redirect_ends_what_this_page_holds_and_waits_for_the_first_answer_or_300_ms() {
    let mut world = World::new();
    world.host();
    let call = redirect(&mut world);
    world.answer_ok("ended");
    assert!(matches!(world.result(call), Some(Ok(result)) if result.text("status") == Some("ended")));

    let mut slow = World::new();
    slow.host();
    let call = redirect(&mut slow);
    slow.pass(299);
    assert!(slow.result(call).is_none());
    slow.pass(1);
    assert!(matches!(slow.result(call), Some(Ok(result)) if result.text("status") == Some("queued")));
    slow.answer_ok("ended");
    assert_eq!((slow.status(STREAM).as_str(), slow.stream(STREAM, "reason")), ("ended", "redirect".into()));
}

#[test]
fn a_redirect_of_a_page_that_holds_nothing_ends_what_of_theirs_nobody_holds() {
    for (body, status) in [(true, "ended"), (false, "held_elsewhere")] {
        let mut world = World::new();
        let call = redirect(&mut world);
        let rpc = world.sent[0].rpc.clone();
        assert_eq!((rpc.function, rpc.keepalive), ("end_stream_on_user_disconnect", true), "it outlives the page");
        world.answer(Answer::Http { status: 200, body: Some(body.into()) });
        assert!(matches!(world.result(call), Some(Ok(result)) if result.text("status") == Some(status)));
    }
    // What is not known is not said.
    for slow in [true, false] {
        let mut world = World::new();
        let call = redirect(&mut world);
        if slow {
            world.pass(300);
        } else {
            world.answer_error(500, "XX000");
        }
        assert!(matches!(world.result(call), Some(Ok(result)) if result.text("status") == Some("queued")));
        assert_eq!(world.sent.len(), 1);
    }
}

#[test]
fn a_redirect_never_rejects() {
    for answer in [Answer::Unreachable, Answer::NoToken, error(500, "XX000"), error(403, "42501"), ok("ended")] {
        let mut world = World::new();
        let call = redirect(&mut world);
        world.answer(answer);
        world.pass(300);
        assert!(matches!(world.result(call), Some(Ok(_))));
    }
    let bad = streamkeeper::engine::Action::parse("endStreamOnRedirect", &Value::object([]));
    assert_eq!(bad.map_err(|error| error.code), Err(Code::InvalidArgument));
}

/// A round that fails, with its fallbacks.
fn given_up(world: &mut World) {
    for pause in [1_000, 2_000, 3_000, 0] {
        world.answer_error(500, "XX000");
        world.pass(pause);
    }
    assert_eq!(world.status(STREAM), "failed");
}

#[test]
fn a_stream_that_is_started_again_is_not_ended_for_what_was_before() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "hangup");
    given_up(&mut world);
    world.call("startStream", &Value::object([("streamId", STREAM.into())]));
    let body = Value::object([("status", "live".into()), ("stream_id", STREAM.into())]);
    world.answer(Answer::Http { status: 200, body: Some(body) });
    let sent = world.sent.len();
    world.pass(3_600_000);
    assert_eq!((world.sent.len(), world.status(STREAM).as_str(), world.stored.len()), (sent, "live", 0));
}

#[test]
fn an_end_under_way_stays_written_down_when_a_start_is_answered_meanwhile() {
    let mut world = World::new();
    world.call("startStream", &Value::object([("streamId", STREAM.into())]));
    world.end(STREAM);
    let started = Value::object([("status", "live".into()), ("stream_id", STREAM.into())]);
    world.answer(Answer::Http { status: 200, body: Some(started) });
    let key = [STREAM, "/holder"].concat();
    assert!(world.stored.contains_key(&key), "nobody has been heard of its end yet");
    world.answer_ok("ended");
    assert!(world.stored.is_empty());
}

#[test]
fn what_was_left_behind_in_the_future_does_not_displace_what_this_page_is_sending() {
    let mut world = World::new();
    world.end(STREAM);
    let entries = (0..60).map(|at| {
        let mut intent = left_behind(&world, "end", None);
        let holder = format!("page-{at}");
        let Value::Object(members) = &mut intent else { panic!("no object") };
        for (name, member) in members {
            match name.as_str() {
                "holder" => *member = holder.as_str().into(),
                "at" => *member = Value::millis(Some(world.now + DAY)),
                _ => {}
            }
        }
        ([STREAM, "/", &holder].concat(), intent)
    });
    let entries = entries.collect();
    world.handle(Input::Owed { entries });
    assert!(world.stored.contains_key(&[STREAM, "/holder"].concat()));
    assert_eq!(pending(&world), 50.into());
}

#[test]
fn a_host_who_comes_back_after_a_late_leave_holds_the_stream_again() {
    let mut world = World::new();
    let meeting = world.host();
    world.emit(meeting, "hangup");
    given_up(&mut world);
    world.pass(5_000);
    world.answer_ok("held_elsewhere");
    let renewals = world.renewals.len();
    world.pass(60_000);
    assert_eq!((world.status(STREAM).as_str(), world.renewals.len()), ("live", renewals));
    world.emit(meeting, "videoConferenceJoined");
    assert_eq!(world.renewals.len(), renewals + 1);
}

#[test]
fn a_page_without_a_backend_leaves_the_outbox_to_others() {
    let mut manager = streamkeeper::engine::Manager::new(
        streamkeeper::engine::Config::default(),
        String::new(),
        streamkeeper::engine::page::Page {
            visible: true,
            online: true,
            frozen: false,
            exit: streamkeeper::engine::page::Exit::None,
        },
        0,
    );
    let intent = left_behind(&World::new(), "end", None);
    manager.handle(0, Input::Owed { entries: vec![(KEY.to_owned(), intent)] });
    assert_eq!(manager.poll(), None);
}

#[test]
fn a_sign_out_reaches_tabs_that_only_host() {
    let mut world = World::new();
    world.handle(Input::User { id: Some("ana".to_owned()) });
    world.call("startStream", &Value::object([]));
    let body = Value::object([("status", "live".into()), ("stream_id", STREAM.into())]);
    world.answer(Answer::Http { status: 200, body: Some(body) });
    world.handle(Input::SignedOutElsewhere { user: "ben".to_owned() });
    assert_eq!(world.status(STREAM), "live");
    world.handle(Input::SignedOutElsewhere { user: "ana".to_owned() });
    assert_eq!(world.stream(STREAM, "reason"), "sign_out".into());
    assert!(world.told.is_empty());

    for null_token in [true, false] {
        let mut world = World::new();
        world.handle(Input::User { id: Some("ana".to_owned()) });
        if null_token {
            world.handle(Input::SignedOut);
        } else {
            world.call("disconnectUser", &Value::Null);
        }
        assert_eq!(world.told, ["ana"]);
    }
}

#[test]
fn after_a_sign_out_the_next_attempt_still_asks_for_whoever_owed_it() {
    let mut world = World::new();
    world.handle(Input::User { id: Some("ana".to_owned()) });
    world.host();
    world.call("disconnectUser", &Value::Null);
    world.answer_error(503, "XX000");
    world.pass(1_000);
    assert_eq!(world.sent.last().unwrap().only_for.as_deref(), Some("ana"));
}
