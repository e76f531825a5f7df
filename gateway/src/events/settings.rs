//! How long things take at events, and how much one person may ask for.

use std::ops::RangeInclusive;
use std::time::Duration;

/// How long nobody may be at an event before it is over, in seconds: what the database takes.
pub const GRACE_SECONDS: RangeInclusive<usize> = 5..=3_600;

/// Tests make it all shorter.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The grace, in seconds, of events that are made here without one. None: the database's.
    pub grace_seconds: Option<usize>,
    /// How long a connection may take to say who it is.
    pub handshake: Duration,
    /// How often the server asks a connection whether it is there. Two questions without an answer: it is gone.
    pub ping: Duration,
    /// How often viewers are told of a new count, at most.
    pub push: Duration,
    /// How often a node says that it is alive, and how many it has.
    pub heartbeat: Duration,
    /// How often it is found out which events are over.
    pub sweep: Duration,
    /// How long a node waits before it tells the database again what it could not tell.
    pub retry: Duration,
    /// How long what the database said of an event is good for.
    pub facts: Duration,
    /// How many connections there may be from one address.
    pub per_address: usize,
    /// How many connections one user may have.
    pub per_user: usize,
    /// How many messages a second a connection may send, for long.
    pub messages_per_second: u32,
    /// How many it may send at once.
    pub burst: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            grace_seconds: None,
            handshake: Duration::from_secs(5),
            ping: Duration::from_secs(20),
            push: Duration::from_secs(1),
            heartbeat: Duration::from_secs(5),
            sweep: Duration::from_secs(1),
            retry: Duration::from_secs(1),
            facts: Duration::from_secs(5),
            per_address: 200,
            per_user: 20,
            messages_per_second: 10,
            burst: 20,
        }
    }
}
