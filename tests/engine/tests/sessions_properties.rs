//! However sessions come, go, throw, hang and come back: of a stream that is over none is open after the next health check,
//! none is stopped that was not meant, and every promise is settled.

use engine_tests::{World, cases, ok};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use streamkeeper::engine::{Input, PageEvent, SessionEvent, SessionId, SessionOutput, Value, id::StreamId};

const STREAMS: [&str; 2] = ["0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11", "7b1fba22-93d2-4f0e-8f67-0c8b4b1b7a55"];
const KINDS: [&str; 3] = ["hls", "ts", "own"];
const HEALTH: u64 = 30_000;
const STOP: u64 = 5_000;

/// How a session's `stop` behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    /// It stops.
    Stops,
    /// It throws, the first so many times, and stays open.
    Throws(u32),
    /// It never settles, the first so many times.
    Hangs(u32),
    /// It stops, and is open again before anybody looks.
    ComesBack,
}

#[derive(Clone, Debug)]
enum Step {
    Register { stream: usize, kind: usize, manner: Manner, asked: bool },
    Unregister(usize),
    StopByKey(usize),
    End(usize),
    EndElsewhere(usize),
    Settle(usize),
    Page(PageEvent),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Step> {
    let manner = prop_oneof![
        4 => Just(Manner::Stops),
        2 => (1..3_u32).prop_map(Manner::Throws),
        2 => (1..3_u32).prop_map(Manner::Hangs),
        1 => Just(Manner::ComesBack),
    ];
    let page = prop_oneof![
        Just(PageEvent::Hidden),
        Just(PageEvent::Visible),
        Just(PageEvent::Offline),
        Just(PageEvent::Online)
    ];
    prop_oneof![
        6 => (0..2_usize, 0..3_usize, manner, any::<bool>())
            .prop_map(|(stream, kind, manner, asked)| Step::Register { stream, kind, manner, asked }),
        2 => (0..12_usize).prop_map(Step::Unregister),
        2 => (0..2_usize).prop_map(Step::StopByKey),
        1 => (0..2_usize).prop_map(Step::End),
        1 => (0..2_usize).prop_map(Step::EndElsewhere),
        4 => (0..4_usize).prop_map(Step::Settle),
        1 => page.prop_map(Step::Page),
        4 => prop_oneof![Just(0), 1..6_000_u64, 6_000..70_000_u64].prop_map(Step::Pass),
    ]
}

/// A session, as the app has it.
#[derive(Debug)]
struct App {
    stream: usize,
    open: bool,
    /// It can be asked whether it is open.
    asked: bool,
    manner: Manner,
    registered: bool,
    /// It was registered when its stream was over already, or that came to an end, or somebody asked for its stop.
    may_stop: bool,
    forgotten: bool,
}

#[derive(Debug, Default)]
struct Model {
    world: World,
    apps: BTreeMap<u32, App>,
    /// Stops that have not settled.
    stopping: Vec<u32>,
    seen: usize,
    over: BTreeSet<usize>,
    calls: u32,
}

impl Model {
    fn step(&mut self, step: Step) {
        match step {
            Step::Register { stream, kind, manner, asked } => {
                let number = self.apps.len() as u32 + 1;
                let may_stop = self.over.contains(&stream);
                // What comes back without saying so is beyond anybody.
                let manner = if manner == Manner::ComesBack && !asked { Manner::Stops } else { manner };
                let app = App { stream, open: true, asked, manner, registered: true, may_stop, forgotten: false };
                self.apps.insert(number, app);
                let key = StreamId::parse("key", Some(&STREAMS[stream].into())).unwrap();
                self.handle(Input::Register { session: SessionId(number), key, kind: KINDS[kind].to_owned() });
            }
            Step::Unregister(which) => {
                let Some((number, app)) = self.apps.iter_mut().nth(which) else { return };
                app.registered = false;
                let session = SessionId(*number);
                self.handle(Input::Unregister { session });
            }
            Step::StopByKey(stream) => {
                self.allow(stream);
                self.calls += 1;
                self.world.call("stopStreamByKey", &Value::object([("key", STREAMS[stream].into())]));
                self.follow();
            }
            Step::End(stream) => {
                self.world.end(STREAMS[stream]);
                self.calls += 1;
                self.database(stream);
            }
            Step::EndElsewhere(stream) => {
                let arguments = [("streamId", STREAMS[stream].into()), ("kind", "hls".into())];
                self.world.call("playbackUrl", &Value::object(arguments));
                self.calls += 1;
                self.database(stream);
            }
            Step::Settle(which) => {
                if which < self.stopping.len() {
                    let number = self.stopping.remove(which);
                    self.settle(number);
                }
            }
            Step::Page(event) => self.handle(Input::Page(event)),
            Step::Pass(duration) => self.pass(duration),
        }
        assert!(self.world.manager.next_wakeup().is_none_or(|at| at > self.world.now), "the driver would spin");
    }

