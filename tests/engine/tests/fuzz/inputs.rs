//! Whatever the page, the storage, the sockets and the backend say, and in whatever shape: the snapshot keeps the shape that it
//! is promised to have, the driver is not made to spin, no more is remembered than there is room for, nothing secret is
//! written down, and when everything is well again, everything comes to rest.

use engine_tests::chat::{Chatting, Service};
use engine_tests::garbage::{SECRET, as_json, holds, numbers, spoilt, texts, values};
use engine_tests::{STREAM, cases, shape};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::BTreeSet;
use streamkeeper::engine::config::Inactivity;
use streamkeeper::engine::meeting::EVENT_NAMES;
use streamkeeper::engine::{
    Action, Answer, Attachment, CallId, ChatEvent, EventId, FeedEvent, Generation, Input, MeetingEvent, MeetingId,
    PageEvent, Rpc, SessionEvent, SessionId, SessionOutput, SocketEvent, SocketId, SocketOutput, Value, action,
};

const ROOM: &str = "11111111-1111-4111-8111-111111111111";
const EVENT: &str = "44444444-4444-4444-8444-444444444444";
const OTHER: &str = "7b1fba22-93d2-4f0e-8f67-0c8b4b1b7a55";

/// More would be a leak: see `CAPACITY` in the engine's outbox.
const MOST_OWED: usize = 50;

/// What is owed is tried again after a quarter of an hour at the latest; and once more, for whoever has signed in meanwhile.
const LONGEST_REST: u64 = 40 * 60_000;

