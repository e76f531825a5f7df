//! The one shape in which data crosses the JavaScript boundary: configuration, arguments, answers, events, snapshots.
//!
//! A tree of our own instead of derived (de)serialisers: unknown keys and bounds are found by native code that tests can
//! reach, and the WASM carries one conversion instead of one per type.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A JSON-like value. `undefined` members of an object are absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null` (and `undefined` at the top).
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A number; may be `NaN` or infinite when it comes from JavaScript.
    Number(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Value>),
    /// A plain object, in insertion order.
    Object(Vec<(String, Value)>),
    /// Something that is not data: a function, a class instance, a symbol.
    Opaque,
}

impl Value {
    /// An object from its members.
    pub fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
        let mut members = members;
        object_of(&mut members)
    }

    /// A time or a duration, or `null`.
    pub fn millis(at: Option<u64>) -> Value {
        // Exact below 2^53, which is the year 287396.
        at.map_or(Value::Null, |at| Value::Number(at as f64))
    }

    /// The member of that name, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of the member of that name.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_text()
    }

    /// This text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// True if the member of that name is `true`.
    pub fn flag(&self, key: &str) -> bool {
        self.get(key) == Some(&Value::Bool(true))
    }

    /// How an error message shows this value: short, on one line, and never more than 40 characters of a text.
    pub fn shown(&self) -> String {
        match self {
            Value::Null => "null".to_owned(),
            Value::Bool(true) => "true".to_owned(),
            Value::Bool(false) => "false".to_owned(),
            Value::Number(number) if is_whole(*number) && number.abs() < 1e15 => (*number as i64).to_string(),
            // Printing fractions would cost 9 kB of WASM.
            Value::Number(number) if number.is_finite() => "a fraction or very large".to_owned(),
            Value::Number(_) => "not a finite number".to_owned(),
            Value::Text(text) if text.is_empty() => "empty".to_owned(),
            Value::Text(text) => {
                let short: String = text.chars().take(40).filter(|c| !c.is_control()).collect();
                ["\"", &short, if text.chars().nth(40).is_some() { "…\"" } else { "\"" }].concat()
            }
            Value::List(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
            Value::Opaque => "a function or a class instance".to_owned(),
        }
    }
}

/// Whether nothing stands after the point. (`fract` is the standard library's.)
pub fn is_whole(number: f64) -> bool {
    number as i64 as f64 == number
}

/// Apart, because every number of members is another copy of [`Value::object`] in the WASM.
fn object_of(members: &mut [(&str, Value)]) -> Value {
    Value::Object(members.iter_mut().map(|(key, value)| ((*key).to_owned(), core::mem::take(value))).collect())
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Bool(flag)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::Number(f64::from(number))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}
