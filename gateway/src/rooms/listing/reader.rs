//! One reader: what it is told, and when.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Told;
use super::seats::Seat;
use crate::metrics::Reading;
use crate::stopping::Stopping;

const DEGRADED: &[u8] = b"event: degraded\ndata: {}\n\n";

/// An event and no comment: a browser keeps comments to itself, and a page could not tell a silent feed from a dead one.
const STILL_HERE: &[u8] = b"event: alive\ndata:\n\n";

/// A connection that reads.
#[derive(Debug)]
pub struct Reader {
    told: watch::Receiver<Told>,
    known: Known,
    stopping: Stopping,
    keep_alive: Interval,
    // Given back when the connection is gone.
    _seat: (Seat, Reading),
}

/// What this reader knows already.
#[derive(Debug, Default)]
struct Known {
    version: u64,
    degraded: bool,
}

impl Known {
    /// What it does not know yet. Which comes first does not matter to it: only what is true now is told.
    fn catch_up(&mut self, told: &Told) -> Option<Bytes> {
        if told.version > self.version {
            *self = Self { version: told.version, degraded: false };
            return Some(told.event.clone());
        }
        if told.degraded && !self.degraded {
            self.degraded = true;
            return Some(Bytes::from_static(DEGRADED));
        }
        None
    }
}

impl Reader {
    pub(super) fn new(
        told: watch::Receiver<Told>,
        stopping: Stopping,
        keep_alive: Duration,
        seat: (Seat, Reading),
    ) -> Self {
        let mut keep_alive = interval(keep_alive);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { told, known: Known::default(), stopping, keep_alive, _seat: seat }
    }

    /// All that it is sent. What it is too slow for is left out: there is no queue, only the newest.
    pub fn events(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        unfold(self, |mut reader| async { reader.next().await.map(|event| (Ok(event), reader)) })
    }

    /// None: this process stops, or reads the listing no more.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let news = self.known.catch_up(&self.told.borrow_and_update());
            if news.is_some() {
                return news;
            }
            tokio::select! {
                () = self.stopping.wait() => return None,
                changed = self.told.changed() => changed.ok()?,
                _ = self.keep_alive.tick() => return Some(Bytes::from_static(STILL_HERE)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(version: u64, degraded: bool) -> Told {
        Told { event: format!("{version}").into(), version, degraded }
    }

    /// What a reader is sent when it looks after each of these.
    fn sent(moments: &[Told]) -> Vec<String> {
        let mut known = Known::default();
        let mut all = Vec::new();
        for moment in moments {
            while let Some(event) = known.catch_up(moment) {
                all.push(String::from_utf8_lossy(&event).lines().next().unwrap_or_default().to_owned());
            }
        }
        all
    }

    #[test]
    fn every_listing_once_and_only_the_newest() {
        assert_eq!(sent(&[told(0, false), told(1, false), told(1, false), told(4, false)]), ["1", "4"]);
    }

    #[test]
    fn degraded_is_said_once_until_there_is_a_listing_again() {
        let away = "event: degraded";
        assert_eq!(sent(&[told(1, false), told(1, true), told(1, true), told(2, false)]), ["1", away, "2"]);
        assert_eq!(sent(&[told(0, true), told(0, true), told(1, false), told(1, true)]), [away, "1", away]);
        // Who comes while the database is away is told what was known last, and that.
        assert_eq!(sent(&[told(3, true)]), ["3", away]);
    }
}
