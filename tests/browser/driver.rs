use crate::support::{Rig, asked, at, backend, backend_of_leases, host_stream, js, json, length, make_emitter, text};
use js_sys::Reflect;
use streamkeeper::api::RawManager;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

const OTHER: &str = "{streamId: '1d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11', streamerId: 'ana', role: 'host'}";
const ENDED: &str = "{status: 200, body: '{\"status\":\"ended\"}'}";

/// Resolves with the first `name` event.
async fn event(rig: &Rig, name: &str) -> JsValue {
    let wait: js_sys::Function = js("(host, name) => new Promise((resolve) => { \
        host.onEvent = (event, data) => event === name && resolve(data); })")
    .unchecked_into();
    let promise: js_sys::Promise = wait.call2(&JsValue::NULL, &rig.host, &name.into()).unwrap().unchecked_into();
    wasm_bindgen_futures::JsFuture::from(promise).await.unwrap()
}

#[wasm_bindgen_test]
async fn the_one_timer_ends_what_has_left() {
    let address = backend(&format!("[{ENDED}]")).await;
    let rig = Rig::with_backend(&address);
    let meeting = rig.raw.attach(make_emitter("on", "off"), &host_stream()).unwrap();
    rig.raw.meeting_event(meeting, "videoConferenceJoined", &JsValue::NULL);
    rig.raw.meeting_event(meeting, "videoConferenceLeft", &JsValue::NULL);
    let end = event(&rig, "end").await;
    assert_eq!((text(&end, "reason").as_str(), rig.status().as_str()), ("videoConferenceLeft", "ended"));
}

#[wasm_bindgen_test]
async fn all_signals_together_twice_are_one_call() {
    let address = backend(&format!("[{ENDED}]")).await;
    let rig = Rig::with_backend(&address);
    let meeting = rig.raw.attach(make_emitter("on", "off"), &host_stream()).unwrap();
    rig.raw.meeting_event(meeting, "videoConferenceJoined", &JsValue::NULL);
    for _ in 0..2 {
        for name in ["readyToClose", "videoConferenceLeft", "hangup", "conferenceTerminated"] {
            rig.raw.meeting_event(meeting, name, &JsValue::NULL);
        }
    }
    event(&rig, "end").await;
    assert_eq!(length(&asked(&address).await), 1);
    let trace = json(&rig.raw.trace());
    assert_eq!(trace.matches("\"event\":\"hangup\"").count(), 2, "{trace}");
    assert!(!trace.contains("the-token") && !trace.contains("public-key"));
}

#[wasm_bindgen_test]
async fn a_callback_may_call_straight_back_in_and_sees_the_new_state() {
    let rig = Rig::with_backend(&backend(&format!("[{ENDED}]")).await);
    let raw = std::rc::Rc::new(RawManager::new(&js("{}"), rig.host.clone().unchecked_into()).unwrap());
    let inner = raw.clone();
    let seen = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let record = seen.clone();
    let callback = Closure::<dyn Fn(JsValue, JsValue)>::new(move |event: JsValue, _: JsValue| {
        record.borrow_mut().push(event.as_string().unwrap());
        if record.borrow().len() == 1 {
            let streams = |raw: &RawManager| json(&at(&raw.snapshot(), "streams"));
            assert!(streams(&inner).contains("\"live\""), "the event came before its state");
            inner.attach(make_emitter("on", "off"), &js(OTHER)).unwrap();
            assert!(streams(&inner).contains("1d7c1f6e"), "the call came back before its state");
        }
    });
    Reflect::set(&rig.host, &"onEvent".into(), callback.as_ref()).unwrap();
    raw.attach(make_emitter("on", "off"), &host_stream()).unwrap();
    assert_eq!(*seen.borrow(), ["log", "log"]);
    raw.dispose();
}

