//! Stands where a relay is still to come.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::life::{Life, Maker, Relay, Visit, Work};

#[derive(Debug)]
struct Unready(Life);

pub fn maker() -> Maker {
    Box::new(|life| Arc::new(Unready(life)))
}

impl Relay for Unready {
    fn run(self: Arc<Self>) -> Work<()> {
        Box::pin(async move { self.0.stop.cancelled().await })
    }

    fn serve(self: Arc<Self>, _: Visit) -> Work<Response> {
        Box::pin(async { StatusCode::NOT_IMPLEMENTED.into_response() })
    }
}
