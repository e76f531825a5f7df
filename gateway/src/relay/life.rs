//! One relay between its start and its stop: what it is given, and what it has to do.

use std::fmt::Debug;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use tokio_util::sync::CancellationToken;

use super::counters::{Counters, Refusal};
use super::ledger::Guard;
use super::report::{Report, Reporter};
use super::settings::Settings;
use super::source::{Id, Source};
use crate::error::ApiError;
use crate::tally::{self, Tally};

/// What is done meanwhile.
pub type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Makes the relays of one kind. Making one does nothing yet.
pub type Maker = Box<dyn Fn(Life) -> Arc<dyn Relay> + Send + Sync>;

/// What the registry runs and stops.
pub trait Relay: Debug + Send + Sync {
    /// The relay's one task. It returns when it is stopped, soon; one that returns before, or panics, is started again.
    fn run(self: Arc<Self>) -> Work<()>;

    /// Answers one request. A body that lasts holds a [`Client`], and ends when the relay is stopped.
    fn serve(self: Arc<Self>, visit: Visit) -> Work<Response>;
}

/// One request to a relay that is there.
#[derive(Debug)]
pub struct Visit {
    /// What for.
    pub asked: Asked,
    /// Where the client is, as limits count it.
    pub address: IpAddr,
    /// GET or HEAD.
    pub method: Method,
    /// Its headers: `Range` is what matters of them.
    pub headers: HeaderMap,
}

/// What is wanted of a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The stream, by a playback URL whose ticket has been found good.
    Playback,
    /// A part of it, by an address that the relay itself has made. Nothing of it has been verified.
    Resource {
        /// Whose it is.
        session: String,
        /// Which, with whatever extension.
        resource: String,
    },
}

/// What a relay is given. Clones are the same life.
#[derive(Debug, Clone)]
pub struct Life {
    /// What it is of.
    pub source: Source,
    /// How long things take, and how many there may be.
    pub settings: Settings,
    /// What this node counts.
    pub counters: Counters,
    /// Set when it has to stop, for ever: tasks return, bodies end.
    pub stop: CancellationToken,
    pub(super) reporter: Reporter,
    pub(super) seats: Seats,
    /// Set when this whole node stops.
    pub(super) closing: CancellationToken,
}

impl Life {
    /// Which relay this is.
    pub fn id(&self) -> Id {
        self.source.id
    }

    /// Tells the registry.
    pub fn tell(&self, report: Report) {
        self.reporter.tell(report);
    }

    /// Held by a task of the relay's own while it runs. The one that runs [`Relay::run`] is in the ledger already.
    pub fn task(&self) -> Guard {
        self.counters.ledger.task(self.id())
    }

    /// Held by what is kept in memory.
    pub fn bytes(&self, bytes: usize) -> Guard {
        self.counters.ledger.bytes(self.id(), bytes)
    }

    /// A place for a client, if there is one: a TS client's is its body's, an HLS client's its session's.
    pub fn client(&self, address: IpAddr) -> Result<Client, ApiError> {
        let in_relay = self.seats.relays.take(self.id()).ok_or(Refusal::Full);
        let at_address =
            in_relay.and_then(|seat| Ok((seat, self.seats.addresses.take(address).ok_or(Refusal::Address)?)));
        let seats = at_address.map_err(|why| self.counters.refused(why))?;
        Ok(Client { _seats: seats, _guard: self.counters.ledger.client(self.id()) })
    }

    /// What is answered when the relay has been stopped.
    pub fn over(&self) -> ApiError {
        if self.closing.is_cancelled() { closing() } else { self.counters.refused(Refusal::Over) }
    }
}

/// What a node answers that stops: the stream goes on elsewhere.
pub(super) fn closing() -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "RELAY503", "This gateway stops: ask again for another one")
}

/// One client of a relay, until this is dropped.
#[derive(Debug)]
pub struct Client {
    _seats: (tally::Ticket<Id>, tally::Ticket<IpAddr>),
    _guard: Guard,
}

/// The places for clients on this node.
#[derive(Debug, Clone)]
pub struct Seats {
    relays: Arc<Tally<Id>>,
    addresses: Arc<Tally<IpAddr>>,
}

impl Seats {
    /// All of them free.
    pub fn new(settings: &Settings) -> Self {
        Self { relays: Tally::new(settings.max_clients), addresses: Tally::new(settings.per_address) }
    }
}
