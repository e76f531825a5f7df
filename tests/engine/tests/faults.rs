//! The fault matrix: whatever is wrong with the way to the database, however the stream ends, it ends, once; and what
//! should live on lives on. Every cell of it, in simulated time.

use engine_tests::sim::{Fault, Sim};
use streamkeeper::engine::{PageEvent, Value};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;

/// What goes wrong, and for how long: an outage of a server three minutes, of a way twenty seconds.
const FAULTS: [(Fault, u64); 16] = [
    (Fault::None, 0),
    (Fault::Status(500), 20 * SECOND),
    (Fault::Status(503), 20 * SECOND),
    (Fault::Status(429), 20 * SECOND),
    (Fault::Status(405), 20 * SECOND),
    (Fault::Status(302), 20 * SECOND),
    (Fault::Expired, 20 * SECOND),
    (Fault::Refused, 20 * SECOND),
    (Fault::NotDeployed, 20 * SECOND),
    (Fault::Html, 20 * SECOND),
    (Fault::Silence, 20 * SECOND),
    (Fault::Unreachable, 20 * SECOND),
    (Fault::AnswerLost, 20 * SECOND),
    (Fault::DatabaseStopped, 3 * MINUTE),
    (Fault::GatewayKilled, 3 * MINUTE),
    (Fault::Offline, 20 * SECOND),
];

