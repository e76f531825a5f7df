//! The backend, reached by `fetch`: PostgREST's `rpc/…`, of Supabase or of the gateway.

use super::driver::Host;
use super::value::{from_js, set, to_js};
use crate::engine::{Answer, EventId, Input, Rpc, config};
use alloc::rc::Rc;
use alloc::string::String;
use core::cell::{Cell, RefCell};
use js_sys::{Function, JSON, JsString, Object, Promise, Reflect};
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

/// What the app gives, and whose it says that it is.
#[derive(Debug)]
struct Token {
    text: String,
    subject: Option<String>,
}

/// Sends calls. It holds the last token, because at the end of a page there is no time to ask for one.
#[derive(Debug)]
pub struct Backend {
    config: config::Backend,
    token: RefCell<Option<Rc<Token>>>,
    /// Whose token was given last.
    user: RefCell<Option<String>>,
    /// What is new about that.
    news: RefCell<Option<Input>>,
    asked: Cell<u32>,
}

impl Backend {
    /// A backend that has no token yet.
    pub fn new(config: config::Backend) -> Backend {
        Backend {
            config,
            token: RefCell::default(),
            user: RefCell::default(),
            news: RefCell::default(),
            asked: Cell::new(0),
        }
    }

    /// Where the gateway is. Without one of its own the backend is taken to be one.
    fn gateway(&self) -> &str {
        self.config.gateway_url.as_ref().unwrap_or(&self.config.url)
    }

    /// Where the gateway counts the viewers of an event.
    pub fn socket_url(&self, event: &EventId) -> String {
        // Of `http` and `https` alike.
        ["ws", self.gateway().strip_prefix("http").unwrap_or_default(), "/events/", event.as_str(), "/ws"].concat()
    }

    /// Where the gateway pushes the listing.
    pub fn feed_url(&self) -> Option<String> {
        self.config.gateway_url.as_ref().map(|gateway| [gateway, "/rooms/listing"].concat())
    }

    /// Sends at once, within this very call, with the token at hand; `None` if there is none, or not of that user.
    pub fn send_now(
        &self,
        rpc: &Rpc,
        signal: &AbortSignal,
        only_for: Option<&str>,
    ) -> Option<Result<JsValue, JsValue>> {
        let token = self.token.borrow();
        let token = token.as_deref().filter(|token| is_for(only_for, Some(token)))?;
        Some(self.fetch(rpc, Some(token), signal))
    }

    /// Sends with the token that the app gives now; if `only_for` is somebody, then only with theirs.
    pub async fn send(&self, host: &Host, rpc: &Rpc, signal: &AbortSignal, only_for: Option<&str>) -> Answer {
        match self.ask_token(host).await {
            Ok(token) if !is_for(only_for, token.as_deref()) => Answer::OtherUser,
            Ok(token) => self.receive(self.fetch(rpc, token.as_deref(), signal)).await,
            Err(_) => Answer::NoToken,
        }
    }

    /// Asks the app for the token, and keeps it unless a later asking has been answered before. Null is "signed out": the call
    /// goes out as nobody, and the database says what nobody may do. The last token is kept for what has to be ended with it.
    async fn ask_token(&self, host: &Host) -> Result<Option<Rc<Token>>, JsValue> {
        self.asked.set(self.asked.get().wrapping_add(1));
        let asking = self.asked.get();
        let given = JsFuture::from(Promise::resolve(&host.access_token()?)).await?;
        let text = given.as_string().filter(|text| !text.is_empty());
        let token = text.map(|text| Rc::new(Token { subject: host.subject(&text), text }));
        if self.asked.get() == asking {
            self.given(token.as_ref());
        }
        Ok(token)
    }

    /// The app has said who is signed in.
    fn given(&self, token: Option<&Rc<Token>>) {
        let user = token.and_then(|token| token.subject.clone());
        match token {
            Some(_) if user.is_some() && *self.user.borrow() != user => {
                *self.news.borrow_mut() = Some(Input::User { id: user.clone() });
            }
            Some(_) => {}
            None if self.user.borrow().is_some() => *self.news.borrow_mut() = Some(Input::SignedOut),
            None => return,
        }
        *self.user.borrow_mut() = user;
        if token.is_some() {
            *self.token.borrow_mut() = token.cloned();
        }
    }

    /// What is new about who is signed in.
    pub fn news(&self) -> Option<Input> {
        self.news.take()
    }

    /// The user has signed out.
    pub fn forget(&self) {
        self.token.take();
        self.user.take();
        // What the app still says to an earlier asking is of the user before.
        self.asked.set(self.asked.get().wrapping_add(1));
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

    fn fetch(&self, rpc: &Rpc, token: Option<&Token>, signal: &AbortSignal) -> Result<JsValue, JsValue> {
        let headers = Object::new();
        set(&headers, "accept", &"application/json".into());
        set(&headers, "content-type", &"application/json".into());
        if let Some(key) = &self.config.api_key {
            set(&headers, "apikey", &key.as_str().into());
        }
        if let Some(token) = token {
            set(&headers, "authorization", &["Bearer ", &token.text].concat().into());
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
        let url = match &rpc.route {
            Some(route) => [self.gateway(), route].concat(),
            None => [&self.config.url, "/rest/v1/rpc/", rpc.function].concat(),
        };
        let global = js_sys::global();
        let fetch: Function = Reflect::get(&global, &JsString::from("fetch"))?.dyn_into()?;
        fetch.call2(&global, &url.into(), &init)
    }
}

/// Whether this token will do. A token that does not say whose it is will do for everybody.
fn is_for(only_for: Option<&str>, token: Option<&Token>) -> bool {
    match (only_for, token) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(user), Some(token)) => token.subject.as_ref().is_none_or(|subject| subject == user),
    }
}
