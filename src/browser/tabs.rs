//! The other tabs of this origin, which hear of a sign-out.

use alloc::string::String;
use js_sys::{Function, JsString, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, AddEventListenerOptions, BroadcastChannel, Event};

const NAME: &str = "streamkeeper";

/// The channel to them.
#[derive(Debug)]
pub struct Tabs(BroadcastChannel);

impl Tabs {
    /// Has `listener` called with what they say, until `signal` is aborted. `None` where there is no such channel.
    pub fn open(signal: &AbortSignal, listener: &Function) -> Option<Tabs> {
        if !Reflect::has(&js_sys::global(), &JsString::from("BroadcastChannel")).unwrap_or(false) {
            return None;
        }
        let channel = BroadcastChannel::new(NAME).ok()?;
        let options = AddEventListenerOptions::new();
        options.set_signal(signal);
        channel.add_event_listener_with_callback_and_add_event_listener_options("message", listener, &options).ok()?;
        // Node would stay alive for it.
        let unref = Reflect::get(&channel, &JsString::from("unref")).ok().and_then(|it| it.dyn_into::<Function>().ok());
        if let Some(unref) = unref {
            let _ = unref.call0(&channel);
        }
        Some(Tabs(channel))
    }

    /// Tells them that this user has signed out.
    pub fn signed_out(&self, user: &str) {
        let message = Object::new();
        super::value::set(&message, "signedOut", &user.into());
        // A channel that has been closed has nobody to tell.
        let _ = self.0.post_message(&message);
    }
}

impl Drop for Tabs {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Who has signed out, if that is what the message says.
pub fn read(event: &Event) -> Option<String> {
    let get = |object: &JsValue, key: &str| Reflect::get(object, &JsString::from(key)).ok();
    let message = get(event.unchecked_ref(), "data").filter(JsValue::is_object)?;
    get(&message, "signedOut")?.as_string()
}
