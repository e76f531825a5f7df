//! What this process counts about live rooms.

use std::borrow::Cow;
use std::fmt;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::counters::{Labelled, add};
use crate::rooms::upkeep::{CLEAN_UP, SWEEP};

/// From a quick database to one that nobody hears any more and that is looked at every other second.
const LAGS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// The numbers. Clones count together.
#[derive(Clone)]
pub struct Rooms {
    conflicts: Counter,
    listing_lag: Histogram,
    listing_readers: Gauge,
    listing_refusals: Labelled<1>,
    upkeep: Labelled<2>,
}

/// One reader of the listing, for as long as this is there.
#[derive(Debug)]
pub struct Reading(Gauge);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rooms").finish_non_exhaustive()
    }
}

impl Default for Rooms {
    fn default() -> Self {
        let rooms = Self {
            conflicts: Counter::default(),
            listing_lag: Histogram::new(LAGS),
            listing_readers: Gauge::default(),
            listing_refusals: Labelled::default(),
            upkeep: Labelled::default(),
        };
        for why in ["address", "all"] {
            add(0, &rooms.listing_refusals, [("why", why.into())]);
        }
        for job in [SWEEP, CLEAN_UP] {
            for outcome in ["ran", "failed"] {
                add(0, &rooms.upkeep, [("job", job.into()), ("outcome", outcome.into())]);
            }
        }
        rooms
    }
}

impl Rooms {
    /// Somebody wanted to go live where somebody is.
    pub(super) fn conflict(&self) {
        self.conflicts.inc();
    }

    /// From a change to the moment when readers were told of it.
    pub fn listing_lag(&self, seconds: f64) {
        self.listing_lag.observe(seconds.max(0.0));
    }

    /// Somebody reads the listing.
    pub fn listing_reader(&self) -> Reading {
        self.listing_readers.inc();
        Reading(self.listing_readers.clone())
    }

    /// Somebody was not let read the listing, because of the limit for one `address` or for `all`.
    pub fn listing_refused(&self, why: &'static str) {
        add(1, &self.listing_refusals, [("why", Cow::Borrowed(why))]);
    }

    /// A job has been done, or not.
    pub fn upkeep(&self, job: &'static str, done: bool) {
        let outcome = if done { "ran" } else { "failed" };
        add(1, &self.upkeep, [("job", job.into()), ("outcome", outcome.into())]);
    }

    /// Puts all of them on a page.
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Attempts to go live that this gateway has answered with 409, because the room is live already";
        registry.register("room_conflicts", help, self.conflicts.clone());
        let help = "From a change of the listing in the database to its readers at this gateway";
        registry.register("listing_lag_seconds", help, self.listing_lag.clone());
        let help = "Connections to this gateway that read the listing now";
        registry.register("listing_readers", help, self.listing_readers.clone());
        let help = "Readers of the listing that this gateway did not take, by the limit that was reached";
        registry.register("listing_refusals", help, self.listing_refusals.clone());
        let help = "Runs of what rooms need from time to time";
        registry.register("room_upkeep", help, self.upkeep.clone());
    }
}
