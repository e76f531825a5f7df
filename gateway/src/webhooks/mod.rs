//! What other services tell us. No user calls here, and no page: each service proves itself by its signature.

pub mod jitsi;
pub mod signature;
pub(crate) mod stream_chat;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use crate::config::Config;
use crate::database::Database;
use crate::metrics::Counters;

/// Goes with the answer to an event that is kept: was it new?
#[derive(Debug, Clone, Copy)]
struct IsNew(bool);

/// The webhooks that this gateway takes, counted.
pub fn routes(config: &Config, database: &Database, counters: &Counters) -> Router {
    let counted = |routes: Router, source| routes.layer(from_fn_with_state((counters.clone(), source), count));
    counted(stream_chat::routes(config, database.clone()), "stream_chat")
        .merge(counted(jitsi::routes(config, database.clone()), "jitsi"))
}

async fn count(State((counters, source)): State<(Counters, &'static str)>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    counters.webhook_event(
        source,
        match (response.extensions().get(), response.status()) {
            (Some(IsNew(true)), _) => "recorded",
            (Some(IsNew(false)), _) => "repeated",
            (None, StatusCode::UNAUTHORIZED) => "unsigned",
            (None, status) if status.is_client_error() => "invalid",
            (None, _) => "failed",
        },
    );
    response
}
