//! What only operators may see: they show `ADMIN_TOKEN`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use crate::auth::bearer;
use crate::config::{Config, Key};
use crate::error::ApiError;

#[derive(Debug)]
struct Door {
    token: Option<Key>,
    /// The demo makes everybody an admin who asks, and cannot be reached from elsewhere.
    open: bool,
}

/// These routes, for operators only.
pub fn guarded(routes: Router, config: &Config) -> Router {
    let door = Door { token: config.admin_token.clone(), open: config.demo.is_some() };
    routes.layer(from_fn_with_state(Arc::new(door), check))
}

async fn check(State(door): State<Arc<Door>>, request: Request, next: Next) -> Result<Response, ApiError> {
    match &door.token {
        Some(token) if !bearer(request.headers())?.is_some_and(|given| token.is(given)) => {
            let message = "This is for operators: Authorization must be `Bearer` and the ADMIN_TOKEN";
            Err(ApiError::new(StatusCode::UNAUTHORIZED, "28000", message))
        }
        None if !door.open => {
            let message = "ADMIN_TOKEN is missing: without it nobody may see this";
            Err(ApiError::new(StatusCode::FORBIDDEN, "42501", message))
        }
        _ => Ok(next.run(request).await),
    }
}
