//! The operator's page: a report of how everything is (`GET /debug/report`), and the page that shows it (`/operator`).

mod page;
mod report;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;

use crate::database::Database;
use crate::error::ApiError;
pub use page::serve;

/// The report, which is for operators only.
pub fn routes(database: Database) -> Router {
    Router::new().route("/debug/report", get(show)).with_state(database)
}

async fn show(State(database): State<Database>) -> Result<([(HeaderName, &'static str); 2], String), ApiError> {
    let headers = [(CONTENT_TYPE, "application/json; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    Ok((headers, report::read(&database).await?))
}
