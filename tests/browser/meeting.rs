use crate::support::{Rig, STREAM, at, backend, host_stream, js, make_emitter, text};
use std::cell::RefCell;
use streamkeeper::browser::meeting::{Listening, is_joined};
use streamkeeper::engine::meeting::{ACTIVITY_NAMES, EVENT_NAMES};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

fn listeners(emitter: &JsValue) -> f64 {
    let count: js_sys::Function = at(emitter, "count").unchecked_into();
    count.call0(emitter).unwrap().as_f64().unwrap()
}

fn noop(_: &str) -> Result<js_sys::Function, JsValue> {
    Ok(js("() => {}").unchecked_into())
}

#[wasm_bindgen_test]
fn both_names_of_an_emitter_work_and_stop_leaves_nothing() {
    for (on, off) in [("on", "off"), ("addListener", "removeListener")] {
        let emitter = make_emitter(on, off);
        let listening = Listening::new(emitter.clone(), noop).unwrap();
        assert_eq!(listeners(&emitter), 11.0, "{on}");
        listening.stop();
        assert_eq!(listeners(&emitter), 0.0, "{off}");
    }
}

#[wasm_bindgen_test]
fn what_is_no_emitter_is_refused_by_name() {
    for source in ["null", "undefined", "42", "'x'", "{}", "{on() {}}", "{on: 1, off: 2}", "new EventTarget()"] {
        let error = Listening::new(js(source), noop).unwrap_err();
        assert_eq!(error.code.as_str(), "invalid_argument");
        assert!(error.message.starts_with("meeting is not a meeting; it must be"), "{source}: {error}");
    }
}

#[wasm_bindgen_test]
fn an_emitter_that_throws_half_way_keeps_no_listener() {
    let emitter = make_emitter("on", "off");
    js_sys::Reflect::set(&emitter, &"refuses".into(), &"participantLeft".into()).unwrap();
    let error = Listening::new(emitter.clone(), noop).unwrap_err();
    assert_eq!(error.message, "meeting.on(\"participantLeft\") threw");
    assert_eq!(listeners(&emitter), 0.0);
}

#[wasm_bindgen_test]
fn every_event_has_its_own_listener() {
    let names = RefCell::new(Vec::new());
    let record = |name: &str| {
        names.borrow_mut().push(name.to_owned());
        noop(name)
    };
    Listening::new(make_emitter("on", "off"), record).unwrap();
    assert_eq!(*names.borrow(), [&EVENT_NAMES[..], &ACTIVITY_NAMES[..]].concat());
}

#[wasm_bindgen_test]
fn a_meeting_says_whether_it_was_joined_before() {
    for (source, joined) in [
        ("{getNumberOfParticipants: () => 2}", true),
        ("{getNumberOfParticipants: () => 0}", false),
        ("{getNumberOfParticipants() { throw new Error('no') }}", false),
        ("{getNumberOfParticipants: 2}", false),
        ("{}", false),
        ("null", false),
    ] {
        assert_eq!(is_joined(&js(source)), joined, "{source}");
    }
}

#[wasm_bindgen_test]
async fn the_manager_listens_from_attach_to_detach() {
    let rig = Rig::with_backend(&backend("[{status: 200, body: '{\"status\":\"ended\"}'}]").await);
    let emitter = make_emitter("on", "off");
    let meeting = rig.raw.attach(emitter.clone(), &host_stream()).unwrap();
    rig.raw.meeting_event(meeting, "videoConferenceJoined", &js("{roomName: 'r'}"));
    rig.raw.meeting_event(meeting, "noSuchEvent", &JsValue::NULL);
    assert_eq!(rig.status(), "live");
    rig.raw.detach(meeting);
    rig.raw.detach(meeting);
    assert_eq!((rig.status().as_str(), listeners(&emitter)), ("leaving", 0.0));
    let reason = text(&rig.raw.snapshot(), &format!("streams.{STREAM}.reason"));
    assert_eq!(reason, "detached");
}
