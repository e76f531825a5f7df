//! The outbox in the browser: localStorage, which is written within the very call, and a lock for each entry, which the
//! browser releases when a tab dies, whatever it died of.

use super::awake::PageLock;
use super::value::{from_js, to_js};
use crate::engine::Value;
use crate::engine::table::Table;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use js_sys::{Function, JSON, JsString, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, AddEventListenerOptions, Event, Storage, StorageEvent};

/// Before the key of every entry, in the storage and among the locks.
const PREFIX: &str = "streamkeeper.outbox.";

/// The locks that this page has or waits for.
#[derive(Debug, Default)]
pub struct Outbox {
    locks: Table<String, PageLock>,
}

impl Outbox {
    /// Asks to be the one who sees to an entry; `granted` is called when nobody else is. Where there are no locks, at once.
    pub fn claim(&mut self, key: &str, granted: &Function) {
        match PageLock::hold_and_tell(&name(key), Some(granted)) {
            Some(lock) => self.locks.insert(key.to_owned(), lock),
            None => drop(granted.call0(&JsValue::UNDEFINED)),
        }
    }

    /// Nobody needs to see to it any more.
    pub fn release(&mut self, key: &str) {
        self.locks.remove(&key.to_owned());
    }
}

/// Writes an entry, or strikes it out. False: the storage is full, or forbidden.
pub fn store(key: &str, intent: &Value) -> bool {
    let write = || {
        let storage = storage()?;
        if *intent == Value::Null {
            return storage.remove_item(&name(key)).ok();
        }
        let text = JSON::stringify(&to_js(intent)).ok()?;
        storage.set_item(&name(key), &String::from(text)).ok()
    };
    write().is_some()
}

/// What the storage holds under `key`; null: nothing that can be read.
pub fn read(key: &str) -> Value {
    let text = storage().and_then(|storage| storage.get_item(&name(key)).ok().flatten());
    text.and_then(|text| JSON::parse(&text).ok()).map(|json| from_js(&json)).unwrap_or_default()
}

/// Everything that is owed in this browser, by key.
pub fn read_all() -> Vec<(String, Value)> {
    let Some(storage) = storage() else { return Vec::new() };
    let names = (0..storage.length().unwrap_or(0)).filter_map(|at| storage.key(at).ok().flatten());
    let keys: Vec<String> = names.filter_map(|name| name.strip_prefix(PREFIX).map(str::to_owned)).collect();
    keys.into_iter().map(|key| (key.clone(), read(&key))).collect()
}

/// Has `listener` called when another tab has written something, until `signal` is aborted.
pub fn listen(signal: &AbortSignal, listener: &Function) -> Result<(), JsValue> {
    let options = AddEventListenerOptions::new();
    options.set_signal(signal);
    let Some(window) = web_sys::window() else { return Ok(()) };
    window.add_event_listener_with_callback_and_add_event_listener_options("storage", listener, &options)
}

/// The entry that another tab has written, if that is what the event tells of.
pub fn written(event: &Event) -> Option<(String, Value)> {
    let event: &StorageEvent = event.dyn_ref()?;
    let key = event.key()?.strip_prefix(PREFIX)?.to_owned();
    let text = event.new_value()?;
    let value = JSON::parse(&text).map(|json| from_js(&json)).unwrap_or_default();
    Some((key, value))
}

fn name(key: &str) -> String {
    [PREFIX, key].concat()
}

/// A page may be forbidden even to look at its storage.
fn storage() -> Option<Storage> {
    let storage = Reflect::get(&js_sys::global(), &JsString::from("localStorage")).ok()?;
    storage.is_object().then(|| storage.unchecked_into())
}
