//! A host for the WASM, a meeting, and a server that answers as it is told; see `support.js`.

use js_sys::{JSON, Promise, Reflect};
use std::cell::Cell;
use std::rc::Rc;
use streamkeeper::api::RawManager;
use streamkeeper::browser::Host;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Where `tests/browser/server.mjs` listens; `cargo xtask test browser` says it at compile time.
const SERVER: &str = match option_env!("STREAMKEEPER_TEST_SERVER") {
    Some(server) => server,
    None => "http://127.0.0.1:8797",
};

pub const STREAM: &str = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";

#[wasm_bindgen(module = "/tests/browser/support.js")]
extern "C" {
    #[wasm_bindgen(js_name = makeHost)]
    fn make_host(token: &JsValue) -> JsValue;
    #[wasm_bindgen(js_name = settled)]
    fn wait_for(host: &JsValue, call: u32) -> Promise;
    #[wasm_bindgen(js_name = makeEmitter)]
    pub fn make_emitter(on: &str, off: &str) -> JsValue;
    #[wasm_bindgen(catch)]
    async fn script(server: &str, answers: JsValue, renewals: bool) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn log(address: &str) -> Result<JsValue, JsValue>;
    pub fn js(source: &str) -> JsValue;
}

/// The address of a backend that gives these answers, as JavaScript.
pub async fn backend(answers: &str) -> String {
    scripted(answers, false).await
}

/// The same, the renewals of leases included.
pub async fn backend_of_leases(answers: &str) -> String {
    scripted(answers, true).await
}

async fn scripted(answers: &str, renewals: bool) -> String {
    let address = script(SERVER, js(answers), renewals).await;
    address.expect("is tests/browser/server.mjs running?").as_string().unwrap()
}

/// What that backend was asked.
pub async fn asked(address: &str) -> JsValue {
    log(address).await.unwrap()
}

/// A member, by a path like `0.headers.apikey`.
pub fn at(value: &JsValue, path: &str) -> JsValue {
    path.split('.').fold(value.clone(), |value, key| Reflect::get(&value, &key.into()).unwrap_or(JsValue::UNDEFINED))
}

pub fn text(value: &JsValue, path: &str) -> String {
    at(value, path).as_string().unwrap_or_else(|| format!("not a text: {}", json(&at(value, path))))
}

pub fn json(value: &JsValue) -> String {
    JSON::stringify(value).ok().and_then(|text| text.as_string()).unwrap_or_else(|| "undefined".to_owned())
}

pub fn length(value: &JsValue) -> u32 {
    at(value, "length").as_f64().unwrap_or(-1.0) as u32
}

/// A manager with its host.
pub struct Rig {
    pub host: JsValue,
    pub raw: Rc<RawManager>,
    _wake: Closure<dyn Fn()>,
    _page: Closure<dyn Fn(web_sys::Event)>,
    _activity: Closure<dyn Fn()>,
    _tab: Closure<dyn Fn(web_sys::Event)>,
    _claim: Closure<dyn Fn(String)>,
    calls: Cell<u32>,
}

impl Rig {
    /// `config` and `token` (a function) as JavaScript.
    pub fn new(config: &str, token: &str) -> Rig {
        let host = make_host(&js(token));
        let raw = RawManager::new(&js(config), host.clone().unchecked_into::<Host>());
        let raw = Rc::new(raw.unwrap_or_else(|error| panic!("{}", json(&error))));
        let woken = raw.clone();
        let wake = Closure::<dyn Fn()>::new(move || woken.wake());
        Reflect::set(&host, &"onWake".into(), wake.as_ref()).unwrap();
        let told = raw.clone();
        let page = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| told.page_event(&event));
        Reflect::set(&host, &"onPage".into(), page.as_ref()).unwrap();
        let seen = raw.clone();
        let activity = Closure::<dyn Fn()>::new(move || seen.activity(true));
        Reflect::set(&host, &"onActivity".into(), activity.as_ref()).unwrap();
        let told = raw.clone();
        let tab = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| told.tab_event(&event));
        Reflect::set(&host, &"onTab".into(), tab.as_ref()).unwrap();
        let ours = raw.clone();
        let claim = Closure::<dyn Fn(String)>::new(move |key: String| ours.claimed(key));
        Reflect::set(&host, &"onClaim".into(), claim.as_ref()).unwrap();
        Rig { host, raw, _wake: wake, _page: page, _activity: activity, _tab: tab, _claim: claim, calls: Cell::new(0) }
    }

    /// With a backend that gives these answers, and short delays.
    pub fn with_backend(address: &str) -> Rig {
        let config = format!(
            "{{backend: {{url: '{address}', apiKey: 'public-key'}}, ending: {{delays: [10], timeout: 300, leaveGrace: 10}}}}"
        );
        Rig::new(&config, "() => 'the-token'")
    }

    /// Calls a method and waits until its promise is settled: `{ok, value}`.
    pub async fn call(&self, method: &str, arguments: &str) -> JsValue {
        self.calls.set(self.calls.get() + 1);
        let call = self.calls.get();
        self.raw.call(call, method, &js(arguments)).unwrap_or_else(|error| panic!("{}", json(&error)));
        JsFuture::from(wait_for(&self.host, call)).await.unwrap()
    }

    pub async fn end(&self) -> JsValue {
        self.call("endStreamById", &format!("{{streamId: '{STREAM}'}}")).await
    }

    pub fn status(&self) -> String {
        text(&self.raw.snapshot(), &format!("streams.{STREAM}.status"))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.raw.dispose();
        let stop: js_sys::Function = at(&self.host, "stop").unchecked_into();
        let _ = stop.call0(&self.host);
    }
}

/// Resolves as soon as the expression is true, given the host.
pub async fn until(rig: &Rig, condition: &str) {
    let wait = format!(
        "(host) => new Promise((resolve) => {{ const look = () => ({condition}) ? resolve() : setTimeout(look, 5); look(); }})"
    );
    let wait: js_sys::Function = js(&wait).unchecked_into();
    let promise: Promise = wait.call1(&JsValue::NULL, &rig.host).unwrap().unchecked_into();
    JsFuture::from(promise).await.unwrap();
}

pub fn host_stream() -> JsValue {
    js(&format!("{{streamId: '{STREAM}', streamerId: 'ana', role: 'host'}}"))
}
