//! Sessions follow their streams: whatever ends a stream stops what is open for it here, and what outlives it is told of.

use engine_tests::chat::Chatting;
use engine_tests::{STREAM, World, error, ok};
use streamkeeper::engine::{
    Answer, Code, FeedEvent, Input, MeetingId, PageEvent, SessionEvent, SessionId, SessionOutput, Value, id::StreamId,
};

const OTHER: &str = "7b1fba22-93d2-4f0e-8f67-0c8b4b1b7a55";

fn stream(id: &str) -> StreamId {
    StreamId::parse("key", Some(&id.into())).unwrap()
}

fn register(world: &mut World, number: u32, key: &str, kind: &str) {
    world.handle(Input::Register { session: SessionId(number), key: stream(key), kind: kind.to_owned() });
}

fn unregister(world: &mut World, number: u32) {
    world.handle(Input::Unregister { session: SessionId(number) });
}

fn stopped(world: &mut World, number: u32, failed: bool, open: Option<bool>) {
    world.handle(Input::Session { session: SessionId(number), event: SessionEvent::Stopped { failed, open } });
}

fn looked(world: &mut World, number: u32, open: Option<bool>) {
    world.handle(Input::Session { session: SessionId(number), event: SessionEvent::Looked { open } });
}

/// What was asked of a session so far.
fn asked(world: &World, number: u32) -> Vec<&'static str> {
    let of = world.sessions.iter().filter(|(_, session, _)| *session == SessionId(number));
    of.map(|(_, _, output)| output.name()).collect()
}

fn stops(world: &World) -> Vec<u32> {
    let stops = world.sessions.iter().filter(|(_, _, output)| *output == SessionOutput::Stop);
    stops.map(|(_, session, _)| session.0).collect()
}

fn stop_by_key(world: &mut World, key: &str) -> streamkeeper::engine::CallId {
    world.call("stopStreamByKey", &Value::object([("key", key.into())]))
}

/// The rows of the report, as texts: kind, state, and whether it is believed open.
fn rows(world: &World) -> Vec<String> {
    let Value::List(rows) = world.manager.sessions(world.now) else { panic!("no list") };
    let text = |row: &Value, name| row.text(name).unwrap_or_default().to_owned();
    let row = |row: &Value| {
        format!("{} {}{}", text(row, "kind"), text(row, "state"), if row.flag("open") { "" } else { ", closed" })
    };
    rows.iter().map(row).collect()
}

fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, key| value.get(key).unwrap_or(&Value::Null))
}

fn usage(world: &World, what: &str) -> Value {
    world.manager.usage(world.now).get(what).cloned().unwrap_or_default()
}

/// A hosted stream with a player of each kind.
fn hosted_with_players() -> World {
    let mut world = World::new();
    world.host();
    register(&mut world, 1, STREAM, "hls");
    register(&mut world, 2, STREAM, "ts");
    world
}

/// It is ended by a person, and the meeting does as it is told.
fn end(world: &mut World) {
    world.end(STREAM);
    world.answer_ok("ended");
    assert_eq!(world.hung_up.as_slice(), [MeetingId(1)]);
    world.emit(MeetingId(1), "videoConferenceLeft");
}

#[test]
fn every_path_that_ends_a_stream_stops_its_sessions() {
    // By a person; by a meeting; by a sign-out.
    let mut world = hosted_with_players();
    world.end(STREAM);
    assert_eq!(stops(&world), [], "not before the database has said so");
    world.answer_ok("ended");
    assert_eq!(stops(&world), [1, 2]);

    for event in ["readyToClose", "hangup", "conferenceTerminated"] {
        let mut world = World::new();
        let meeting = world.host();
        register(&mut world, 1, STREAM, "own");
        world.emit(meeting, event);
        world.answer_ok("ended");
        assert_eq!((stops(&world), world.hung_up.len()), (vec![1], 0), "{event}: it has hung up itself");
    }

    let mut world = hosted_with_players();
    world.call("disconnectUser", &Value::object([]));
    world.answer_ok("ended");
    assert_eq!((stops(&world), world.hung_up.len()), (vec![1, 2], 1));

    // Elsewhere, as the lease says, or the player's next address, or a look at a stream that is only watched.
    let mut world = hosted_with_players();
    world.renewal_answer = Some(ok("ended"));
    world.pass(20_000);
    assert_eq!((stops(&world), world.hung_up.len(), world.count("end")), (vec![1, 2], 1, 1));

    let mut world = World::new();
    register(&mut world, 1, STREAM, "hls");
    let call = world.call("playbackUrl", &Value::object([("streamId", STREAM.into()), ("kind", "hls".into())]));
    world.answer(error(410, "RELAY410"));
    assert_eq!(world.result(call).unwrap().as_ref().unwrap_err().code, Code::Conflict);
    assert_eq!((stops(&world), world.status(STREAM).as_str()), (vec![], "live"), "it may only not be relayed any more");
    world.answer_ok("ended");
    assert_eq!((stops(&world), world.status(STREAM).as_str(), world.count("end")), (vec![1], "ended", 1));

    let mut world = World::new();
    register(&mut world, 1, STREAM, "own");
    world.pass(30_000);
    assert_eq!(world.sent.last().unwrap().rpc.function, "get_stream_status");
    world.answer_ok("ended");
    assert_eq!((stops(&world), world.status(STREAM).as_str()), (vec![1], "ended"));
}

