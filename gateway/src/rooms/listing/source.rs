//! The one who reads the listing, for all readers.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::Told;
use crate::auth::{Caller, Role};
use crate::database::{Database, RequestSettings};
use crate::error::ApiError;
use crate::listen::{News, Subscription};
use crate::metrics::Counters;

/// Where the database says that the listing has changed.
pub const CHANNEL: &str = "streamkeeper_listing";

/// Between two readings: changes that come sooner are told together.
const PAUSE: Duration = Duration::from_millis(200);

/// Even if nothing has changed: viewers come and go without a word, and time passes for a deadline.
const HEARD: Duration = Duration::from_secs(30);

/// While the database does not tell what changes (it is away, or a pooler stands in between), somebody has to look.
const UNHEARD: Duration = Duration::from_secs(2);

/// A database that has gone without closing its connections answers no more.
const PATIENCE: Duration = Duration::from_secs(15);

/// How many changes are remembered for their lag while the listing cannot be read.
const MAX_CHANGES: usize = 1_000;

/// How long a browser waits until it connects again.
const RETRY_MILLIS: u32 = 2_000;

/// As the `anon` that readers are: nothing that it may not see can get into the listing.
const LISTING: &str = "select coalesce(json_agg(l), '[]')::text, extract(epoch from clock_timestamp())::float8
    from public.live_room_listing() l";

/// Reads the listing and tells it.
#[derive(Debug)]
pub struct Source {
    database: Database,
    news: Subscription,
    told: watch::Sender<Told>,
    counters: Counters,
    heard: bool,
    listing: String,
}

/// What the database says of a change: when it was, by its own clock.
#[derive(Debug, Deserialize)]
struct Change {
    at: Timestamp,
}

impl Source {
    /// From this database, which says when to look.
    pub fn new(database: Database, news: Subscription, counters: Counters) -> Self {
        Self { database, news, told: watch::Sender::default(), counters, heard: false, listing: String::new() }
    }

    pub(super) fn told(&self) -> watch::Receiver<Told> {
        self.told.subscribe()
    }

    /// Reads whenever there may be something new.
    pub async fn run(mut self) -> Infallible {
        let mut changes = Vec::new();
        loop {
            match timeout(PATIENCE, self.read()).await {
                Ok(Ok((listing, now))) => {
                    self.tell(listing);
                    changes.drain(..).for_each(|at: Timestamp| self.counters.rooms.listing_lag(now - seconds(at)));
                }
                Ok(Err(error)) => self.degrade(&format!("{error:?}")),
                Err(_) => self.degrade("no answer"),
            }
            sleep(PAUSE).await;
            tokio::select! {
                news = self.news.next() => self.note(&news, &mut changes),
                () = sleep(if self.heard { HEARD } else { UNHEARD }) => {}
            }
            while let Some(news) = self.news.ready() {
                self.note(&news, &mut changes);
            }
        }
    }

    fn note(&mut self, news: &News, changes: &mut Vec<Timestamp>) {
        match news {
            News::Listening => self.heard = true,
            News::Away => self.heard = false,
            // A payload of somebody else's has no time; that something has changed is true all the same.
            News::Said(payload) if changes.len() < MAX_CHANGES => {
                changes.extend(serde_json::from_str(payload).map(|Change { at }| at).ok());
            }
            News::Said(_) => {}
        }
    }

    /// The listing, and the database's time.
    async fn read(&self) -> Result<(String, f64), ApiError> {
        let mut session = self.database.begin(Caller::of(Role::Anon), &RequestSettings::default()).await?;
        let read = sqlx::query_as(LISTING).fetch_one(session.connection()).await;
        let read = read.map_err(|error| session.error(error))?;
        session.commit().await?;
        Ok(read)
    }

    /// Nothing is told twice, unless there was reason to doubt it in between.
    fn tell(&mut self, listing: String) {
        self.told.send_if_modified(|told| {
            let is_news = told.version == 0 || told.degraded || listing != self.listing;
            if is_news {
                *told = Told { event: event(told.version + 1, &listing), version: told.version + 1, degraded: false };
            }
            is_news
        });
        self.listing = listing;
    }

    fn degrade(&self, why: &str) {
        let is_news = self.told.send_if_modified(|told| !std::mem::replace(&mut told.degraded, true));
        if is_news {
            warn!(why, "the listing cannot be read: its readers have been told");
        }
    }
}

fn event(id: u64, listing: &str) -> Bytes {
    // PostgreSQL puts a line for each row, and a line would end the data. In JSON one space is as good as another.
    let data = listing.replace(['\r', '\n'], " ");
    format!("event: listing\nid: {id}\nretry: {RETRY_MILLIS}\ndata: {data}\n\n").into()
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_one_line_of_data() {
        let event = event(7, "[{\"a\":1}, \r\n {\"a\":2}]");
        assert_eq!(event, "event: listing\nid: 7\nretry: 2000\ndata: [{\"a\":1},    {\"a\":2}]\n\n");
    }
}
