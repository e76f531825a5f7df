//! How Stream refuses: one shape over HTTP and over the socket, with its own codes.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Stream's codes, as far as this stand-in has a use for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    AccessKey = 2,
    Input = 4,
    Authentication = 5,
    RateLimit = 9,
    DoesNotExist = 16,
    NotAllowed = 17,
    EventNotSupported = 18,
    MessageTooLong = 20,
    PayloadTooBig = 22,
    TokenExpired = 40,
    TokenNotYetValid = 41,
    TokenSignature = 43,
    ConnectionId = 46,
}

impl Code {
    fn status(self) -> StatusCode {
        match self {
            Self::Input | Self::EventNotSupported | Self::MessageTooLong | Self::ConnectionId => {
                StatusCode::BAD_REQUEST
            }
            Self::AccessKey
            | Self::Authentication
            | Self::TokenExpired
            | Self::TokenNotYetValid
            | Self::TokenSignature => StatusCode::UNAUTHORIZED,
            Self::NotAllowed => StatusCode::FORBIDDEN,
            Self::DoesNotExist => StatusCode::NOT_FOUND,
            Self::PayloadTooBig => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimit => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

/// Why not. Never has a token in it.
#[derive(Debug, Clone)]
pub struct Refusal {
    code: Code,
    message: String,
}

impl Refusal {
    /// With this code, because of this.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A request that is not as it should be.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Code::Input, message)
    }

    /// What went wrong, for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// As clients read it.
    pub fn to_json(&self) -> Value {
        json!({
            "code": self.code as u16,
            "StatusCode": self.code.status().as_u16(),
            "message": self.message,
            "duration": "0.00ms",
            "more_info": "",
        })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.code.status(), Json(self.to_json())).into_response()
    }
}
