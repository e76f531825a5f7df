//! `monitor-chat`: how chat is doing, and what somebody should do about it.

mod alerts;
mod report;
mod text;

use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;

use super::session::{act_as, connect, service};
use super::{CommandError, Output};
use report::Report;

/// Looks at everything once, without changing anything. Alerts are no failure: whoever asked has been told.
pub async fn monitor_chat(database: &PgConnectOptions, json: bool) -> Result<Output, CommandError> {
    let mut connection = connect(database).await?;
    let mut transaction = connection.begin().await?;
    act_as(&mut transaction, &service()).await?;
    let mut report = Report::read(&mut transaction).await?;
    transaction.rollback().await?;
    report.alerts = alerts::of(&report);
    Ok(Output::good(if json {
        serde_json::to_string_pretty(&report).map_err(CommandError::new)? + "\n"
    } else {
        text::of(&report)
    }))
}