#[wasm_bindgen_test]
async fn what_was_ended_elsewhere_hangs_the_meeting_up() {
    let address = backend_of_leases(&format!("[{ENDED}]")).await;
    let rig = Rig::with_backend(&address);
    let emitter = make_emitter("on", "off");
    js_sys::Reflect::set(&emitter, &"commands".into(), &js("[]")).unwrap();
    let command = js("function (name) { this.commands.push(name); throw new Error('gone'); }");
    js_sys::Reflect::set(&emitter, &"executeCommand".into(), &command).unwrap();
    rig.raw.attach(emitter.clone(), &host_stream()).unwrap();
    let end = event(&rig, "end").await;
    assert_eq!(at(&end, "elsewhere").as_bool(), Some(true));
    assert_eq!((rig.status().as_str(), json(&at(&emitter, "commands")).as_str()), ("ended", "[\"hangup\"]"));
    assert!(text(&asked(&address).await, "0.path").ends_with("/rest/v1/rpc/touch_stream"));
}

#[wasm_bindgen_test]
async fn a_host_that_throws_stops_nothing() {
    let rig = Rig::with_backend(&backend(&format!("[{ENDED}]")).await);
    Reflect::set(&rig.host, &"onEvent".into(), &js("() => { throw new Error('the app') }")).unwrap();
    assert_eq!(text(&rig.end().await, "value.status"), "ended");
    assert_eq!(rig.status(), "ended");
}

#[wasm_bindgen_test]
async fn dispose_sends_what_waits_and_leaves_no_listener_and_no_promise() {
    let address = backend(&format!("[{{status: 503, body: ''}}, {ENDED}]")).await;
    let config = format!("{{backend: {{url: '{address}'}}, ending: {{delays: [2147483647]}}}}");
    let rig = Rig::new(&config, "() => 'the-token'");
    let emitter = make_emitter("on", "off");
    let meeting = rig.raw.attach(emitter.clone(), &host_stream()).unwrap();
    rig.raw.meeting_event(meeting, "hangup", &JsValue::NULL);
    event(&rig, "endAttempt").await;
    rig.raw.call(77, "endStreamById", &js(&format!("{{streamId: '{}'}}", crate::support::STREAM))).unwrap();
    rig.raw.dispose();
    rig.raw.dispose();
    let count: js_sys::Function = at(&emitter, "count").unchecked_into();
    assert_eq!(count.call0(&emitter).unwrap().as_f64(), Some(0.0));
    assert_eq!(text(&rig.host, "settled.0.value.code"), "disposed");
    assert_eq!(text(&rig.raw.snapshot(), "phase"), "disposed");
    // The second attempt went out at once, not after its delay of 24 days.
    while length(&asked(&address).await) < 2 {}
}

#[wasm_bindgen_test]
fn bad_input_throws_before_anything_happens() {
    let thrown = |config: &str| {
        let host = Rig::new("{}", "() => null").host.clone();
        RawManager::new(&js(config), host.unchecked_into()).map(|_| ()).unwrap_err()
    };
    let error = thrown("{ending: {delays: [-1]}}");
    assert_eq!(text(&error, "code"), "invalid_config");
    assert_eq!(text(&error, "message"), "ending.delays[0] is -1; it must be a whole number from 10 to 2147483647");
    assert!(text(&thrown("{nope: 1}"), "message").starts_with("nope is not a setting"));
    assert!(text(&thrown("{logger: {warn: 'x'}}"), "message").starts_with("logger.warn is \"x\""));

    let rig = Rig::new("{}", "() => null");
    let error = rig.raw.attach(JsValue::NULL, &host_stream()).unwrap_err();
    assert_eq!(text(&error, "code"), "invalid_argument");
    let error =
        rig.raw.attach(make_emitter("on", "off"), &js("{streamId: '', streamerId: 'a', role: 'host'}")).unwrap_err();
    assert!(text(&error, "message").starts_with("stream.streamId is empty; it must be a UUID"));
    let error = rig.raw.call(1, "endStreamById", &js("{streamId: 'x'}")).unwrap_err();
    assert!(text(&error, "message").starts_with("streamId is \"x\""));
    assert_eq!(json(&at(&rig.raw.snapshot(), "streams")), "{}");
}
