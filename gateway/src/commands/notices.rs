//! `notices`: what waits to be sent to hosts, what could not be, and how it has gone for a day.

use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;

use super::session::{act_as, connect, service};
use super::{CommandError, Output};

/// By state: how many, how many of them are late, and what was said last of one that failed.
const STATES: &str = "
select n.state, count(*),
  count(*) filter (where n.state in ('queued', 'sending', 'batched') and n.due_at < now() - interval '1 minute'),
  (array_agg(n.last_error order by n.created_at desc) filter (where n.state <> 'suppressed' and n.last_error is not null))[1]
from public.notifications n
where n.state in ('queued', 'sending', 'batched', 'failed') or n.created_at > now() - interval '1 day'
group by n.state order by n.state";

/// Prints one line for each state. Not good: something failed for good, or is late by more than a minute.
pub async fn notices(database: &PgConnectOptions) -> Result<Output, CommandError> {
    let mut connection = connect(database).await?;
    let mut transaction = connection.begin().await?;
    act_as(&mut transaction, &service()).await?;
    let states: Vec<(String, i64, i64, Option<String>)> = sqlx::query_as(STATES).fetch_all(&mut *transaction).await?;
    let lines = states.iter().map(|(state, count, late, error)| {
        let late = if *late > 0 { format!(", {late} late") } else { String::new() };
        let error = error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
        format!("{state:<10} {count}{late}{error}\n")
    });
    let text = if states.is_empty() { "no notices\n".to_owned() } else { lines.collect() };
    let success = states.iter().all(|(state, _, late, _)| state != "failed" && *late == 0);
    Ok(Output { text, success })
}
