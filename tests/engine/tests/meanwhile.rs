//! What is under way is not disturbed by what comes meanwhile.

use engine_tests::{STREAM, World, ok};
use streamkeeper::engine::{Answer, Input, PageEvent, SessionId, Value, id::StreamId};

const ROOM: &str = "11111111-1111-4111-8111-111111111111";
const OTHER: &str = "7b1fba22-93d2-4f0e-8f67-0c8b4b1b7a55";
const MINUTE: u64 = 60_000;

fn room(world: &World, field: &str) -> Value {
    let snapshot = world.manager.snapshot();
    snapshot.get("rooms").and_then(|all| all.get(ROOM)?.get(field)).cloned().unwrap_or_default()
}

fn go_live(world: &mut World) {
    world.call("goLive", &Value::object([("roomId", ROOM.into())]));
}

/// A stream whose end could not be delivered: the outbox owes it.
fn owing() -> World {
    let mut world = World::new();
    world.handle(Input::User { id: Some("ana".to_owned()) });
    world.host();
    world.end(STREAM);
    while world.status(STREAM) != "failed" {
        world.answer(Answer::Unreachable);
        world.pass(MINUTE);
    }
    world
}

#[test]
fn a_redirect_does_not_wait_for_what_has_ended() {
    let mut world = World::new();
    world.host();
    world.end(STREAM);
    world.answer_ok("ended");
    world.call("endStreamOnRedirect", &Value::object([("streamerId", "ana".into())]));
    let last = world.sent.last().map(|sent| sent.rpc.function);
    assert_eq!(last, Some("end_stream_on_user_disconnect"));
}

#[test]
fn our_own_end_is_not_somebody_elses_because_somebody_was_asked() {
    let mut world = World::new();
    let key = StreamId::parse("key", Some(&STREAM.into())).unwrap();
    world.handle(Input::Register { session: SessionId(1), key, kind: "hls".to_owned() });
    world.pass(30_000);
    assert_eq!(world.sent[0].rpc.function, "get_stream_status");
    world.end(STREAM);
    world.answer_ok("ended");
    assert_eq!((world.status(STREAM).as_str(), world.count("end")), ("ending", 0));
    world.answer_ok("ended");
    let ends: Vec<_> = world.events.iter().filter(|(name, _)| *name == "end").collect();
    assert_eq!((ends.len(), ends[0].1.flag("elsewhere")), (1, false));
}

#[test]
fn a_page_claims_nothing_under_its_own_name() {
    let mut world = World::new();
    world.host();
    world.end(STREAM);
    let entries: Vec<_> = world.stored.clone().into_iter().collect();
    let mut same = World::new();
    same.handle(Input::Owed { entries });
    assert_eq!((same.claims.len(), same.sent.len()), (0, 0));
}

#[test]
fn a_user_who_is_named_again_hurries_nothing() {
    let mut world = owing();
    let sent = world.sent.len();
    world.handle(Input::User { id: Some("ana".to_owned()) });
    assert_eq!(world.sent.len(), sent);
}

#[test]
fn what_a_room_waits_for_is_tried_when_the_network_is_back() {
    let mut world = World::new();
    go_live(&mut world);
    world.answer(Answer::Unreachable);
    assert_eq!(world.sent.len(), 1, "a second has not passed");
    world.page(PageEvent::Online);
    assert_eq!(world.sent.iter().map(|sent| sent.rpc.function).collect::<Vec<_>>(), ["live_room_create_session"; 2]);
}

#[test]
fn a_room_that_is_going_live_is_left_to_it_by_a_list() {
    let mut world = World::new();
    world.handle(Input::WatchListing(true));
    go_live(&mut world);
    let row = [("id", "s9".into()), ("room_id", ROOM.into()), ("stream_id", OTHER.into()), ("status", "live".into())];
    world.answer(Answer::Http { status: 200, body: Some(Value::List(vec![Value::object(row)])) });
    assert_eq!((room(&world, "status"), room(&world, "session")), ("going_live".into(), Value::Null));
}

#[test]
fn a_stream_leaves_when_its_last_meeting_is_left() {
    // A meeting of another stream is no way into this one.
    let mut world = World::new();
    let meeting = world.host();
    let other = world.attach(OTHER, "host");
    world.emit(other, "videoConferenceJoined");
    world.emit(meeting, "videoConferenceLeft");
    assert_eq!(world.status(STREAM), "leaving");

    // Nor is one that is attached and was not joined, once the other has been left; but the app may let go of either.
    for (lets_go, status) in [(false, "leaving"), (true, "live")] {
        let mut world = World::new();
        let meeting = world.host();
        world.attach(STREAM, "host");
        if lets_go {
            world.handle(Input::Detach { meeting });
        } else {
            world.emit(meeting, "videoConferenceLeft");
        }
        assert_eq!(world.status(STREAM), status);
    }
}

#[test]
fn a_meeting_that_was_over_and_is_joined_again_is_open() {
    let mut world = World::new();
    let meeting = world.attach(STREAM, "viewer");
    let open = |world: &World| {
        let Value::List(rows) = world.manager.sessions(world.now) else { panic!("no list") };
        rows.iter().any(|row| row.text("kind") == Some("meeting") && row.flag("open"))
    };
    world.emit(meeting, "videoConferenceJoined");
    assert!(open(&world));
    world.emit(meeting, "readyToClose");
    assert!(!open(&world));
    world.emit(meeting, "videoConferenceJoined");
    assert!(open(&world));
}

#[test]
fn a_meeting_of_a_stream_that_is_over_is_shown_as_that() {
    let mut world = World::new();
    world.host();
    world.end(STREAM);
    world.answer(ok("ended"));
    let meeting = world.attach(STREAM, "host");
    world.emit(meeting, "videoConferenceJoined");
    world.pass(MINUTE);
    let Value::List(rows) = world.manager.sessions(world.now) else { panic!("no list") };
    assert!(rows.iter().all(|row| row.text("state") != Some("open")), "{rows:?}");
}
