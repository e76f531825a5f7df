//! `GET /health`, for load balancers and for whoever starts this server.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::database::Database;

/// 200 when requests can be served, 503 when the database is away: viewers stay, and what is to be decided waits.
pub async fn health(State(database): State<Database>) -> Response {
    let (code, status, database) = match database.is_there().await {
        true => (StatusCode::OK, "ok", "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "degraded", "away"),
    };
    (code, Json(json!({ "status": status, "database": database, "version": env!("CARGO_PKG_VERSION") })))
        .into_response()
}
