use crate::support::{at, js, json};
use streamkeeper::browser::awake::{PageLock, ScreenLock};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{AbortController, AbortSignal};

async fn run(source: &str) -> JsValue {
    let promise: js_sys::Promise = js(source).unchecked_into();
    JsFuture::from(promise).await.unwrap()
}

/// Resolves once the lock of that name is held (or not) by this page.
async fn wait_for_lock(name: &str, held: bool) {
    run(&format!(
        "(async () => {{ for (;;) {{ const {{ held }} = await navigator.locks.query(); \
         if (held.some((lock) => lock.name === '{name}') === {held}) return; }} }})()"
    ))
    .await;
}

fn signal() -> AbortSignal {
    AbortController::new().unwrap().signal()
}

#[wasm_bindgen_test]
async fn a_page_lock_is_released_with_the_signal_when_nobody_is_left_to_drop_it() {
    let controller = AbortController::new().unwrap();
    std::mem::forget(PageLock::hold("streamkeeper:test:c", &controller.signal()).unwrap());
    wait_for_lock("streamkeeper:test:c", true).await;
    controller.abort();
    wait_for_lock("streamkeeper:test:c", false).await;
}

#[wasm_bindgen_test]
async fn a_page_lock_that_is_dropped_leaves_nothing_on_the_signal() {
    // Counts what is put on it less what is taken off.
    let controller: AbortController = js(
        "(() => {
            globalThis.watched = Object.assign(new AbortController(), { listeners: 0 });
            const { signal } = watched;
            signal.addEventListener = (...given) => (watched.listeners++, EventTarget.prototype.addEventListener.apply(signal, given));
            signal.removeEventListener = (...given) => (watched.listeners--, EventTarget.prototype.removeEventListener.apply(signal, given));
            return watched;
        })()",
    )
    .unchecked_into();
    let lock = PageLock::hold("streamkeeper:test:d", &controller.signal()).unwrap();
    assert_eq!(js("watched.listeners").as_f64(), Some(1.0));
    drop(lock);
    assert_eq!(js("watched.listeners").as_f64(), Some(0.0));
    wait_for_lock("streamkeeper:test:d", false).await;
}

#[wasm_bindgen_test]
async fn a_page_lock_is_held_until_it_is_dropped() {
    let lock = PageLock::hold("streamkeeper:test:a", &signal()).unwrap();
    wait_for_lock("streamkeeper:test:a", true).await;
    drop(lock);
    wait_for_lock("streamkeeper:test:a", false).await;
}

#[wasm_bindgen_test]
async fn a_page_lock_that_is_dropped_before_it_is_granted_is_given_back() {
    let first = PageLock::hold("streamkeeper:test:b", &signal()).unwrap();
    let second = PageLock::hold("streamkeeper:test:b", &signal()).unwrap();
    drop(second);
    drop(first);
    wait_for_lock("streamkeeper:test:b", false).await;
}

#[wasm_bindgen_test]
async fn a_screen_lock_is_released_whenever_it_comes_and_its_absence_is_no_error() {
    js("(window.__log = [], Object.defineProperty(navigator, 'wakeLock', { configurable: true, value: { \
         request: (type) => new Promise((resolve) => (window.__grant = () => resolve({ \
           release: async () => void window.__log.push('released ' + type) }))) } }))");
    let turn = || run("new Promise((resolve) => setTimeout(resolve))");
    let lock = ScreenLock::hold();
    turn().await;
    js("window.__grant()");
    turn().await;
    drop(lock);
    assert_eq!(json(&at(&js("window"), "__log")), "[\"released screen\"]");

    let lock = ScreenLock::hold();
    turn().await;
    drop(lock);
    js("window.__grant()");
    turn().await;
    assert_eq!(length(), 2);

    js(
        "Object.defineProperty(navigator, 'wakeLock', { configurable: true, value: { request: async () => { throw 0 } } })",
    );
    drop(ScreenLock::hold());
    turn().await;
    js("delete navigator.wakeLock");
}

fn length() -> u32 {
    crate::support::length(&at(&js("window"), "__log"))
}
