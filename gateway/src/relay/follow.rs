//! From the database to the registry, and back: what is live is relayed, and what a relay says is told.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tracing::{info, warn};
use uuid::Uuid;

use super::Relays;
use super::report::{Health, Report};
use super::source::Id;
use super::store::{PATIENCE, Said, late};
use crate::error::ApiError;
use crate::listen::{News, Subscription};

/// Where the database says that what is relayed has changed.
pub const CHANNEL: &str = "streamkeeper_relays";

/// While the database does not tell what changes (it is away, or a pooler stands in between), somebody has to look.
const UNHEARD: Duration = Duration::from_millis(500);

/// Between two attempts to tell the database something.
const RETRY: Duration = Duration::from_secs(1);

/// What relays say is told of so many at a time: one whose row is locked keeps the others waiting for nothing.
const TOLD_AT_ONCE: usize = 4;

/// More streams than this at once are looked at all together, in one question.
const MANY: usize = 8;

/// What has to be looked at.
#[derive(Debug, Default)]
struct Due {
    is_heard: bool,
    all: bool,
    keys: BTreeSet<Uuid>,
}

impl Due {
    fn note(&mut self, news: &News) {
        match news {
            News::Listening => (self.is_heard, self.all) = (true, true),
            News::Away => self.is_heard = false,
            News::Said(key) => match key.parse() {
                Ok(key) => drop(self.keys.insert(key)),
                // Somebody else's notice says that there is something, but not what.
                Err(_) => self.all = true,
            },
        }
    }

    /// Takes a look, at as little as possible.
    async fn look(&mut self, relays: &Relays) -> Result<(), ApiError> {
        let keys = std::mem::take(&mut self.keys);
        if std::mem::take(&mut self.all) || keys.len() > MANY {
            return relays.look().await;
        }
        for key in keys {
            relays.look_at(key).await?;
        }
        Ok(())
    }
}

/// Relays what is live, from the start to the end of this process.
pub async fn live(relays: &Relays, mut news: Subscription) -> Infallible {
    let mut due = Due::default();
    let mut all_at = Instant::now();
    loop {
        tokio::select! {
            news = news.next() => due.note(&news),
            () = sleep_until(all_at) => due.all = true,
        }
        while let Some(news) = news.ready() {
            due.note(&news);
        }
        let is_all = due.all;
        let looked = due.look(relays).await;
        let pause = if due.is_heard && looked.is_ok() { relays.look_every } else { UNHEARD };
        // Notices about single streams do not put off the look at all of them.
        all_at = if is_all { Instant::now() + pause } else { all_at.min(Instant::now() + pause) };
        if let Err(error) = looked {
            warn!(?error, "what is live is not known: what is relayed goes on");
        }
    }
}

/// Tells the database what relays say; of each the last, and how it is again where that failed.
pub async fn reports(relays: &Relays, reports: &mut UnboundedReceiver<(Id, Report)>) -> Infallible {
    let mut due: BTreeMap<Id, Said> = BTreeMap::new();
    // What was not told in time comes after what has not been tried: some that always fail would let nobody else have a turn.
    let mut again: BTreeMap<Id, Said> = BTreeMap::new();
    loop {
        if due.is_empty() && again.is_empty() {
            match reports.recv().await {
                Some(report) => take(relays, report, &mut due),
                None => pending().await,
            }
        }
        while let Ok(report) = reports.try_recv() {
            take(relays, report, &mut due);
        }
        again.retain(|id, _| !due.contains_key(id));
        // What has not been told by then is told with what has been said since.
        let until = Instant::now() + PATIENCE;
        let all = std::mem::take(&mut due).into_iter().chain(std::mem::take(&mut again));
        let told = stream::iter(all).map(|(id, said)| async move {
            let told = timeout_at(until, relays.store.tell(id, &said)).await;
            (id, said, told.unwrap_or_else(|_| Err(late())))
        });
        let mut told = told.buffer_unordered(TOLD_AT_ONCE);
        while let Some((id, said, told)) = told.next().await {
            let Err(error) = told else { continue };
            warn!(?error, relay = %id, "the database was not told what a relay says");
            if relays.registry.has(id) && is_worth_repeating(&said) {
                again.insert(id, said);
            }
        }
        if !again.is_empty() {
            sleep(RETRY).await;
        }
    }
}

/// How a relay is stands until it says something else. That its stream is over does not: the upstream may be well again when
/// the database is back, and a relay says it once more while it is so.
fn is_worth_repeating(said: &Said) -> bool {
    matches!(said, Said::Is(_))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_could_not_be_told_ends_nothing_later() {
        assert!(!is_worth_repeating(&Said::Ended("upstream_stalled")));
        assert!(is_worth_repeating(&Said::Is(Health::Ok)));
        assert!(is_worth_repeating(&Said::Is(Health::Degraded("upstream_silent".into()))));
    }
}
