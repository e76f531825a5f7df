//! The outbox in a real localStorage, with real locks.

use crate::support::{Rig, STREAM, asked, at, backend, js, json, length, text, until};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

const ENDED: &str = "{status: 200, body: '{\"status\":\"ended\"}'}";
/// `{"sub":"ana"}` and `{"sub":"ben"}`, as JWTs carry them.
const ANA: &str = "e30.eyJzdWIiOiJhbmEifQ.s";
const BEN: &str = "e30.eyJzdWIiOiJiZW4ifQ.s";

fn config(address: &str) -> String {
    format!("{{backend: {{url: '{address}'}}, ending: {{delays: [10], timeout: 300, leaveGrace: 10}}}}")
}

fn stored() -> String {
    json(&js("Object.fromEntries(Object.entries(localStorage).filter(([key]) => key.startsWith('streamkeeper.')))"))
}

/// As an earlier page has left it, a moment ago.
fn leave_behind(holder: &str) -> String {
    let key = format!("{STREAM}/{holder}");
    js(&format!(
        "localStorage.setItem('streamkeeper.outbox.{key}', JSON.stringify({{streamId: '{STREAM}', holder: '{holder}', \
          user: 'ana', kind: 'end', until: null, reason: 'hangup', leaves: true, at: Date.now() - 1000, attempts: 2, \
          lastError: null}})) ?? true"
    ));
    key
}

/// As the browser tells of what another tab has written. Given to one page only: all tests are in one.
fn storage_event(key_and_value: &str) -> web_sys::Event {
    js(&format!("new StorageEvent('storage', {{key: {key_and_value}}})")).unchecked_into()
}

/// The page finds this entry. What other tests have left behind is theirs.
fn finds(rig: &Rig, key: &str) {
    let name = format!("'streamkeeper.outbox.{key}'");
    rig.raw.page_event(&storage_event(&format!("{name}, newValue: localStorage.getItem({name})")));
}

#[wasm_bindgen_test]
async fn an_end_is_in_the_storage_before_it_is_sent_and_out_of_it_when_it_is_answered() {
    let rig = Rig::new(&config(&backend(&format!("[{ENDED}]")).await), &format!("() => '{ANA}'"));
    rig.raw.call(1, "endStreamById", &js(&format!("{{streamId: '{STREAM}'}}"))).unwrap();
    let written = stored();
    assert!(written.contains("\\\"kind\\\":\\\"end\\\"") && written.contains(STREAM), "{written}");
    assert_eq!(length(&rig.raw.pending_ends()), 1);
    assert!(!written.contains(ANA) && !written.contains("eyJ"), "{written}");
    until(&rig, "host.settled.length === 1").await;
    assert_eq!(length(&rig.raw.pending_ends()), 0);
    assert!(!stored().contains(&text(&rig.host, "holder")), "{}", stored());
}

#[wasm_bindgen_test]
async fn what_an_earlier_page_owes_is_sent_once_its_lock_is_free_with_its_users_token() {
    let address = backend(&format!("[{ENDED}]")).await;
    let key = leave_behind("gone-1");
    // Another tab that is still alive sees to it.
    js(&format!(
        "navigator.locks.request('streamkeeper.outbox.{key}', () => new Promise((release) => {{ window.__release = release; }})) && true"
    ));
    let rig = Rig::new(&config(&address), &format!("() => '{ANA}'"));
    until(&rig, "window.__release").await;
    finds(&rig, &key);
    assert_eq!(length(&rig.raw.pending_ends()), 1);
    js("window.__release()");
    until(&rig, "!Object.keys(localStorage).some((key) => key.includes('gone-1'))").await;
    let log = asked(&address).await;
    assert_eq!((length(&log), text(&log, "0.headers.authorization")), (1, format!("Bearer {ANA}")));
    let body = text(&log, "0.body");
    assert!(body.contains("\"p_attempt\":3") && body.contains("\"p_holder\":\"gone-1\""), "{body}");
    assert_eq!(at(&rig.raw.usage(), "ends.replayed").as_f64(), Some(1.0));
}

#[wasm_bindgen_test]
async fn somebody_elses_token_sends_nothing() {
    let address = backend(&format!("[{ENDED}]")).await;
    let key = leave_behind("gone-2");
    let rig = Rig::new(&config(&address), &format!("() => '{BEN}'"));
    finds(&rig, &key);
    until(&rig, "host.tokens > 0").await;
    let call = rig.call("retryPendingEnds", "{}").await;
    assert_eq!(at(&call, "ok").as_bool(), Some(true));
    assert_eq!((length(&asked(&address).await), length(&rig.raw.pending_ends())), (0, 1));
}

