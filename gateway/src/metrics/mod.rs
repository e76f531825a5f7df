//! `GET /metrics`: what an operator's monitoring counts, in the format that Prometheus reads.
//!
//! What this process has counted begins with `streamkeeper_gateway_`. What must be true however many gateways there are is
//! asked of the database, and each of them answers the same.

mod counters;
mod numbers;
mod requests;
mod room_stats;
mod rooms;

use std::fmt;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::routing::get;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tracing::warn;

use crate::database::Database;
use crate::error::ApiError;
pub use counters::Counters;
use numbers::Numbers;
pub use requests::counted;
pub use rooms::Reading;

const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The route.
pub fn routes(counters: Counters, database: Database) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state((counters, database))
}

async fn scrape(
    State((counters, database)): State<(Counters, Database)>,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    // That the database is away is worth knowing, and so is all that is counted here.
    let numbers =
        Numbers::read(&database).await.inspect_err(|error| warn!(?error, "the database told no numbers")).ok();
    let unwritten =
        |_: fmt::Error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "XX000", "the page was not written");
    Ok(([(CONTENT_TYPE, FORMAT)], page(&counters, numbers).map_err(unwritten)?))
}

fn page(counters: &Counters, numbers: Option<Numbers>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    counters.register(&mut registry);
    let up = ConstGauge::new(u32::from(numbers.is_some()));
    registry.register(
        "streamkeeper_gateway_database_up",
        "1 when the database told its numbers, 0 when it did not",
        up,
    );
    let tasks = ConstGauge::new(Handle::current().metrics().num_alive_tasks() as u64);
    registry.register(
        "streamkeeper_gateway_tasks",
        "Tasks that this gateway runs: more and more would be a leak",
        tasks,
    );
    if let Some(numbers) = numbers {
        numbers.register(&mut registry);
    }
    let mut page = String::new();
    encode_registry(&mut page, &registry)?;
    encode_eof(&mut page)?;
    Ok(page)
}
