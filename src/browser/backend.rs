//! The backend, reached by `fetch`: PostgREST's `rpc/…`, of Supabase or of the gateway.

use super::driver::Host;
use super::value::{from_js, set, to_js};
use crate::engine::{Answer, Rpc, config};
use js_sys::{Function, JSON, JsString, Object, Promise, Reflect};
use std::cell::RefCell;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Response};

/// Sends calls. It holds the last token, because at the end of a page there is no time to ask for one.
#[derive(Debug)]
pub struct Backend {
    config: config::Backend,
    token: RefCell<Option<String>>,
}

impl Backend {
    /// A backend that has no token yet.
    pub fn new(config: config::Backend) -> Backend {
        Backend { config, token: RefCell::new(None) }
    }

    /// Sends at once, within this very call, if it may and can do so with the token at hand. An ending may: it has to get
    /// out before the page is gone, and it belongs to the person who was signed in when the stream was live.
    pub fn send_now(&self, rpc: &Rpc, signal: &AbortSignal) -> Option<Result<Promise, JsValue>> {
        let token = self.token.borrow();
        (rpc.keepalive && token.is_some()).then(|| self.fetch(rpc, token.as_deref(), signal))
    }

    /// Sends with the token that the app gives now.
    pub async fn send(&self, host: &Host, rpc: &Rpc, signal: &AbortSignal) -> Answer {
        if self.refresh_token(host).await.is_err() {
            return Answer::NoToken;
        }
        let sent = self.fetch(rpc, self.token.borrow().as_deref(), signal);
        self.receive(sent).await
    }

    /// Asks the app for a token and keeps it.
    pub async fn refresh_token(&self, host: &Host) -> Result<(), JsValue> {
        let given = JsFuture::from(Promise::resolve(&host.access_token()?)).await?;
        // Null is "signed out": the call goes out as nobody, and the database says what nobody may do.
        *self.token.borrow_mut() = given.as_string().filter(|token| !token.is_empty());
        Ok(())
    }

    /// Waits for the response and reads it.
    pub async fn receive(&self, sent: Result<Promise, JsValue>) -> Answer {
        let Ok(promise) = sent else { return Answer::Unreachable };
        let Some(response) = JsFuture::from(promise).await.ok().and_then(|it| it.dyn_into::<Response>().ok()) else {
            return Answer::Unreachable;
        };
        let Ok(text) = response.text() else { return Answer::Unreachable };
        match JsFuture::from(text).await {
            Ok(text) => {
                let json = text.as_string().and_then(|text| JSON::parse(&text).ok());
                Answer::Http { status: response.status(), body: json.as_ref().map(from_js) }
            }
            // Reset in the middle of the answer.
            Err(_) => Answer::Unreachable,
        }
    }

    fn fetch(&self, rpc: &Rpc, token: Option<&str>, signal: &AbortSignal) -> Result<Promise, JsValue> {
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
        fetch.call2(&global, &url.into(), &init)?.dyn_into()
    }
}
