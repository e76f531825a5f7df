//! Events: a look at one, at what its host was told, and the host's mailbox.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use tower_http::services::ServeDir;

use super::{DemoState, Text, json_text, look, parse};
use crate::auth::{Caller, Role};
use crate::database::RequestSettings;
use crate::error::ApiError;

/// Nobody in the demo has given an address. A part of one has 64 bytes at most.
const GIVE_ADDRESS: &str = "insert into app_users (user_id, email)
    values ($1, left(lower(regexp_replace($1, '[^A-Za-z0-9]+', '-', 'g')), 64) || '@example.org')
    on conflict (user_id) do update set email = coalesce(nullif(app_users.email, ''), excluded.email)
    returning json_build_object('address', email)::text";

/// `POST /demo/mailboxes`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MailboxRequest {
    user_id: String,
}

/// Sees to it that somebody can be reached by mail, and says where.
pub async fn mailbox(State(demo): State<Arc<DemoState>>, body: Bytes) -> Result<Text, ApiError> {
    let MailboxRequest { user_id } = parse(&body)?;
    let mut session = demo.database.begin(Caller::of(Role::Service), &RequestSettings::default()).await?;
    let given: Result<String, _> = sqlx::query_scalar(GIVE_ADDRESS).bind(user_id).fetch_one(session.connection()).await;
    let given = given.map_err(|error| session.error(error))?;
    session.commit().await?;
    Ok(json_text(given))
}

/// The mails that were written, each as it would have been sent, by the name of its `Message-ID`.
pub fn mails<S: Clone + Send + Sync + 'static>(routes: Router<S>, directory: Option<PathBuf>) -> Router<S> {
    match directory {
        Some(directory) => routes.nest_service("/demo/mails", ServeDir::new(directory)),
        None => routes,
    }
}

/// One event as the database has it, how many are there, and what its host was told of each of its ends.
pub async fn event(demo: State<Arc<DemoState>>, id: Path<String>) -> Result<Text, ApiError> {
    look(
        demo,
        id,
        "select json_build_object(
           'row', (select to_json(e) from events e where e.id = $1),
           'count', (select event_viewers(e.id) from events e where e.id = $1),
           'notices', coalesce((
             select json_agg(json_build_object(
               'generation', n.generation, 'ended_by', n.ended_by, 'state', n.state, 'attempts', n.attempts,
               'last_error', n.last_error, 'due_at', n.due_at, 'sent_at', n.sent_at,
               'recipient', m.recipient, 'message_id', m.message_id
             ) order by n.generation desc)
             from notifications n left join emails m on m.notification_id = n.id
             where n.event_id = $1
           ), '[]')
         )::text",
    )
    .await
}
