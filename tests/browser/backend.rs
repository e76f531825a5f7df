use crate::support::{Rig, STREAM, asked, at, backend, host_stream, js, json, length, make_emitter, text};
use wasm_bindgen_test::wasm_bindgen_test;

const ENDED: &str = "{status: 200, body: '{\"success\":true,\"status\":\"ended\"}'}";

#[wasm_bindgen_test]
async fn a_call_is_a_post_with_its_headers_and_arguments() {
    let address = backend(&format!("[{ENDED}]")).await;
    let rig = Rig::with_backend(&address);
    let result = rig.end().await;
    assert_eq!(text(&result, "value.status"), "ended");
    let log = asked(&address).await;
    assert_eq!(length(&log), 1);
    assert_eq!(text(&log, "0.method"), "POST");
    assert!(text(&log, "0.path").ends_with("/rest/v1/rpc/end_stream_comprehensive"));
    assert_eq!(text(&log, "0.headers.apikey"), "public-key");
    assert_eq!(text(&log, "0.headers.authorization"), "Bearer the-token");
    assert_eq!(text(&log, "0.headers.content-type"), "application/json");
    let body = js_sys::JSON::parse(&text(&log, "0.body")).unwrap();
    assert_eq!(text(&body, "p_stream_id"), STREAM);
    assert_eq!(text(&body, "p_reason"), "requested");
    assert_eq!(at(&body, "p_attempt").as_f64(), Some(1.0));
}

#[wasm_bindgen_test]
async fn what_is_not_delivered_is_tried_again() {
    // A server in trouble, a captive portal's page, a reset connection, a redirect, a portal's JSON.
    for first in [
        "{status: 500, body: '{}'}",
        "{status: 200, type: 'text/html', body: '<h1>Welcome to our Wi-Fi</h1>'}",
        "{drop: true}",
        "{status: 302, headers: {location: '/health'}, body: ''}",
        "{status: 200, body: '{\"status\":\"ok\"}'}",
        "{status: 404, body: '{\"code\":\"PGRST202\",\"message\":\"m\",\"details\":null,\"hint\":null}'}",
        "{hang: true}",
    ] {
        let address = backend(&format!("[{first}, {ENDED}]")).await;
        let rig = Rig::with_backend(&address);
        let result = rig.end().await;
        assert_eq!(text(&result, "value.status"), "ended", "{first}");
        assert_eq!(length(&asked(&address).await), 2, "{first}");
    }
}

#[wasm_bindgen_test]
async fn a_refusal_rejects_with_what_the_backend_said() {
    let refusal =
        "{status: 403, body: '{\"code\":\"42501\",\"message\":\"not yours\",\"details\":null,\"hint\":null}'}";
    let address = backend(&format!("[{refusal}]")).await;
    let rig = Rig::with_backend(&address);
    let result = rig.end().await;
    assert_eq!(at(&result, "ok").as_bool(), Some(false));
    assert_eq!(text(&result, "value.code"), "not_allowed");
    assert_eq!(text(&result, "value.cause.code"), "42501");
    assert_eq!((length(&asked(&address).await), rig.status().as_str()), (1, "failed"));
}

#[wasm_bindgen_test]
async fn an_expired_token_is_replaced_once() {
    let expired = "{status: 401, body: '{\"code\":\"PGRST303\",\"message\":\"JWT expired\"}'}";
    let address = backend(&format!("[{expired}, {ENDED}]")).await;
    let config = format!("{{backend: {{url: '{address}'}}}}");
    let rig = Rig::new(&config, "(() => { let n = 0; return async () => `token-${++n}`; })()");
    assert_eq!(text(&rig.end().await, "value.status"), "ended");
    let log = asked(&address).await;
    assert_eq!(text(&log, "0.headers.authorization"), "Bearer token-1");
    assert_eq!(text(&log, "1.headers.authorization"), "Bearer token-2");
    assert_eq!(at(&log, "0.headers.apikey"), wasm_bindgen::JsValue::UNDEFINED);
}

#[wasm_bindgen_test]
async fn a_token_provider_that_throws_rejects_or_hangs_is_a_named_error() {
    let address = backend(&format!("[{ENDED}]")).await;
    let config = |timeout: u32| {
        format!("{{backend: {{url: '{address}'}}, ending: {{delays: [10], maxAttempts: 1, timeout: {timeout}}}}}")
    };
    for (token, code) in [
        ("() => { throw new Error('s3cret') }", "token"),
        ("async () => { throw new Error('s3cret') }", "token"),
        ("() => new Promise(() => {})", "timeout"),
    ] {
        let rig = Rig::new(&config(100), token);
        let result = rig.call("getStreamStatus", &format!("{{streamId: '{STREAM}'}}")).await;
        assert_eq!(text(&result, "value.code"), code, "{token}");
        let end = rig.end().await;
        assert_eq!((text(&end, "value.status"), length(&rig.raw.pending_ends())), ("queued".to_owned(), 1), "{token}");
        let said = [json(&result), json(&end), json(&rig.raw.pending_ends())].concat();
        assert!(!said.contains("s3cret"));
    }
    assert_eq!(length(&asked(&address).await), 0);
}

