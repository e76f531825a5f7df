//! Faults on demand: the next calls of a function fail before they reach the database.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::bad_value;
use crate::error::ApiError;

const MAX_STATUSES: usize = 20;

/// `POST /demo/faults`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRequest {
    function: String,
    statuses: Vec<u16>,
}

/// What the next calls of each function will answer.
#[derive(Debug)]
pub struct Faults {
    functions: &'static [&'static str],
    queues: Mutex<HashMap<String, VecDeque<StatusCode>>>,
}

impl Faults {
    /// No faults.
    pub fn new(functions: &'static [&'static str]) -> Self {
        Self { functions, queues: Mutex::default() }
    }

    /// Replaces what is queued for one function; an empty list clears it. Says what is queued now.
    pub fn set(&self, request: FaultRequest) -> Result<Value, ApiError> {
        if !self.functions.contains(&request.function.as_str()) {
            return Err(bad_value(format!("function must be one of {}", self.functions.join(", "))));
        }
        if request.statuses.len() > MAX_STATUSES {
            let length = request.statuses.len();
            return Err(bad_value(format!("statuses has {length} entries; at most {MAX_STATUSES} are allowed")));
        }
        let checked = |status: &u16| {
            let error = || bad_value(format!("statuses has {status} in it; each must be between 400 and 599"));
            Some(*status)
                .filter(|status| (400..600).contains(status))
                .and_then(|status| StatusCode::from_u16(status).ok())
                .ok_or_else(error)
        };
        let queue = request.statuses.iter().map(checked).collect::<Result<VecDeque<_>, _>>()?;
        let answer = json!({ "function": request.function, "statuses": request.statuses });
        self.lock().insert(request.function, queue);
        Ok(answer)
    }

    fn next(&self, function: &str) -> Option<StatusCode> {
        self.lock().get_mut(function)?.pop_front()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, VecDeque<StatusCode>>> {
        // A panic elsewhere leaves the queues as they were, which is fine.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The API behind these faults.
pub fn in_front_of(api: Router, faults: Arc<Faults>) -> Router {
    api.layer(from_fn_with_state(faults, fail))
}

async fn fail(State(faults): State<Arc<Faults>>, request: Request, next: Next) -> Response {
    let function = request.uri().path().rsplit('/').next().unwrap_or_default();
    match faults.next(function) {
        Some(status) => {
            let message = format!("A fault that the demo was asked for: {}", status.as_u16());
            ApiError::new(status, "XX000", message).into_response()
        }
        None => next.run(request).await,
    }
}
