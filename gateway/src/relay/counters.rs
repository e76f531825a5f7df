//! What this node counts of relays.

use std::fmt;

use axum::http::StatusCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::comparison::Discrepancies;
use super::ledger::{Ledger, Running};
use super::source::Kind;
use super::ts;
use super::upstream::UpstreamError;
use crate::error::ApiError;

type Labelled<M> = Family<[(&'static str, &'static str); 1], M>;

/// One number of what runs.
type Tell = fn(&Running) -> usize;

/// Why a client was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The relay has all the clients that one may have.
    Full,
    /// This address has.
    Address,
    /// This address asks too often: for playback URLs, or for what is live.
    Often,
    /// The ticket of the playback URL is none of ours, or there is none.
    Forged,
    /// It is for another stream, or for another way of relaying it.
    Other,
    /// It is for a predecessor of this relay.
    Outdated,
    /// It is too old.
    Expired,
    /// No HLS session goes by this name, or none any more.
    Session,
    /// The session is being given as much at once as one may have.
    Busy,
    /// Nothing goes by this name, or nothing any more.
    Resource,
    /// The stream is over.
    Over,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Full,
        Self::Address,
        Self::Often,
        Self::Forged,
        Self::Other,
        Self::Outdated,
        Self::Expired,
        Self::Session,
        Self::Busy,
        Self::Resource,
        Self::Over,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Address => "address",
            Self::Often => "often",
            Self::Forged => "ticket_forged",
            Self::Other => "ticket_of_another",
            Self::Outdated => "ticket_outdated",
            Self::Expired => "ticket_expired",
            Self::Session => "session",
            Self::Busy => "busy",
            Self::Resource => "resource",
            Self::Over => "over",
        }
    }

    /// What the client is told.
    fn error(self) -> ApiError {
        let (status, code, message) = match self {
            Self::Full => (StatusCode::SERVICE_UNAVAILABLE, "53300", "Too many clients of this stream here"),
            Self::Address => (StatusCode::TOO_MANY_REQUESTS, "53300", "Too many clients of streams at this address"),
            Self::Often => (StatusCode::TOO_MANY_REQUESTS, "53300", "This address asks too often"),
            Self::Forged => (StatusCode::FORBIDDEN, "RELAY403", "The ticket of this playback URL is missing or wrong"),
            Self::Other => (StatusCode::FORBIDDEN, "RELAY403", "The ticket of this playback URL is for another stream"),
            Self::Outdated => {
                (StatusCode::FORBIDDEN, "RELAY403", "The stream has another upstream now: ask for a new URL")
            }
            Self::Expired => (StatusCode::FORBIDDEN, "RELAY403", "This playback URL has expired: ask for a new one"),
            Self::Session => (StatusCode::FORBIDDEN, "RELAY403", "This session is over: ask for a new playback URL"),
            Self::Busy => (StatusCode::TOO_MANY_REQUESTS, "53300", "Too many requests of this session at once"),
            Self::Resource => {
                (StatusCode::FORBIDDEN, "RELAY403", "This session knows nothing of that: ask for a new playback URL")
            }
            Self::Over => (StatusCode::GONE, "RELAY410", "This stream is over, or is not relayed any more"),
        };
        ApiError::new(status, code, message)
    }
}

/// Clones count together.
#[derive(Clone)]
pub struct Counters {
    /// What really runs.
    pub ledger: Ledger,
    relays: Family<[(&'static str, &'static str); 2], Gauge>,
    refused: Labelled<Counter>,
    issued: Labelled<Counter>,
    failed: Labelled<Counter>,
    stops_failed: Labelled<Counter>,
    discrepancies: Labelled<Gauge>,
    checks: Labelled<Counter>,
    upstream_failures: Family<[(&'static str, &'static str); 2], Counter>,
    /// What is about transport streams.
    pub ts: ts::counters::Counters,
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").finish_non_exhaustive()
    }
}

