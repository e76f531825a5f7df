//! What other services tell us. No user calls here, and no page: each service proves itself by its signature.

pub mod signature;
mod stream_chat;

use axum::Router;

use crate::config::Config;
use crate::database::Database;

/// The webhooks that this gateway takes.
pub fn routes(config: &Config, database: Database) -> Router {
    stream_chat::routes(config, database)
}
