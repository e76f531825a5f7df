//! Counts every request, whoever answers it.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use super::counters::Counters;
use crate::rooms::{CREATE_SESSION, SESSIONS};
use crate::rpc::{ENDINGS, ROUTE};

struct Counting {
    counters: Counters,
    functions: &'static [&'static str],
}

/// The same app, counted. A call of one of these functions counts for the function.
pub fn counted(app: Router, counters: Counters, functions: &'static [&'static str]) -> Router {
    app.layer(from_fn_with_state(Arc::new(Counting { counters, functions }), count))
}

async fn count(State(counting): State<Arc<Counting>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    // Only names that we know: anybody can make up others.
    let function = path.filter(|path| *path == ROUTE).and_then(|_| {
        let name = request.uri().path().rsplit('/').next()?;
        counting.functions.iter().copied().find(|function| *function == name)
    });
    let goes_live = function == Some(CREATE_SESSION) || path == Some(SESSIONS);
    let route: Cow<'static, str> = match (function, path) {
        (Some(function), _) => ROUTE.replace("{function}", function).into(),
        (None, Some(path)) => path.to_owned().into(),
        (None, None) => "other".into(),
    };
    let response = next.run(request).await;
    let status = response.status();
    counting.counters.request(&method, route, status);
    let refused = [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
    if refused && function.is_some_and(|function| ENDINGS.contains(&function)) {
        counting.counters.end_refusal(status);
    }
    if status == StatusCode::CONFLICT && goes_live {
        counting.counters.rooms.conflict();
    }
    response
}
