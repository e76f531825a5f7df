//! Live rooms over HTTP: one's own room, going live, ending, and the listing, which is pushed.
//!
//! The routes are other names for the functions that `/rest/v1/rpc` calls too. What may be done is decided there.

mod actions;
pub(crate) mod fields;
pub mod listing;
pub mod log;
pub mod upkeep;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::rpc::Rpc;
use listing::Readers;

/// Where a room's sessions begin.
pub const SESSIONS: &str = "/rooms/{id}/sessions";

/// The function behind it.
pub const CREATE_SESSION: &str = "live_room_create_session";

/// The function that finds, or makes, a user's room.
pub const MY_ROOM: &str = "my_room";

/// The routes.
pub fn routes(calls: Arc<Rpc>, readers: Readers) -> Router {
    let actions = Router::new()
        .route("/rooms/me", get(actions::mine))
        .route(SESSIONS, post(actions::create_session))
        .route("/rooms/{id}/end", post(actions::end))
        .with_state(calls);
    actions.merge(Router::new().route("/rooms/listing", get(listing::read)).with_state(readers))
}
