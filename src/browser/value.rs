//! Data across the boundary: JavaScript values to [`Value`] and back.

use crate::engine::{Error, Value};
use js_sys::{Array, JsString, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// Deeper than anything that we read; what is deeper may be a cycle.
const MAX_DEPTH: u32 = 8;

/// Takes plain data over; what is not plain data is [`Value::Opaque`].
pub fn from_js(value: &JsValue) -> Value {
    read(value, MAX_DEPTH)
}

fn read(value: &JsValue, depth: u32) -> Value {
    if value.is_undefined() || value.is_null() {
        Value::Null
    } else if let Some(flag) = value.as_bool() {
        Value::Bool(flag)
    } else if let Some(number) = value.as_f64() {
        Value::Number(number)
    } else if let Some(text) = value.as_string() {
        Value::Text(text)
    } else if depth == 0 {
        Value::Opaque
    } else if Array::is_array(value) {
        Value::List(value.unchecked_ref::<Array>().iter().map(|item| read(&item, depth - 1)).collect())
    } else if value.is_object() && is_plain(value.unchecked_ref()) {
        let object: &Object = value.unchecked_ref();
        let member = |key: JsValue| {
            let member = Reflect::get(object, &key).ok().filter(|member| !member.is_undefined())?;
            Some((key.as_string()?, read(&member, depth - 1)))
        };
        Value::Object(Object::keys(object).iter().filter_map(member).collect())
    } else {
        Value::Opaque
    }
}

/// A literal, also one of another realm (an iframe's): its prototype has none itself.
fn is_plain(object: &Object) -> bool {
    let parent: JsValue = Object::get_prototype_of(object).into();
    parent.is_null() || JsValue::from(Object::get_prototype_of(&parent)).is_null()
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
            for (key, member) in members {
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
