//! A trace replays to the same outputs, says so when it does not, tells no secret, and is refused when it is no trace.
//! That every trace replays is shown by every other test here: [`World`] replays its own when it is dropped.

use engine_tests::chat::Chatting;
use engine_tests::replay::json;
use engine_tests::replay::recording::Recording;
use engine_tests::replay::walk::{Stop, Walk};
use engine_tests::{STREAM, World, error, ok};
use streamkeeper::engine::{
    Answer, ChatEvent, EventId, Failure, FeedEvent, Generation, Input, MeetingEvent, PageEvent, SessionId, SocketEvent,
    SocketId, Value,
};

const ROOM: &str = "3f2c9a10-0b1d-4c55-9e6a-1d2f3a4b5c6d";
const SECRET: &str = "s3cret-of-somebody";
/// One that might be a word of ours.
const PLAIN: &str = "Geheimnis";

/// What a page's trace may be told at all of its mouths: each text that comes from outside is a secret.
fn gossip() -> World {
    let config = Value::object([(
        "backend",
        Value::object([
            ("url", format!("https://{SECRET}.test").into()),
            ("gatewayUrl", format!("https://gateway.{SECRET}.test").into()),
            ("apiKey", SECRET.into()),
        ]),
    )]);
    let secret = || Value::from(SECRET);
    let mut chat = Chatting::new(config);
    let world = &mut chat.world;
    world.handle(Input::User { id: Some(SECRET.to_owned()) });
    let entries = vec![(SECRET.to_owned(), secret()), (format!("{STREAM}/{SECRET}"), owed(SECRET))];
    world.handle(Input::Owed { entries: entries.clone() });
    for (key, intent) in entries {
        world.handle(Input::Claimed { key, intent });
    }
    let call =
        [("roomId", ROOM.into()), ("options", Value::object([("title", secret()), ("idempotencyKey", secret())]))];
    world.call("goLive", &Value::object(call));
    let row = Value::object([
        ("id", ROOM.into()),
        ("room_id", ROOM.into()),
        ("stream_id", STREAM.into()),
        ("status", "live".into()),
        ("title", secret()),
        ("streamer_id", secret()),
        ("host_name", secret()),
    ]);
    answer(world, "live_room_create_session", Answer::Http { status: 200, body: Some(row.clone()) });
    world.handle(Input::WatchListing(true));
    for _ in 0..2 {
        world.handle(Input::Feed(FeedEvent::Rows(vec![row.clone()])));
    }
    world.call("listActiveStreams", &Value::Null);
    answer(world, "list_active_streams", Answer::Http { status: 200, body: Some(Value::List(vec![row])) });
    world.call("startStream", &Value::object([("title", secret())]));
    let body = [("code", secret()), ("message", secret()), ("hint", secret()), (SECRET, secret())];
    answer(world, "start_stream", Answer::Http { status: 500, body: Some(Value::object(body)) });
    world.call("playbackUrl", &Value::object([("streamId", STREAM.into()), ("kind", "hls".into())]));
    let urls = Value::object([("url", secret()), ("ticket", secret())]);
    answer(world, "playback", Answer::Http { status: 200, body: Some(urls) });
    let event = EventId::parse("eventId", Some(&ROOM.into())).unwrap();
    world.handle(Input::WatchEvent { event, on: true });
    for message in [("introduced", "user"), ("welcome", "ticket"), (SECRET, SECRET)] {
        let (kind, member) = message;
        let message = Value::object([("type", kind.into()), (member, secret()), ("viewers", 2_u32.into())]);
        world.handle(Input::Socket { socket: SocketId(1), event: SocketEvent::Message(message) });
    }
    let meeting = world.host();
    for (name, payload) in [("participantLeft", "id"), ("errorOccurred", "name")] {
        let event = MeetingEvent::parse(name, &Value::object([(payload, secret())])).unwrap();
        world.handle(Input::Meeting { meeting, event });
    }
    let key = streamkeeper::engine::StreamId::parse("key", Some(&STREAM.into())).unwrap();
    world.handle(Input::Register { session: SessionId(1), key, kind: SECRET.to_owned() });
    let connect = [("userId", secret()), ("token", "string".into()), ("userData", "object".into())];
    chat.call("connectUser", &Value::object(connect));
    let generation = chat.generation();
    chat.say(generation, ChatEvent::Token { subject: Some(SECRET.to_owned()), expired: false });
    for failure in [Failure::Transient, Failure::Refused] {
        chat.say(chat.generation(), ChatEvent::Failed(failure, SECRET.to_owned()));
        chat.pass(60_000);
    }
    chat.world.call("endStreamById", &Value::object([("streamId", STREAM.into()), ("reason", PLAIN.into())]));
    answer(&mut chat.world, "end_stream_comprehensive", error(403, "42501"));
    chat.world.call("endStreamOnRedirect", &Value::object([("streamerId", secret())]));
    chat.world.handle(Input::SignedOutElsewhere { user: SECRET.to_owned() });
    chat.world.call("disconnectUser", &Value::Null);
    chat.world
}

