//! What this node counts of relays.

use std::fmt;

use axum::http::StatusCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::source::Kind;
use super::upstream::UpstreamError;
use crate::error::ApiError;

type Labelled<M> = Family<[(&'static str, &'static str); 1], M>;

/// Why a client was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The relay has all the clients that one may have.
    Full,
    /// This address has.
    Address,
    /// No HLS session goes by this name, or none any more.
    Session,
    /// The session is being given as much at once as one may have.
    Busy,
    /// Nothing goes by this name, or nothing any more.
    Resource,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Full, Self::Address, Self::Session, Self::Busy, Self::Resource];

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Address => "address",
            Self::Session => "session",
            Self::Busy => "busy",
            Self::Resource => "resource",
        }
    }

    /// What the client is told.
    fn error(self) -> ApiError {
        match self {
            Self::Full => {
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "53300", "Too many clients of this stream here")
            }
            Self::Address => {
                ApiError::new(StatusCode::TOO_MANY_REQUESTS, "53300", "Too many clients of streams at this address")
            }
            Self::Session => {
                ApiError::new(StatusCode::FORBIDDEN, "RELAY403", "This session is over: ask for a new playback URL")
            }
            Self::Busy => {
                ApiError::new(StatusCode::TOO_MANY_REQUESTS, "53300", "Too many requests of this session at once")
            }
            Self::Resource => ApiError::new(StatusCode::NOT_FOUND, "RELAY404", "This part of the stream is not there"),
        }
    }
}

/// Clones count together.
#[derive(Clone)]
pub struct Counters {
    refused: Labelled<Counter>,
    upstream_failures: Family<[(&'static str, &'static str); 2], Counter>,
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").finish_non_exhaustive()
    }
}

impl Default for Counters {
    /// What may happen is there from the start: monitoring has to see the first time as a step from 0 to 1.
    fn default() -> Self {
        let counters = Self { refused: Family::default(), upstream_failures: Family::default() };
        for why in Refusal::ALL {
            counters.refused.get_or_create(&[("why", why.name())]).inc_by(0);
        }
        for kind in Kind::ALL {
            for cause in UpstreamError::CAUSES {
                counters.upstream_failures.get_or_create(&[("kind", kind.as_str()), ("cause", cause)]).inc_by(0);
            }
        }
        counters
    }
}

impl Counters {
    /// A client is refused, with this.
    pub fn refused(&self, why: Refusal) -> ApiError {
        self.refused.get_or_create(&[("why", why.name())]).inc();
        why.error()
    }

    /// Something did not come from an upstream.
    pub fn upstream_failed(&self, kind: Kind, error: &UpstreamError) {
        self.upstream_failures.get_or_create(&[("kind", kind.as_str()), ("cause", error.cause())]).inc();
    }

    /// Puts all of them on a page.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Requests to relays of this gateway that were refused, by why";
        registry.register("relay_refusals", help, self.refused.clone());
        let help = "Requests of this gateway's relays to upstreams that brought nothing, by why";
        registry.register("relay_upstream_failures", help, self.upstream_failures.clone());
    }
}