#[test]
fn an_end_that_the_outbox_delivers_stops_them_too() {
    let mut world = World::new();
    world.handle(Input::User { id: Some("ana".to_owned()) });
    let meeting = world.host();
    register(&mut world, 1, STREAM, "hls");
    world.emit(meeting, "hangup");
    while world.status(STREAM) != "failed" {
        world.answer(error(503, "x"));
        world.pass(1_000);
    }
    assert_eq!(stops(&world), [], "for all that this page knows it is live");
    while !world.answer_ok("ended") {
        world.pass(1_000);
    }
    assert_eq!((world.status(STREAM).as_str(), stops(&world)), ("ended", vec![1]));
}

#[test]
fn a_stop_that_throws_or_hangs_keeps_the_others_from_nothing_and_is_logged() {
    let mut world = hosted_with_players();
    register(&mut world, 3, STREAM, "own");
    end(&mut world);
    assert_eq!(stops(&world), [1, 2, 3], "all at once");
    stopped(&mut world, 1, true, Some(false));
    stopped(&mut world, 2, false, None);
    assert_eq!(world.count("orphan"), 0);
    world.pass(5_000);
    assert_eq!(asked(&world, 3), ["stop", "look"], "it hangs");
    looked(&mut world, 3, Some(false));
    let warnings = world.events.iter().filter(|(name, data)| *name == "log" && data.text("level") == Some("warn"));
    let kinds: Vec<_> = warnings.map(|(_, data)| at(data, "data.detail").as_text().unwrap_or_default()).collect();
    assert_eq!((kinds, world.count("orphan")), (vec!["hls", "own"], 0));
}

#[test]
fn what_outlives_its_stream_is_told_once_and_stopped_at_every_health_check() {
    let mut world = hosted_with_players();
    end(&mut world);
    stopped(&mut world, 1, false, Some(true));
    stopped(&mut world, 2, true, None);
    let told: Vec<_> = world.events.iter().filter(|(name, _)| *name == "orphan").map(|(_, data)| data).collect();
    let orphan = |kind: &str| Value::object([("key", STREAM.into()), ("kind", kind.into())]);
    assert_eq!((told, usage(&world, "orphans")), (vec![&orphan("hls"), &orphan("ts")], 2.into()));
    assert_eq!(rows(&world), ["hls over", "ts over"]);

    world.pass(30_000);
    assert_eq!(stops(&world), [1, 2, 1, 2]);
    stopped(&mut world, 1, false, Some(false));
    stopped(&mut world, 2, true, None);
    world.pass(30_000);
    assert_eq!((asked(&world, 1), stops(&world).len()), (vec!["stop", "stop", "look"], 5));
    looked(&mut world, 1, Some(false));
    stopped(&mut world, 2, false, None);
    assert_eq!((asked(&world, 1).last(), asked(&world, 2).last()), (Some(&"forget"), Some(&"forget")));
    assert_eq!(world.count("orphan"), 2);
    assert_eq!(rows(&world), [""; 0]);
}

