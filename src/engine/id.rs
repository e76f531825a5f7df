//! The ids that the database gives out.

use super::error::{Code, Error};
use super::value::Value;
use alloc::string::String;

/// A UUID in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uuid(String);

/// A stream's id. An alias: a type of its own for each kind would be another copy of every table in the WASM.
pub type StreamId = Uuid;
/// A room's id.
pub type RoomId = Uuid;
/// An event's id.
pub type EventId = Uuid;

impl Uuid {
    /// Reads the argument called `name`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] unless it is a UUID in its usual form with hyphens.
    pub fn parse(name: &str, value: Option<&Value>) -> Result<Uuid, Error> {
        let value = value.unwrap_or(&Value::Null);
        let text = value.as_text().unwrap_or_default();
        if Uuid::is(text) {
            Ok(Uuid(text.to_ascii_lowercase()))
        } else {
            Err(Error::argument(name, value, "a UUID such as 0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11"))
        }
    }

    /// In bytes.
    pub(super) const LENGTH: usize = 36;

    /// Whether this is one, in its usual form with hyphens.
    pub(super) fn is(text: &str) -> bool {
        let hyphens = [8, 13, 18, 23];
        let fits =
            |(at, byte): (usize, u8)| if hyphens.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() };
        text.len() == Uuid::LENGTH && text.bytes().enumerate().all(fits)
    }

    /// The id in an answer to `function`: without one it is not the database's.
    ///
    /// # Errors
    /// [`Code::Rejected`], naming the function.
    pub fn answered(function: &str, name: &str, body: &Value) -> Result<Uuid, Error> {
        Uuid::parse(name, body.get(name))
            .map_err(|error| Error::new(Code::Rejected, [function, ": ", &error.message].concat()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Uuid> for Value {
    fn from(id: &Uuid) -> Value {
        Value::Text(id.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Code;

    #[test]
    fn ids_are_uuids_in_lower_case() {
        let given = "0D7C1F6E-5a53-4a4e-9c39-6f2d1b0c9a11";
        assert_eq!(Uuid::parse("id", Some(&given.into())).unwrap().as_str(), given.to_lowercase());
        for bad in
            ["", "x", "0d7c1f6e5a534a4e9c396f2d1b0c9a11", "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a1é", "'; drop table x; --"]
        {
            let error = Uuid::parse("streamId", Some(&bad.into())).unwrap_err();
            assert_eq!(error.code, Code::InvalidArgument);
            assert!(error.message.starts_with("streamId is "), "{error}");
        }
        assert!(Uuid::parse("streamId", None).unwrap_err().message.starts_with("streamId is null; it must be a UUID"));
    }
}
