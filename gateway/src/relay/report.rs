//! What a relay tells of itself. It decides nothing: what follows from it is the registry's.

use std::borrow::Cow;

use tokio::sync::mpsc;

use super::source::Id;

/// How a relay is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// It has its stream.
    Connected,
    /// It does not, for this reason: one line for operators, without the address's query, user and password.
    Degraded(Cow<'static, str>),
    /// It has its stream again.
    Recovered,
    /// What it has is no live stream any more. It goes on until it is stopped.
    Ended(Cause),
}

/// What is known of a relay, here and in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It has its stream, or nobody wants it yet.
    Ok,
    /// It does not, for this reason.
    Degraded(Cow<'static, str>),
}

/// Why a stream is over whose upstream still answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nothing new has come for too long.
    Stalled,
    /// The same comes again and again.
    Loops,
}

impl Cause {
    /// As the reason of the stream's end.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stalled => "upstream_stalled",
            Self::Loops => "upstream_loops",
        }
    }
}

/// Takes one relay's reports to the registry.
#[derive(Debug, Clone)]
pub struct Reporter {
    id: Id,
    // Unbounded: a relay tells of changes alone, and these wait for its backoff.
    sender: mpsc::UnboundedSender<(Id, Report)>,
}

impl Reporter {
    /// Of this relay.
    pub fn new(id: Id, sender: mpsc::UnboundedSender<(Id, Report)>) -> Self {
        Self { id, sender }
    }

    /// Tells it. Repeating what was told last is harmless.
    pub fn tell(&self, report: Report) {
        // Nobody is there to hear it while the process stops.
        drop(self.sender.send((self.id, report)));
    }
}