/// Answers the newest call of that function.
fn answer(world: &mut World, function: &str, answer: Answer) {
    let at = world.in_flight.iter().rposition(|sent| sent.rpc.function == function);
    let sent = world.in_flight.remove(at.unwrap_or_else(|| panic!("{function} was not called")));
    world.handle(Input::Answer { request: sent.request, answer });
}

/// What another page load may have left in the outbox.
fn owed(secret: &str) -> Value {
    Value::object([
        ("streamId", STREAM.into()),
        ("holder", secret.into()),
        ("user", secret.into()),
        ("kind", "end".into()),
        ("reason", secret.into()),
        ("leaves", true.into()),
        ("at", Value::Number(1_699_999_999_000.0)),
        ("attempts", 1_u32.into()),
        ("lastError", secret.into()),
    ])
}

#[test]
fn no_secret_is_in_a_trace_whoever_says_it() {
    let world = gossip();
    let trace = json::write(&world.manager.trace());
    assert!(!trace.contains(SECRET) && !trace.contains(PLAIN), "{trace}");
    // Nothing was left out because it was ignored: all of these came to something.
    for told in [
        "\"goLive\"",
        "\"feed\"",
        "\"same\"",
        "\"socket\"",
        "\"owed\"",
        "\"claimed\"",
        "\"viewers\"",
        "\"connectUser\"",
        "\"endAttempt\"",
        "\"tell tabs\"",
    ] {
        assert!(trace.contains(told), "{told} is not in {trace}");
    }
}

/// A short story, and its trace.
fn story() -> Value {
    let mut world = World::new();
    let meeting = world.host();
    world.handle(Input::Activity { heard: true });
    world.pass(30_000);
    world.page(PageEvent::Hidden);
    world.emit(meeting, "readyToClose");
    world.answer(ok("ended"));
    world.manager.trace()
}

fn member<'a>(value: &'a mut Value, key: &str) -> &'a mut Value {
    let Value::Object(members) = value else { panic!("{value:?} is no object") };
    &mut members.iter_mut().find(|(name, _)| name == key).unwrap_or_else(|| panic!("there is no {key}")).1
}

fn entries(trace: &mut Value) -> &mut Vec<Value> {
    let Value::List(entries) = member(trace, "entries") else { panic!("entries is no list") };
    entries
}

fn replayed(trace: &Value) -> Result<(), Stop> {
    let recording = Recording::read(&json::write(trace)).map_err(Stop::Refused)?;
    Walk::new(&recording).run()
}

