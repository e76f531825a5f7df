//! The page's own events, as inputs.

use crate::engine::PageEvent;
use crate::engine::page::{Exit, Page};
use js_sys::Function;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, AddEventListenerOptions, Event, PageTransitionEvent, VisibilityState};

/// What the page is like now.
pub fn now() -> Page {
    let window = web_sys::window();
    let document = window.as_ref().and_then(|it| it.document());
    let visible = document.is_none_or(|it| it.visibility_state() != VisibilityState::Hidden);
    Page { visible, online: window.is_none_or(|it| it.navigator().on_line()), frozen: false, exit: Exit::None }
}

/// Has the façade's `listener` called until `signal` is aborted.
pub fn listen(signal: &AbortSignal, listener: &Function) -> Result<(), JsValue> {
    let options = AddEventListenerOptions::new();
    options.set_passive(true);
    options.set_capture(true);
    options.set_signal(signal);
    if let Some(window) = web_sys::window() {
        for name in ["online", "offline", "pagehide", "pageshow"] {
            window.add_event_listener_with_callback_and_add_event_listener_options(name, listener, &options)?;
        }
        // `freeze` and `resume` do not bubble to the window.
        if let Some(document) = window.document() {
            for name in ["visibilitychange", "freeze", "resume"] {
                document.add_event_listener_with_callback_and_add_event_listener_options(name, listener, &options)?;
            }
        }
    }
    Ok(())
}

/// Reads an event; `None` for one that is not the page's.
pub fn read(event: &Event) -> Option<PageEvent> {
    let persisted = || event.dyn_ref::<PageTransitionEvent>().is_some_and(PageTransitionEvent::persisted);
    Some(match event.type_().as_str() {
        "online" => PageEvent::Online,
        "offline" => PageEvent::Offline,
        "pageshow" => PageEvent::PageShow,
        "pagehide" => PageEvent::PageHide { persisted: persisted() },
        "freeze" => PageEvent::Freeze,
        "resume" => PageEvent::Resume,
        "visibilitychange" if now().visible => PageEvent::Visible,
        "visibilitychange" => PageEvent::Hidden,
        _ => return None,
    })
}