/// A way for a stream to end.
type Ending = (&'static str, fn(&mut Sim, usize));

fn destroyed(sim: &mut Sim, tab: usize) {
    sim.meeting(tab, "errorOccurred", &Value::object([("name", "conference.destroyed".into())]));
}

fn kicked(sim: &mut Sim, tab: usize) {
    sim.meeting(tab, "participantKickedOut", &Value::object([("kicked", Value::object([("local", true.into())]))]));
}

/// Those of this page alone: another tab or device that holds the stream keeps it alive.
const LEAVES: [Ending; 10] = [
    ("readyToClose", |sim, tab| sim.meeting(tab, "readyToClose", &Value::Null)),
    ("hangup", |sim, tab| sim.meeting(tab, "hangup", &Value::Null)),
    ("conferenceTerminated", |sim, tab| sim.meeting(tab, "conferenceTerminated", &Value::Null)),
    ("videoConferenceLeft", |sim, tab| sim.meeting(tab, "videoConferenceLeft", &Value::Null)),
    ("kicked", kicked),
    ("detached", Sim::detach),
    ("page closed", Sim::close),
    ("renderer killed", Sim::kill),
    ("left, then closed", |sim, tab| {
        sim.meeting(tab, "videoConferenceLeft", &Value::Null);
        sim.close(tab);
    }),
    ("ended, then killed", |sim, tab| {
        sim.meeting(tab, "readyToClose", &Value::Null);
        sim.kill(tab);
    }),
];

/// Those that are meant for all.
const ENDS: [Ending; 3] = [
    ("endStreamById", Sim::end),
    ("conference.destroyed", destroyed),
    ("endStreamById, then closed", |sim, tab| {
        sim.end(tab);
        sim.close(tab);
    }),
];

/// A minute into a stream something goes wrong, and a second later it is to end.
fn live(fault: Fault) -> (Sim, usize) {
    let mut sim = Sim::new();
    let tab = sim.host(0);
    sim.pass(MINUTE);
    sim.set_fault(fault);
    sim.pass(SECOND);
    (sim, tab)
}

fn heal(sim: &mut Sim, after: u64) {
    sim.pass(after);
    sim.set_fault(Fault::None);
}

#[test]
fn every_stream_ends_and_once() {
    for (fault, lasts) in FAULTS {
        for (ending, ends) in LEAVES.into_iter().chain(ENDS) {
            let (mut sim, tab) = live(fault);
            ends(&mut sim, tab);
            heal(&mut sim, lasts);
            sim.pass(20 * MINUTE);
            let cell = format!("{fault:?} × {ending}: {:?}", sim.database.ended);
            assert_eq!(sim.database.ends, 1, "{cell}");
            let (at, _) = sim.database.ended.clone().unwrap();
            assert!(at <= sim.now - 10 * MINUTE, "ten minutes after it was over at the latest: {cell}");
        }
    }
}

#[test]
fn what_is_owed_is_delivered_by_the_next_page_of_that_browser() {
    for (fault, lasts) in FAULTS {
        for (ending, ends) in LEAVES.into_iter().chain(ENDS) {
            let (mut sim, tab) = live(fault);
            ends(&mut sim, tab);
            sim.kill(tab);
            heal(&mut sim, lasts);
            sim.open(0);
            sim.pass(20 * MINUTE);
            assert_eq!((sim.database.ends, sim.owed()), (1, 0), "{fault:?} × {ending}: {:?}", sim.database.ended);
        }
    }
}

#[test]
fn a_reload_keeps_the_stream() {
    for (fault, lasts) in FAULTS {
        let (mut sim, tab) = live(fault);
        sim.page(tab, PageEvent::BeforeUnload);
        sim.meeting(tab, "videoConferenceLeft", &Value::Null);
        sim.close(tab);
        sim.pass(SECOND);
        let again = sim.host(0);
        heal(&mut sim, lasts);
        sim.pass(20 * MINUTE);
        let cell = format!("{fault:?}: {:?}", sim.database.ended);
        // Whoever is told that the stream is not theirs holds it no longer.
        if fault == Fault::Refused {
            continue;
        }
        assert_eq!(sim.database.ends, 0, "{cell}");
        sim.meeting(again, "readyToClose", &Value::Null);
        sim.pass(MINUTE);
        assert_eq!(sim.database.ends, 1, "{cell}");
    }
}

#[test]
fn who_hangs_up_right_after_a_reload_is_the_last() {
    let (mut sim, tab) = live(Fault::None);
    sim.close(tab);
    sim.pass(SECOND);
    let again = sim.host(0);
    sim.pass(5 * SECOND);
    sim.meeting(again, "readyToClose", &Value::Null);
    sim.pass(SECOND);
    assert_eq!((sim.database.ends, sim.status(again).as_str(), sim.owed()), (1, "ended", 0));
}

#[test]
fn what_a_second_tab_or_device_holds_lives_on_and_ends_with_it() {
    for second_browser in [0, 1] {
        for (fault, lasts) in FAULTS {
            for (ending, ends) in LEAVES {
                let (mut sim, first) = live(Fault::None);
                let second = sim.host(second_browser);
                sim.pass(MINUTE);
                sim.set_fault(fault);
                ends(&mut sim, first);
                heal(&mut sim, lasts);
                sim.pass(20 * MINUTE);
                let cell = format!("{fault:?} × {ending}, browser {second_browser}: {:?}", sim.database.ended);
                if fault == Fault::Refused {
                    continue;
                }
                assert_eq!(sim.database.ends, 0, "{cell}");
                assert_eq!(sim.status(second), "live", "{cell}");
                sim.meeting(second, "readyToClose", &Value::Null);
                sim.pass(10 * MINUTE);
                assert_eq!(sim.database.ends, 1, "{cell}");
                // Nobody is left in the first browser to strike out what it may have owed.
                assert!(second_browser == 1 || sim.owed() == 0, "{cell}");
            }
        }
    }
}

#[test]
fn an_end_for_all_reaches_the_second_tab_or_device() {
    for second_browser in [0, 1] {
        for (fault, lasts) in FAULTS {
            for (ending, ends) in ENDS {
                let (mut sim, first) = live(Fault::None);
                let second = sim.host(second_browser);
                sim.pass(MINUTE);
                sim.set_fault(fault);
                ends(&mut sim, first);
                heal(&mut sim, lasts);
                // A page that has to say it again is opened in the browser that owes it.
                sim.open(0);
                sim.pass(20 * MINUTE);
                let cell = format!("{fault:?} × {ending}, browser {second_browser}: {:?}", sim.database.ended);
                if fault == Fault::Refused {
                    continue;
                }
                assert_eq!(sim.database.ends, 1, "{cell}");
                assert_eq!(sim.status(second), "ended", "{cell}");
                assert!(sim.heard.contains(&second), "{cell}");
            }
        }
    }
}

#[test]
fn a_host_who_is_hidden_frozen_on_a_second_device_or_through_a_restart_stays_live() {
    let (mut sim, tab) = live(Fault::None);
    sim.page(tab, PageEvent::Hidden);
    sim.pass(4 * MINUTE);
    sim.page(tab, PageEvent::Visible);
    sim.page(tab, PageEvent::Hidden);
    sim.page(tab, PageEvent::Freeze);
    // A frozen page runs no timer.
    let frozen_until = sim.now + 8 * MINUTE;
    sim.pass(frozen_until - sim.now);
    sim.page(tab, PageEvent::Resume);
    sim.page(tab, PageEvent::Visible);
    sim.host(1);
    sim.pass(MINUTE);
    sim.set_fault(Fault::DatabaseStopped);
    heal(&mut sim, 3 * MINUTE);
    sim.pass(30 * MINUTE);
    assert_eq!(sim.database.ends, 0, "{:?}", sim.database.ended);
}
