//! What this node counts of relays.

use std::fmt;

use axum::http::StatusCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::error::ApiError;

type Labelled<M> = Family<[(&'static str, &'static str); 1], M>;

/// Why a client was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The relay has all the clients that one may have.
    Full,
    /// This address has.
    Address,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Full, Self::Address];

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Address => "address",
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
        }
    }
}

/// Clones count together.
#[derive(Clone)]
pub struct Counters {
    refused: Labelled<Counter>,
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").finish_non_exhaustive()
    }
}

impl Default for Counters {
    /// What may happen is there from the start: monitoring has to see the first time as a step from 0 to 1.
    fn default() -> Self {
        let counters = Self { refused: Family::default() };
        for why in Refusal::ALL {
            counters.refused.get_or_create(&[("why", why.name())]).inc_by(0);
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

    /// Puts all of them on a page.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Requests to relays of this gateway that were refused, by why";
        registry.register("relay_refusals", help, self.refused.clone());
    }
}
