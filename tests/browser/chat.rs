//! The driver's half of the chat connection: what the façade is told, and what other tabs are.

use crate::support::{Rig, at, js, json, text};
use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

const CHAT: &str = "{chat: {open() {}, close() {}}}";

fn connecting() -> Rig {
    let rig = Rig::new(CHAT, "() => null");
    rig.raw.call(1, "connectUser", &js("{userId: 'ana', token: 'function'}")).unwrap();
    rig
}

fn connected() -> Rig {
    let rig = connecting();
    rig.raw.chat_event(1, "token", &js("{}"));
    rig.raw.chat_event(1, "opened", &JsValue::NULL);
    assert_eq!(text(&rig.raw.snapshot(), "chat.status"), "connected");
    rig
}

fn chatted(rig: &Rig) -> String {
    json(&at(&rig.host, "chatted"))
}

#[wasm_bindgen_test]
fn the_facade_is_told_step_by_step() {
    let rig = connected();
    assert_eq!(chatted(&rig), r#"["1 token ","1 open "]"#);
    assert_eq!(json(&at(&rig.host, "settled.0")), r#"{"call":1,"ok":true,"value":1}"#);
    assert_eq!(rig.raw.chat_generation(), Some(1));
    js("window.dispatchEvent(new Event('offline'))");
    assert_eq!(chatted(&rig), r#"["1 token ","1 open ","1 disconnecting offline","1 close "]"#);
    assert_eq!(rig.raw.chat_generation(), None);
    js("window.dispatchEvent(new Event('online'))");
    rig.raw.chat_event(1, "closed", &JsValue::NULL);
    assert!(chatted(&rig).ends_with(r#""2 token "]"#), "{}", chatted(&rig));
}

#[wasm_bindgen_test]
fn rubbish_from_a_vendor_is_nothing() {
    let rig = connected();
    for name in ["", "nope", "constructor"] {
        rig.raw.chat_event(1, name, &js("{a: () => {}}"));
    }
    rig.raw.chat_event(99, "lost", &JsValue::UNDEFINED);
    assert_eq!(text(&rig.raw.snapshot(), "chat.status"), "connected");
    rig.raw.chat_event(1, "lost", &js("Symbol('x')"));
    assert_eq!(text(&rig.raw.snapshot(), "chat.reason"), "lost");
}

#[wasm_bindgen_test]
fn every_way_out_of_the_page_closes_within_the_event() {
    for (event, reason) in [("pagehide", "page_hidden"), ("freeze", "frozen"), ("offline", "offline")] {
        let rig = connected();
        let target = if event == "freeze" { "document" } else { "window" };
        js(&format!("{target}.dispatchEvent(new PageTransitionEvent('{event}', {{persisted: true}}))"));
        assert!(chatted(&rig).ends_with(&format!("\"1 disconnecting {reason}\",\"1 close \"]")), "{}", chatted(&rig));
        js("window.dispatchEvent(new Event('online')) && document.dispatchEvent(new Event('resume'))");
    }
}

#[wasm_bindgen_test]
async fn a_sign_out_reaches_the_other_tabs_and_is_heard_from_them() {
    let rig = connected();
    let hear = "new Promise((resolve) => { const tab = new BroadcastChannel('streamkeeper'); \
                tab.onmessage = ({ data }) => { tab.close(); resolve(data); }; })";
    let heard: Promise = js(hear).unchecked_into();
    rig.raw.call(2, "disconnectUser", &JsValue::NULL).unwrap();
    assert_eq!(json(&JsFuture::from(heard).await.unwrap()), r#"{"signedOut":"ana"}"#);
    assert_eq!(at(&rig.host, "forgotten").as_f64(), Some(1.0));
    drop(rig);

    let rig = connected();
    js(
        "(() => { const tab = new BroadcastChannel('streamkeeper'); tab.postMessage(null); tab.postMessage({ signedOut: 7 }); \
        tab.postMessage({ signedOut: 'ana' }); tab.close(); return true; })()",
    );
    let signed_out: js_sys::Function = js("(host) => new Promise((resolve) => { const look = () => host.forgotten ? resolve() : setTimeout(look, 5); look(); })")
    .unchecked_into();
    let promise: Promise = signed_out.call1(&JsValue::NULL, &rig.host).unwrap().unchecked_into();
    JsFuture::from(promise).await.unwrap();
    assert_eq!(text(&rig.raw.snapshot(), "chat.reason"), "sign_out");
}

#[wasm_bindgen_test]
fn a_check_of_arguments_does_nothing() {
    let rig = Rig::new(CHAT, "() => null");
    rig.raw.check("connectUser", &js("{userId: 'ana', token: 'string'}")).unwrap();
    let error = rig.raw.check("connectUser", &js("{userId: 'ana', token: 'number'}")).unwrap_err();
    assert!(text(&error, "message").starts_with("token is of the type number"));
    assert_eq!(chatted(&rig), "[]");
}