#[wasm_bindgen_test]
async fn signed_out_calls_go_out_as_nobody() {
    for token in ["() => null", "() => undefined", "async () => ''", "() => 42"] {
        let address = backend(&format!("[{ENDED}]")).await;
        let rig = Rig::new(&format!("{{backend: {{url: '{address}'}}}}"), token);
        rig.end().await;
        let log = asked(&address).await;
        assert_eq!(length(&log), 1, "{token}");
        assert_eq!(at(&log, "0.headers.authorization"), wasm_bindgen::JsValue::UNDEFINED, "{token}");
    }
}

#[wasm_bindgen_test]
async fn an_ending_is_sent_within_the_event_with_the_token_at_hand_and_keepalive() {
    let address = backend(&format!("[{ENDED}]")).await;
    let rig = Rig::with_backend(&address);
    let meeting = rig.raw.attach(make_emitter("on", "off"), &host_stream()).unwrap();
    // The lease that is taken at attach asks for the token, which is there one turn of the microtasks later.
    wasm_bindgen_futures::JsFuture::from(js_sys::Promise::resolve(&js("1"))).await.unwrap();
    wasm_bindgen_futures::JsFuture::from(js_sys::Promise::resolve(&js("1"))).await.unwrap();
    js("(window.__calls = [], window.__fetch = window.fetch, \
         window.fetch = (url, init) => (window.__calls.push(init), window.__fetch(url, init)))");
    rig.raw.meeting_event(meeting, "hangup", &js("null"));
    let calls = js("window.__calls");
    js("window.fetch = window.__fetch");
    assert_eq!(length(&calls), 1, "not sent within the event");
    assert_eq!(at(&calls, "0.keepalive").as_bool(), Some(true));
    assert_eq!(text(&calls, "0.redirect"), "error");
    assert_eq!(text(&calls, "0.credentials"), "omit");
    assert_eq!(text(&calls, "0.headers.authorization"), "Bearer the-token");
}

#[wasm_bindgen_test]
async fn a_person_who_asks_is_who_is_signed_in_now() {
    let address = backend(&format!("[{ENDED}]")).await;
    let config = format!("{{backend: {{url: '{address}'}}}}");
    let rig = Rig::new(&config, "(() => { let n = 0; return () => `user-${++n}`; })()");
    rig.raw.attach(make_emitter("on", "off"), &host_stream()).unwrap();
    rig.end().await;
    assert_eq!(text(&asked(&address).await, "0.headers.authorization"), "Bearer user-2");
}

#[wasm_bindgen_test]
async fn a_token_that_was_asked_for_earlier_and_comes_later_is_not_kept() {
    let address = backend(&format!("[{{status: 503, body: ''}}, {ENDED}]")).await;
    let config = format!("{{backend: {{url: '{address}'}}, ending: {{delays: [10]}}}}");
    // The first asking, at attach, is answered after the second, which is the person's.
    let rig = Rig::new(
        &config,
        "(() => { let n = 0, late; const slow = new Promise((resolve) => (late = resolve)); \
          return () => (++n === 1 ? slow : Promise.resolve('newest').then((token) => (late('stale'), token))); })()",
    );
    rig.raw.attach(make_emitter("on", "off"), &host_stream()).unwrap();
    rig.end().await;
    let log = asked(&address).await;
    assert_eq!(text(&log, "0.headers.authorization"), "Bearer newest");
    assert_eq!(text(&log, "1.headers.authorization"), "Bearer newest");
}

#[wasm_bindgen_test]
async fn status_and_start_come_back_as_the_database_gives_them() {
    let body = format!("{{\"stream_id\":\"{STREAM}\",\"status\":\"live\",\"is_live\":true,\"title\":null}}");
    let address = backend(&format!("[{{status: 200, body: '{body}'}}]")).await;
    let rig = Rig::with_backend(&address);
    let result = rig.call("startStream", "{title: 'Hello'}").await;
    assert_eq!(json(&at(&result, "value")), body);
    assert_eq!(rig.status(), "live");
    let result = rig.call("getStreamStatus", &format!("{{streamId: '{STREAM}'}}")).await;
    assert_eq!(json(&at(&result, "value")), body);
}
