//! Keeping the page running and the screen on while a stream is hosted, where the browser can.

use alloc::rc::Rc;
use core::cell::RefCell;
use js_sys::{Function, JsString, Object, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::AbortSignal;

/// A Web Lock: browsers do not freeze the page that holds one.
#[derive(Debug)]
pub struct PageLock {
    release: Rc<RefCell<Option<Function>>>,
    /// Releases it as well, and has to forget it: it lives as long as the manager, and locks come and go.
    signal: Option<AbortSignal>,
}

impl PageLock {
    /// Asks for a lock of this name, which nobody else asks for. `None` where there are no locks.
    /// Released with `signal` at the latest: also by a crash, when nothing here runs any more.
    pub fn hold(name: &str, signal: &AbortSignal) -> Option<PageLock> {
        if signal.aborted() {
            return None;
        }
        let mut lock = PageLock::hold_and_tell(name, None)?;
        if let Some(release) = &*lock.release.borrow() {
            let _ = signal.add_event_listener_with_callback("abort", release);
        }
        lock.signal = Some(signal.clone());
        Some(lock)
    }

    /// The same, of a lock that others want too; `tell` is called when it is ours.
    pub fn hold_and_tell(name: &str, tell: Option<&Function>) -> Option<PageLock> {
        let locks = navigator("locks")?;
        let request: Function = member(&locks, "request")?.dyn_into().ok()?;
        let release = Rc::new(RefCell::new(None));
        let keep = release.clone();
        // Held until this promise settles. Released before it was granted, it is given back as soon as it is.
        let held = Promise::new(&mut |resolve, _| *keep.borrow_mut() = Some(resolve));
        let tell = tell.cloned();
        let granted = Closure::once_into_js(move |_: JsValue| {
            if let Some(tell) = tell {
                let _ = tell.call0(&JsValue::UNDEFINED);
            }
            held
        });
        let asked = request.call3(&locks, &name.into(), &Object::new(), &granted).ok()?;
        settle_quietly(asked);
        Some(PageLock { release, signal: None })
    }
}

impl Drop for PageLock {
    fn drop(&mut self) {
        if let Some(release) = self.release.borrow_mut().take() {
            let _ = release.call0(&JsValue::UNDEFINED);
            if let Some(signal) = &self.signal {
                let _ = signal.remove_event_listener_with_callback("abort", &release);
            }
        }
    }
}

/// A screen wake lock. The browser takes it back when the page is hidden, so it is asked for each time the page is seen.
#[derive(Debug, Default)]
pub struct ScreenLock {
    sentinel: Rc<RefCell<Option<JsValue>>>,
    dropped: Rc<RefCell<bool>>,
}

impl ScreenLock {
    /// Asks for the lock; a browser or a person may refuse, and nothing depends on it.
    pub fn hold() -> ScreenLock {
        let lock = ScreenLock::default();
        let (sentinel, dropped) = (lock.sentinel.clone(), lock.dropped.clone());
        spawn_local(async move {
            let Some(granted) = request_screen().await else { return };
            // Let go of before it was granted.
            if *dropped.borrow() {
                release_screen(&granted);
            } else {
                *sentinel.borrow_mut() = Some(granted);
            }
        });
        lock
    }
}

impl Drop for ScreenLock {
    fn drop(&mut self) {
        *self.dropped.borrow_mut() = true;
        if let Some(sentinel) = self.sentinel.borrow_mut().take() {
            release_screen(&sentinel);
        }
    }
}

async fn request_screen() -> Option<JsValue> {
    let lock = navigator("wakeLock")?;
    let request: Function = member(&lock, "request")?.dyn_into().ok()?;
    let asked = request.call1(&lock, &JsString::from("screen")).ok()?;
    JsFuture::from(Promise::resolve(&asked)).await.ok()
}

fn release_screen(sentinel: &JsValue) {
    let release = member(sentinel, "release").and_then(|release| release.dyn_into::<Function>().ok());
    if let Some(asked) = release.and_then(|release| release.call0(sentinel).ok()) {
        settle_quietly(asked);
    }
}

/// A refusal is nobody's error.
fn settle_quietly(promise: JsValue) {
    spawn_local(async move {
        let _ = JsFuture::from(Promise::resolve(&promise)).await;
    });
}

fn navigator(name: &str) -> Option<JsValue> {
    member(&member(&js_sys::global(), "navigator")?, name)
}

fn member(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &JsString::from(name)).ok().filter(|member| !member.is_undefined() && !member.is_null())
}
