//! Listening to a Jitsi-like meeting: anything with a Node-style emitter's `on` and `off`.

use crate::engine::meeting::{ACTIVITY_NAMES, EVENT_NAMES};
use crate::engine::{Code, Error};
use alloc::vec::Vec;
use js_sys::{Function, JsString, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// A meeting with our listeners on it.
#[derive(Clone, Debug)]
pub struct Listening {
    meeting: JsValue,
    off: Function,
    listeners: Vec<(&'static str, Function)>,
}

impl Listening {
    /// Listens to all events that say something about a stream, each with the function that `listener` makes for it.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] if it is not an emitter, or if its `on` throws; then no listener is left on it.
    pub fn new(meeting: JsValue, listener: impl Fn(&str) -> Result<Function, JsValue>) -> Result<Listening, Error> {
        let (Some(on), Some(off)) =
            (method(&meeting, ["on", "addListener"]), method(&meeting, ["off", "removeListener"]))
        else {
            let message = "meeting is not a meeting; it must be Jitsi's API object, or another with on and off \
                           (or addListener and removeListener)";
            return Err(Error::new(Code::InvalidArgument, message));
        };
        let mut listening = Listening { meeting, off, listeners: Vec::new() };
        for name in EVENT_NAMES.into_iter().chain(ACTIVITY_NAMES) {
            let added = listener(name)
                .and_then(|function| on.call2(&listening.meeting, &JsString::from(name), &function).map(|_| function));
            match added {
                Ok(function) => listening.listeners.push((name, function)),
                Err(_) => {
                    listening.stop();
                    return Err(Error::new(Code::InvalidArgument, ["meeting.on(\"", name, "\") threw"].concat()));
                }
            }
        }
        Ok(listening)
    }

    /// Whether it lives in this iframe.
    pub fn is_in(&self, iframe: &JsValue) -> bool {
        let own = method(&self.meeting, ["getIFrame"; 2]).and_then(|get| get.call0(&self.meeting).ok());
        own.is_some_and(|own| own == *iframe)
    }

    /// Tells it to hang up, if it takes commands.
    pub fn hang_up(&self) -> Result<(), JsValue> {
        let Some(command) = method(&self.meeting, ["executeCommand"; 2]) else { return Ok(()) };
        command.call1(&self.meeting, &JsString::from("hangup")).map(drop)
    }

    /// Takes our listeners away, and only ours: Jitsi's `removeEventListener` would take the app's as well.
    pub fn stop(self) {
        for (name, function) in &self.listeners {
            // A meeting that has been torn down may throw here; there is nothing left to listen to then.
            let _ = self.off.call2(&self.meeting, &JsString::from(*name), function);
        }
    }
}

/// Whether the meeting says that somebody is in it, as Jitsi's `getNumberOfParticipants` does from the join to the leave.
/// An app that attaches from its own join handler has let that event pass.
pub fn is_joined(meeting: &JsValue) -> bool {
    let count = method(meeting, ["getNumberOfParticipants"; 2]).and_then(|count| count.call0(meeting).ok());
    count.and_then(|count| count.as_f64()).is_some_and(|count| count > 0.0)
}

fn method(object: &JsValue, names: [&str; 2]) -> Option<Function> {
    if !object.is_object() && !object.is_function() {
        return None;
    }
    names.iter().find_map(|name| Reflect::get(object, &JsString::from(*name)).ok()?.dyn_into().ok())
}
