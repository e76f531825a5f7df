//! What is done to a stream is done to that one: not to another in the same page, nor to one that is only watched.

use engine_tests::chat::Chatting;
use engine_tests::{STREAM, World, error, ok};
use streamkeeper::engine::{Answer, Input, PageEvent, Value};

const OTHER: &str = "7b1fba22-93d2-4f0e-8f67-0c8b4b1b7a55";
const MINUTE: u64 = 60_000;

fn redirect(world: &mut World, streamer: &str) {
    world.call("endStreamOnRedirect", &Value::object([("streamerId", streamer.into())]));
}

#[test]
fn a_host_who_never_gets_into_one_meeting_goes_on_in_another() {
    let mut world = World::new();
    world.attach(OTHER, "host");
    world.attach(OTHER, "host");
    world.host();
    world.pass(11 * MINUTE);
    assert_eq!((world.stream(OTHER, "reason"), world.status(STREAM).as_str()), ("never_joined".into(), "live"));
}

#[test]
fn a_stream_that_is_not_ours_to_hold_is_not_ours_to_leave_for_want_of_a_meeting() {
    let mut world = World::new();
    world.renewal_answer = Some(error(403, "42501"));
    world.attach(STREAM, "host");
    world.pass(11 * MINUTE);
    assert_eq!((world.sent.len(), world.status(STREAM).as_str()), (0, "live"));
}

#[test]
fn whoever_leaves_one_meeting_for_another_has_left_it() {
    let mut world = World::new();
    let meeting = world.host();
    let next = world.attach(OTHER, "host");
    world.emit(next, "videoConferenceJoined");
    world.emit(meeting, "readyToClose");
    let renewals = world.renewals.len();
    world.answer_ok("held_elsewhere");
    world.pass(1_000);
    let renewed: Vec<_> = world.renewals[renewals..].iter().map(|sent| sent.stream().to_owned()).collect();
    assert!(renewed.iter().all(|stream| stream == OTHER), "{renewed:?}");
}

#[test]
fn a_redirect_ends_what_that_streamer_hosts_here() {
    let mut world = World::new();
    world.attach(STREAM, "viewer");
    redirect(&mut world, "ana");
    assert_eq!(
        world.sent[0].rpc.function, "end_stream_on_user_disconnect",
        "what is watched here is not theirs to end"
    );

    let mut world = World::new();
    world.host();
    redirect(&mut world, "ben");
    assert_eq!((world.sent[0].rpc.function, world.status(STREAM).as_str()), ("end_stream_on_user_disconnect", "live"));
}

#[test]
fn a_page_that_goes_ends_no_stream_that_it_watches() {
    let mut world = World::with(Value::object([("onPageHide", "end".into())]));
    world.attach(STREAM, "viewer");
    world.page(PageEvent::PageHide { persisted: false });
    assert_eq!((world.sent.len(), world.status(STREAM).as_str()), (0, "live"));
}

#[test]
fn a_sign_out_ends_what_is_live_and_nothing_else() {
    let mut world = World::new();
    world.attach(OTHER, "viewer");
    let meeting = world.host();
    world.emit(meeting, "readyToClose");
    for _ in 0..3 {
        world.answer_error(401, "PGRST301");
    }
    assert_eq!(world.status(STREAM), "failed");
    let sent = world.sent.len();
    world.call("disconnectUser", &Value::Null);
    assert_eq!((world.sent.len(), world.status(OTHER).as_str()), (sent, "live"), "what had failed is the outbox's");
}

#[test]
fn a_sign_out_elsewhere_is_one_here_only_for_that_user() {
    for (role, user, ends) in [("host", "ben", false), ("viewer", "ana", false), ("host", "ana", true)] {
        let mut world = World::new();
        let meeting = world.attach(STREAM, role);
        world.emit(meeting, "videoConferenceJoined");
        world.handle(Input::SignedOutElsewhere { user: user.to_owned() });
        assert_eq!((world.forgotten > 0, !world.sent.is_empty()), (ends, ends), "{role} {user}");
    }
}

#[test]
fn a_participant_counts_for_the_meeting_as_it_is_attached_now() {
    let left = |world: &mut World, meeting, id: &str| {
        let event = streamkeeper::engine::MeetingEvent::parse("participantLeft", &Value::object([("id", id.into())]));
        world.handle(Input::Meeting { meeting, event: event.unwrap() });
    };
    let attachment = |host: &str| {
        let members = [("streamId", STREAM), ("streamerId", "ana"), ("role", "host"), ("hostParticipantId", host)];
        let value = Value::object(members.map(|(key, value)| (key, value.into())));
        streamkeeper::engine::Attachment::parse(&value).unwrap()
    };
    let mut world = World::new();
    let first = world.host();
    world.handle(Input::Detach { meeting: first });
    let second = streamkeeper::engine::MeetingId(2);
    world.handle(Input::Attach { meeting: second, attachment: attachment("an0ther"), joined: false });
    left(&mut world, second, "h0st");
    assert_eq!(world.status(STREAM), "live");
    left(&mut world, second, "an0ther");
    assert_eq!(world.status(STREAM), "leaving");
}

#[test]
fn an_old_connection_that_comes_back_is_closed_whatever_is_open_now() {
    use streamkeeper::engine::{ChatEvent, ChatOutput, Generation};
    let mut chat = Chatting::new(Value::object([]));
    chat.connect("ana");
    chat.call("reconnect", &Value::object([("force", true.into())]));
    assert_eq!((chat.status().as_str(), chat.generation()), ("connected", Generation(2)));
    let closes = chat.times(|output| output == ChatOutput::Close).len();
    chat.say(Generation(2), ChatEvent::CameBack);
    assert_eq!(chat.times(|output| output == ChatOutput::Close).len(), closes, "it is there to stay");
    chat.say(Generation(1), ChatEvent::CameBack);
    assert_eq!(chat.times(|output| output == ChatOutput::Close).len(), closes + 1);
}

#[test]
fn chat_needs_no_backend() {
    use streamkeeper::engine::page::{Exit, Page};
    use streamkeeper::engine::{Config, Manager};
    let mut chat = Chatting::new(Value::object([]));
    let transport = Value::object([("open", Value::Opaque), ("close", Value::Opaque)]);
    let config = Config::parse(&Value::object([("chat", transport)])).unwrap();
    let page = Page { visible: true, online: true, frozen: false, exit: Exit::None };
    chat.world.manager = Manager::new(config, "holder".to_owned(), page, chat.world.now);
    chat.connect("ana");
    assert_eq!(chat.status(), "connected");
    let call = chat.call("disconnectUser", &Value::Null);
    assert_eq!((chat.world.result(call), chat.status().as_str()), (Some(&Ok(Value::Null)), "disconnected: sign_out"));
}

#[test]
fn what_a_gateway_relays_no_more_is_asked_about_once() {
    let mut world = World::new();
    let playback = Value::object([("streamId", STREAM.into()), ("kind", "hls".into())]);
    for _ in 0..2 {
        world.call("playbackUrl", &playback);
    }
    let route = world.sent[0].rpc.route.clone();
    assert_eq!(route.as_deref(), Some(["/streams/", STREAM, "/playback"].concat().as_str()));
    world.answer(error(410, "RELAY410"));
    world.answer(error(410, "RELAY410"));
    let asked = world.sent.iter().filter(|sent| sent.rpc.function == "get_stream_status").count();
    assert_eq!(asked, 1);
    assert!(world.answer(ok("live")) && !world.answer(Answer::Unreachable));
}
