//! From the database to the registry, and back: what is live is relayed, and what a relay says is told.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{info, warn};
use uuid::Uuid;

use super::Relays;
use super::report::{Health, Report};
use super::source::Id;
use super::store::Said;
use crate::listen::{News, Subscription};

/// Where the database says that what is relayed has changed.
pub const CHANNEL: &str = "streamkeeper_relays";

/// Even if nothing was heard: a notice may get lost.
const HEARD: Duration = Duration::from_secs(30);

/// While the database does not tell what changes (it is away, or a pooler stands in between), somebody has to look.
const UNHEARD: Duration = Duration::from_millis(500);

/// Between two attempts to tell the database something.
const RETRY: Duration = Duration::from_secs(1);

/// Relays what is live, from the start to the end of this process.
pub async fn live(relays: &Relays, mut news: Subscription) -> Infallible {
    let mut is_heard = false;
    let mut look_at = Instant::now();
    loop {
        tokio::select! {
            news = news.next() => match news {
                News::Listening => {
                    is_heard = true;
                    look_at = Instant::now();
                }
                News::Away => {
                    is_heard = false;
                    look_at = look_at.min(Instant::now() + UNHEARD);
                }
                News::Said(key) => {
                    // Somebody else's notice says that there is something, but not what.
                    let Ok(key) = key.parse::<Uuid>() else { look_at = Instant::now(); continue };
                    if let Err(error) = relays.look_at(key).await {
                        warn!(?error, %key, "a stream's relays are not known: all will be looked at");
                        look_at = look_at.min(Instant::now() + UNHEARD);
                    }
                }
            },
            () = sleep_until(look_at) => {
                let looked = relays.look().await;
                look_at = Instant::now() + if is_heard && looked.is_ok() { HEARD } else { UNHEARD };
                if let Err(error) = looked {
                    warn!(?error, "what is live is not known: what is relayed goes on");
                }
            }
        }
    }
}

/// Tells the database what relays say; of each the last, and again where that failed.
pub async fn reports(relays: &Relays, reports: &mut UnboundedReceiver<(Id, Report)>) -> Infallible {
    let mut due: BTreeMap<Id, Said> = BTreeMap::new();
    loop {
        if due.is_empty() {
            match reports.recv().await {
                Some(report) => take(relays, report, &mut due),
                None => pending().await,
            }
        }
        while let Ok(report) = reports.try_recv() {
            take(relays, report, &mut due);
        }
        for (id, said) in std::mem::take(&mut due) {
            if let Err(error) = relays.store.tell(id, &said).await {
                warn!(?error, relay = %id, "the database was not told how a relay is: it will be");
                if relays.registry.has(id) {
                    due.entry(id).or_insert(said);
                }
            }
        }
        if !due.is_empty() {
            sleep(RETRY).await;
        }
    }
}

fn take(relays: &Relays, (id, report): (Id, Report), due: &mut BTreeMap<Id, Said>) {
    let health = match report {
        Report::Connected | Report::Recovered => Health::Ok,
        Report::Degraded(why) => Health::Degraded(why),
        Report::Ended(cause) if relays.registry.has(id) => {
            warn!(relay = %id, why = cause.as_str(), "a stream does not advance: it is over");
            due.insert(id, Said::Ended(cause.as_str()));
            return;
        }
        Report::Ended(_) => return,
    };
    if relays.registry.note(id, &health) && !matches!(due.get(&id), Some(Said::Ended(_))) {
        match &health {
            Health::Ok => info!(relay = %id, "a relay has its stream"),
            Health::Degraded(why) => warn!(relay = %id, %why, "a relay does not have its stream"),
        }
        due.insert(id, Said::Is(health));
    }
}
