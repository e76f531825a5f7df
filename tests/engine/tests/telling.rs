//! What whoever asks, or looks, is told.

use engine_tests::chat::Chatting;
use engine_tests::{STREAM, World, error, ok};
use streamkeeper::engine::{
    Answer, ChatEvent, ChatOutput, Code, Failure, Generation, Input, MeetingEvent, PageEvent, Value,
};

const MINUTE: u64 = 60_000;

fn texts(value: &Value, name: &str) -> Vec<String> {
    let Some(Value::List(items)) = value.get(name) else { panic!("{value:?} has no list {name}") };
    items.iter().map(|item| item.as_text().unwrap_or_default().to_owned()).collect()
}

#[test]
fn whoever_asks_for_an_end_is_told_which_it_was() {
    for (status, ended, already) in [("ended", 1, 0), ("already_ended", 0, 1), ("not_found", 0, 0)] {
        let mut world = World::new();
        world.host();
        let call = world.end(STREAM);
        world.answer_ok(status);
        let Some(Ok(result)) = world.result(call) else { panic!("{status} is no result") };
        let lists = (texts(result, "ended").len(), texts(result, "already").len());
        assert_eq!((result.text("status"), result.text("via"), lists), (Some(status), Some("rpc"), (ended, already)));
    }
}

#[test]
fn a_refused_end_rejects_and_a_failed_one_is_queued() {
    let mut world = World::new();
    world.host();
    let call = world.end(STREAM);
    world.answer_error(403, "42501");
    assert!(matches!(world.result(call), Some(Err(error)) if error.code == Code::NotAllowed));

    let mut world = World::new();
    world.host();
    let call = world.end(STREAM);
    world.answer_error(401, "PGRST301");
    world.answer_error(401, "PGRST301");
    let Some(Ok(result)) = world.result(call) else { panic!("{:?}", world.result(call)) };
    assert_eq!((result.text("status"), result.text("via")), (Some("queued"), Some("outbox")));
}

#[test]
fn an_end_keeps_its_reason_whoever_asks_for_it_as_well() {
    let mut world = World::new();
    let meeting = world.host();
    let destroyed = MeetingEvent::parse("errorOccurred", &Value::object([("name", "conference.destroyed".into())]));
    world.handle(Input::Meeting { meeting, event: destroyed.unwrap() });
    let reason = world.stream(STREAM, "reason");
    world.end(STREAM);
    assert_eq!((world.status(STREAM).as_str(), world.stream(STREAM, "reason")), ("ending", reason));
}