impl Default for Counters {
    /// What may happen is there from the start: monitoring has to see the first time as a step from 0 to 1.
    fn default() -> Self {
        let counters = Self {
            ledger: Ledger::default(),
            relays: Family::default(),
            refused: Family::default(),
            issued: Family::default(),
            failed: Family::default(),
            stops_failed: Family::default(),
            discrepancies: Family::default(),
            checks: Family::default(),
            upstream_failures: Family::default(),
            ts: ts::counters::Counters::default(),
        };
        for why in Refusal::ALL {
            counters.refused.get_or_create(&[("why", why.name())]).inc_by(0);
        }
        for kind in Kind::ALL {
            for family in [&counters.issued, &counters.failed, &counters.stops_failed] {
                family.get_or_create(&of(kind)).inc_by(0);
            }
            counters.relays(kind, false, 0);
            counters.relays(kind, true, 0);
            for cause in UpstreamError::CAUSES {
                counters.upstream_failures.get_or_create(&[("kind", kind.as_str()), ("cause", cause)]).inc_by(0);
            }
        }
        counters.discrepancies(&Discrepancies::default());
        for outcome in ["done", "failed"] {
            counters.checks.get_or_create(&[("outcome", outcome)]).inc_by(0);
        }
        counters
    }
}

fn of(kind: Kind) -> [(&'static str, &'static str); 1] {
    [("kind", kind.as_str())]
}

impl Counters {
    /// A client is refused, with this.
    pub fn refused(&self, why: Refusal) -> ApiError {
        self.refused.get_or_create(&[("why", why.name())]).inc();
        why.error()
    }

    /// A playback URL has been given to somebody.
    pub fn issued(&self, kind: Kind) {
        self.issued.get_or_create(&of(kind)).inc();
    }

    /// There are so many relays that are degraded, or are not.
    pub fn relays(&self, kind: Kind, degraded: bool, count: usize) {
        let labels = [("kind", kind.as_str()), ("state", if degraded { "degraded" } else { "ok" })];
        self.relays.get_or_create(&labels).set(count.try_into().unwrap_or(i64::MAX));
    }

    /// A relay's task has failed, and is started again.
    pub fn failed(&self, kind: Kind) {
        self.failed.get_or_create(&of(kind)).inc();
    }

    /// A relay did not stop as it should.
    pub fn stop_failed(&self, kind: Kind) {
        self.stops_failed.get_or_create(&of(kind)).inc();
    }

    /// What a sync check has found.
    pub fn discrepancies(&self, found: &Discrepancies) {
        for (what, keys) in found.by_name() {
            self.discrepancies.get_or_create(&[("what", what)]).set(keys.len().try_into().unwrap_or(i64::MAX));
        }
    }

    /// A sync check has been made, or could not be.
    pub fn checked(&self, done: bool) {
        self.checks.get_or_create(&[("outcome", if done { "done" } else { "failed" })]).inc();
    }

    /// Something did not come from an upstream.
    pub fn upstream_failed(&self, kind: Kind, error: &UpstreamError) {
        self.upstream_failures.get_or_create(&[("kind", kind.as_str()), ("cause", error.cause())]).inc();
    }

    /// Puts all of them on a page.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("relays", "What is relayed by this gateway, by how it is", self.relays.clone());
        let tells: [(&str, &str, Tell); 3] = [
            ("relay_tasks", "Tasks that run for relays of this gateway", |running| running.tasks),
            ("relay_clients", "Clients of relays of this gateway", |running| running.clients),
            ("relay_bytes", "Bytes of streams that relays of this gateway keep in memory", |running| running.bytes),
        ];
        let running = self.ledger.snapshot();
        for (name, help, tell) in tells {
            let gauges: Labelled<Gauge> = Family::default();
            for kind in Kind::ALL {
                let all = running.iter().filter(|(id, _)| id.kind == kind).map(|(_, running)| tell(running));
                gauges.get_or_create(&of(kind)).set(all.sum::<usize>().try_into().unwrap_or(i64::MAX));
            }
            registry.register(name, help, gauges);
        }
        let help = "Requests to relays of this gateway that were refused, by why";
        registry.register("relay_refusals", help, self.refused.clone());
        registry.register("relay_playback_urls", "Playback URLs that this gateway has made", self.issued.clone());
        let help = "Relays of this gateway that failed, and were started again";
        registry.register("relay_failures", help, self.failed.clone());
        let help = "Relays of this gateway that did not stop as they should, and were aborted or forgotten";
        registry.register("relay_stop_failures", help, self.stops_failed.clone());
        let help = "Requests of this gateway's relays to upstreams that brought nothing, by why";
        registry.register("relay_upstream_failures", help, self.upstream_failures.clone());
        self.ts.register(registry);
        let help = "What the last sync check of this gateway has found";
        registry.register("relay_discrepancies", help, self.discrepancies.clone());
        registry.register("relay_sync_checks", "Sync checks that this gateway made by itself", self.checks.clone());
    }
}