/// What the world may do to the manager.
#[derive(Clone, Debug)]
enum Step {
    Call(&'static str, Value),
    Attach(Value, bool),
    Meeting(u32, &'static str, Value),
    Detach(u32),
    Chat(u32, &'static str, Value),
    Service(bool),
    Owed(Vec<(Index, Value)>),
    Claimed(String, Value),
    Granted(Index, Value),
    Answer(Index, u16, Shape),
    Feed(Shape),
    Socket(Option<u32>, Value),
    Register(Value),
    Session(u32, Option<bool>, Option<bool>),
    Unregister(u32),
    Inactivity(Value),
    Watch(bool, bool),
    Page(PageEvent),
    User(Option<String>),
    SignedOutElsewhere(String),
    NotStored,
    Pass(u64),
    Jump(i64),
}

/// The body that was asked for, with something wrong with it; or anything.
#[derive(Clone, Debug)]
enum Shape {
    Right,
    Spoilt(Value),
    Any(Value),
}

fn arguments() -> Value {
    let options = [("title", SECRET.into()), ("takeOver", true.into())];
    Value::object([
        ("streamId", STREAM.into()),
        ("key", STREAM.into()),
        ("roomId", ROOM.into()),
        ("eventId", EVENT.into()),
        ("streamerId", "ana".into()),
        ("userId", "ana".into()),
        ("token", "function".into()),
        ("userData", "object".into()),
        ("kind", "hls".into()),
        ("options", Value::object(options)),
    ])
}

fn session_row() -> Value {
    Value::object([
        ("id", "s1".into()),
        ("room_id", ROOM.into()),
        ("stream_id", OTHER.into()),
        ("status", "live".into()),
        ("title", SECRET.into()),
        ("success", true.into()),
    ])
}

/// One body that has what the answers of all functions have.
fn all_bodies() -> Value {
    Value::object([
        ("success", true.into()),
        ("status", "live".into()),
        ("id", ROOM.into()),
        ("room_id", ROOM.into()),
        ("stream_id", STREAM.into()),
        ("streamer_id", "ana".into()),
        ("is_host", true.into()),
        ("current_session", session_row()),
        ("viewers", 3.into()),
        ("url", "/proxy".into()),
        ("ended", Value::List(vec![STREAM.into()])),
        ("already_ended", Value::List(vec![])),
        ("code", "PT409".into()),
        ("message", "no".into()),
        ("token", SECRET.into()),
    ])
}

/// The body by which a good backend answers `function`.
fn right_body(rpc: &Rpc) -> Value {
    match rpc.function {
        "list_active_streams" => Value::List(vec![]),
        "live_room_listing" => Value::List(vec![]),
        "auto_end_inactive_streams" => 0.into(),
        "end_stream_on_user_disconnect" => true.into(),
        "end_stream_comprehensive" | "live_room_end" => Value::object([("status", "ended".into())]),
        "my_room" | "get_live_room" => Value::object([("id", ROOM.into()), ("status", "idle".into())]),
        "live_room_create_session" => session_row(),
        _ => {
            let id = rpc.arguments.text("p_stream_id").unwrap_or(STREAM);
            Value::object([
                ("success", true.into()),
                ("status", "live".into()),
                ("stream_id", id.into()),
                ("viewers", 0.into()),
                ("url", "/proxy".into()),
            ])
        }
    }
}

fn intent() -> Value {
    Value::object([
        ("streamId", OTHER.into()),
        ("holder", "another".into()),
        ("user", "ana".into()),
        ("kind", "end".into()),
        ("until", Value::Null),
        ("reason", "hangup".into()),
        ("leaves", false.into()),
        ("at", Value::Number(1_700_000_000_000.0)),
        ("attempts", 1.into()),
        ("lastError", Value::Null),
        ("token", SECRET.into()),
    ])
}

fn message() -> Value {
    Value::object([
        ("type", "welcome".into()),
        ("role", "viewer".into()),
        ("viewers", 2.into()),
        ("count", 3.into()),
        ("expires_at", 1_700_003_600.into()),
        ("retry_after_ms", 2_000.into()),
        ("token", SECRET.into()),
    ])
}

/// A message of some type, whose numbers may be anything.
fn messages() -> impl Strategy<Value = Value> {
    let kind = select(vec!["welcome", "authenticated", "viewers", "moving", "introduced", "pong", "ended"]);
    let typed = (kind, numbers()).prop_map(|(kind, number)| {
        let names = ["viewers", "count", "expires_at", "retry_after_ms"];
        let numbers = names.map(|name| (name.to_owned(), Value::Number(number)));
        Value::Object([("type".to_owned(), kind.into())].into_iter().chain(numbers).collect())
    });
    prop_oneof![2 => typed, 2 => spoilt(message()), 1 => values()].prop_map(as_json)
}

fn shapes(valid: Value) -> impl Strategy<Value = Shape> {
    let wrong = spoilt(valid).prop_map(|body| Shape::Spoilt(as_json(body)));
    prop_oneof![1 => Just(Shape::Right), 3 => wrong, 1 => values().prop_map(|body| Shape::Any(as_json(body)))]
}

fn pages() -> impl Strategy<Value = PageEvent> {
    select(vec![
        PageEvent::Online,
        PageEvent::Offline,
        PageEvent::Visible,
        PageEvent::Hidden,
        PageEvent::Freeze,
        PageEvent::Resume,
        PageEvent::BeforeUnload,
        PageEvent::PageHide { persisted: true },
        PageEvent::PageHide { persisted: false },
        PageEvent::PageShow,
        PageEvent::FocusInMeeting(true),
    ])
}

fn steps() -> impl Strategy<Value = Step> {
    let methods = select(vec![
        "startStream",
        "endStreamById",
        "getStreamStatus",
        "stopStreamByKey",
        "playbackUrl",
        "listActiveStreams",
        "forceEndAllStreams",
        "endStreamOnRedirect",
        "retryPendingEnds",
        "myRoom",
        "goLive",
        "endRoom",
        "getEventClients",
        "getTotalClients",
        "isHost",
        "connectUser",
        "disconnectUser",
        "reconnect",
    ]);
    let attachment = Value::object([
        ("streamId", STREAM.into()),
        ("streamerId", "ana".into()),
        ("role", "host".into()),
        ("hostParticipantId", "h0st".into()),
    ]);
    let happening = Value::object([
        ("id", "h0st".into()),
        ("kicked", Value::object([("local", true.into())])),
        ("error", Value::object([("name", "conference.destroyed".into()), ("isFatal", true.into())])),
    ]);
    let said = Value::object([
        ("subject", "ana".into()),
        ("expired", false.into()),
        ("kind", "refused".into()),
        ("message", "refused".into()),
        ("well", true.into()),
    ]);
    let chat = select(vec!["token", "opened", "failed", "alive", "lost", "probed", "closed", "came back", "nonsense"]);
    let status = select(vec![200_u16, 200, 200, 200, 204, 0, 302, 400, 401, 403, 404, 409, 410, 422, 500, 503, 65_535]);
    let rows = Value::List(vec![session_row(), session_row()]);
    let inactivity = Value::object([("timeout", 60_000.into()), ("prompt", 30_000.into()), ("hiddenGrace", 0.into())]);
    let owed = prop_oneof![3 => 1..4_usize, 1 => 40..70_usize];
    let open = prop::option::of(any::<bool>());
    prop_oneof![
        5 => (methods, prop_oneof![2 => Just(arguments()), 3 => spoilt(arguments())])
            .prop_map(|(method, given)| Step::Call(method, given)),
        2 => (spoilt(attachment), any::<bool>()).prop_map(|(stream, joined)| Step::Attach(stream, joined)),
        4 => (1..4_u32, select(EVENT_NAMES.to_vec()), prop_oneof![spoilt(happening), values()])
            .prop_map(|(meeting, name, payload)| Step::Meeting(meeting, name, payload)),
        1 => (1..4_u32).prop_map(Step::Detach),
        3 => (0..3_u32, chat, prop_oneof![spoilt(said), values()])
            .prop_map(|(back, name, payload)| Step::Chat(back, name, payload)),
        1 => any::<bool>().prop_map(Step::Service),
        3 => owed.prop_flat_map(|many| prop::collection::vec((any::<Index>(), spoilt(intent())), many..=many))
            .prop_map(Step::Owed),
        1 => (texts(), prop_oneof![spoilt(intent()), values()]).prop_map(|(key, value)| Step::Claimed(key, value)),
        2 => (any::<Index>(), prop_oneof![spoilt(intent()), values()])
            .prop_map(|(which, value)| Step::Granted(which, value)),
        8 => (any::<Index>(), status, shapes(all_bodies()))
            .prop_map(|(which, status, shape)| Step::Answer(which, status, shape)),
        2 => shapes(rows).prop_map(Step::Feed),
        4 => (prop::option::weighted(0.2, select(vec![0_u32, 1006, 4401, 4403, 4410, u32::MAX])), messages())
            .prop_map(|(closed, message)| Step::Socket(closed, message)),
        1 => spoilt(Value::object([("key", STREAM.into()), ("kind", "hls".into())])).prop_map(Step::Register),
        2 => (0..4_u32, open.clone(), open).prop_map(|(session, failed, open)| Step::Session(session, failed, open)),
        1 => (0..4_u32).prop_map(Step::Unregister),
        1 => spoilt(inactivity).prop_map(Step::Inactivity),
        2 => (any::<bool>(), prop::bool::weighted(0.8)).prop_map(|(listing, on)| Step::Watch(listing, on)),
        3 => pages().prop_map(Step::Page),
        1 => prop::option::of(texts()).prop_map(Step::User),
        1 => texts().prop_map(Step::SignedOutElsewhere),
        1 => Just(Step::NotStored),
        4 => select(vec![0_u64, 10, 1_000, 30_000, 900_000]).prop_map(Step::Pass),
        1 => (-600_000..600_000_i64).prop_map(Step::Jump),
    ]
}

struct Run {
    chat: Chatting,
    calls: BTreeSet<CallId>,
    last_call: u32,
    meetings: u32,
    sessions: u32,
    welcomed: usize,
    told: usize,
    well: bool,
}

impl Run {
    fn new(gateway: bool) -> Run {
        let mut backend = vec![("url".to_owned(), "http://backend.test".into()), ("apiKey".to_owned(), SECRET.into())];
        if gateway {
            backend.push(("gatewayUrl".to_owned(), "http://gateway.test".into()));
        }
        let config = Value::object([("backend", Value::Object(backend))]);
        Run {
            chat: Chatting::new(config),
            calls: BTreeSet::new(),
            last_call: 0,
            meetings: 0,
            sessions: 0,
            welcomed: 0,
            told: 0,
            well: false,
        }
    }

    fn handle(&mut self, input: Input) {
        self.chat.handle(input);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Call(method, given) => {
                // What is refused changes nothing, because the engine never hears of it.
                if let Ok(action) = Action::parse(method, &given) {
                    self.last_call += 1;
                    let call = CallId(self.last_call);
                    self.calls.insert(call);
                    self.handle(Input::Call { call, action });
                }
            }
            Step::Attach(stream, joined) => {
                if let Ok(attachment) = Attachment::parse(&stream) {
                    self.meetings += 1;
                    self.handle(Input::Attach { meeting: MeetingId(self.meetings), attachment, joined });
                }
            }
            Step::Meeting(meeting, name, payload) => {
                let event = MeetingEvent::parse(name, &payload).unwrap();
                self.handle(Input::Meeting { meeting: MeetingId(meeting), event });
            }
            Step::Detach(meeting) => self.handle(Input::Detach { meeting: MeetingId(meeting) }),
            Step::Chat(back, name, payload) => {
                let generation = Generation(self.chat.generation().0.saturating_sub(back));
                if let Some(event) = ChatEvent::parse(name, &payload) {
                    self.handle(Input::Chat { generation, event });
                }
            }
            Step::Service(well) => {
                let well = Service { tokens: well, opens: well, answers: well, closes: true };
                self.chat.service = well;
            }
            Step::Owed(intents) => self.owed(intents),
            Step::Claimed(key, intent) => self.handle(Input::Claimed { key, intent }),
            Step::Granted(which, intent) => {
                let keys: Vec<String> = self.chat.world.claims.iter().cloned().collect();
                if !keys.is_empty() {
                    self.handle(Input::Claimed { key: keys[which.index(keys.len())].clone(), intent });
                }
            }
            Step::Answer(which, status, shape) => self.answer(which, status, shape),
            Step::Feed(_) if !self.chat.world.feed => {}
            Step::Feed(Shape::Right) => self.handle(Input::Feed(FeedEvent::Alive)),
            Step::Feed(Shape::Spoilt(Value::List(rows)) | Shape::Any(Value::List(rows))) => {
                self.handle(Input::Feed(FeedEvent::Rows(rows)));
            }
            Step::Feed(_) => self.handle(Input::Feed(FeedEvent::Lost)),
            Step::Socket(closed, message) => {
                let socket = self.chat.world.sockets.last().map_or(SocketId(1), |(_, socket, _)| *socket);
                let event = closed.map_or(SocketEvent::Message(message), SocketEvent::Closed);
                self.handle(Input::Socket { socket, event });
            }
            Step::Register(of) => {
                if let Ok((key, kind)) = action::session(&of) {
                    self.sessions += 1;
                    self.handle(Input::Register { session: SessionId(self.sessions), key, kind });
                }
            }
            Step::Session(session, failed, open) => {
                let event = match failed {
                    Some(failed) => SessionEvent::Stopped { failed, open },
                    None => SessionEvent::Looked { open },
                };
                self.handle(Input::Session { session: SessionId(session), event });
            }
            Step::Unregister(session) => self.handle(Input::Unregister { session: SessionId(session) }),
            Step::Inactivity(given) => {
                if let Ok(inactivity) = Inactivity::parse(self.chat.world.manager.inactivity(), &given) {
                    self.handle(Input::SetInactivity(inactivity));
                }
            }
            Step::Watch(true, on) => self.handle(Input::WatchListing(on)),
            Step::Watch(false, on) => {
                let event = EventId::parse("eventId", Some(&EVENT.into())).unwrap();
                self.handle(Input::WatchEvent { event, on });
            }
            Step::Page(event) => self.handle(Input::Page(event)),
            Step::User(Some(user)) => self.handle(Input::User { id: Some(user) }),
            Step::User(None) => self.handle(Input::SignedOut),
            Step::SignedOutElsewhere(user) => self.handle(Input::SignedOutElsewhere { user }),
            Step::NotStored => self.handle(Input::NotStored),
            Step::Pass(duration) => self.pass(duration),
            Step::Jump(by) => {
                self.chat.world.now = self.chat.world.now.saturating_add_signed(by);
                self.handle(Input::Wake);
            }
        }
        self.check();
    }

    /// Entries of the storage, each under a key that fits it, if any does, or under another.
    fn owed(&mut self, intents: Vec<(Index, Value)>) {
        let mut entries = Vec::new();
        for (which, mut value) in intents {
            if let Value::Object(members) = &mut value {
                // Each of another page load, and of another time, some of which are still to come.
                let holder = format!("{}-{}", value_text(members, "holder"), which.index(1_000_000));
                let at = self.chat.world.now as f64 + (which.index(7_200_000) as f64 - 3_600_000.0);
                for (name, member) in members.iter_mut() {
                    match name.as_str() {
                        "holder" => *member = holder.as_str().into(),
                        "at" if matches!(member, Value::Number(at) if *at == 1_700_000_000_000.0) => {
                            *member = Value::Number(at);
                        }
                        _ => {}
                    }
                }
            }
            let part = |name| value.text(name).unwrap_or_default();
            let key = if which.index(10) == 0 {
                "nonsense".to_owned()
            } else {
                [part("streamId"), "/", part("holder")].concat()
            };
            entries.push((key, value));
        }
        self.handle(Input::Owed { entries });
    }

    fn answer(&mut self, which: Index, status: u16, shape: Shape) {
        let in_flight = &mut self.chat.world.in_flight;
        if in_flight.is_empty() {
            return;
        }
        let sent = in_flight.remove(which.index(in_flight.len()));
        let body = match shape {
            Shape::Right => Some(right_body(&sent.rpc)),
            Shape::Spoilt(Value::Object(mut members)) if sent.rpc.function == "live_room_listing" => {
                members.retain(|(name, _)| name != "status");
                Some(Value::List(vec![Value::Object(members), session_row()]))
            }
            Shape::Spoilt(value) => Some(value),
            Shape::Any(Value::Null) => None,
            Shape::Any(value) => Some(value),
        };
        self.handle(Input::Answer { request: sent.request, answer: Answer::Http { status, body } });
    }

    /// A driver that is woken more than ten times a second, for minutes, spins.
    fn pass(&mut self, duration: u64) {
        let end = self.chat.world.now + duration;
        let mut wakes = 0;
        while let Some(at) = self.chat.world.manager.next_wakeup().filter(|at| *at <= end) {
            wakes += 1;
            assert!(wakes < 200 + duration / 100, "woken {wakes} times in {duration} ms");
            self.chat.world.now = at.max(self.chat.world.now);
            self.handle(Input::Wake);
            if self.well {
                self.serve();
            }
        }
        self.chat.world.now = end;
        self.handle(Input::Wake);
    }

    fn check(&self) {
        let world = &self.chat.world;
        let manager = &world.manager;
        assert!(manager.next_wakeup().is_none_or(|at| at > world.now), "a deadline behind the clock");
        assert_eq!(shape::snapshot(&manager.snapshot()), Ok(()));
        for (call, results) in &world.settled {
            assert_eq!(results.len(), 1, "{call:?} settled twice");
        }
        let Value::List(owed) = manager.pending_ends() else { panic!("no list") };
        assert!(owed.len() <= MOST_OWED, "{} are owed", owed.len());
        for sent in &world.in_flight {
            let own = sent.rpc.function == "end_stream_comprehensive" && !sent.rpc.arguments.flag("p_replayed");
            let key = [sent.stream(), "/", "holder"].concat();
            assert!(
                !own || sent.stream().is_empty() || world.stored.contains_key(&key),
                "{key} is nowhere written down"
            );
        }
        for (key, intent) in &world.stored {
            assert!(!holds(intent, SECRET), "{key}: {intent:?}");
        }
    }

    /// What a developer sends us is without what is nobody's business.
    fn check_trace(&self) {
        let trace = self.chat.world.manager.trace();
        let Some(Value::List(entries)) = trace.get("entries") else { panic!("no entries") };
        for entry in entries {
            assert!(!holds(entry, SECRET), "{entry:?}");
        }
        assert!(!holds(&self.chat.world.manager.pending_ends(), SECRET));
    }

    /// From here on all is well.
    fn settle(&mut self) {
        self.chat.service = Service::WELL;
        for event in [PageEvent::Online, PageEvent::PageShow, PageEvent::Resume, PageEvent::Visible] {
            self.step(Step::Page(event));
        }
        self.handle(Input::User { id: Some("ana".to_owned()) });
        self.well = true;
        self.serve();
        self.pass(LONGEST_REST);
    }

    /// Everybody does at once what they are asked for, also what they were asked for before.
    fn serve(&mut self) {
        self.grant_all();
        self.welcome();
        self.close_sessions();
        while !self.chat.world.in_flight.is_empty() {
            let sent = self.chat.world.in_flight.remove(0);
            let answer = Answer::Http { status: 200, body: Some(right_body(&sent.rpc)) };
            self.handle(Input::Answer { request: sent.request, answer });
        }
        self.check();
    }

    /// Every other tab is gone: their locks are this page's, and the storage holds what it held.
    fn grant_all(&mut self) {
        let keys: Vec<String> = self.chat.world.claims.iter().cloned().collect();
        for key in keys {
            let intent = self.chat.world.stored.get(&key).cloned().unwrap_or_default();
            self.handle(Input::Claimed { key, intent });
        }
    }

    fn welcome(&mut self) {
        while let Some((_, socket, output)) = self.chat.world.sockets.get(self.welcomed).cloned() {
            self.welcomed += 1;
            let kind = match output {
                SocketOutput::Open(_) => "welcome",
                SocketOutput::Ping => "pong",
                SocketOutput::Authenticate | SocketOutput::Close => continue,
            };
            let message = Value::object([("type", kind.into()), ("viewers", 1.into())]);
            self.handle(Input::Socket { socket, event: SocketEvent::Message(message) });
        }
    }

    /// The app does what it is told with its sessions.
    fn close_sessions(&mut self) {
        while let Some((_, session, output)) = self.chat.world.sessions.get(self.told).cloned() {
            self.told += 1;
            let event = match output {
                SessionOutput::Stop => SessionEvent::Stopped { failed: false, open: Some(false) },
                SessionOutput::Look => SessionEvent::Looked { open: Some(false) },
                SessionOutput::Forget => continue,
            };
            self.handle(Input::Session { session, event });
        }
    }

    fn rests(&self) {
        for call in &self.calls {
            assert!(self.chat.world.settled.contains_key(call), "{call:?} is never settled");
        }
        let snapshot = self.chat.world.manager.snapshot();
        let all = |name: &str| match snapshot.get(name) {
            Some(Value::Object(members)) => members.clone(),
            _ => Vec::new(),
        };
        for (id, room) in all("rooms") {
            assert!(matches!(room.text("status"), Some("idle" | "live")), "room {id} stays {room:?}");
        }
        for (id, event) in all("events") {
            assert!(matches!(event.text("status"), Some("open" | "ended" | "refused")), "event {id} stays {event:?}");
        }
        for (id, stream) in all("streams") {
            let rests = matches!(stream.text("status"), Some("live" | "ended" | "failed"));
            assert!(rests, "stream {id} stays {stream:?}");
        }
        let owed = self.chat.world.manager.pending_ends();
        assert_eq!(owed, Value::List(vec![]), "still owed");
    }
}

fn value_text(members: &[(String, Value)], name: &str) -> String {
    let member = members.iter().find(|(own, _)| own == name);
    member.and_then(|(_, value)| value.as_text()).unwrap_or_default().chars().take(20).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(400)))]

    #[test]
    fn whatever_comes_in_all_is_well_in_the_end(
        steps in prop::collection::vec(steps(), 1..40),
        gateway in any::<bool>(),
    ) {
        let mut run = Run::new(gateway);
        for step in steps {
            run.step(step);
        }
        run.check_trace();
        run.settle();
        run.rests();
        run.check_trace();
        run.handle(Input::Dispose);
        prop_assert!(run.calls.iter().all(|call| run.chat.world.settled[call].len() == 1));
        prop_assert_eq!(run.chat.world.manager.next_wakeup(), None);
        prop_assert_eq!(shape::snapshot(&run.chat.world.manager.snapshot()), Ok(()));
    }
}
