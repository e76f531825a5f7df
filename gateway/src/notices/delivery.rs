//! A notice on its way: what the database knows of it before it is sent, and after.
//!
//! Nothing is locked while a mail server takes its time. A process that dies after the server took the mail, and before it
//! could say so here, leaves the notice to be sent once more: with the same `Message-ID`, by which mailboxes tell that they
//! have it already.

use lettre::message::Mailbox;
use sqlx::types::Json;
use tracing::info;
use uuid::Uuid;

use super::letter::Ending;
use super::redacted::redacted;
use crate::auth::{Caller, Role};
use crate::database::{Database, RequestSettings, Session};
use crate::error::ApiError;

/// What one job is about.
#[derive(Debug)]
pub enum Task {
    /// It has been sent, or is not to be, or another job's letter has it in it.
    Nothing,
    /// A letter to which it came too late, perhaps, is on its way: what becomes of that has to be known first.
    Wait,
    /// This letter is to be written.
    Write(Delivery),
}

/// A letter that is to be written: of one notice, or of all those that a host wants to have together.
#[derive(Debug)]
pub struct Delivery {
    /// The notices in it; the first one's job sends it.
    notices: Vec<Uuid>,
    pub endings: Vec<Ending>,
    /// None: nobody knows where the host is reached.
    pub address: Option<String>,
    /// The same for every try.
    pub key: String,
}

/// Those that are sent together have the same host and time. Which of their jobs sends is not up to chance.
/// It looks once more when it has these locks: what was decided while it waited for them belongs to it as well.
const TOGETHER: [&str; 2] = [
    "
select o.id, o.state from public.notifications n
join public.notifications o on o.host_user_id = n.host_user_id and o.due_at = n.due_at
where n.id = $1
order by o.created_at, o.id for update of o",
    "
select o.id, o.state from public.notifications n
join public.notifications o on o.host_user_id = n.host_user_id and o.due_at = n.due_at
  and (o.id = n.id or o.state not in ('sent', 'failed', 'suppressed'))
where n.id = $1 and n.state not in ('sent', 'suppressed')
order by o.created_at, o.id",
];

const LOCKED: &str = "
select n.id, json_build_object(
    'event_id', e.id, 'title', e.title, 'host_user_id', n.host_user_id, 'ended_at', n.ended_at, 'ended_by', n.ended_by
  ), n.dedupe_key, coalesce(p.enabled, true) as wanted, streamkeeper.user_email(n.host_user_id) as address
from public.notifications n
join public.events e on e.id = n.event_id
left join public.notification_preferences p on p.user_id = n.host_user_id
where n.id = any ($1) and n.state not in ('sent', 'suppressed')
order by n.created_at, n.id for update of n";

type Row = (Uuid, Json<Ending>, String, bool, Option<String>);

/// Takes what the job of this notice has to do, and writes down that it is tried.
pub async fn take(database: &Database, notice: Uuid) -> Result<Task, ApiError> {
    let mut session = begin(database).await?;
    let mut together: Vec<(Uuid, String)> = Vec::new();
    for look in TOGETHER {
        together = sqlx::query_as(look)
            .bind(notice)
            .fetch_all(session.connection())
            .await
            .map_err(|error| session.error(error))?;
    }
    match together.first() {
        Some((first, _)) if *first == notice => {}
        Some((_, state)) if state == "sending" => return Ok(Task::Wait),
        _ => return Ok(Task::Nothing),
    }
    let together: Vec<Uuid> = together.into_iter().map(|(id, _)| id).collect();
    let rows: Vec<Row> = sqlx::query_as(LOCKED)
        .bind(&together)
        .fetch_all(session.connection())
        .await
        .map_err(|error| session.error(error))?;
    let Some((_, _, dedupe_key, wanted, address)) = rows.first().cloned() else {
        return Ok(Task::Nothing);
    };
    let notices: Vec<Uuid> = rows.iter().map(|row| row.0).collect();
    if !wanted {
        let call =
            "update public.notifications set state = 'suppressed', last_error = 'the host has switched notices off'
                    where id = any ($1)";
        execute(&mut session, sqlx::query(call).bind(&notices)).await?;
        session.commit().await?;
        return Ok(Task::Nothing);
    }
    let call = "update public.notifications set state = 'sending', attempts = attempts + 1 where id = any ($1)";
    execute(&mut session, sqlx::query(call).bind(&notices)).await?;
    session.commit().await?;
    // A colon would be no part of a Message-ID.
    let key = dedupe_key.replace(':', "-");
    let key = if together.len() > 1 { format!("{key}-and-{}", together.len() - 1) } else { key };
    let endings = rows.into_iter().map(|row| row.1.0).collect();
    Ok(Task::Write(Delivery { notices, endings, address, key }))
}

impl Delivery {
    /// Where it goes.
    pub fn mailbox(&self) -> Result<Mailbox, &'static str> {
        let address = self.address.as_deref().ok_or("nobody knows the host's address")?;
        address.parse().map(|address| Mailbox::new(None, address)).map_err(|_| "the host's address is none")
    }

    /// The events, for the log.
    pub fn events(&self) -> String {
        self.endings.iter().map(|ending| ending.event_id.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// It is about to be handed over, with this subject.
    pub async fn sending(&self, database: &Database, subject: &str) -> Result<(), ApiError> {
        let call = "
            insert into public.emails (notification_id, recipient, subject, message_id, state, attempts)
            values ($1, $2, $3, $4, 'sending', 1)
            on conflict (message_id) do update set
              recipient = excluded.recipient, state = 'sending', attempts = emails.attempts + 1";
        let mut session = begin(database).await?;
        let address = self.address.as_deref().unwrap_or_default();
        let call = sqlx::query(call).bind(self.notices.first()).bind(address).bind(subject).bind(&self.key);
        execute(&mut session, call).await?;
        session.commit().await?;
        // The seed's line.
        info!("Event end notification scheduled for host {} for event {}", redacted(address), self.events());
        Ok(())
    }

    /// Somebody else takes care of it now.
    pub async fn sent(&self, database: &Database) -> Result<(), ApiError> {
        self.settle(database, "sent", None).await
    }

    /// It did not work. `for_good`: it is not tried again.
    pub async fn failed(&self, database: &Database, error: &str, for_good: bool) -> Result<(), ApiError> {
        self.settle(database, if for_good { "failed" } else { "queued" }, Some(error)).await
    }

    async fn settle(&self, database: &Database, state: &str, error: Option<&str>) -> Result<(), ApiError> {
        let error = error.map(|error| error.chars().take(1000).collect::<String>());
        let mut session = begin(database).await?;
        for call in [
            "update public.notifications set state = $2, last_error = $3,
               sent_at = case $2 when 'sent' then clock_timestamp() end where id = any ($1)",
            "update public.emails set state = $2, last_error = $3,
               sent_at = case $2 when 'sent' then clock_timestamp() end where notification_id = any ($1)",
        ] {
            execute(&mut session, sqlx::query(call).bind(&self.notices).bind(state).bind(&error)).await?;
        }
        session.commit().await
    }
}

async fn begin(database: &Database) -> Result<Session, ApiError> {
    database.begin(Caller::of(Role::Service), &RequestSettings::default()).await
}

async fn execute(
    session: &mut Session,
    query: sqlx::query::Query<'_, sqlx::Postgres, sqlx::postgres::PgArguments>,
) -> Result<(), ApiError> {
    query.execute(session.connection()).await.map(drop).map_err(|error| session.error(error))
}