#[wasm_bindgen_test]
async fn a_storage_that_is_forbidden_or_full_is_said_once_and_the_stream_ends_all_the_same() {
    for (forbid, allow) in [
        (
            "(() => { window.__storage = Object.getOwnPropertyDescriptor(window, 'localStorage'); Object.defineProperty(window, 'localStorage', { configurable: true, get() { throw new DOMException('no', 'SecurityError'); } }); return true; })()",
            "Object.defineProperty(window, 'localStorage', window.__storage) && true",
        ),
        (
            "(() => { window.__set = Storage.prototype.setItem; Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }; return true; })()",
            "(() => { Storage.prototype.setItem = window.__set; return true; })()",
        ),
    ] {
        let rig = Rig::new(&config(&backend(&format!("[{ENDED}]")).await), &format!("() => '{ANA}'"));
        // Only for the moment in which this page writes: the others at work here have the same storage.
        js(forbid);
        for call in 1..=2 {
            rig.raw.call(call, "endStreamById", &js(&format!("{{streamId: '{STREAM}'}}"))).unwrap();
        }
        js(allow);
        until(&rig, "host.settled.length === 2 && host.settled.every(({ value }) => value.status.endsWith('ended'))")
            .await;
        let warnings =
            js("(host) => host.events.filter(({ event, data }) => event === 'log' && data.level === 'warn').length");
        let warnings = warnings.unchecked_into::<js_sys::Function>().call1(&JsValue::NULL, &rig.host).unwrap();
        assert_eq!(warnings.as_f64(), Some(1.0), "{forbid}");
    }
}

#[wasm_bindgen_test]
async fn what_another_tab_writes_is_taken_up_when_that_tab_is_gone() {
    let address = backend(&format!("[{ENDED}]")).await;
    let rig = Rig::new(&config(&address), &format!("() => '{ANA}'"));
    let key = leave_behind("gone-3");
    // A storage event never reaches the page that wrote.
    finds(&rig, &key);
    until(&rig, "!Object.keys(localStorage).some((key) => key.includes('gone-3'))").await;
    assert_eq!(length(&asked(&address).await), 1);
    for rubbish in
        ["'other', newValue: '1'", "'streamkeeper.outbox.x', newValue: '{'", "'streamkeeper.outbox.x', newValue: null"]
    {
        rig.raw.page_event(&storage_event(rubbish));
    }
    assert_eq!(length(&rig.raw.pending_ends()), 0);
}

#[wasm_bindgen_test]
async fn a_token_that_has_become_null_is_a_sign_out_and_the_last_one_ends_what_is_live() {
    let address = backend(&format!("[{ENDED}]")).await;
    js(&format!("(window.__tokens = ['{ANA}'], true)"));
    let rig = Rig::new(&config(&address), "() => window.__tokens[0] ?? null");
    rig.raw.attach(crate::support::make_emitter("on", "off"), &crate::support::host_stream()).unwrap();
    until(&rig, "host.tokens > 0").await;
    js("(window.__tokens = [], true)");
    // The next renewal of the lease asks for it.
    js("window.dispatchEvent(new Event('online'))");
    until(&rig, "host.events.some(({ event }) => event === 'end')").await;
    let log = asked(&address).await;
    assert_eq!(text(&log, "0.headers.authorization"), format!("Bearer {ANA}"));
    assert!(text(&log, "0.body").contains("\"p_reason\":\"sign_out\""));
    assert_eq!(at(&rig.host, "forgotten").as_f64(), Some(1.0));
}

#[wasm_bindgen_test]
async fn what_is_owed_when_a_manager_is_disposed_of_is_the_next_ones() {
    let unreachable = "http://127.0.0.1:9";
    let rig = Rig::new(&config(unreachable), &format!("() => '{ANA}'"));
    rig.raw.call(1, "endStreamById", &js(&format!("{{streamId: '{STREAM}'}}"))).unwrap();
    until(&rig, "host.events.some(({ event }) => event === 'endAttempt')").await;
    let key = format!("{STREAM}/{}", text(&rig.host, "holder"));
    drop(rig);
    let address = backend(&format!("[{ENDED}]")).await;
    let next = Rig::new(&config(&address), &format!("() => '{ANA}'"));
    finds(&next, &key);
    until(&next, &format!("!localStorage.getItem('streamkeeper.outbox.{key}')")).await;
    assert_eq!(length(&asked(&address).await), 1);
}
