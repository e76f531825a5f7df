//! The raw class that the TypeScript façade wraps. Users never see it.

use crate::browser::value::{error_to_js, from_js, to_js};
use crate::browser::{Driver, Host, tabs};
use crate::engine::{
    Action, Attachment, CallId, ChatEvent, Config, Error, EventId, FeedEvent, Generation, Input, MeetingEvent,
    MeetingId, SessionEvent, SessionId, SocketEvent, SocketId, Value, action, meeting,
};
use alloc::rc::Rc;
use alloc::string::String;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Event;

/// One manager. What it throws is `{code, message, cause}`; what it promises is settled through the host.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawManager {
    driver: Rc<Driver>,
}

#[wasm_bindgen]
impl RawManager {
    /// Checks the configuration and starts.
    #[wasm_bindgen(constructor)]
    pub fn new(config: &JsValue, host: Host) -> Result<RawManager, JsValue> {
        let config = checked(Config::parse(&from_js(config)))?;
        Ok(RawManager { driver: Driver::start(config, host)? })
    }

    /// Checks the arguments of a method, and does nothing.
    pub fn check(&self, method: &str, arguments: &JsValue) -> Result<(), JsValue> {
        checked(Action::parse(method, &from_js(arguments))).map(drop)
    }

    /// Calls a method whose promise has the number `call`. Bad arguments are thrown; the rest is settled.
    pub fn call(&self, call: u32, method: &str, arguments: &JsValue) -> Result<(), JsValue> {
        let action = checked(Action::parse(method, &from_js(arguments)))?;
        self.driver.handle(Input::Call { call: CallId(call), action });
        Ok(())
    }

    /// Attaches a meeting; gives its number.
    pub fn attach(&self, meeting: JsValue, stream: &JsValue) -> Result<u32, JsValue> {
        let attachment = checked(Attachment::parse(&from_js(stream)))?;
        checked(self.driver.attach(meeting, attachment)).map(|id| id.0)
    }

    /// Detaches a meeting; a second time does nothing.
    pub fn detach(&self, meeting: u32) {
        self.driver.detach(MeetingId(meeting));
    }

    /// A meeting has said something.
    #[wasm_bindgen(js_name = meetingEvent)]
    pub fn meeting_event(&self, meeting: u32, name: &str, payload: &JsValue) {
        if meeting::ACTIVITY_NAMES.contains(&name) {
            self.driver.handle(Input::Activity { heard: false });
        } else if let Some(event) = MeetingEvent::parse(name, &from_js(payload)) {
            self.driver.handle(Input::Meeting { meeting: MeetingId(meeting), event });
        }
    }

    /// Registers a session under a number of the façade's.
    pub fn register(&self, session: u32, of: &JsValue) -> Result<(), JsValue> {
        let (key, kind) = checked(action::session(&from_js(of)))?;
        self.driver.handle(Input::Register { session: SessionId(session), key, kind });
        Ok(())
    }

    /// The app has done with a session.
    pub fn unregister(&self, session: u32) {
        self.driver.handle(Input::Unregister { session: SessionId(session) });
    }

    /// A session has been looked at; or its `stop` has settled, and `failed` says how.
    #[wasm_bindgen(js_name = sessionEvent)]
    pub fn session_event(&self, session: u32, failed: Option<bool>, open: Option<bool>) {
        let event = match failed {
            Some(failed) => SessionEvent::Stopped { failed, open },
            None => SessionEvent::Looked { open },
        };
        self.driver.handle(Input::Session { session: SessionId(session), event });
    }

    /// Every session, and how it stands.
    pub fn sessions(&self) -> JsValue {
        to_js(&self.driver.sessions())
    }

    /// Somebody in this page watches an event; or no longer.
    #[wasm_bindgen(js_name = watchEvent)]
    pub fn watch_event(&self, event: &JsValue, on: bool) -> Result<(), JsValue> {
        let event = checked(EventId::parse("eventId", Some(&from_js(event))))?;
        self.driver.handle(Input::WatchEvent { event, on });
        Ok(())
    }

