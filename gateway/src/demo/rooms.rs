//! Rooms: a look at one, and one that gets stuck on demand.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use sqlx::{Connection, PgConnection};

use super::{DemoState, Text, json_text, look, parse};
use crate::auth::Role;
use crate::error::ApiError;

/// By hand, as it is told of systems that forget to clean up: the room says that something is on, and names a session that is
/// over, or none at all where there has been none.
const STICK: &str = "update live_rooms r
    set status = 'lobby', current_session_id = (
      select s.id from live_room_sessions s
      where s.room_id = r.id and s.status in ('ended', 'cancelled') order by s.ended_at desc limit 1
    )
    from app_users u
    where u.user_id = $1 and u.live_room_id = r.id
      and not exists (select from live_room_sessions s where s.room_id = r.id and s.status in ('scheduled', 'live'))
    returning json_build_object('id', r.id, 'status', r.status, 'current_session_id', r.current_session_id)::text";

/// `POST /demo/stuck-room`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StickRequest {
    user_id: String,
}

/// Makes somebody's room stuck, unless something is on in it.
pub async fn stick(State(demo): State<Arc<DemoState>>, body: Bytes) -> Result<Text, ApiError> {
    let StickRequest { user_id } = parse(&body)?;
    let failed = |error| ApiError::from_database(error, Role::Service);
    let mut connection = PgConnection::connect_with(&demo.login).await.map_err(failed)?;
    let stuck = sqlx::query_scalar(STICK).bind(user_id).fetch_optional(&mut connection).await.map_err(failed)?;
    let message = "there is no room of theirs, or something is on in it: end that first";
    stuck.map(json_text).ok_or_else(|| ApiError::new(StatusCode::CONFLICT, "55000", message))
}

/// One room as the database has it, and who is, or was, in its last session.
pub async fn room(demo: State<Arc<DemoState>>, id: Path<String>) -> Result<Text, ApiError> {
    look(
        demo,
        id,
        "select json_build_object(
           'row', (select to_json(r) from live_rooms r where r.id = $1),
           'attendance', coalesce((
             select json_agg(json_build_object(
               'id', a.id, 'user_id', a.user_id, 'joined_at', a.joined_at, 'left_at', a.left_at
             ) order by a.id)
             from live_room_attendance a
             where a.session_id = (
               select s.id from live_room_sessions s where s.room_id = $1 order by s.created_at desc limit 1
             )
           ), '[]')
         )::text",
    )
    .await
}
