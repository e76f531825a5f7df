//! What an app's backend hears of messages: the event, signed, at this gateway's own address for it.

use std::fmt;

use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;
use tracing::warn;
use uuid::Uuid;

use super::API_KEY;
use crate::config::Config;
use crate::database::Database;
use crate::webhooks::{self, signature};

/// Sends events without a detour over the network: the same route takes them, with all of its checks.
#[derive(Clone)]
pub struct Webhook {
    secret: String,
    gateway: Router,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

impl Webhook {
    /// To this gateway.
    pub fn new(config: &Config, database: Database) -> Self {
        let secret = config.stream_api_secret.clone().unwrap_or_default();
        Self { secret, gateway: webhooks::stream_chat::routes(config, database) }
    }

    /// Sends it in its own time: whoever said something does not wait for it, and hears nothing of a failure.
    pub fn send(&self, event: &Value) {
        let (webhook, body) = (self.clone(), event.to_string());
        tokio::spawn(async move {
            if let Err(reason) = webhook.deliver(body).await {
                warn!(reason, "a chat event did not reach the webhook");
            }
        });
    }

    async fn deliver(self, body: String) -> Result<(), String> {
        let signature = signature::sign(&self.secret, body.as_bytes()).map_err(|error| error.to_string())?;
        let request = Request::post("/webhooks/stream-chat")
            .header(CONTENT_TYPE, "application/json")
            .header("X-Webhook-Id", Uuid::new_v4().to_string())
            .header("X-Webhook-Attempt", "1")
            .header("X-Api-Key", API_KEY)
            .header("X-Signature", signature)
            .body(Body::from(body))
            .map_err(|error| error.to_string())?;
        let response = match self.gateway.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        if response.status() == StatusCode::OK { Ok(()) } else { Err(format!("answered with {}", response.status())) }
    }
}
