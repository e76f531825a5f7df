//! The backend, reached by `fetch`: PostgREST's `rpc/…`, of Supabase or of the gateway.

use super::driver::Host;
use super::value::{from_js, set, to_js};
use crate::engine::{Answer, Rpc, config};
use js_sys::{Function, JSON, JsString, Object, Promise, Reflect};
use std::cell::{Cell, RefCell};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

#[wasm_bindgen]
extern "C" {
    /// A response, by its members: a `fetch` that an app has replaced may give one of its own.
    type Response;

    #[wasm_bindgen(method, getter)]
    fn status(this: &Response) -> Option<u16>;
    #[wasm_bindgen(method, catch)]
    fn text(this: &Response) -> Result<JsValue, JsValue>;
}

/// Sends calls. It holds the last token, because at the end of a page there is no time to ask for one.
#[derive(Debug)]
pub struct Backend {
    config: config::Backend,
    token: RefCell<Option<String>>,
    asked: Cell<u32>,
}

impl Backend {
    /// A backend that has no token yet.
    pub fn new(config: config::Backend) -> Backend {
        Backend { config, token: RefCell::default(), asked: Cell::new(0) }
    }

    /// Sends at once, within this very call, with the token at hand; `None` if there is none.
    pub fn send_now(&self, rpc: &Rpc, signal: &AbortSignal) -> Option<Result<JsValue, JsValue>> {
        let token = self.token.borrow();
        token.as_deref().map(|token| self.fetch(rpc, Some(token), signal))
    }

    /// Sends with the token that the app gives now.
    pub async fn send(&self, host: &Host, rpc: &Rpc, signal: &AbortSignal) -> Answer {
        match self.ask_token(host).await {
            Ok(token) => self.receive(self.fetch(rpc, token.as_deref(), signal)).await,
            Err(_) => Answer::NoToken,
        }
    }

    /// Asks the app for the token, and keeps it unless a later asking has been answered before. Null is "signed out": the call
    /// goes out as nobody, and the database says what nobody may do.
    async fn ask_token(&self, host: &Host) -> Result<Option<String>, JsValue> {
        self.asked.set(self.asked.get().wrapping_add(1));
        let asking = self.asked.get();
        let given = JsFuture::from(Promise::resolve(&host.access_token()?)).await?;
        let token = given.as_string().filter(|token| !token.is_empty());
        if self.asked.get() == asking {
            self.token.borrow_mut().clone_from(&token);
        }
        Ok(token)
    }

    /// Waits for the response and reads it.
    pub async fn receive(&self, sent: Result<JsValue, JsValue>) -> Answer {
        self.read(sent).await.unwrap_or(Answer::Unreachable)
    }

    async fn read(&self, sent: Result<JsValue, JsValue>) -> Result<Answer, JsValue> {
        let response: Response = JsFuture::from(Promise::resolve(&sent?)).await?.unchecked_into();
        // Fails when the connection is reset in the middle of the answer.
        let text = JsFuture::from(Promise::resolve(&response.text()?)).await?;
        let json = text.as_string().and_then(|text| JSON::parse(&text).ok());
        Ok(Answer::Http { status: response.status().unwrap_or(0), body: json.as_ref().map(from_js) })
    }

    fn fetch(&self, rpc: &Rpc, token: Option<&str>, signal: &AbortSignal) -> Result<JsValue, JsValue> {
        let headers = Object::new();
        set(&headers, "accept", &"application/json".into());
        set(&headers, "content-type", &"application/json".into());
        if let Some(key) = &self.config.api_key {
            set(&headers, "apikey", &key.as_str().into());
        }
        if let Some(token) = token {
            set(&headers, "authorization", &["Bearer ", token].concat().into());
        }
        let init = Object::new();
        set(&init, "method", &"POST".into());
        set(&init, "headers", &headers);
        set(&init, "body", &JsValue::from(JSON::stringify(&to_js(&rpc.arguments))?));
        set(&init, "keepalive", &rpc.keepalive.into());
        set(&init, "signal", signal);
        set(&init, "credentials", &"omit".into());
        set(&init, "cache", &"no-store".into());
        // A redirect is a captive portal's or a proxy's: not delivered.
        set(&init, "redirect", &"error".into());
        let url = [&self.config.url, "/rest/v1/rpc/", rpc.function].concat();
        let global = js_sys::global();
        let fetch: Function = Reflect::get(&global, &JsString::from("fetch"))?.dyn_into()?;
        fetch.call2(&global, &url.into(), &init)
    }
}