    /// A viewer's socket has brought a message, or has been closed with this code.
    #[wasm_bindgen(js_name = socketEvent)]
    pub fn socket_event(&self, socket: u32, message: &JsValue, code: u32) {
        let event = match from_js(message) {
            Value::Null => SocketEvent::Closed(code),
            message => SocketEvent::Message(message),
        };
        self.driver.handle(Input::Socket { socket: SocketId(socket), event });
    }

    /// Somebody in this page looks at the listing; or no longer.
    #[wasm_bindgen(js_name = watchListing)]
    pub fn watch_listing(&self, on: bool) {
        self.driver.handle(Input::WatchListing(on));
    }

    /// The listing may have changed.
    #[wasm_bindgen(js_name = refreshListing)]
    pub fn refresh_listing(&self) {
        self.driver.handle(Input::RefreshListing);
    }

    /// The gateway's feed has brought the whole listing; `true`: it is there; anything else says that it is lost.
    #[wasm_bindgen(js_name = feedEvent)]
    pub fn feed_event(&self, rows: &JsValue) {
        self.driver.handle(Input::Feed(match from_js(rows) {
            Value::List(rows) => FeedEvent::Rows(rows),
            Value::Bool(true) => FeedEvent::Alive,
            _ => FeedEvent::Lost,
        }));
    }

    /// Something has come of a chat connection.
    #[wasm_bindgen(js_name = chatEvent)]
    pub fn chat_event(&self, generation: u32, name: &str, payload: &JsValue) {
        if let Some(event) = ChatEvent::parse(name, &from_js(payload)) {
            self.driver.handle(Input::Chat { generation: Generation(generation), event });
        }
    }

    /// The generation of the chat client that may be used.
    #[wasm_bindgen(js_name = chatGeneration)]
    pub fn chat_generation(&self) -> Option<u32> {
        self.driver.chat_generation()
    }

    /// The person has done something. `heard`: a listener of ours was called, and all of them are off now.
    pub fn activity(&self, heard: bool) {
        self.driver.handle(Input::Activity { heard });
    }

    /// Takes up what earlier pages have left in the outbox.
    #[wasm_bindgen(js_name = takeUp)]
    pub fn take_up(&self) {
        self.driver.take_up();
    }

    /// The lock of this entry of the outbox is ours.
    pub fn claimed(&self, key: String) {
        self.driver.claimed(key);
    }

    /// What the outbox still owes.
    #[wasm_bindgen(js_name = pendingEnds)]
    pub fn pending_ends(&self) -> JsValue {
        to_js(&self.driver.pending_ends())
    }

    /// Changes the settings for an absent person.
    #[wasm_bindgen(js_name = setInactivity)]
    pub fn set_inactivity(&self, options: &JsValue) -> Result<(), JsValue> {
        checked(self.driver.set_inactivity(&from_js(options)))
    }

    /// Another tab has said something.
    #[wasm_bindgen(js_name = tabEvent)]
    pub fn tab_event(&self, event: &Event) {
        if let Some(user) = tabs::read(event) {
            self.driver.handle(Input::SignedOutElsewhere { user });
        }
    }

    /// A new copy of the usage figures.
    pub fn usage(&self) -> JsValue {
        to_js(&self.driver.usage())
    }

    /// Something has happened to the page.
    #[wasm_bindgen(js_name = pageEvent)]
    pub fn page_event(&self, event: &Event) {
        self.driver.page_event(event);
    }

    /// The timer has fired.
    pub fn wake(&self) {
        self.driver.handle(Input::Wake);
    }

    /// A new copy of the snapshot.
    pub fn snapshot(&self) -> JsValue {
        to_js(&self.driver.snapshot())
    }

    /// A new copy of the trace.
    pub fn trace(&self) -> JsValue {
        to_js(&self.driver.trace())
    }

    /// Sends what has to be sent, then leaves nothing behind.
    pub fn dispose(&self) {
        self.driver.dispose();
    }
}

fn checked<T>(result: Result<T, Error>) -> Result<T, JsValue> {
    result.map_err(|error| error_to_js(&error))
}
