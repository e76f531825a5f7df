//! A camera: the bundled film as a live stream without an end, over HLS and as one MPEG transport stream, and with it what can
//! go wrong with a stream's origin.

mod film;
mod playlist;
mod stamp;
mod transport;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{bad_value, parse};
use crate::error::ApiError;
use crate::stopping::Stopping;
use film::Moment;

/// Origins that are broken at the same time.
const MAX_FAULTS: usize = 100;

/// An origin's name is anybody's choice.
const MAX_NAME_BYTES: usize = 100;

/// What is wrong with an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Fault {
    /// It answers nothing, and breaks off what it was about to say.
    Down,
    /// It answers, but there is nothing new.
    Stalled,
    /// It answers with the same again and again, and says nothing of it.
    Loops,
}

/// A fault, and since when.
type Broken = (Fault, Moment);

/// All origins: they show the same, and each has its own faults.
#[derive(Debug)]
pub struct Origin {
    faults: watch::Sender<BTreeMap<String, Broken>>,
    stopping: Stopping,
}

/// `POST /demo/origin/{name}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultRequest {
    fault: Option<Fault>,
}

/// The routes.
pub fn routes(stopping: Stopping) -> Router {
    let origin = Origin { faults: watch::Sender::default(), stopping };
    Router::new()
        .route("/demo/origin/{name}", post(set_fault))
        .route("/demo/origin/hls/{name}/{file}", get(hls))
        .route("/demo/origin/ts/{name}", get(ts))
        .with_state(Arc::new(origin))
}

impl Origin {
    fn fault(&self, name: &str) -> Option<Broken> {
        self.faults.borrow().get(name).copied()
    }
}

async fn set_fault(
    State(origin): State<Arc<Origin>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<axum::Json<Value>, ApiError> {
    let FaultRequest { fault } = parse(&body)?;
    if name.len() > MAX_NAME_BYTES {
        return Err(bad_value(format!("the name is {} bytes long; at most {MAX_NAME_BYTES} are allowed", name.len())));
    }
    let answer = json!({ "name": name, "fault": fault });
    let mut is_full = false;
    origin.faults.send_modify(|faults| {
        faults.remove(&name);
        is_full = faults.len() == MAX_FAULTS;
        if let Some(fault) = fault.filter(|_| !is_full) {
            faults.insert(name, (fault, Moment::now()));
        }
    });
    match is_full {
        true => Err(bad_value(format!("{MAX_FAULTS} origins are broken already; repair one first"))),
        false => Ok(axum::Json(answer)),
    }
}

async fn hls(State(origin): State<Arc<Origin>>, Path((name, file)): Path<(String, String)>) -> Response {
    let fault = origin.fault(&name);
    if matches!(fault, Some((Fault::Down, _))) {
        return down();
    }
    if file == "index.m3u8" {
        return typed("application/vnd.apple.mpegurl", playlist::live(Moment::now(), fault)).into_response();
    }
    let segment = file.strip_suffix(".ts").and_then(|number| number.parse().ok());
    match segment {
        Some(number) => typed("video/mp2t", film::segment(number)).into_response(),
        None => ApiError::new(StatusCode::NOT_FOUND, "PGRST125", "There is no such file").into_response(),
    }
}

async fn ts(State(origin): State<Arc<Origin>>, Path(name): Path<String>) -> Response {
    if matches!(origin.fault(&name), Some((Fault::Down, _))) {
        return down();
    }
    let stream = transport::live(name, origin.faults.subscribe(), origin.stopping.clone());
    typed("video/mp2t", Body::from_stream(stream)).into_response()
}

fn typed<T>(kind: &'static str, body: T) -> ([(HeaderName, &'static str); 2], T) {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], body)
}

fn down() -> Response {
    let message = "A fault that the demo was asked for: the origin is down";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "XX000", message).into_response()
}
