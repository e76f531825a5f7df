//! What a node does for its events besides holding sockets: it tells the database of the first and the last, says that it is
//! alive, and finds out what is over.
//!
//! While the database is away the sockets stay, and what there is to tell waits.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tracing::{info, warn};
use uuid::Uuid;

use super::Events;
use super::hub::Errand;
use super::presence::Change;
use crate::listen::{News, Subscription};

/// How many errands are run at the same time: a start of a hundred events should not take all connections to the database.
const AT_ONCE: usize = 4;

/// More than end in a second; the next one finds the rest.
const SWEEP_LIMIT: i32 = 500;

/// One early heartbeat answers for all that was heard in this time.
const SOON: Duration = Duration::from_millis(100);

/// All of it.
pub async fn run(events: &Arc<Events>, heard: Subscription) -> Infallible {
    tokio::select! {
        never = errands(events) => never,
        never = heartbeats(events, heard) => never,
        never = sweeps(events) => never,
        never = pushes(events) => never,
    }
}

/// Each by itself: one that takes long, or fails, keeps no other waiting.
async fn errands(events: &Arc<Events>) -> Infallible {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    loop {
        for errand in events.hub.errands() {
            running.spawn(run_one(Arc::clone(events), Arc::clone(&places), errand));
        }
        // After an errand there may be another one about the same people.
        tokio::select! {
            () = events.hub.changed.notified() => {}
            Some(_) = running.join_next() => {}
        }
    }
}

async fn run_one(events: Arc<Events>, places: Arc<Semaphore>, errand: Errand) {
    let place = places.acquire().await;
    let told = events.kernel.tell(errand).await;
    events.counters.told(told.is_ok());
    match told {
        Ok(said) => {
            if let (Change::Gone, Some(seconds)) = (errand.change, said.ends_in_seconds) {
                // The seed's line.
                info!("Scheduled event end notification for event {} in {seconds} seconds", errand.event);
            }
            events.hub.report(errand, true);
        }
        // It is over: whoever is there has to hear of it.
        Err(error) if [StatusCode::CONFLICT, StatusCode::NOT_FOUND].contains(&error.status()) => {
            over(&events, errand.event).await;
            events.hub.refused(errand);
        }
        Err(error) => {
            warn!(?error, event = %errand.event, "the database was not told who is at an event: it will be");
            drop(place);
            sleep(events.settings.retry).await;
            events.hub.report(errand, false);
        }
    }
}

async fn heartbeats(events: &Events, mut heard: Subscription) -> Infallible {
    let mut ticks = ticks(events.settings.heartbeat);
    let mut is_soon = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => is_soon = false,
            news = heard.next() => {
                // Something has happened to an event of ours: the database says what, to a heartbeat that comes early.
                if !is_soon && concerns(events, &news) {
                    is_soon = true;
                    ticks.reset_after(SOON.min(events.settings.heartbeat));
                }
                continue;
            }
        }
        match events.kernel.heartbeat(&events.hub.counts()).await {
            Ok(said) => {
                events.counters.heartbeat(true);
                // All of the answer at once: while the database is asked about an end, the rest would grow old.
                let mut ended = Vec::new();
                for (event, now) in said.events {
                    events.hub.elsewhere(event, now.elsewhere);
                    if now.over {
                        ended.push(event);
                    } else if !now.held {
                        events.hub.forgotten(event);
                    }
                }
                for event in ended {
                    over(events, event).await;
                }
            }
            Err(error) => {
                events.counters.heartbeat(false);
                warn!(?error, "the database does not know that this node is alive");
            }
        }
    }
}

/// Whoever is on the way out has heard of it.
async fn over(events: &Events, event: Uuid) {
    if events.hub.goes_on(event) {
        events.over(event).await;
    }
}

/// Whether this is about an event that somebody on this node is at.
fn concerns(events: &Events, news: &News) -> bool {
    #[derive(Deserialize)]
    struct Signal {
        event_id: Uuid,
    }
    match news {
        News::Said(payload) => serde_json::from_str(payload).is_ok_and(|Signal { event_id }| events.hub.has(event_id)),
        News::Listening => true,
        News::Away => false,
    }
}

async fn sweeps(events: &Events) -> Infallible {
    let mut ticks = ticks(events.settings.sweep);
    loop {
        ticks.tick().await;
        match events.kernel.sweep(SWEEP_LIMIT).await {
            Ok(swept) => events.counters.swept(Some(swept.ended)),
            Err(error) => {
                events.counters.swept(None);
                warn!(?error, "the sweep of events failed");
            }
        }
    }
}

async fn pushes(events: &Events) -> Infallible {
    let mut ticks = ticks(events.settings.push);
    loop {
        ticks.tick().await;
        events.hub.push();
    }
}

/// After a machine's sleep, once is enough.
fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