#[test]
fn every_output_that_is_changed_left_out_or_added_is_noticed_where_it_is() {
    let trace = story();
    assert_eq!(replayed(&trace), Ok(()));
    let all = entries(&mut trace.clone()).clone();
    let mut outputs = 0;
    for (at, _) in all.iter().enumerate().filter(|(_, entry)| entry.text("kind") == Some("output")) {
        outputs += 1;
        let mut changed = trace.clone();
        *member(member(&mut entries(&mut changed)[at], "what"), "output") = "something else".into();
        let Err(Stop::Differs { entry, expected, .. }) = replayed(&changed) else { panic!("{at} is not noticed") };
        assert_eq!(entry, at);
        assert!(expected.starts_with("something else"), "{expected}");

        let mut gone = trace.clone();
        entries(&mut gone).remove(at);
        assert!(matches!(replayed(&gone), Err(Stop::Differs { entry, .. }) if entry == at), "{at} may be left out");

        let mut twice = trace.clone();
        entries(&mut twice).insert(at + 1, all[at].clone());
        assert!(matches!(replayed(&twice), Err(Stop::Differs { .. })), "{at} may be there twice");
    }
    assert!(outputs > 10, "{outputs}");
}

#[test]
fn a_quiet_input_that_would_have_led_to_something_is_noticed() {
    let mut trace = story();
    let quiet = entries(&mut trace).iter().position(|entry| entry.text("kind") == Some("quiet")).unwrap();
    // An hour passes in it, and nothing is said to have come of that.
    *member(&mut entries(&mut trace)[quiet], "what") = "a0!w3600000+".into();
    let Err(Stop::Differs { entry, expected, got, .. }) = replayed(&trace) else { panic!("it is not noticed") };
    assert_eq!((entry, expected.as_str()), (quiet, "a0!w3600000+"));
    assert!(got.starts_with("wake"), "{got}");
}

#[test]
fn what_is_no_trace_of_this_format_is_refused_by_the_field() {
    type Spoil = fn(&mut Value);
    let spoils: [(Spoil, &str); 14] = [
        (
            |trace| *member(trace, "version") = 1_u32.into(),
            "version is 1; it must be 2, which is what this replay reads",
        ),
        (
            |trace| *member(trace, "version") = 3_u32.into(),
            "version is 3; it must be 2, which is what this replay reads",
        ),
        (|trace| *trace = Value::List(vec![]), "version is missing; it must be a number"),
        (
            |trace| *member(trace, "dropped") = 7_u32.into(),
            "dropped is 7; it must be 0: a replay begins where the page did",
        ),
        (|trace| *member(trace, "started") = Value::Null, "started.at is null; it must be a time in milliseconds"),
        (|trace| *member(member(trace, "started"), "holder") = 1_u32.into(), "started.holder is 1; it must be a text"),
        (
            |trace| *member(member(member(trace, "started"), "page"), "online") = Value::Null,
            "started.page.online is null; it must be true or false",
        ),
        (
            |trace| *member(member(member(member(trace, "started"), "config"), "ending"), "timeout") = 1_u32.into(),
            "started.config.ending.timeout is 1; it must be a whole number from 10 to 2147483647",
        ),
        (|trace| *member(trace, "entries") = Value::Null, "entries is no list; it must be one"),
        (
            |trace| *member(&mut entries(trace)[2], "kind") = "in".into(),
            "entries[2].kind is \"in\"; it must be input, output or quiet",
        ),
        (
            |trace| *member(&mut entries(trace)[1], "at") = Value::Number(0.5),
            "entries[1].at is a fraction or very large; it must be a time in milliseconds",
        ),
        (|trace| drop(entries(trace).remove(0)), "entries[0].kind is \"output\"; the first must be input or quiet"),
        (
            |trace| *member(member(&mut entries(trace)[0], "what"), "input") = "sing".into(),
            "entries[0].what.input is \"sing\"; it must be an input of the engine",
        ),
        (
            |trace| *member(member(member(&mut entries(trace)[0], "what"), "data"), "role") = "guest".into(),
            "entries[0].what.data: stream.role is \"guest\"; it must be \"host\" or \"viewer\"",
        ),
    ];
    for (spoil, said) in spoils {
        let mut trace = story();
        spoil(&mut trace);
        assert_eq!(replayed(&trace), Err(Stop::Refused(said.to_owned())));
    }
    let text = json::write(&story());
    for cut in [0, 1, text.len() / 2, text.len() - 1] {
        let said = Recording::read(&text[..cut]).unwrap_err();
        assert!(said.starts_with("the trace is cut, or no JSON: the end of the file at line 1 column "), "{said}");
    }
}

