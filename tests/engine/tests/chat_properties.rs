//! Whatever the order of calls, answers, losses and comings and goings: one connection at a time, nothing after its close,
//! and rest where there should be rest.

use engine_tests::cases;
use engine_tests::chat::{Chatting, Service};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use streamkeeper::engine::chat::CLOSE_TIMEOUT;
use streamkeeper::engine::{
    CallId, ChatEvent, ChatOutput, Failure, Generation, Input, MeetingId, Millis, PageEvent, Value,
};

const USERS: [&str; 2] = ["ana", "ben"];

/// What the world may do to the manager.
#[derive(Clone, Debug)]
enum Step {
    Connect {
        user: usize,
        fixed: bool,
    },
    SignOut,
    SignedOutElsewhere(usize),
    Reconnect {
        force: bool,
    },
    Page(PageEvent),
    Active,
    Meeting {
        joins: bool,
    },
    /// Of the newest connection, or of one so many before it.
    Say {
        back: u32,
        event: ChatEvent,
    },
    Service(Service),
    Pass(Millis),
    Jump(i64),
}

fn says() -> impl Strategy<Value = ChatEvent> {
    let failure = prop::sample::select(vec![
        Failure::Expired,
        Failure::Token,
        Failure::Refused,
        Failure::Invalid,
        Failure::Transient,
    ]);
    let subject = prop::sample::select(vec![None, Some("ana".to_owned()), Some("eve".to_owned())]);
    prop_oneof![
        2 => (subject, any::<bool>()).prop_map(|(subject, expired)| ChatEvent::Token { subject, expired }),
        3 => Just(ChatEvent::Opened),
        3 => failure.clone().prop_map(|failure| ChatEvent::Failed(failure, "x".to_owned())),
        1 => Just(ChatEvent::Alive),
        3 => failure.prop_map(|failure| ChatEvent::Lost(failure, "x".to_owned())),
        1 => prop::sample::select(vec![None, Some(true), Some(false)]).prop_map(ChatEvent::Probed),
        3 => Just(ChatEvent::Closed),
        1 => Just(ChatEvent::CameBack),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let page = prop_oneof![
        Just(PageEvent::Online),
        Just(PageEvent::Offline),
        Just(PageEvent::Visible),
        Just(PageEvent::Hidden),
        Just(PageEvent::Freeze),
        Just(PageEvent::Resume),
        Just(PageEvent::BeforeUnload),
        any::<bool>().prop_map(PageEvent::FocusInMeeting),
        any::<bool>().prop_map(|persisted| PageEvent::PageHide { persisted }),
        Just(PageEvent::PageShow),
    ];
    let service = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>())
        .prop_map(|(tokens, opens, answers, closes)| Service { tokens, opens, answers, closes });
    prop_oneof![
        3 => (0..2_usize, prop::bool::weighted(0.2)).prop_map(|(user, fixed)| Step::Connect { user, fixed }),
        1 => Just(Step::SignOut),
        1 => (0..2_usize).prop_map(Step::SignedOutElsewhere),
        2 => any::<bool>().prop_map(|force| Step::Reconnect { force }),
        4 => page.prop_map(Step::Page),
        2 => Just(Step::Active),
        1 => any::<bool>().prop_map(|joins| Step::Meeting { joins }),
        8 => (prop_oneof![6 => Just(0_u32), 1 => 1..4_u32], says()).prop_map(|(back, event)| Step::Say { back, event }),
        2 => service.prop_map(Step::Service),
        4 => prop_oneof![Just(0), 1..5_000_u64, 5_000..100_000_u64, 100_000..1_000_000_u64].prop_map(Step::Pass),
        1 => (-10_000_000..400_000_i64).prop_map(Step::Jump),
    ]
}

/// What is known of one connection.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    opened: bool,
    told: bool,
    closing: Option<Millis>,
    closed: bool,
}

struct Model {
    chat: Chatting,
    connections: BTreeMap<Generation, Seen>,
    looked_at: usize,
    said_closed: BTreeSet<Generation>,
    /// By how much the clock was set back in all.
    set_back: Millis,
    calls: usize,
}

