//! The page's own events, as inputs.

use crate::engine::PageEvent;
use crate::engine::page::{Exit, Page};
use js_sys::{Function, JsString, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    AbortSignal, AddEventListenerOptions, Element, Event, EventTarget, PageTransitionEvent, VisibilityState,
};

/// What tells of the person. `keypress` comes after every `keydown` that has one, but for some virtual keyboards.
const ACTIVITY: [&str; 10] = [
    "mousedown",
    "mousemove",
    "keydown",
    "keypress",
    "scroll",
    "wheel",
    "touchstart",
    "pointerdown",
    "pointermove",
    "click",
];

/// What the page is like now. A document in a picture-in-picture window is seen, whatever becomes of its tab.
pub fn now() -> Page {
    let window = web_sys::window();
    let document = window.as_ref().and_then(|it| it.document());
    let visible = document.is_none_or(|it| it.visibility_state() != VisibilityState::Hidden) || picture().is_some();
    Page { visible, online: window.is_none_or(|it| it.navigator().on_line()), frozen: false, exit: Exit::None }
}

/// Has the façade's `listener` called until `signal` is aborted.
pub fn listen(signal: &AbortSignal, listener: &Function) -> Result<(), JsValue> {
    let options = own(signal);
    options.set_capture(true);
    if let Some(window) = web_sys::window() {
        for name in ["online", "offline", "pagehide", "pageshow"] {
            window.add_event_listener_with_callback_and_add_event_listener_options(name, listener, &options)?;
        }
        // Not captured: only the window's own, and not every field's.
        for name in ["blur", "focus"] {
            window.add_event_listener_with_callback_and_add_event_listener_options(name, listener, &own(signal))?;
        }
        if let Some(pictures) = pictures() {
            pictures.add_event_listener_with_callback_and_add_event_listener_options(
                "enter",
                listener,
                &own(signal),
            )?;
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

/// Has `listener` called by whatever tells of the person, until `signal` is aborted.
pub fn listen_for_activity(signal: &AbortSignal, listener: &Function) -> Result<(), JsValue> {
    let options = own(signal);
    options.set_capture(true);
    if let Some(window) = web_sys::window() {
        for name in ACTIVITY {
            window.add_event_listener_with_callback_and_add_event_listener_options(name, listener, &options)?;
        }
    }
    Ok(())
}

/// Listens to `beforeunload`, or no longer: Firefox has long kept pages with such a listener out of its back/forward cache.
pub fn listen_for_unload(listens: bool, signal: &AbortSignal, listener: &Function) -> Result<(), JsValue> {
    let Some(window) = web_sys::window() else { return Ok(()) };
    if listens {
        window.add_event_listener_with_callback_and_add_event_listener_options("beforeunload", listener, &own(signal))
    } else {
        window.remove_event_listener_with_callback("beforeunload", listener)
    }
}

/// The document's window was opened: its end changes what is seen.
pub fn listen_to_picture(signal: &AbortSignal, listener: &Function) -> Result<(), JsValue> {
    let Some(picture) = picture() else { return Ok(()) };
    picture.add_event_listener_with_callback_and_add_event_listener_options("pagehide", listener, &own(signal))
}

/// The iframe that has the keyboard's focus.
pub fn focused_iframe() -> Option<Element> {
    let focused = web_sys::window()?.document()?.active_element()?;
    (focused.tag_name() == "IFRAME").then_some(focused)
}

/// Reads an event; `None` for one that is not the page's.
pub fn read(event: &Event) -> Option<PageEvent> {
    let persisted = || event.dyn_ref::<PageTransitionEvent>().is_some_and(PageTransitionEvent::persisted);
    Some(match event.type_().as_str() {
        "online" => PageEvent::Online,
        "offline" => PageEvent::Offline,
        "pageshow" => PageEvent::PageShow,
        "pagehide" if is_ours(event) => PageEvent::PageHide { persisted: persisted() },
        "freeze" => PageEvent::Freeze,
        "resume" => PageEvent::Resume,
        "beforeunload" => PageEvent::BeforeUnload,
        "visibilitychange" | "enter" if now().visible => PageEvent::Visible,
        "visibilitychange" => PageEvent::Hidden,
        // The picture-in-picture window's: it is going, and says so while it is still there.
        "pagehide" if hidden() => PageEvent::Hidden,
        _ => return None,
    })
}

fn own(signal: &AbortSignal) -> AddEventListenerOptions {
    let options = AddEventListenerOptions::new();
    options.set_passive(true);
    options.set_signal(signal);
    options
}

/// Whether it happened to this page, and not to its picture-in-picture window.
fn is_ours(event: &Event) -> bool {
    let target = event.current_target();
    target.is_none_or(|target| web_sys::window().is_none_or(|window| *target == **window))
}

fn hidden() -> bool {
    let document = web_sys::window().and_then(|window| window.document());
    document.is_some_and(|document| document.visibility_state() == VisibilityState::Hidden)
}

/// The browser's picture-in-picture windows for documents, where it has them.
fn pictures() -> Option<EventTarget> {
    Reflect::get(&js_sys::global(), &JsString::from("documentPictureInPicture")).ok()?.dyn_into().ok()
}

fn picture() -> Option<EventTarget> {
    Reflect::get(pictures()?.as_ref(), &JsString::from("window"))
        .ok()
        .filter(JsValue::is_object)
        .map(JsCast::unchecked_into)
}