#[test]
fn a_message_that_is_a_number_is_no_close_code_and_nobody_is_no_name() {
    let mut world = World::new();
    let event = EventId::parse("eventId", Some(&ROOM.into())).unwrap();
    world.handle(Input::WatchEvent { event, on: true });
    let message = |number| SocketEvent::Message(Value::Number(number));
    for event in [message(1.5), message(4410.0), SocketEvent::Closed(4410)] {
        world.handle(Input::Socket { socket: SocketId(1), event });
    }
    // Nobody's client has come back.
    world.handle(Input::Chat { generation: Generation(7), event: ChatEvent::CameBack });
    for user in ["", "ana"] {
        world.handle(Input::SignedOutElsewhere { user: user.to_owned() });
    }
    assert_eq!(replayed(&world.manager.trace()), Ok(()));
}

#[test]
fn an_hour_of_reading_with_chat_is_a_few_entries() {
    let mut chat = Chatting::new(Value::object([]));
    chat.connect("ana");
    let before = chat.world.manager.traced().kept();
    for _ in 0..1_800 {
        chat.moves();
        chat.pass(2_000);
        chat.say(Generation(1), ChatEvent::Alive);
    }
    let probes = chat.times(|output| output == streamkeeper::engine::ChatOutput::Probe).len();
    // A probe is an input, its output and its answer; between two of them is one entry.
    let after = chat.world.manager.traced().kept();
    assert!(after - before <= 5 * probes, "{} entries, {probes} probes", after - before);
    let walked = chat.world.manager.trace();
    assert_eq!(replayed(&walked), Ok(()));
}

/// For how many hours nothing of it is dropped.
fn hours_kept(world: &mut World, mut hour: impl FnMut(&mut World)) -> u32 {
    for hours in 0.. {
        hour(world);
        if world.manager.trace().get("dropped") != Some(&0_u32.into()) {
            return hours;
        }
    }
    0
}

#[test]
fn a_hosts_trace_reaches_back_for_hours() {
    let mut world = World::new();
    world.host();
    let hosted = hours_kept(&mut world, |world| world.pass(3_600_000));
    println!("a host's trace reaches back {hosted} hours");
    assert!(hosted >= 5, "{hosted}");
    let mut world = World::new();
    world.handle(Input::WatchListing(true));
    let ids = [("id", ROOM.into()), ("room_id", ROOM.into()), ("stream_id", STREAM.into()), ("status", "live".into())];
    let listed = hours_kept(&mut world, |world| {
        for viewers in 0..240_u32 {
            // How many are there changes all the time.
            let [id, room, stream, status] = ids.clone();
            let row = Value::object([id, room, stream, status, ("viewers", viewers.into())]);
            let rows = Value::List(vec![row; 100]);
            answer(world, "live_room_listing", Answer::Http { status: 200, body: Some(rows) });
            world.pass(15_000);
        }
    });
    println!("with a listing that is asked for, {listed} hours");
    assert!(listed >= 4, "{listed}");
}

#[test]
fn a_walk_is_told_in_lines_that_a_person_reads() {
    let recording = Recording::read(&json::write(&story())).unwrap();
    let mut walk = Walk::new(&recording);
    let mut lines = Vec::new();
    while let Some(moment) = walk.step().unwrap() {
        lines.push(moment.input);
        lines.extend(moment.lines);
    }
    for line in [
        "meeting 1: event readyToClose",
        "→ send: request 4, function end_stream_comprehensive, arguments (p_stream_id 0d7c1f6e, p_reason readyToClose, p_holder holder, p_attempt 1, p_leave yes)",
        "· streams.0d7c1f6e.status: ending → ended",
        "page hidden",
        "activity, wake",
    ] {
        assert!(lines.iter().any(|told| told == line), "{line} is not among {lines:#?}");
    }
    assert!(lines.iter().all(|line| !line.contains(['{', '\n', '"'])), "{lines:#?}");
}
