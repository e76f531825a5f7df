//! The clean-up: ends what nobody holds any more, and what nobody has been seen at for a day.
//!
//! Any number of gateways may do this, and cron as well: in the database one at a time is the sweeper.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::auth::{Caller, Role};
use crate::database::{Database, RequestSettings};
use crate::error::ApiError;
use crate::metrics::Counters;

/// Often enough for the sweeper to count as alive, which takes a run every 40 s: one may be late, or fail.
pub const INTERVAL: Duration = Duration::from_secs(15);

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Swept {
    /// False: another sweeper was at it.
    pub ran: bool,
    /// Streams whose last holder had lapsed.
    pub ended: i32,
    /// Streams that would have been ended, had there been no outage.
    pub held_back: i32,
    /// Streams that nobody ever held.
    pub inactive: i32,
}

/// Cleans up, now and whenever an interval has passed. What fails is tried again the next time.
pub async fn run(database: &Database, counters: &Counters, every: Duration) -> Infallible {
    let mut ticks = interval(every);
    // After a long run, or a laptop's sleep, once is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match sweep(database).await {
            Ok(swept) => {
                counters.swept(swept);
                let Swept { ended, held_back, inactive, .. } = swept;
                if (ended, held_back, inactive) != (0, 0, 0) {
                    info!(ended, held_back, inactive, "swept");
                }
            }
            Err(error) => {
                counters.sweep_failed();
                warn!(?error, "the sweep failed");
            }
        }
    }
}

/// Cleans up once.
pub(crate) async fn sweep(database: &Database) -> Result<Swept, ApiError> {
    let mut session = database.begin(Caller::of(Role::Service), &RequestSettings::default()).await?;
    let swept: Result<Swept, _> = sqlx::query_as(
        "select (s.swept ->> 'ran')::boolean as ran, (s.swept ->> 'ended')::int as ended,
           (s.swept ->> 'held_back')::int as held_back,
           public.auto_end_inactive_streams() as inactive
         from (select public.sweep() as swept offset 0) s",
    )
    .fetch_one(session.connection())
    .await;
    let swept = swept.map_err(|error| session.error(error))?;
    session.commit().await?;
    Ok(swept)
}