#[test]
fn a_person_who_wants_the_end_of_what_waits_for_the_network_asks_with_their_own_token() {
    let mut world = World::new();
    let meeting = world.host();
    world.page(PageEvent::Offline);
    world.emit(meeting, "readyToClose");
    world.answer(Answer::Unreachable);
    world.end(STREAM);
    world.page(PageEvent::Online);
    assert_eq!(world.sent.iter().map(|sent| sent.fresh_token).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn what_an_attempt_met_is_written_down() {
    let mut world = World::new();
    world.host();
    world.end(STREAM);
    world.answer_error(500, "XX000");
    let intent = world.stored.values().next().unwrap();
    assert_eq!(intent.get("attempts"), Some(&1_u32.into()));
    assert!(intent.text("lastError").is_some_and(|said| said.contains("XX000")), "{intent:?}");
    let Value::List(pending) = world.manager.pending_ends() else { panic!("no list") };
    let entry = &pending[0];
    assert_eq!((entry.text("streamId"), entry.text("kind")), (Some(STREAM), Some("end")));
    assert_eq!((entry.get("attempts"), entry.text("lastError").is_some()), (Some(&1_u32.into()), true));
    world.pass(1_000);
    let intent = world.stored.values().next().unwrap();
    assert_eq!(intent.get("attempts"), Some(&2_u32.into()), "with the one that is under way");
    assert!(intent.text("lastError").is_some());
}

#[test]
fn the_outbox_hears_that_there_is_no_such_stream() {
    let mut world = World::new();
    world.handle(Input::User { id: Some("ana".to_owned()) });
    world.host();
    world.end(STREAM);
    while world.status(STREAM) != "failed" {
        world.answer(Answer::Unreachable);
        world.pass(MINUTE);
    }
    world.call("retryPendingEnds", &Value::Null);
    while !world.in_flight.is_empty() {
        world.answer_ok("not_found");
    }
    assert_eq!((world.status(STREAM).as_str(), world.stored.len()), ("failed", 0));
    assert_eq!(world.stream(STREAM, "lastError"), "there is no such stream".into());
}

#[test]
fn what_happens_to_a_stream_is_logged_for_whoever_debugs() {
    let mut world = World::new();
    world.host();
    let logged = |what: &str| {
        let is = |data: &Value| data.text("level") == Some("debug") && data.text("message") == Some(what);
        world.events.iter().any(|(name, data)| *name == "log" && is(data))
    };
    assert!(logged("attached") && logged("joined"));
}

#[test]
fn a_lost_connection_closes_then_waits_then_reconnects() {
    let mut chat = Chatting::new(Value::object([]));
    chat.connect("ana");
    chat.service.closes = false;
    chat.loses(Generation(1));
    assert_eq!((chat.status().as_str(), chat.field("nextRetryAt")), ("closing: lost", Value::Null));
    chat.service = engine_tests::chat::Service { opens: false, ..engine_tests::chat::Service::WELL };
    chat.closes(Generation(1));
    assert_eq!(chat.status(), "reconnecting: lost");
    assert_ne!(chat.field("nextRetryAt"), Value::Null);
    chat.pass(3_000);
    assert_eq!((chat.generation(), chat.status().as_str()), (Generation(2), "reconnecting: lost"));
    assert_eq!(chat.field("nextRetryAt"), Value::Null);
}

#[test]
fn a_sign_out_shows_only_where_somebody_was_signed_in() {
    let mut chat = Chatting::new(Value::object([]));
    let call = chat.call("disconnectUser", &Value::Null);
    assert_eq!((chat.world.result(call), chat.status().as_str()), (Some(&Ok(Value::Null)), "disconnected"));
    chat.connect("ana");
    chat.page(PageEvent::Offline);
    assert_eq!(chat.status(), "disconnected: offline");
    let call = chat.call("disconnectUser", &Value::Null);
    assert_eq!((chat.world.result(call), chat.status().as_str()), (Some(&Ok(Value::Null)), "disconnected: sign_out"));
}

#[test]
fn the_driver_knows_whose_client_may_be_used() {
    let mut chat = Chatting::new(Value::object([]));
    let known = |chat: &Chatting| (chat.world.manager.has_chat_user(), chat.world.manager.chat_generation());
    assert_eq!(known(&chat), (false, None));
    chat.connect("ana");
    assert_eq!(known(&chat), (true, Some(Generation(1))));
    chat.say(Generation(1), ChatEvent::Failed(Failure::Refused, "late".to_owned()));
    chat.page(PageEvent::Freeze);
    assert_eq!(known(&chat), (true, None));
    chat.call("disconnectUser", &Value::Null);
    assert_eq!(known(&chat), (false, None));
}

#[test]
fn whoever_is_idle_by_other_settings_is_told_so_again() {
    let mut chat = Chatting::new(Value::object([("inactivity", Value::object([("timeout", 300_000_u32.into())]))]));
    chat.connect("ana");
    chat.pass(6 * MINUTE);
    assert_eq!((chat.world.count("idle"), chat.status().as_str()), (1, "disconnected: inactive"));
    let longer = Value::object([("timeout", 600_000_u32.into())]);
    let settings = chat.world.manager.inactivity().parse(&longer).unwrap();
    chat.handle(Input::SetInactivity(settings));
    assert_eq!(chat.world.manager.inactivity().timeout, Some(600_000));
    chat.pass(5 * MINUTE);
    assert_eq!(chat.world.count("idle"), 2);
}

#[test]
fn a_clock_that_is_set_back_sets_back_what_is_shown() {
    let prompt = Value::object([("timeout", 300_000_u32.into()), ("prompt", 100_000_u32.into())]);
    let mut chat = Chatting::new(Value::object([("inactivity", prompt)]));
    chat.connect("ana");
    chat.pass(4 * MINUTE);
    let until = |chat: &Chatting| {
        let snapshot = chat.world.manager.snapshot();
        snapshot.get("presence").and_then(|presence| presence.get("idlePromptUntil")).cloned()
    };
    assert_eq!(until(&chat), Some(Value::millis(Some(chat.world.now + MINUTE))));
    let told = chat.world.changes;
    chat.world.now -= 3_000;
    chat.handle(Input::Wake);
    assert_eq!((until(&chat), chat.world.changes), (Some(Value::millis(Some(chat.world.now + MINUTE))), told + 1));
}

#[test]
fn nothing_is_saved_for_somebody_who_has_signed_out() {
    let mut chat = Chatting::new(Value::object([]));
    chat.connect("ana");
    chat.pass(6 * MINUTE);
    let saved = |chat: &Chatting| chat.world.manager.usage(chat.world.now).get("idleSavedMs").cloned();
    chat.call("disconnectUser", &Value::Null);
    let before = saved(&chat);
    chat.pass(60 * MINUTE);
    assert_eq!(saved(&chat), before);
}

#[test]
fn an_expired_token_is_one_more_asking_and_its_answer_counts() {
    let backend = [("url", "http://backend.test".into())];
    let mut world = World::configured(Value::object([("backend", Value::object(backend))]));
    world.handle(Input::WatchListing(true));
    world.answer_error(401, "PGRST303");
    world.answer(Answer::Http { status: 200, body: Some(Value::List(Vec::new())) });
    let snapshot = world.manager.snapshot();
    let listing = snapshot.get("listing").unwrap();
    assert_eq!((listing.text("status"), listing.get("sessions")), (Some("polling"), Some(&Value::List(Vec::new()))));

    let mut world = World::new();
    world.handle(Input::User { id: Some("ana".to_owned()) });
    world.host();
    world.end(STREAM);
    while world.status(STREAM) != "failed" {
        world.answer(Answer::Unreachable);
        world.pass(MINUTE);
    }
    world.call("retryPendingEnds", &Value::Null);
    let asked = world.sent.len();
    world.answer_error(401, "PGRST303");
    assert_eq!(world.sent.len(), asked + 1);
    world.answer(ok("ended"));
    assert_eq!((world.status(STREAM).as_str(), world.stored.len()), ("ended", 0));
    assert!(!world.answer(error(500, "XX000")));
}

#[test]
fn a_close_says_why() {
    let mut chat = Chatting::new(Value::object([]));
    chat.connect("ana");
    chat.page(PageEvent::Offline);
    assert_eq!(chat.times(|output| output.why() == Some("offline")).len(), 1);
    assert_eq!(chat.times(|output| output == ChatOutput::Close).len(), 1);
}
