//! Faults on demand: the next calls of a function fail before they reach the database.

use std::collections::VecDeque;
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
use crate::rooms::CREATE_SESSION;

const MAX_STATUSES: usize = 20;

/// `POST /demo/faults`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRequest {
    functions: Vec<String>,
    statuses: Vec<u16>,
}

/// What the next calls will answer.
#[derive(Debug)]
pub struct Faults {
    functions: &'static [&'static str],
    queues: Mutex<Vec<Queue>>,
}

/// The answers to the next calls of any of these functions. No function is in two.
#[derive(Debug)]
struct Queue {
    functions: Vec<String>,
    statuses: VecDeque<StatusCode>,
}

impl Faults {
    /// No faults.
    pub fn new(functions: &'static [&'static str]) -> Self {
        Self { functions, queues: Mutex::default() }
    }

    /// Replaces what is queued for these functions; an empty list clears it. Says what is queued now.
    pub fn set(&self, request: FaultRequest) -> Result<Value, ApiError> {
        if !request.functions.iter().all(|function| self.functions.contains(&function.as_str())) {
            return Err(bad_value(format!("functions must each be one of {}", self.functions.join(", "))));
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
        let FaultRequest { functions, statuses } = request;
        let answer = json!({ "functions": functions, "statuses": statuses });
        let mut queues = self.lock();
        for earlier in &mut *queues {
            earlier.functions.retain(|function| !functions.contains(function));
        }
        queues.push(Queue { functions, statuses: queue });
        queues.retain(|queue| !queue.functions.is_empty());
        Ok(answer)
    }

    fn next(&self, function: &str) -> Option<StatusCode> {
        let mut queues = self.lock();
        let mine = |queue: &&mut Queue| queue.functions.iter().any(|queued| queued == function);
        queues.iter_mut().find(mine)?.statuses.pop_front()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Queue>> {
        // A panic elsewhere leaves the queues as they were, which is fine.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The API behind these faults.
pub fn in_front_of(api: Router, faults: Arc<Faults>) -> Router {
    api.layer(from_fn_with_state(faults, fail))
}

async fn fail(State(faults): State<Arc<Faults>>, request: Request, next: Next) -> Response {
    match faults.next(function_of(request.uri().path())) {
        Some(status) => {
            let message = format!("A fault that the demo was asked for: {}", status.as_u16());
            ApiError::new(status, "XX000", message).into_response()
        }
        None => next.run(request).await,
    }
}

/// What a path calls: the routes of rooms are other names for functions.
fn function_of(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    match name {
        "sessions" if path.starts_with("/rooms/") => CREATE_SESSION,
        "end" if path.starts_with("/rooms/") => "live_room_end",
        _ => name,
    }
}