#[test]
fn what_comes_back_after_its_stop_is_found_at_the_next_check() {
    let mut world = hosted_with_players();
    end(&mut world);
    stopped(&mut world, 1, false, Some(false));
    stopped(&mut world, 2, false, None);
    assert_eq!(rows(&world), ["hls over, closed"], "and whoever asks it now sees otherwise");
    world.pass(30_000);
    looked(&mut world, 1, Some(true));
    assert_eq!((asked(&world, 1), world.count("orphan")), (vec!["stop", "look", "stop"], 1));
}

#[test]
fn one_that_is_registered_for_a_stream_that_is_over_is_an_orphan() {
    let mut world = hosted_with_players();
    end(&mut world);
    stopped(&mut world, 1, false, None);
    stopped(&mut world, 2, false, None);
    register(&mut world, 3, STREAM, "hls");
    assert_eq!((stops(&world), world.count("orphan")), (vec![1, 2, 3], 1));
    stopped(&mut world, 3, false, Some(false));

    // A meeting is none until somebody is in it.
    let meeting = world.attach(STREAM, "viewer");
    assert_eq!((world.count("orphan"), world.hung_up.as_slice()), (1, [MeetingId(1), meeting].as_slice()));
    world.emit(meeting, "videoConferenceJoined");
    assert_eq!((world.count("orphan"), world.hung_up.len()), (2, 3));
    assert_eq!(rows(&world), ["hls over, closed", "meeting stopping"]);
    world.pass(5_000);
    assert_eq!(rows(&world), ["hls over, closed", "meeting over"]);
    world.pass(30_000);
    assert_eq!(world.hung_up.len(), 4, "told again at the health check");
    world.emit(meeting, "videoConferenceLeft");
    assert!(!rows(&world).concat().contains("meeting"));
}

#[test]
fn a_stop_by_key_reaches_what_was_there_before_it_and_nothing_after() {
    let mut world = World::new();
    register(&mut world, 1, STREAM, "hls");
    register(&mut world, 2, OTHER, "hls");
    let call = stop_by_key(&mut world, STREAM);
    register(&mut world, 3, STREAM, "hls");
    assert_eq!((stops(&world), world.result(call)), (vec![1], None));
    world.pass(5_000);
    looked(&mut world, 1, Some(true));
    assert_eq!(world.result(call), Some(&Ok(0.into())), "given up");
    // Its own late word, and its next stop, are its own.
    stopped(&mut world, 1, false, Some(true));
    world.pass(30_000);
    stopped(&mut world, 1, false, Some(false));
    world.pass(60_000);
    assert_eq!(stops(&world), [1, 1]);
    assert_eq!((asked(&world, 2), asked(&world, 3)), (vec![], vec![]));

    let all = stop_by_key(&mut world, STREAM);
    stopped(&mut world, 3, false, None);
    assert_eq!(world.result(all), Some(&Ok(1.into())));
    let none = stop_by_key(&mut world, STREAM);
    assert_eq!(world.result(none), Some(&Ok(0.into())));
    assert_eq!(world.count("end"), 0, "the stream lives on");
}

#[test]
fn two_who_stop_the_same_wait_for_the_same_stop() {
    let mut world = World::new();
    register(&mut world, 1, STREAM, "hls");
    register(&mut world, 2, STREAM, "own");
    let calls = [stop_by_key(&mut world, STREAM), stop_by_key(&mut world, STREAM)];
    assert_eq!(stops(&world), [1, 2], "once");
    stopped(&mut world, 1, false, None);
    unregister(&mut world, 2);
    assert_eq!(calls.map(|call| world.result(call).cloned()), [Some(Ok(2.into())), Some(Ok(2.into()))]);
}

#[test]
fn a_host_who_joins_again_what_was_stopped_by_key_is_left_in_peace() {
    let mut world = World::new();
    let meeting = world.host();
    let call = stop_by_key(&mut world, STREAM);
    world.emit(meeting, "videoConferenceLeft");
    assert_eq!((world.hung_up.len(), world.result(call)), (1, Some(&Ok(1.into()))));
    world.emit(meeting, "videoConferenceJoined");
    world.pass(60_000);
    assert_eq!((world.hung_up.len(), world.count("orphan"), world.status(STREAM).as_str()), (1, 0, "live"));
    assert_eq!(rows(&world), ["meeting open"]);
}

