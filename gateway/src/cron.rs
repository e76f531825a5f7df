//! What is done once a day: at 02:00 UTC the chats are closed whose appointments have been over for long enough.
//!
//! Any number of gateways may do this, and cron as well: what is closed is not closed again.

use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::auth::{Caller, Role};
use crate::database::{Database, RequestSettings};
use crate::error::ApiError;
use crate::metrics::Counters;

/// How often the clock is looked at. A timer of hours would not notice that the machine slept, or that its clock was set.
pub const INTERVAL: Duration = Duration::from_secs(60);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const HOUR_OF_RUN: Duration = Duration::from_secs(2 * 60 * 60);

/// When the next run is due. At the start it is: the last one may have been missed.
#[derive(Debug, Default)]
struct Schedule {
    due: Option<SystemTime>,
}

impl Schedule {
    fn is_due(&mut self, now: SystemTime) -> bool {
        // A clock that was set back must not put the next run off by as much.
        self.due = self.due.map(|due| due.min(next_run(now)));
        self.due.is_none_or(|due| due <= now)
    }

    fn done(&mut self, now: SystemTime) {
        self.due = Some(next_run(now));
    }
}

/// The first 02:00 UTC after this moment.
fn next_run(now: SystemTime) -> SystemTime {
    // A clock before 1970 has never been set.
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (day, run) = (DAY.as_secs(), HOUR_OF_RUN.as_secs());
    let midnight = now - now % day;
    let today = midnight + run;
    UNIX_EPOCH + Duration::from_secs(if now < today { today } else { today + day })
}

/// Runs now and every day. What fails is tried again when the clock is looked at the next time.
pub async fn run(database: &Database, counters: &Counters, every: Duration) -> Infallible {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut schedule = Schedule::default();
    loop {
        ticks.tick().await;
        let now = SystemTime::now();
        if !schedule.is_due(now) {
            continue;
        }
        let result = close_expired_chats(database).await;
        counters.cron_run(result.is_ok());
        match result {
            Ok(closed) => {
                schedule.done(now);
                info!(closed, "closed the expired chats");
            }
            Err(error) => warn!(?error, "closing the expired chats failed"),
        }
    }
}

async fn close_expired_chats(database: &Database) -> Result<i32, ApiError> {
    let mut session = database.begin(Caller::of(Role::Service), &RequestSettings::default()).await?;
    let closed = sqlx::query_scalar("select public.close_expired_chats()").fetch_one(session.connection()).await;
    let closed = closed.map_err(|error| session.error(error))?;
    session.commit().await?;
    Ok(closed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This long after the midnight of some day.
    fn at(hour: u64, minute: u64, second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(20_000 * 86_400 + hour * 3600 + minute * 60 + second)
    }

    #[test]
    fn the_next_run_is_the_next_two_o_clock() {
        assert_eq!(next_run(at(0, 0, 0)), at(2, 0, 0));
        assert_eq!(next_run(at(1, 59, 59)), at(2, 0, 0));
        assert_eq!(next_run(at(1, 59, 59) + Duration::from_millis(999)), at(2, 0, 0));
        assert_eq!(next_run(at(2, 0, 0)), at(26, 0, 0));
        assert_eq!(next_run(at(23, 59, 59)), at(26, 0, 0));
        assert_eq!(next_run(UNIX_EPOCH - DAY), UNIX_EPOCH + HOUR_OF_RUN);
    }

    #[test]
    fn due_at_the_start_until_it_is_done_and_then_once_a_day() {
        let mut schedule = Schedule::default();
        assert!(schedule.is_due(at(1, 0, 0)) && schedule.is_due(at(1, 1, 0)));
        schedule.done(at(1, 1, 0));
        assert!(!schedule.is_due(at(1, 59, 59)));
        assert!(schedule.is_due(at(2, 0, 0)) && schedule.is_due(at(2, 1, 0)));
        schedule.done(at(2, 1, 0));
        assert!(!schedule.is_due(at(25, 59, 59)));
        // The machine slept for a few days.
        assert!(schedule.is_due(at(100, 0, 0)));
    }

    #[test]
    fn a_clock_that_was_set_back_skips_no_day() {
        let mut schedule = Schedule::default();
        schedule.done(at(100_000, 0, 0));
        assert!(!schedule.is_due(at(1, 0, 0)));
        assert!(schedule.is_due(at(2, 0, 0)));
    }
}