    fn allow(&mut self, stream: usize) {
        for app in self.apps.values_mut().filter(|app| app.stream == stream && app.registered) {
            app.may_stop = true;
        }
    }

    /// The database's word: that it is over, of the stream that is being ended or asked about.
    fn database(&mut self, ending: usize) {
        while let Some(sent) = self.world.in_flight.first().cloned() {
            let of = |id: &str| sent.stream() == id || sent.rpc.route.as_ref().is_some_and(|route| route.contains(id));
            let stream = STREAMS.iter().position(|id| of(id)).unwrap();
            if stream == ending {
                self.over.insert(stream);
                self.allow(stream);
            }
            let answer = match sent.rpc.function {
                "playback" => engine_tests::error(410, "RELAY410"),
                _ if self.over.contains(&stream) => ok("ended"),
                _ => ok("live"),
            };
            self.world.answer(answer);
            self.follow();
        }
    }

    fn handle(&mut self, input: Input) {
        self.world.handle(input);
        self.follow();
    }

    fn pass(&mut self, duration: u64) {
        let end = self.world.now + duration;
        while let Some(at) = self.world.manager.next_wakeup().filter(|at| *at <= end) {
            self.world.now = at.max(self.world.now);
            self.handle(Input::Wake);
            assert!(self.world.manager.next_wakeup().is_none_or(|at| at > self.world.now), "the driver would spin");
            self.database(usize::MAX);
        }
        self.world.now = end;
    }

    /// Does what the manager asks of sessions.
    fn follow(&mut self) {
        while let Some((_, session, output)) = self.world.sessions.get(self.seen).cloned() {
            self.seen += 1;
            let app = self.apps.get_mut(&session.0).unwrap();
            assert!(!app.forgotten && app.registered, "{session:?} was let go of");
            match output {
                SessionOutput::Forget => app.forgotten = true,
                SessionOutput::Look => {
                    let open = app.asked.then_some(app.open);
                    self.world.handle(Input::Session { session, event: SessionEvent::Looked { open } });
                }
                SessionOutput::Stop => {
                    assert!(app.may_stop, "{session:?} was stopped, and nobody wanted that");
                    self.stopping.push(session.0);
                }
            }
        }
    }

    /// A `stop` comes to its end, whatever that is.
    fn settle(&mut self, number: u32) {
        let app = self.apps.get_mut(&number).unwrap();
        let mut failed = false;
        match &mut app.manner {
            Manner::Stops => app.open = false,
            Manner::ComesBack => {
                app.open = false;
                app.manner = Manner::Stops;
                let open = Some(false);
                let event = SessionEvent::Stopped { failed, open };
                if app.registered {
                    self.handle(Input::Session { session: SessionId(number), event });
                    let app = self.apps.get_mut(&number).unwrap();
                    app.open = !app.forgotten;
                }
                return;
            }
            Manner::Throws(times) => {
                failed = true;
                *times -= 1;
                if *times == 0 {
                    app.manner = Manner::Stops;
                }
            }
            Manner::Hangs(times) => {
                *times -= 1;
                if *times == 0 {
                    app.manner = Manner::Stops;
                }
                return;
            }
        }
        if app.registered {
            let open = app.asked.then_some(app.open);
            let event = SessionEvent::Stopped { failed, open };
            self.handle(Input::Session { session: SessionId(number), event });
        }
    }

    /// Everything that can settle does, and everything that is due comes.
    fn rest(&mut self) {
        for _ in 0..8 {
            while !self.stopping.is_empty() {
                let number = self.stopping.remove(0);
                self.settle(number);
            }
            self.pass(HEALTH + STOP);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(2_000)))]

    #[test]
    fn of_a_stream_that_is_over_nothing_stays_open(steps in prop::collection::vec(steps(), 1..50)) {
        let mut model = Model::default();
        for step in steps {
            model.step(step);
        }
        model.step(Step::Page(PageEvent::Visible));
        model.step(Step::Page(PageEvent::Online));
        model.rest();
        for (number, app) in &model.apps {
            let left = app.open && app.registered && model.over.contains(&app.stream);
            prop_assert!(!left, "{} is open, and its stream is over: {:?}", number, app);
            // What nobody asked to stop plays on.
            prop_assert!(app.open || app.may_stop, "{}: {:?}", number, app);
        }
        let Value::List(rows) = model.world.manager.sessions(model.world.now) else { panic!("no list") };
        let wrong = rows.iter().any(|row| row.flag("open") && row.text("state") == Some("over") || row.text("state") == Some("stopping"));
        prop_assert!(!wrong, "{:?}", rows);
        prop_assert_eq!(model.world.settled.len() as u32, model.calls);
        prop_assert!(model.world.settled.values().all(|results| results.len() == 1));
    }
}