#[test]
fn a_session_has_its_time_to_open_and_is_forgotten_with_its_stream() {
    let mut world = World::new();
    register(&mut world, 1, STREAM, "hls");
    let meeting = world.attach(OTHER, "viewer");
    assert_eq!(rows(&world), ["hls opening", "meeting opening, closed"]);
    world.emit(meeting, "videoConferenceJoined");
    world.pass(9_999);
    assert_eq!(rows(&world)[0], "hls opening");
    world.pass(1);
    assert_eq!(rows(&world), ["hls open", "meeting open"]);
    assert_eq!((world.status(STREAM).as_str(), world.status(OTHER).as_str()), ("live", "live"));
    unregister(&mut world, 1);
    world.handle(Input::Detach { meeting });
    assert_eq!((rows(&world).len(), world.status(STREAM).as_str(), world.status(OTHER).as_str()), (0, "", ""));
}

#[test]
fn chat_stands_under_its_user_and_outlives_every_stream() {
    let mut chat = Chatting::new(Value::object([]));
    let arguments = [("userId", "ana".into()), ("token", "string".into())];
    chat.world.call("connectUser", &Value::object(arguments));
    chat.serve();
    let mut world = chat.world;
    register(&mut world, 1, STREAM, "chat");
    assert_eq!(rows(&world), ["chat opening", "chat open"], "a channel of the stream's, and the connection");
    let closes = world.chat.len();
    world.end(STREAM);
    while world.answer_ok("ended") {}
    assert_eq!((stops(&world), world.chat.len()), (vec![1], closes));
}

#[test]
fn a_page_that_only_watches_asks_while_it_is_seen_and_no_more_than_once_at_a_time() {
    let mut world = World::new();
    register(&mut world, 1, STREAM, "own");
    register(&mut world, 2, STREAM, "hls");
    world.pass(29_999);
    assert_eq!(world.sent.len(), 0);
    world.pass(1);
    assert_eq!((world.sent.len(), world.sent[0].fresh_token), (1, false));
    world.answer(Answer::Unreachable);
    world.page(PageEvent::Hidden);
    world.pass(3_600_000);
    assert_eq!(world.sent.len(), 1);
    world.page(PageEvent::Visible);
    assert_eq!(world.sent.len(), 2, "who comes back wants to know at once");
    world.answer_ok("live");
    assert_eq!(world.status(STREAM), "live");
    unregister(&mut world, 1);
    unregister(&mut world, 2);
    world.pass(3_600_000);
    assert_eq!((world.sent.len(), world.manager.next_wakeup().is_none_or(|at| at > world.now)), (2, true));

    // What this page holds tells by itself.
    let mut world = hosted_with_players();
    world.pass(600_000);
    assert_eq!(world.sent.len(), 0);
}

#[test]
fn what_is_listed_no_more_is_asked_about_at_once() {
    let mut world = World::configured(Value::object([(
        "backend",
        Value::object([("url", "http://backend.test".into()), ("gatewayUrl", "http://gateway.test".into())]),
    )]));
    let listed = |ids: &[&str]| {
        let row =
            |id: &&str| Value::object([("id", (*id).into()), ("room_id", OTHER.into()), ("stream_id", (*id).into())]);
        Input::Feed(FeedEvent::Rows(ids.iter().map(row).collect()))
    };
    world.host();
    register(&mut world, 1, STREAM, "hls");
    world.handle(Input::WatchListing(true));
    world.in_flight.clear();
    let asked = |world: &World| world.sent.iter().filter(|sent| sent.rpc.function == "get_stream_status").count();
    world.handle(listed(&[]));
    world.handle(listed(&[STREAM, OTHER]));
    world.handle(listed(&[STREAM]));
    assert_eq!(asked(&world), 0, "nothing has become of it");
    world.handle(listed(&[]));
    assert_eq!(asked(&world), 1);
    world.answer_ok("ended");
    assert_eq!((stops(&world), world.status(STREAM).as_str()), (vec![1], "ended"));
}

#[test]
fn a_disposed_manager_leaves_the_apps_sessions_alone_and_settles_whoever_waits() {
    let mut world = World::new();
    register(&mut world, 1, STREAM, "hls");
    let call = stop_by_key(&mut world, STREAM);
    register(&mut world, 2, STREAM, "hls");
    world.handle(Input::Dispose);
    assert_eq!(world.result(call).unwrap().as_ref().unwrap_err().code, Code::Disposed);
    stopped(&mut world, 1, false, None);
    assert_eq!(stops(&world), [1]);
}
