//! What a request asks for, read the way PostgREST reads it.

use axum::body::Bytes;
use axum::extract::Query;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, PROXY_AUTHORIZATION};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use serde_json::{Map, Value};

use crate::database::RequestSettings;
use crate::error::ApiError;

const SCHEMA: &str = "public";

/// In which shape the client wants the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// As the function returns it: an array from one that returns a set.
    Json,
    /// One object, also from a function that returns a set.
    Object,
}

impl Wanted {
    /// The media type of the answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::Object => "application/vnd.pgrst.object+json; charset=utf-8",
        }
    }
}

/// Reads `Accept`. Of several types the first that we have is taken.
pub fn wanted(headers: &HeaderMap) -> Result<Wanted, ApiError> {
    let accept = text(headers, &ACCEPT).unwrap_or("*/*");
    let types = || accept.split(',').map(|t| t.split(';').next().unwrap_or_default().trim());
    types()
        .find_map(|media_type| match media_type {
            "*/*" | "application/*" | "application/json" | "application/vnd.pgrst.array+json" => Some(Wanted::Json),
            "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object" => Some(Wanted::Object),
            _ => None,
        })
        .ok_or_else(|| {
            let message =
                format!("None of these media types are available: {}", types().collect::<Vec<_>>().join(", "));
            ApiError::new(StatusCode::NOT_ACCEPTABLE, "PGRST107", message)
        })
}

/// Only one schema is exposed, whichever of the two headers names one.
pub fn check_profile(headers: &HeaderMap) -> Result<(), ApiError> {
    for name in ["content-profile", "accept-profile"] {
        match headers.get(name).map(|value| value.to_str().unwrap_or("?")) {
            None | Some(SCHEMA) => {}
            Some(other) => {
                return Err(ApiError::new(StatusCode::NOT_ACCEPTABLE, "PGRST106", format!("Invalid schema: {other}"))
                    .with_hint(format!("Only the following schemas are exposed: {SCHEMA}")));
            }
        }
    }
    Ok(())
}

/// The arguments in the body of a POST: a JSON object, or nothing for a function that needs none.
pub fn body_arguments(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, ApiError> {
    let media_type = text(headers, &CONTENT_TYPE).unwrap_or("application/json");
    if media_type.split(';').next().map(str::trim) != Some("application/json") {
        return Err(ApiError::bad_json(format!("Content-Type not acceptable: {media_type}")));
    }
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(_) => Err(ApiError::bad_json("The body must be a JSON object of named arguments")),
        Err(error) => Err(ApiError::bad_json("Empty or invalid json").with_details(error.to_string())),
    }
}

/// The arguments in the query of a GET. All are texts, which PostgreSQL converts.
pub fn query_arguments(uri: &Uri) -> Result<Map<String, Value>, ApiError> {
    let Query(arguments) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "PGRST100", "The query could not be read"))?;
    Ok(arguments.into_iter().map(|(name, value)| (name, Value::from(value))).collect())
}

/// A body that could not be read to its end.
pub fn unreadable(error: BytesRejection) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "PGRST102", "The body is larger than 64 KiB");
    }
    ApiError::bad_json("The body could not be read")
}

/// A client that wants one object got none, or several.
pub fn not_one_row(rows: i64) -> ApiError {
    ApiError::new(StatusCode::NOT_ACCEPTABLE, "PGRST116", "Cannot coerce the result to a single JSON object")
        .with_details(format!("The result contains {rows} rows"))
}

/// What the function can read of the request. Not the credentials: statements and their parameters get logged.
pub fn settings(method: &Method, path: &str, headers: &HeaderMap) -> RequestSettings {
    let is_secret =
        |name: &HeaderName| [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].contains(name) || name.as_str() == "apikey";
    let headers = headers
        .iter()
        .filter(|(name, _)| !is_secret(name))
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), Value::from(value.to_str().ok()?))))
        .collect();
    RequestSettings { method: method.to_string(), path: path.to_owned(), headers }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
