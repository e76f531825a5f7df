//! The one error that clients see, in PostgREST's shape.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sqlx::postgres::PgDatabaseError;
use tracing::warn;

use crate::auth::Role;
use crate::rpc::status::status_of;

/// `{code, message, details, hint}`, nulls kept, with the status that goes with it.
#[derive(Debug, Clone, Serialize)]
pub struct ApiError {
    #[serde(skip)]
    status: StatusCode,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    details: Option<String>,
    hint: Option<String>,
}

impl ApiError {
    /// An error without details and hint.
    pub fn new(status: StatusCode, code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: code.into(), message: message.into(), details: None, hint: None }
    }

    /// The same with details.
    #[must_use]
    pub fn with_details(self, details: impl Into<String>) -> Self {
        Self { details: Some(details.into()), ..self }
    }

    /// The same with a hint.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The status that goes with it.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What it says.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A request that is no JSON, or not the JSON that is asked for.
    pub fn bad_json(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "PGRST102", message)
    }

    /// Whatever the database said, or that it said nothing.
    pub fn from_database(error: sqlx::Error, role: Role) -> Self {
        match error {
            sqlx::Error::Database(error) => match error.try_downcast::<PgDatabaseError>() {
                Ok(error) => Self {
                    status: status_of(error.code(), role),
                    code: error.code().to_owned().into(),
                    message: error.message().to_owned().into(),
                    details: error.detail().map(str::to_owned),
                    hint: error.hint().map(str::to_owned),
                },
                Err(error) => Self::database_away(&sqlx::Error::Database(error)),
            },
            error => Self::database_away(&error),
        }
    }

    fn database_away(error: &sqlx::Error) -> Self {
        // For the operator only: a client could do nothing with addresses and reasons.
        warn!(%error, "the database is away");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "PGRST001", "Database client error. Retrying the connection.")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
