//! Is all of it in step? What the database says is live, what the registry means to relay, and what the ledger knows to run
//! are compared; what is found is what was there twice, a second apart, because the three are never asked at one instant.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{info, warn};

use super::Relays;
use super::comparison::{Look, Suspects, SyncReport};
use crate::error::ApiError;

/// How long what is under way has to come to its end before it counts.
const ALLOWANCE: Duration = Duration::from_secs(1);

/// How often a gateway checks itself.
const INTERVAL: Duration = Duration::from_secs(15);

/// Checks. Where nothing is suspected, that is the answer at once.
pub async fn check(relays: &Relays) -> Result<SyncReport, ApiError> {
    let (look, suspects) = twice(relays).await?;
    Ok(look.report(suspects.by_key()))
}

/// The same, and closes what is orphaned and begins what is missing, be it for the second time.
pub async fn repair(relays: &Relays) -> Result<SyncReport, ApiError> {
    let (_, before) = twice(relays).await?;
    if before != Suspects::default() {
        relays.look().await?;
        relays.registry.abort(before.orphaned_sessions());
        relays.registry.renew(before.missing_sessions());
    }
    let (look, after) = twice(relays).await?;
    let repaired = before.without(&after).by_key();
    info!(?repaired, "what was out of step has been repaired");
    Ok(SyncReport { repaired: Some(repaired), ..look.report(after.by_key()) })
}

/// Checks all the while, for operators' monitoring.
pub async fn run(relays: &Relays) -> Infallible {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let report = check(relays).await;
        relays.counters.checked(report.is_ok());
        match report {
            Ok(SyncReport { discrepancies, .. }) => {
                relays.counters.discrepancies(&discrepancies.what);
                if discrepancies.has_issues {
                    warn!(found = ?discrepancies.what, "relays are out of step");
                }
            }
            Err(error) => warn!(?error, "whether relays are in step is not known"),
        }
    }
}

async fn twice(relays: &Relays) -> Result<(Look, Suspects), ApiError> {
    let first = look(relays).await?;
    let before = first.suspects();
    if before == Suspects::default() {
        return Ok((first, before));
    }
    sleep(ALLOWANCE).await;
    let second = look(relays).await?;
    let suspects = second.suspects().still(&before);
    Ok((second, suspects))
}

async fn look(relays: &Relays) -> Result<Look, ApiError> {
    let live = relays.live(None).await?;
    let database = live.into_iter().map(|listed| listed.live.source.id).collect();
    Ok(Look { database, registry: relays.registry.ids(), running: relays.counters.ledger.snapshot() })
}
