//! Whatever the order and number of signals, answers and wakes: never twice, never revived, never stuck.

use engine_tests::{World, cases, error, ok};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use streamkeeper::engine::meeting::EVENT_NAMES;
use streamkeeper::engine::{Answer, Input, MeetingEvent, MeetingId, PageEvent, Value};

const STREAMS: [&str; 2] = ["0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11", "7b1fba22-93d2-4f0e-8f67-0c8b4b1b7a55"];

/// What the world may do to the manager.
#[derive(Clone, Debug)]
enum Step {
    Attach { stream: usize, host: bool },
    Detach(usize),
    Event { meeting: usize, name: usize, local: bool, id: &'static str },
    End(usize),
    Page(PageEvent),
    Answer { which: usize, answer: Answer },
    OldAnswer(usize),
    Pass(u64),
    Jump(i64),
}

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        3 => Just(ok("ended")),
        1 => Just(ok("ok")),
        1 => Just(ok("not_found")),
        1 => Just(Answer::Http { status: 200, body: None }),
        2 => Just(error(500, "XX000")),
        1 => Just(error(404, "PGRST202")),
        1 => Just(error(403, "42501")),
        1 => Just(error(401, "PGRST303")),
        2 => Just(Answer::Unreachable),
        1 => Just(Answer::NoToken),
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
        any::<bool>().prop_map(|persisted| PageEvent::PageHide { persisted }),
        Just(PageEvent::PageShow),
    ];
    prop_oneof![
        2 => (0..2_usize, prop::bool::weighted(0.7)).prop_map(|(stream, host)| Step::Attach { stream, host }),
        1 => (0..4_usize).prop_map(Step::Detach),
        6 => (0..4_usize, 0..EVENT_NAMES.len(), any::<bool>(), prop::sample::select(vec!["h0st", "x", "conference.destroyed"]))
            .prop_map(|(meeting, name, local, id)| Step::Event { meeting, name, local, id }),
        1 => (0..2_usize).prop_map(Step::End),
        2 => page.prop_map(Step::Page),
        6 => (0..3_usize, answers()).prop_map(|(which, answer)| Step::Answer { which, answer }),
        1 => (0..40_usize).prop_map(Step::OldAnswer),
        4 => prop_oneof![Just(0), 1..5_000_u64, 5_000..100_000_u64].prop_map(Step::Pass),
        1 => (-10_000_000..100_000_i64).prop_map(Step::Jump),
    ]
}

/// The world, the database's side of it, and what has been seen so far.
#[derive(Debug, Default)]
struct Model {
    world: World,
    /// What the database has ended, and how often it was told to after our page knew.
    ended: BTreeSet<String>,
    known: BTreeSet<String>,
    hosted: BTreeSet<String>,
    asked: BTreeMap<String, u32>,
    seen: usize,
    renewals_seen: usize,
    meetings: u32,
}

impl Model {
    fn step(&mut self, step: Step) {
        match step {
            Step::Attach { stream, host } => {
                self.world.attach(STREAMS[stream], if host { "host" } else { "viewer" });
                self.meetings += 1;
                if host {
                    self.hosted.insert(STREAMS[stream].to_owned());
                }
            }
            Step::Detach(meeting) => self.world.handle(Input::Detach { meeting: MeetingId(meeting as u32 + 1) }),
            Step::Event { meeting, name, local, id } => {
                let payload = Value::object([
                    ("id", id.into()),
                    ("kicked", Value::object([("local", local.into())])),
                    ("name", id.into()),
                    ("isFatal", local.into()),
                ]);
                if let Some(event) = MeetingEvent::parse(EVENT_NAMES[name], &payload) {
                    self.world.handle(Input::Meeting { meeting: MeetingId(meeting as u32 + 1), event });
                }
            }
            Step::End(stream) => {
                *self.asked.entry(STREAMS[stream].to_owned()).or_default() += 1;
                self.hosted.insert(STREAMS[stream].to_owned());
                self.world.end(STREAMS[stream]);
            }
            Step::Page(event) => self.world.page(event),
            Step::Answer { which, answer } => self.answer(which, answer),
            Step::OldAnswer(which) => self.answer_late(which),
            Step::Pass(duration) => self.world.pass(duration),
            Step::Jump(by) => {
                self.world.now = self.world.now.saturating_add_signed(by);
                self.world.handle(Input::Wake);
            }
        }
        // A deadline that is left behind the clock would make the driver spin.
        assert!(self.world.manager.next_wakeup().is_none_or(|at| at > self.world.now));
        self.check();
    }

