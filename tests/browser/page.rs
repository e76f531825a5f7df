use crate::support::{Rig, at, js};
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn the_pages_events_reach_the_snapshot_until_the_signal_is_aborted() {
    let rig = Rig::new("{}", "() => null");
    let online = || at(&rig.raw.snapshot(), "presence.online").as_bool();
    let frozen = || at(&rig.raw.snapshot(), "presence.frozen").as_bool();
    js("window.dispatchEvent(new Event('offline'))");
    assert_eq!(online(), Some(false));
    js("window.dispatchEvent(new Event('online'))");
    assert_eq!(online(), Some(true));
    // `freeze` and `resume` are dispatched on the document and do not bubble.
    js("document.dispatchEvent(new Event('freeze'))");
    assert_eq!(frozen(), Some(true));
    js("document.dispatchEvent(new Event('resume'))");
    assert_eq!(frozen(), Some(false));

    let stop: js_sys::Function = wasm_bindgen::JsCast::unchecked_into(at(&rig.host, "stop"));
    stop.call0(&rig.host).unwrap();
    js("window.dispatchEvent(new Event('offline'))");
    assert_eq!(online(), Some(true));
}

#[wasm_bindgen_test]
fn an_event_that_changes_nothing_tells_nobody() {
    let rig = Rig::new("{}", "() => null");
    let changes = || at(&rig.host, "changes").as_f64();
    js("window.dispatchEvent(new Event('online'))");
    assert_eq!(changes(), Some(0.0));
    js("window.dispatchEvent(new Event('offline'))");
    assert_eq!(changes(), Some(1.0));
}