impl Model {
    fn new() -> Model {
        let config = Value::object([(
            "inactivity",
            Value::object([("prompt", Value::from(60_000_u32)), ("whileLive", "stay".into())]),
        )]);
        Model {
            chat: Chatting::new(config),
            connections: BTreeMap::new(),
            looked_at: 0,
            said_closed: BTreeSet::new(),
            set_back: 0,
            calls: 0,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Connect { user, fixed } => {
                let token = if fixed { "string" } else { "function" };
                let arguments = Value::object([("userId", USERS[user].into()), ("token", token.into())]);
                self.call("connectUser", &arguments);
            }
            Step::SignOut => self.call("disconnectUser", &Value::Null),
            Step::SignedOutElsewhere(user) => {
                self.chat.handle(Input::SignedOutElsewhere { user: USERS[user].to_owned() });
            }
            Step::Reconnect { force } => self.call("reconnect", &Value::object([("force", force.into())])),
            Step::Page(event) => self.chat.page(event),
            Step::Active => self.chat.moves(),
            Step::Meeting { joins } => {
                let meeting = self.chat.world.attach(engine_tests::STREAM, "viewer");
                self.chat.world.emit(meeting, if joins { "videoConferenceJoined" } else { "videoConferenceLeft" });
                if !joins {
                    self.chat.handle(Input::Detach { meeting });
                }
                self.chat.serve();
            }
            // Nothing can be said before there was a connection.
            Step::Say { .. } if self.chat.generation() == Generation(0) => {}
            Step::Say { back, event } => {
                let generation = Generation(self.chat.generation().0.saturating_sub(back).max(1));
                if event == ChatEvent::Closed {
                    self.said_closed.insert(generation);
                }
                self.chat.say(generation, event);
                self.chat.serve();
            }
            Step::Service(service) => {
                self.chat.service = service;
                self.chat.serve();
            }
            Step::Pass(duration) => self.chat.pass(duration),
            Step::Jump(by) => {
                self.chat.world.now = self.chat.world.now.saturating_add_signed(by);
                self.set_back += by.min(0).unsigned_abs();
                self.chat.handle(Input::Wake);
            }
        }
        // A deadline that is left behind the clock would make the driver spin.
        assert!(self.chat.world.manager.next_wakeup().is_none_or(|at| at > self.chat.world.now));
        self.check();
    }

    fn call(&mut self, method: &str, arguments: &Value) {
        self.calls += 1;
        self.chat.call(method, arguments);
    }

    /// What was asked of the transport since the last time, in its order.
    fn check(&mut self) {
        let outputs = self.chat.world.chat[self.looked_at..].to_vec();
        self.looked_at = self.chat.world.chat.len();
        for (at, generation, output) in outputs {
            // A clock that was set back leaves deadlines as far away as they were.
            let at = at + self.set_back;
            let before = self.connections.range(..generation).next_back().map(|(_, seen)| *seen);
            let seen = self.connections.entry(generation).or_default();
            match output {
                ChatOutput::FetchToken | ChatOutput::Open => {
                    assert!(seen.closing.is_none(), "{output:?} after the close of {generation:?}");
                    if let Some(before) = before {
                        let since = before.closing.expect("one opened while the one before had not been closed");
                        let answered = before.closed || self.said_closed.contains(&Generation(generation.0 - 1));
                        let given_up = at - since >= CLOSE_TIMEOUT;
                        assert!(answered || given_up || self.chat.service.closes, "{generation:?} did not wait");
                    }
                    seen.opened |= output == ChatOutput::Open;
                }
                ChatOutput::Disconnecting(_) => {
                    assert!(seen.opened && !seen.told && seen.closing.is_none(), "{generation:?}: {seen:?}");
                    seen.told = true;
                }
                ChatOutput::Probe => assert!(seen.opened && seen.closing.is_none(), "probed after its close"),
                ChatOutput::Close => {
                    seen.closing.get_or_insert(at);
                    seen.closed |= self.chat.service.closes;
                }
                ChatOutput::Verify => assert!(seen.closing.is_some(), "verified while open"),
            }
        }
        for (call, results) in &self.chat.world.settled {
            assert_eq!(results.len(), 1, "{call:?} settled twice");
        }
    }

    fn leave_meetings(&mut self) {
        for meeting in 1..100 {
            self.chat.handle(Input::Detach { meeting: MeetingId(meeting) });
        }
    }

    /// From here on everything goes well, and the person is there.
    fn benign(&mut self) {
        self.step(Step::Service(Service::WELL));
        for event in [PageEvent::Online, PageEvent::Visible, PageEvent::PageShow] {
            self.step(Step::Page(event));
        }
        // What was asked before the service was well is not answered any more: its time is over in ten seconds.
        for _ in 0..20 {
            self.step(Step::Pass(5_000));
            self.step(Step::Active);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(3_000)))]

    #[test]
    fn one_at_a_time_nothing_after_its_close_and_rest_in_the_end(steps in prop::collection::vec(steps(), 1..60)) {
        let mut model = Model::new();
        for step in steps {
            model.step(step);
        }
        model.benign();
        let wanted = model.chat.field("userId") != Value::Null;
        let status = model.chat.status();
        let rests = matches!(status.as_str(), "disconnected: refused" | "disconnected: token")
            || status == if wanted { "connected" } else if status == "disconnected" { "disconnected" } else { "disconnected: sign_out" };
        prop_assert!(rests, "{status}, wanted: {wanted}");
        // Every promise has been settled, and whoever wants to be connected can be.
        prop_assert_eq!(model.chat.world.settled.len(), model.calls);
        model.step(Step::Connect { user: 1, fixed: false });
        model.benign();
        prop_assert_eq!(model.chat.status(), "connected");
        prop_assert_eq!(model.chat.field("userId"), "ben".into());
        prop_assert!(model.chat.world.result(CallId(model.calls as u32)).is_some_and(Result::is_ok));
        model.step(Step::SignOut);
        prop_assert!(model.chat.world.result(CallId(model.calls as u32)).is_some_and(Result::is_ok));
        model.leave_meetings();
        // Nobody is connected, nobody is there: nothing is left that would wake the page.
        model.chat.pass(400_000);
        prop_assert_eq!(model.chat.world.manager.next_wakeup(), None);
    }
}