    /// The database's answer: the first end ends, the later ones say so; and sometimes its answer is lost on the way.
    fn answer(&mut self, which: usize, answer: Answer) {
        let Some(sent) = self.world.in_flight.get(which).cloned() else { return };
        self.world.in_flight.remove(which);
        let stream = sent.stream().to_owned();
        let answer = if answer == ok("ended") {
            self.known.insert(stream.clone());
            ok(if self.ended.insert(stream) { "ended" } else { "already_ended" })
        } else {
            answer
        };
        self.world.handle(Input::Answer { request: sent.request, answer });
    }

    /// An answer to something that is no longer waited for changes nothing.
    fn answer_late(&mut self, which: usize) {
        let Some(sent) = self.world.sent.get(which).cloned() else { return };
        if self.world.in_flight.iter().any(|other| other.request == sent.request) {
            return;
        }
        self.world.handle(Input::Wake);
        let before = (self.world.manager.snapshot(), self.world.sent.len(), self.world.settled.clone());
        self.world.handle(Input::Answer { request: sent.request, answer: ok("ended") });
        assert_eq!(before, (self.world.manager.snapshot(), self.world.sent.len(), self.world.settled.clone()));
    }

    fn check(&mut self) {
        let world = &self.world;
        for sent in &world.sent[self.seen..] {
            let stream = sent.stream();
            assert!(self.hosted.contains(stream), "a viewer's page ended {stream}");
        }
        self.seen = world.sent.len();
        for renewal in &world.renewals[self.renewals_seen..] {
            assert!(self.hosted.contains(renewal.stream()), "a viewer's page held {}", renewal.stream());
        }
        self.renewals_seen = world.renewals.len();
        for stream in STREAMS {
            let in_flight = world.in_flight.iter().filter(|sent| sent.stream() == stream).count();
            assert!(in_flight <= 1, "{in_flight} calls for {stream} at once");
            if self.known.contains(stream) {
                assert_eq!(world.status(stream), "ended", "revived");
                assert_eq!(in_flight, 0, "ended again");
            }
            let ends =
                world.events.iter().filter(|(name, data)| *name == "end" && data.text("streamId") == Some(stream));
            assert_eq!(ends.count(), usize::from(self.known.contains(stream)));
            // Three attempts a round, whatever was lost while offline or answered by 401.
            let attempts = world.stream(stream, "attempt");
            assert!(matches!(attempts, Value::Null) || (0..=3).any(|n: u32| attempts == n.into()), "{attempts:?}");
        }
        for (call, results) in &world.settled {
            assert_eq!(results.len(), 1, "{call:?} settled twice");
        }
    }

    /// From here on everything goes well.
    fn benign(&mut self) {
        self.world.page(PageEvent::Online);
        for _ in 0..100 {
            while !self.world.in_flight.is_empty() {
                self.step(Step::Answer { which: 0, answer: ok("ended") });
            }
            if STREAMS.iter().all(|stream| !matches!(self.world.status(stream).as_str(), "leaving" | "ending")) {
                return;
            }
            let Some(at) = self.world.manager.next_wakeup() else { break };
            self.world.now = at.max(self.world.now);
            self.world.handle(Input::Wake);
            assert!(self.world.manager.next_wakeup() != Some(at), "the timer would spin");
        }
        panic!("it does not come to rest");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(4_000)))]

    #[test]
    fn never_twice_never_revived_never_stuck(steps in prop::collection::vec(steps(), 1..60)) {
        let mut model = Model::default();
        for step in steps {
            model.step(step);
        }
        // With a backend that can be reached, everything that was ending ends …
        model.benign();
        for stream in STREAMS {
            let status = model.world.status(stream);
            prop_assert!(matches!(status.as_str(), "live" | "ended" | "failed" | ""), "{stream} rests in {status}");
        }
        // … and what had been given up or is live ends as soon as a person asks; every promise is settled.
        for stream in 0..STREAMS.len() {
            model.step(Step::End(stream));
        }
        model.benign();
        for stream in STREAMS {
            prop_assert_eq!(model.world.status(stream), "ended");
        }
        let calls = model.asked.values().sum::<u32>() as usize;
        prop_assert_eq!(model.world.settled.len(), calls);
    }

    #[test]
    fn with_a_backend_that_answers_every_host_signal_ends_the_stream_once(
        names in prop::collection::vec(prop::sample::select(vec!["readyToClose", "videoConferenceLeft", "hangup", "conferenceTerminated"]), 1..12),
        failures in prop::collection::vec(prop_oneof![Just(error(500, "XX000")), Just(Answer::Unreachable), Just(Answer::TimedOut)], 0..2),
    ) {
        let mut world = World::new();
        let meeting = world.host();
        for name in &names {
            world.emit(meeting, name);
        }
        world.pass(4_000);
        for failure in failures {
            world.answer(failure);
            world.pass(3_000);
        }
        world.answer_ok("ended");
        world.pass(3_600_000);
        prop_assert_eq!(world.status(STREAMS[0]), "ended");
        prop_assert_eq!(world.count("end"), 1);
    }
}
