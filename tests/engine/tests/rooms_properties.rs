//! Rooms, the listing and viewers' sockets: whatever comes in whatever order, every promise is settled once, one go-live is
//! under way for a room, and no deadline is left behind the clock.

use engine_tests::{World, cases, error, ok};
use proptest::prelude::*;
use streamkeeper::engine::id::EventId;
use streamkeeper::engine::{Answer, CallId, FeedEvent, Input, PageEvent, SocketEvent, SocketOutput, Value};

const ROOM: &str = "11111111-1111-4111-8111-111111111111";
const EVENT: &str = "44444444-4444-4444-8444-444444444444";
const SESSIONS: [(&str, &str); 3] = [
    ("s1", "22222222-2222-4222-8222-222222222222"),
    ("s2", "33333333-3333-4333-8333-333333333333"),
    ("s3", "55555555-5555-4555-8555-555555555555"),
];

/// What the world may do to the manager.
#[derive(Clone, Debug)]
enum Step {
    Call(&'static str),
    Answer { which: usize, kind: u8, session: usize },
    Watch { listing: bool, on: bool },
    Refresh,
    Page(PageEvent),
    User(Option<&'static str>),
    Feed { lost: bool, session: usize },
    Socket { kind: u8, expires_in: i64 },
    Pass(u64),
    Jump(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let call = prop::sample::select(vec!["goLive", "goLive", "endRoom", "endRoom", "isHost", "myRoom"]);
    let page = prop::sample::select(vec![
        PageEvent::Hidden,
        PageEvent::Visible,
        PageEvent::Online,
        PageEvent::Offline,
        PageEvent::Freeze,
        PageEvent::Resume,
        PageEvent::PageHide { persisted: true },
        PageEvent::PageShow,
    ]);
    let user = prop::sample::select(vec![Some("ana"), Some("ben"), None]);
    let time = prop::sample::select(vec![10, 1_000, 20_000, 300_000]);
    let step = prop_oneof![
        4 => call.prop_map(Step::Call),
        6 => (any::<usize>(), 0..8_u8, 0..3_usize)
            .prop_map(|(which, kind, session)| Step::Answer { which, kind, session }),
        2 => (any::<bool>(), 0..3_u8).prop_map(|(listing, on)| Step::Watch { listing, on: on > 0 }),
        1 => Just(Step::Refresh),
        3 => page.prop_map(Step::Page),
        1 => user.prop_map(Step::User),
        2 => (any::<bool>(), 0..3_usize).prop_map(|(lost, session)| Step::Feed { lost, session }),
        3 => (0..6_u8, -4_000..4_000_i64).prop_map(|(kind, expires_in)| Step::Socket { kind, expires_in }),
        5 => time.prop_map(Step::Pass),
        1 => (-600_000..600_000_i64).prop_map(Step::Jump),
    ];
    prop::collection::vec(step, 1..60)
}

fn session(which: usize, status: &str) -> Value {
    let (id, stream) = SESSIONS[which];
    Value::object([
        ("id", id.into()),
        ("room_id", ROOM.into()),
        ("stream_id", stream.into()),
        ("status", status.into()),
    ])
}

fn http(body: Value) -> Answer {
    Answer::Http { status: 200, body: Some(body) }
}

/// What the database may say to a call of `function`.
fn answer(function: &str, kind: u8, which: usize) -> Answer {
    match (kind, function) {
        (0, _) => Answer::Unreachable,
        (1, _) => error(503, "PGRST001"),
        (2, _) => error(401, "PGRST303"),
        (3, "live_room_create_session") => error(409, "PT409"),
        (4, "live_room_create_session") => http(session(which, "ended")),
        (_, "live_room_create_session") => http(session(which, "live")),
        (_, "live_room_listing") => http(Value::List(vec![session(which, "live")])),
        (3, _) => error(403, "42501"),
        (_, "live_room_end" | "end_stream_comprehensive") => ok("ended"),
        _ => http(Value::object([
            ("id", ROOM.into()),
            ("status", "live".into()),
            ("is_host", true.into()),
            ("current_session", if kind == 4 { Value::Null } else { session(which, "live") }),
        ])),
    }
}

struct Run {
    world: World,
    calls: Vec<CallId>,
}

impl Run {
    fn step(&mut self, step: Step) {
        let world = &mut self.world;
        match step {
            Step::Call(method) => {
                let room = [("roomId", ROOM.into())];
                let arguments = if method == "myRoom" { Value::object([]) } else { Value::object(room) };
                self.calls.push(world.call(method, &arguments));
            }
            Step::Answer { which, kind, session } if !world.in_flight.is_empty() => {
                let sent = world.in_flight.remove(which % world.in_flight.len());
                let answer = answer(sent.rpc.function, kind, session);
                world.handle(Input::Answer { request: sent.request, answer });
            }
            Step::Answer { .. } => {}
            Step::Watch { listing: true, on } => world.handle(Input::WatchListing(on)),
            Step::Watch { listing: false, on } => {
                let event = EventId::parse("eventId", Some(&EVENT.into())).unwrap();
                world.handle(Input::WatchEvent { event, on });
            }
            Step::Refresh => world.handle(Input::RefreshListing),
            Step::Page(event) => world.page(event),
            Step::User(Some(user)) => world.handle(Input::User { id: Some(user.to_owned()) }),
            Step::User(None) => world.handle(Input::SignedOut),
            Step::Feed { .. } if !world.feed => {}
            Step::Feed { lost: true, .. } => world.handle(Input::Feed(FeedEvent::Lost)),
            Step::Feed { session: which, .. } => {
                world.handle(Input::Feed(FeedEvent::Rows(vec![session(which, "live")])));
            }
            Step::Socket { kind, expires_in } => {
                let newest = world.sockets.iter().rfind(|(_, _, output)| matches!(output, SocketOutput::Open(_)));
                let Some((_, socket, _)) = newest.cloned() else { return };
                let at = world.now.saturating_add_signed(expires_in * 1_000) / 1_000;
                let message = |kind: &str| {
                    let members =
                        [("type", kind.into()), ("count", 2.into()), ("expires_at", Value::Number(at as f64))];
                    SocketEvent::Message(Value::object(members))
                };
                let event = match kind {
                    0 => SocketEvent::Closed(1006),
                    1 => SocketEvent::Closed(4401),
                    2 => SocketEvent::Closed(4410),
                    3 => message("viewers"),
                    4 => message("authenticated"),
                    _ => message("welcome"),
                };
                world.handle(Input::Socket { socket, event });
            }
            Step::Pass(duration) => self.pass(duration),
            Step::Jump(by) => {
                world.now = world.now.saturating_add_signed(by);
                world.handle(Input::Wake);
            }
        }
        self.check();
    }

    /// A driver that is woken more than ten times a second, for minutes, spins.
    fn pass(&mut self, duration: u64) {
        let world = &mut self.world;
        let end = world.now + duration;
        let mut wakes = 0;
        while let Some(at) = world.manager.next_wakeup().filter(|at| *at <= end) {
            wakes += 1;
            assert!(wakes < 50 + duration / 100, "woken {wakes} times in {duration} ms");
            world.now = at.max(world.now);
            world.handle(Input::Wake);
        }
        world.now = end;
        world.handle(Input::Wake);
    }

    fn check(&self) {
        let world = &self.world;
        assert!(world.manager.next_wakeup().is_none_or(|at| at > world.now), "a deadline behind the clock");
        let going = world.in_flight.iter().filter(|sent| sent.rpc.function == "live_room_create_session").count();
        assert!(going <= 1, "{going} at once");
        for (call, results) in &world.settled {
            assert_eq!(results.len(), 1, "{call:?} is settled twice");
        }
    }

    /// In a world in which everything works, everything comes to rest.
    fn settle(&mut self) {
        for event in [PageEvent::Online, PageEvent::PageShow, PageEvent::Resume, PageEvent::Visible] {
            self.world.page(event);
        }
        for _ in 0..120 {
            while let Some(sent) = self.world.in_flight.first().cloned() {
                self.world.in_flight.remove(0);
                let answer = answer(sent.rpc.function, 7, 2);
                self.world.handle(Input::Answer { request: sent.request, answer });
                self.check();
            }
            self.pass(1_000);
        }
        for call in &self.calls {
            assert!(self.world.settled.contains_key(call), "{call:?} is never settled");
        }
        let snapshot = self.world.manager.snapshot();
        let status = snapshot.get("rooms").and_then(|all| all.get(ROOM)?.text("status")).unwrap_or("idle");
        assert!(["idle", "live"].contains(&status), "the room stays {status}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(500)))]

    #[test]
    fn every_promise_is_settled_once_and_everything_comes_to_rest(steps in steps(), gateway in any::<bool>()) {
        let backend = [("url", "http://backend.test".into()), ("gatewayUrl", "http://gateway.test".into())];
        let config = if gateway { Value::object([("backend", Value::object(backend))]) } else { Value::object([]) };
        let mut run = Run { world: World::configured(config), calls: Vec::new() };
        for step in steps {
            run.step(step);
        }
        run.settle();
        run.world.handle(Input::Dispose);
        prop_assert!(run.calls.iter().all(|call| run.world.settled[call].len() == 1));
        prop_assert_eq!(run.world.manager.next_wakeup(), None);
    }
}
