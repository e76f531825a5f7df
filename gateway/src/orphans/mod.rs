//! Tells an operator of orphans: streams that are still live although they should have been ended.
//!
//! Any number of gateways may do this: the database gives what there is to tell to one of them, which sends it or gives it back.

mod letter;

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use lettre::message::Mailbox;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::auth::{Caller, Role};
use crate::database::{Database, RequestSettings, Session};
use crate::error::ApiError;
use crate::mail::Mailer;
use crate::metrics::Counters;
use letter::Report;

/// An orphan has been one for a minute when it is found; one more does not matter.
pub const INTERVAL: Duration = Duration::from_secs(60);

/// Whom to tell, and how.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The operator's address.
    pub address: Mailbox,
    /// What takes the mail there.
    pub mailer: Mailer,
}

/// Looks for something to tell, now and whenever an interval has passed. What could not be sent is tried again the next time.
pub async fn run(database: &Database, operator: Option<&Operator>, counters: &Counters, every: Duration) -> Infallible {
    let Some(operator) = operator else { return pending().await };
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = tell(database, operator, counters).await {
            warn!(?error, "the database was not asked for orphans, or not told that the operator knows");
        }
    }
}

async fn tell(database: &Database, operator: &Operator, counters: &Counters) -> Result<(), ApiError> {
    let Some(report) = claim(database).await? else { return Ok(()) };
    let sent = operator.mailer.send(&letter::about(&report, &operator.address)).await;
    // First of all: whoever stops us now must not keep the others from trying.
    let settled = settle(database, sent.is_ok()).await;
    counters.mail(sent.is_ok());
    match &sent {
        Ok(()) => info!(orphans = report.total, new = report.new, "told the operator of orphaned streams"),
        Err(error) => warn!(orphans = report.total, %error, "the operator could not be told of orphaned streams"),
    }
    settled
}

/// What there is to tell, if it is ours to tell it.
async fn claim(database: &Database) -> Result<Option<Report>, ApiError> {
    let mut session = begin(database).await?;
    let claimed = sqlx::query_scalar("select streamkeeper.claim_operator_mail()").fetch_one(session.connection()).await;
    let claimed: Option<sqlx::types::Json<Report>> = claimed.map_err(|error| session.error(error))?;
    session.commit().await?;
    Ok(claimed.map(|report| report.0))
}

async fn settle(database: &Database, sent: bool) -> Result<(), ApiError> {
    let mut session = begin(database).await?;
    let query = sqlx::query("select streamkeeper.settle_operator_mail($1)").bind(sent);
    let settled = query.execute(session.connection()).await;
    settled.map_err(|error| session.error(error))?;
    session.commit().await
}

async fn begin(database: &Database) -> Result<Session, ApiError> {
    database.begin(Caller::of(Role::Service), &RequestSettings::default()).await
}
