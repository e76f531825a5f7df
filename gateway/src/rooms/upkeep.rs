//! What rooms need from time to time: whoever is not heard of any more has left, and what is stuck is put right.
//!
//! Any number of gateways may do this, and cron as well: in the database nobody waits for anybody, and nothing is done twice.

use std::convert::Infallible;
use std::time::Duration;

use serde::Deserialize;
use sqlx::types::Json;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::auth::{Caller, Role};
use crate::database::{Database, RequestSettings};
use crate::error::ApiError;
use crate::metrics::Counters;

/// Going live and ending put a room right by themselves. This is for those that nobody comes back to.
pub const CLEAN_UP_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Who is not heard of any more has left.
pub const SWEEP: &str = "sweep_attendance";
/// What is stuck is put right.
pub const CLEAN_UP: &str = "cleanup_stuck_rooms";

/// What was put right.
#[derive(Debug, Deserialize, PartialEq, Eq)]
struct CleanedUp {
    sessions_ended: u64,
    rooms_reset: u64,
    streams_synced: u64,
}

/// Does both, now and whenever an interval has passed. What fails is tried again the next time.
pub async fn run(database: &Database, counters: &Counters, sweep: Duration, clean_up: Duration) -> Infallible {
    let (mut sweeps, mut clean_ups) = (ticks(sweep), ticks(clean_up));
    loop {
        let (job, result) = tokio::select! {
            _ = sweeps.tick() => (SWEEP, sweep_attendance(database).await),
            _ = clean_ups.tick() => (CLEAN_UP, clean_up_rooms(database).await),
        };
        counters.rooms.upkeep(job, result.is_ok());
        if let Err(error) = result {
            warn!(job, ?error, "the upkeep of rooms failed");
        }
    }
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn sweep_attendance(database: &Database) -> Result<(), ApiError> {
    let left: i32 = ask(database, "select public.sweep_attendance()").await?;
    if left > 0 {
        info!(left, "whoever was not heard of any more has left");
    }
    Ok(())
}

async fn clean_up_rooms(database: &Database) -> Result<(), ApiError> {
    let Json(done): Json<CleanedUp> = ask(database, "select public.cleanup_stuck_rooms()").await?;
    if done != (CleanedUp { sessions_ended: 0, rooms_reset: 0, streams_synced: 0 }) {
        let CleanedUp { sessions_ended, rooms_reset, streams_synced } = done;
        info!(sessions_ended, rooms_reset, streams_synced, "stuck rooms were put right");
    }
    Ok(())
}

/// In a transaction of its own.
async fn ask<T>(database: &Database, question: &'static str) -> Result<T, ApiError>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    let mut session = database.begin(Caller::of(Role::Service), &RequestSettings::default()).await?;
    let answer = sqlx::query_scalar(question).fetch_one(session.connection()).await;
    let answer = answer.map_err(|error| session.error(error))?;
    session.commit().await?;
    Ok(answer)
}
