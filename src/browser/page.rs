//! The page's own events, as inputs.

use crate::engine::PageEvent;
use crate::engine::page::Page;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, AddEventListenerOptions, Event, PageTransitionEvent, VisibilityState};

/// Keeps the listeners' function alive.
pub type Listening = Closure<dyn Fn(Event)>;

/// What the page is like now.
pub fn now() -> Page {
    let window = web_sys::window();
    let visible =
        window.as_ref().and_then(|it| it.document()).is_none_or(|it| it.visibility_state() != VisibilityState::Hidden);
    Page { visible, online: window.is_none_or(|it| it.navigator().on_line()), frozen: false }
}

/// Listens until `signal` is aborted. The closure has to live at least as long.
pub fn listen(signal: &AbortSignal, input: impl Fn(PageEvent) + 'static) -> Result<Listening, JsValue> {
    let closure = Listening::new(move |event: Event| {
        if let Some(event) = read(&event) {
            input(event);
        }
    });
    let options = AddEventListenerOptions::new();
    options.set_passive(true);
    options.set_capture(true);
    options.set_signal(signal);
    let function = closure.as_ref().unchecked_ref();
    if let Some(window) = web_sys::window() {
        for name in ["online", "offline", "pagehide", "pageshow"] {
            window.add_event_listener_with_callback_and_add_event_listener_options(name, function, &options)?;
        }
        // `freeze` and `resume` do not bubble to the window.
        if let Some(document) = window.document() {
            for name in ["visibilitychange", "freeze", "resume"] {
                document.add_event_listener_with_callback_and_add_event_listener_options(name, function, &options)?;
            }
        }
    }
    Ok(closure)
}

fn read(event: &Event) -> Option<PageEvent> {
    Some(match event.type_().as_str() {
        "online" => PageEvent::Online,
        "offline" => PageEvent::Offline,
        "pageshow" => PageEvent::PageShow,
        "pagehide" => PageEvent::PageHide {
            persisted: event.dyn_ref::<PageTransitionEvent>().is_some_and(PageTransitionEvent::persisted),
        },
        "freeze" => PageEvent::Freeze,
        "resume" => PageEvent::Resume,
        "visibilitychange" if now().visible => PageEvent::Visible,
        "visibilitychange" => PageEvent::Hidden,
        _ => return None,
    })
}
