//! What is said on a viewer's socket, and what the codes mean with which it is closed.

use std::borrow::Cow;

use axum::extract::ws::{CloseFrame, Utf8Bytes};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::error::ApiError;

/// More than any token, and less than anybody has reason to send.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024;

/// What a close frame has room for.
const MAX_REASON_BYTES: usize = 123;

/// What a client asks for in `Sec-WebSocket-Protocol`.
pub const SUBPROTOCOL: &str = "streamkeeper";

/// Stands before a token in `Sec-WebSocket-Protocol`: a browser can set no other header.
pub const BEARER: &str = "bearer.";

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said {
    /// Who it is. The first message, unless the subprotocol has said it.
    Hello {
        #[serde(default)]
        token: Option<String>,
        #[serde(default)]
        apikey: Option<String>,
        #[serde(default, rename = "as")]
        role: Option<Asked>,
    },
    /// A token that lasts longer than the one before.
    Auth { token: String },
    /// Is anybody there?
    Ping,
    /// It leaves.
    Bye,
}

/// What somebody asks to be who is no viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    Viewer,
    Recorder,
}

/// Why a socket is closed. What is not standard begins with 44, and goes on like HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Close {
    /// The client has said goodbye.
    Bye,
    /// The node stops; others do not.
    Moving,
    Binary,
    Oversize,
    Malformed,
    Token,
    Forbidden,
    Unknown,
    Slow,
    Ended,
    Limit,
    /// We cannot find out now.
    TryAgain,
}

impl Close {
    /// The code in the close frame.
    pub fn code(self) -> u16 {
        match self {
            Self::Bye => 1000,
            Self::Moving => 1001,
            Self::Binary => 1003,
            Self::Oversize => 1009,
            Self::TryAgain => 1013,
            Self::Malformed => 4400,
            Self::Token => 4401,
            Self::Forbidden => 4403,
            Self::Unknown => 4404,
            Self::Slow => 4408,
            Self::Ended => 4410,
            Self::Limit => 4429,
        }
    }

    /// The name by which it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bye => "bye",
            Self::Moving => "moving",
            Self::Binary => "binary",
            Self::Oversize => "oversize",
            Self::Malformed => "malformed",
            Self::Token => "token",
            Self::Forbidden => "forbidden",
            Self::Unknown => "unknown_event",
            Self::Slow => "slow",
            Self::Ended => "ended",
            Self::Limit => "limit",
            Self::TryAgain => "try_again",
        }
    }

    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Bye,
        Self::Moving,
        Self::Binary,
        Self::Oversize,
        Self::Malformed,
        Self::Token,
        Self::Forbidden,
        Self::Unknown,
        Self::Slow,
        Self::Ended,
        Self::Limit,
        Self::TryAgain,
    ];

    /// The same with a reason, for people who look at it.
    pub fn because(self, reason: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { close: self, reason: reason.into() }
    }
}

/// Why a socket is closed, and what its client is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of reason.
    pub close: Close,
    reason: Cow<'static, str>,
}

impl Refusal {
    /// The close frame. There is room for 123 bytes.
    pub fn frame(&self) -> CloseFrame {
        let end = (0..=MAX_REASON_BYTES.min(self.reason.len())).rev().find(|end| self.reason.is_char_boundary(*end));
        let reason = self.reason.get(..end.unwrap_or_default()).unwrap_or_default();
        CloseFrame { code: self.close.code(), reason: reason.to_owned().into() }
    }
}

impl From<ApiError> for Refusal {
    /// What would be an answer with a status elsewhere.
    fn from(error: ApiError) -> Self {
        let close = match error.status() {
            StatusCode::UNAUTHORIZED => Close::Token,
            StatusCode::FORBIDDEN => Close::Forbidden,
            StatusCode::NOT_FOUND => Close::Unknown,
            StatusCode::CONFLICT | StatusCode::GONE => Close::Ended,
            _ => Close::TryAgain,
        };
        close.because(error.message().to_owned())
    }
}

/// What the server answers to a good hello.
pub fn welcome(role: &str, viewers: u64, expires_at: Option<u64>) -> Utf8Bytes {
    json!({ "type": "welcome", "role": role, "viewers": viewers, "expires_at": expires_at }).to_string().into()
}

/// The token that came in `auth` is good; until then, in seconds since 1970.
pub fn authenticated(expires_at: Option<u64>) -> Utf8Bytes {
    json!({ "type": "authenticated", "expires_at": expires_at }).to_string().into()
}

/// So many are there now.
pub fn viewers(count: u64) -> Utf8Bytes {
    json!({ "type": "viewers", "count": count }).to_string().into()
}

/// The event is over.
pub fn ended(reason: &str) -> Utf8Bytes {
    json!({ "type": "ended", "reason": reason }).to_string().into()
}

/// Come back after so many milliseconds: all at once would be too many for the other nodes.
pub fn moving(retry_after_ms: u64) -> Utf8Bytes {
    json!({ "type": "moving", "retry_after_ms": retry_after_ms }).to_string().into()
}

/// The answer to a ping, which browsers can send as a message only.
pub fn pong() -> Utf8Bytes {
    Utf8Bytes::from_static(r#"{"type":"pong"}"#)
}
