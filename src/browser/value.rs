//! Data across the boundary: JavaScript values to [`Value`] and back.

use crate::engine::{Error, Value};
use js_sys::{Array, JsString, Object, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Deeper than anything that we read; what is deeper may be a cycle.
const MAX_DEPTH: u32 = 8;

/// More than anything that we read; within its depth a cycle of many members would go on for ever.
const MAX_VALUES: u32 = 200_000;

#[wasm_bindgen]
extern "C" {
    // Proxies and getters may throw, and what is thrown through the WASM leaves its stack as it was then.
    #[wasm_bindgen(catch, js_namespace = Object, js_name = keys)]
    fn keys(of: &JsValue) -> Result<Array, JsValue>;
    #[wasm_bindgen(catch, js_namespace = Array, js_name = isArray)]
    fn is_array(value: &JsValue) -> Result<bool, JsValue>;
}

/// Takes plain data over; what is not plain data is [`Value::Opaque`].
pub fn from_js(value: &JsValue) -> Value {
    read(value, MAX_DEPTH, &mut { MAX_VALUES })
}

fn read(value: &JsValue, depth: u32, left: &mut u32) -> Value {
    *left = left.saturating_sub(1);
    if value.is_undefined() || value.is_null() {
        Value::Null
    } else if let Some(flag) = value.as_bool() {
        Value::Bool(flag)
    } else if let Some(number) = value.as_f64() {
        Value::Number(number)
    } else if let Some(text) = value.as_string() {
        Value::Text(text)
    } else if depth == 0 || *left == 0 || !value.is_object() {
        Value::Opaque
    } else {
        members(value, depth - 1, left).unwrap_or(Value::Opaque)
    }
}

/// Of an array without gaps or an object literal; nothing of anything else, or if it throws.
fn members(value: &JsValue, depth: u32, left: &mut u32) -> Option<Value> {
    let is_array = is_array(value).ok()?;
    if !is_array && !is_plain(value) {
        return None;
    }
    let keys = keys(value).ok()?;
    // A getter that throws is no data, and the rest is.
    let mut member = |key: &JsValue| match Reflect::get(value, key) {
        Ok(member) if member.is_undefined() => None,
        Ok(member) => Some(read(&member, depth, left)),
        Err(_) => Some(Value::Opaque),
    };
    if is_array {
        let length = Reflect::get(value, &JsString::from("length")).ok()?;
        let items = || keys.iter().map(|key| member(&key).unwrap_or_default()).collect();
        return (length.as_f64() == Some(f64::from(keys.length()))).then(items).map(Value::List);
    }
    let named = |key: JsValue| Some((key.as_string()?, member(&key)?));
    Some(Value::Object(keys.iter().filter_map(named).collect()))
}

/// A literal, also one of another realm (an iframe's): its prototype has none itself.
fn is_plain(object: &JsValue) -> bool {
    let parent = |of: &JsValue| Reflect::get_prototype_of(of).map(JsValue::from);
    match parent(object) {
        Ok(prototype) => prototype.is_null() || parent(&prototype).is_ok_and(|above| above.is_null()),
        Err(_) => false,
    }
}

/// Hands data out.
pub fn to_js(value: &Value) -> JsValue {
    match value {
        Value::Null | Value::Opaque => JsValue::NULL,
        Value::Bool(flag) => JsValue::from_bool(*flag),
        Value::Number(number) => JsValue::from_f64(*number),
        Value::Text(text) => JsString::from(text.as_str()).into(),
        Value::List(items) => items.iter().map(to_js).collect::<Array>().into(),
        Value::Object(members) => {
            let object = Object::new();
            // To set that would be to set its prototype.
            for (key, member) in members.iter().filter(|(key, _)| key != "__proto__") {
                set(&object, key, &to_js(member));
            }
            object.into()
        }
    }
}

/// An error as the façade expects it.
pub fn error_to_js(error: &Error) -> JsValue {
    to_js(&error.to_value())
}

/// Sets a member of a new object, which cannot fail.
pub fn set(object: &Object, key: &str, value: &JsValue) {
    let _ = Reflect::set(object, &JsString::from(key), value);
}
