//! What tells of the person, on the real document.

use crate::support::{Rig, at, host_stream, js, json, length, make_emitter, until};
use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

fn last_activity(rig: &Rig) -> f64 {
    at(&rig.raw.snapshot(), "presence.lastActivityAt").as_f64().unwrap()
}

#[wasm_bindgen_test]
async fn every_kind_of_activity_counts_and_after_one_nobody_listens_until_the_window_has_passed() {
    let kinds = [
        "mousedown",
        "mousemove",
        "keydown",
        "keypress",
        "scroll",
        "wheel",
        "touchstart",
        "pointerdown",
        "pointermove",
        "click",
    ];
    for kind in kinds {
        let rig = Rig::new("{}", "() => null");
        let before = last_activity(&rig);
        until(&rig, &format!("Date.now() > {before}")).await;
        js(&format!("document.body.dispatchEvent(new Event('{kind}'))"));
        let after = last_activity(&rig);
        assert!(after > before, "{kind}");
        assert_eq!(at(&rig.host, "activity.signal.aborted").as_bool(), Some(true), "{kind}");
        js("document.body.dispatchEvent(new Event('mousemove', {bubbles: true}))");
        assert_eq!((last_activity(&rig), at(&rig.host, "listens").as_f64()), (after, Some(1.0)), "{kind}");
    }
    let rig = Rig::new("{}", "() => null");
    js("document.body.dispatchEvent(new Event('click'))");
    until(&rig, "host.listens === 2").await;
}

#[wasm_bindgen_test]
fn beforeunload_is_listened_to_only_while_a_stream_is_hosted() {
    // Wrapped, so that the test sees what is added and taken away.
    let wrap = "(() => {
        window.__added = [];
        const { addEventListener, removeEventListener } = window;
        const wrapped = (act, mark) => function (name, ...rest) {
            if (name === 'beforeunload') window.__added.push(mark);
            return act.call(this, name, ...rest);
        };
        window.addEventListener = wrapped(addEventListener, '+');
        window.removeEventListener = wrapped(removeEventListener, '-');
        window.__restore = () => Object.assign(window, { addEventListener, removeEventListener });
    })()";
    js(wrap);
    let rig = Rig::new("{backend: {url: 'http://127.0.0.1:9'}}", "() => 'token'");
    assert_eq!(length(&js("window.__added")), 0);
    let meeting = rig.raw.attach(make_emitter("on", "off"), &host_stream()).unwrap();
    assert_eq!(json(&js("window.__added")), "[\"+\"]");
    rig.raw.meeting_event(meeting, "readyToClose", &JsValue::NULL);
    rig.raw.dispose();
    assert_eq!(json(&js("window.__added")), "[\"+\",\"-\"]");
    js("window.__restore()");
}

#[wasm_bindgen_test]
async fn the_meetings_own_mouse_events_and_its_focus_are_activity() {
    let rig = Rig::new("{inactivity: {timeout: 60000}}", "() => null");
    let emitter = make_emitter("on", "off");
    let iframe = js(
        "(() => { const iframe = document.createElement('iframe'); iframe.tabIndex = 0; document.body.append(iframe); return iframe; })()",
    );
    let give: js_sys::Function = js("(iframe) => () => iframe").unchecked_into();
    Reflect::set(&emitter, &"getIFrame".into(), &give.call1(&JsValue::NULL, &iframe).unwrap()).unwrap();
    let meeting = rig.raw.attach(emitter.clone(), &host_stream()).unwrap();
    for name in ["mouseMove", "mouseEnter", "mouseLeave"] {
        let before = last_activity(&rig);
        until(&rig, &format!("Date.now() > {before}")).await;
        rig.raw.meeting_event(meeting, name, &JsValue::NULL);
        assert!(last_activity(&rig) > before, "{name}");
    }
    let trace = || json(&rig.raw.trace());
    let focus: js_sys::Function = at(&iframe, "focus").unchecked_into();
    focus.call0(&iframe).unwrap();
    js("window.dispatchEvent(new Event('blur'))");
    assert_eq!(trace().matches("focus in the meeting").count(), 1, "{}", trace());
    js("document.activeElement.blur()");
    js("window.dispatchEvent(new Event('focus'))");
    assert_eq!(trace().matches("\"data\":\"focus\"").count(), 1, "{}", trace());
    js("window.dispatchEvent(new Event('blur'))");
    assert_eq!(trace().matches("focus in the meeting").count(), 1, "the page's own fields are no meeting");
    js("document.querySelector('iframe').remove()");
}

#[wasm_bindgen_test]
fn a_document_in_a_picture_in_picture_window_is_seen() {
    js("Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true }) && true");
    js("(window.__pip = Object.assign(new EventTarget(), { window: null })) && true");
    js(
        "Object.defineProperty(window, 'documentPictureInPicture', { value: window.__pip, configurable: true }) && true",
    );
    let rig = Rig::new("{}", "() => null");
    let visible = || at(&rig.raw.snapshot(), "presence.visible").as_bool();
    assert_eq!(visible(), Some(false));
    js("(window.__pip.window = new EventTarget()) && window.__pip.dispatchEvent(new Event('enter'))");
    assert_eq!(visible(), Some(true));
    js(
        "(() => { const picture = window.__pip.window; picture.dispatchEvent(new Event('pagehide')); window.__pip.window = null; return true; })()",
    );
    assert_eq!(visible(), Some(false), "and the page itself has not gone");
    js("delete document.visibilityState && delete window.documentPictureInPicture");
}
