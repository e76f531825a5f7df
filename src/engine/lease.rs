//! A stream lives while a holder holds it, and this page load is one holder: it renews its lease until it lets go.

use super::backend::Verdict;
use super::page::{Exit, Page};
use super::{Millis, RequestId};

/// How often a lease is renewed; throttled timers of a hidden page make that a minute.
const RENEW_EVERY: Millis = 20_000;

/// The longest lease that the database gives, in seconds.
const MAX_SECONDS: Millis = 900;

/// How long a lease a page in this state asks for, in seconds: longer, the longer the browser may keep it from renewing, and
/// as long as a reload may take when it goes.
pub fn seconds(page: Page, host_grace: Millis) -> u32 {
    match page {
        Page { exit: Exit::Gone, .. } => host_grace.div_ceil(1_000).min(MAX_SECONDS) as u32,
        Page { exit: Exit::Paused, .. } | Page { frozen: true, .. } => 600,
        Page { visible: false, .. } => 300,
        _ => 90,
    }
}

/// What an answer to a renewal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The stream is held, or will be as soon as the backend can be reached.
    Held,
    /// The stream is over: somebody else ended it.
    Over,
    /// The database knows no such stream, or it is not ours to hold.
    NotOurs,
}

/// This page's lease on one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lease {
    /// Not held.
    #[default]
    None,
    /// To be renewed at that time.
    Due(Millis),
    /// Being renewed, under this generation.
    Renewing(RequestId),
}

impl Lease {
    /// Holds the stream from now on.
    pub fn hold(&mut self, now: Millis) {
        if *self == Lease::None {
            *self = Lease::Due(now);
        }
    }

    /// The renewal that is out, if there is one.
    pub fn under_way(self) -> Option<RequestId> {
        match self {
            Lease::Renewing(request) => Some(request),
            Lease::None | Lease::Due(_) => None,
        }
    }

    /// Lets go without a word: whoever ends the stream ends its leases as well.
    pub fn let_go(&mut self) {
        *self = Lease::None;
    }

    /// A renewal is out.
    pub fn sent(&mut self, request: RequestId) {
        *self = Lease::Renewing(request);
    }

    /// The same renewal is out again, with a fresh token.
    pub fn resent(&mut self, before: RequestId, again: RequestId) {
        if *self == Lease::Renewing(before) {
            *self = Lease::Renewing(again);
        }
    }

    /// Takes the answer to `request` in; `None` if it is not the one that is waited for.
    pub fn answered(&mut self, now: Millis, request: RequestId, verdict: &Verdict) -> Option<Told> {
        if *self != Lease::Renewing(request) {
            return None;
        }
        let told = match verdict {
            Verdict::Delivered(body) if body.text("status") == Some("ended") => Told::Over,
            Verdict::Delivered(body) if body.text("status") == Some("not_found") => Told::NotOurs,
            Verdict::Refused(_) => Told::NotOurs,
            // An outage: the lease is longer than several renewals, and the next may get through.
            Verdict::Delivered(_) | Verdict::Transient(_) | Verdict::Unauthorised(_) => Told::Held,
        };
        *self = if told == Told::Held { Lease::Due(now.saturating_add(RENEW_EVERY)) } else { Lease::None };
        Some(told)
    }

    /// Whether a renewal is due.
    pub fn is_due(self, now: Millis) -> bool {
        matches!(self, Lease::Due(at) if at <= now)
    }

    /// The next deadline.
    pub fn deadline(self) -> Option<Millis> {
        match self {
            Lease::Due(at) => Some(at),
            Lease::None | Lease::Renewing(_) => None,
        }
    }
}
