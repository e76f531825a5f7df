//! Meetings: what a media server says of one that is over, signed as JaaS signs it, at this gateway's own address for it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::json;
use sha2::Sha256;
use tower::ServiceExt;
use uuid::Uuid;

use crate::config::Config;
use crate::database::Database;
use crate::error::ApiError;
use crate::webhooks::jitsi;

struct MediaServer {
    secret: String,
    gateway: Router,
}

/// A media server that does what it is told.
pub fn routes(config: &Config, database: Database) -> Router {
    let secret = config.jitsi_webhook_secret.clone().unwrap_or_default();
    let server = MediaServer { secret, gateway: jitsi::routes(config, database) };
    Router::new().route("/demo/meetings/{name}/destroyed", post(destroyed)).with_state(Arc::new(server))
}

/// The meeting is over, and the gateway is told. Its answer is ours.
async fn destroyed(State(server): State<Arc<MediaServer>>, Path(name): Path<String>) -> Result<Response, ApiError> {
    let now = Timestamp::now();
    let body = json!({
        "idempotencyKey": Uuid::new_v4(),
        "eventType": "ROOM_DESTROYED",
        "timestamp": now.as_millisecond(),
        "fqn": format!("demo/{name}"),
    });
    let body = body.to_string();
    let time = now.as_second().to_string();
    let code = Hmac::<Sha256>::new_from_slice(server.secret.as_bytes()).map_err(|_| unsendable())?;
    let code = code.chain_update(&time).chain_update(b".").chain_update(&body).finalize().into_bytes();
    let request = Request::post("/webhooks/jitsi")
        .header(CONTENT_TYPE, "application/json")
        .header("X-Jaas-Signature", format!("t={time},v1={}", STANDARD.encode(code)))
        .body(Body::from(body))
        .map_err(|_| unsendable())?;
    match server.gateway.clone().oneshot(request).await {
        Ok(response) => Ok(response),
        Err(never) => match never {},
    }
}

fn unsendable() -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "XX000", "the webhook could not be signed")
}
