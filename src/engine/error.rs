//! The one error type, and the closed list of its codes.

use super::value::Value;
use alloc::string::String;

/// What kind of error it is. The strings are part of the contract with JavaScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The configuration has an unknown key or a value out of bounds; the message names the path, the value, the bounds.
    InvalidConfig,
    /// An argument of a method is missing, malformed or out of bounds; the message names it.
    InvalidArgument,
    /// The method needs `backend` in the configuration.
    NoBackend,
    /// The method needs `chat` in the configuration.
    NoChat,
    /// The backend knows who is asking, and says no.
    NotAllowed,
    /// There is no such stream.
    NotFound,
    /// The state on the server does not admit it.
    Conflict,
    /// The backend could not be reached.
    Offline,
    /// No answer within `ending.timeout`.
    Timeout,
    /// The backend answered with an error, or with something that is not its own.
    Rejected,
    /// No valid access token could be had.
    Token,
    /// The manager has been disposed of.
    Disposed,
}

impl Code {
    /// The string that JavaScript sees.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::InvalidConfig => "invalid_config",
            Code::InvalidArgument => "invalid_argument",
            Code::NoBackend => "no_backend",
            Code::NoChat => "no_chat",
            Code::NotAllowed => "not_allowed",
            Code::NotFound => "not_found",
            Code::Conflict => "conflict",
            Code::Offline => "offline",
            Code::Timeout => "timeout",
            Code::Rejected => "rejected",
            Code::Token => "token",
            Code::Disposed => "disposed",
        }
    }
}

/// What a promise rejects with. It never holds a token, a key or a header.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// Its kind.
    pub code: Code,
    /// One sentence for a developer.
    pub message: String,
    /// The HTTP status, when the backend answered.
    pub status: Option<u16>,
    /// The backend's own error body, when it sent one.
    pub cause: Value,
}

impl Error {
    /// An error that did not come from the backend.
    pub fn new(code: Code, message: impl Into<String>) -> Error {
        Error { code, message: message.into(), status: None, cause: Value::Null }
    }

    /// A bad argument: its name, what was given, what it must be.
    pub fn argument(name: &str, given: &Value, must: &str) -> Error {
        Error::new(Code::InvalidArgument, [name, " is ", &given.shown(), "; it must be ", must].concat())
    }

    /// `{code, message, cause?}`, as the façade turns it into a `StreamkeeperError`.
    pub fn to_value(&self) -> Value {
        Value::object([
            ("code", self.code.as_str().into()),
            ("message", self.message.as_str().into()),
            ("cause", self.cause.clone()),
        ])
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.code.as_str())?;
        f.write_str(": ")?;
        f.write_str(&self.message)
    }
}

impl core::error::Error for Error {}
