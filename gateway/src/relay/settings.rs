//! How long things take at relays, and how much one client may ask for.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::upstream::Allowed;

/// How long an upstream may bring nothing new before its stream is over, in seconds.
pub const STALL_SECONDS: RangeInclusive<usize> = 5..=3_600;

/// How long a playback URL may be good for, in seconds.
pub const TICKET_SECONDS: RangeInclusive<usize> = 10..=3_600;

/// How many clients a relay may have.
pub const CLIENTS: RangeInclusive<usize> = 1..=1_000_000;

/// Tests make it all shorter.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where streams may come from.
    pub upstreams: Allowed,
    /// How long an upstream may bring nothing new, while it is asked, before its stream is over.
    pub stall: Duration,
    /// How long a playback URL is good for: until it is opened, and not for as long as it plays.
    pub ticket: Duration,
    /// How many clients one relay may have.
    pub max_clients: usize,
    /// How many there may be from one address, on all relays of this node: an office has one for all its people.
    pub per_address: usize,
    /// How much of a transport stream is kept for its clients.
    pub ring_bytes: usize,
    /// How often all that is live is looked at, even if nothing was heard: a notice may get lost.
    pub look: Duration,
    /// How long an upstream is kept that nobody watches.
    pub linger: Duration,
    /// How long an HLS player may at least be silent before it has left.
    pub min_silence: Duration,
    /// Until the first attempt to connect again; then twice as long, and so on.
    pub min_backoff: Duration,
    /// At most.
    pub max_backoff: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            upstreams: Allowed::default(),
            stall: Duration::from_secs(60),
            ticket: Duration::from_secs(60),
            max_clients: 5_000,
            per_address: 200,
            ring_bytes: 4 * 1024 * 1024,
            look: Duration::from_secs(30),
            linger: Duration::from_secs(10),
            min_silence: Duration::from_secs(10),
            min_backoff: Duration::from_millis(250),
            max_backoff: Duration::from_secs(10),
        }
    }
}
