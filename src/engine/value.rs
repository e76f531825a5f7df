//! The one shape in which data crosses the JavaScript boundary: configuration, arguments, answers, events, snapshots.
//!
//! A tree of our own instead of derived (de)serialisers: unknown keys and bounds are found by native code that tests can
//! reach, and the WASM carries one conversion instead of one per type.

use alloc::borrow::ToOwned;
use alloc::string::String;
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
            Value::Number(number) if is_whole(*number) && number.abs() < 1e15 => {
                [if *number < 0.0 { "-" } else { "" }, &digits(number.abs() as u64)].concat()
            }
            // Printing fractions would cost 9 kB of WASM.
            Value::Number(number) if number.is_finite() => "a fraction or very large".to_owned(),
            Value::Number(_) => "not a finite number".to_owned(),
            Value::Text(text) if text.is_empty() => "empty".to_owned(),
            Value::Text(text) => {
                let short: String = text.chars().take(40).filter(|c| is_plain(*c)).collect();
                ["\"", &short, if text.chars().nth(40).is_some() { "…\"" } else { "\"" }].concat()
            }
            Value::List(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
            Value::Opaque => "a function or a class instance".to_owned(),
        }
    }
}

/// Whether it leaves a line one line that reads in its own order: no control, no separator of lines, no change of direction.
fn is_plain(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// An object in the making. One function for each kind of member is smaller in the WASM than arrays of them.
#[derive(Debug, Default)]
pub(super) struct Members(Vec<(String, Value)>);

impl Members {
    /// A member; nothing, if that is null.
    #[inline(never)]
    pub(super) fn put(&mut self, key: &str, value: Value) {
        if value != Value::Null {
            self.0.push((key.to_owned(), value));
        }
    }

    /// A text.
    #[inline(never)]
    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.put(key, text.into());
    }

    /// A number.
    #[inline(never)]
    pub(super) fn number(&mut self, key: &str, number: u32) {
        self.put(key, number.into());
    }

    /// A time or a duration.
    #[inline(never)]
    pub(super) fn millis(&mut self, key: &str, millis: u64) {
        self.put(key, Value::millis(Some(millis)));
    }

    /// True or false.
    #[inline(never)]
    pub(super) fn flag(&mut self, key: &str, flag: bool) {
        self.put(key, flag.into());
    }

    /// The object.
    #[inline(never)]
    pub(super) fn object(self) -> Value {
        Value::Object(self.0)
    }
}

/// A whole number in digits. `to_string` would bring its padding and its counting of characters along.
pub fn digits(number: u64) -> String {
    let mut unit = 1;
    while number / unit > 9 {
        unit *= 10;
    }
    let mut digits = String::new();
    while unit > 0 {
        digits.push(char::from(b'0' + (number / unit % 10) as u8));
        unit /= 10;
    }
    digits
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for number in [0, 1, 9, 10, 99, 100, 90_210, 10_u64.pow(19) - 1, 10_u64.pow(19), u64::MAX] {
            assert_eq!(digits(number), number.to_string());
        }
    }

    #[test]
    fn a_text_is_shown_in_one_line_that_reads_in_its_own_order() {
        let shown = Value::from("a\u{202e}b\nc\u{2028}d\u{2069}e").shown();
        assert_eq!(shown, "\"abcde\"");
    }

    #[test]
    fn whole_numbers_are_shown_as_they_are() {
        let shown = |number: f64| Value::Number(number).shown();
        assert_eq!([shown(0.0), shown(-12.0), shown(250.0)], ["0", "-12", "250"]);
        assert_eq!(shown(0.5), "a fraction or very large");
    }
}
