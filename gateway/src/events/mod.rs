//! Events and their viewers: who is there is counted here, in memory; when an event begins and ends is decided in PostgreSQL,
//! which hears of the first and the last on each node only.

mod admission;
mod api;
mod counters;
mod facts;
mod hub;
mod kernel;
mod node;
mod presence;
mod protocol;
pub mod settings;
mod socket;

use std::convert::Infallible;
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use tokio::sync::{Mutex, Notify, RwLock};
use tokio::time::timeout;
use tracing::{info, warn};
use uuid::Uuid;

use crate::auth::Auth;
use crate::client;
use crate::config::Config;
use crate::database::Database;
use crate::error::ApiError;
use crate::listen::Subscription;
use crate::rpc::Rpc;
use crate::tally::Tally;
pub use counters::Counters;
use facts::Known;
use hub::Hub;
use kernel::Kernel;
use protocol::{BEARER, MAX_MESSAGE_BYTES, SUBPROTOCOL};
use settings::Settings;
use socket::Arrival;

/// What the database says when something happens to an event.
pub const CHANNEL: &str = "streamkeeper_events";

/// What an idle viewer needs of a buffer: a pong.
const READ_BUFFER_BYTES: usize = 512;

/// How long a node that stops waits for the database, and then for its clients.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(3);

/// All that has to do with events on this node.
#[derive(Debug)]
pub struct Events {
    settings: Settings,
    proxy_hops: usize,
    auth: Arc<Auth>,
    kernel: Kernel,
    known: Known,
    hub: Arc<Hub>,
    addresses: Arc<Tally<IpAddr>>,
    users: Arc<Tally<Arc<str>>>,
    /// Every socket reads it until it is over.
    open: Arc<RwLock<()>>,
    /// Held while the database is kept informed.
    working: Mutex<()>,
    stopping: Notify,
    counters: Counters,
}

impl Events {
    /// A new node.
    pub fn new(config: &Config, database: Database, auth: Arc<Auth>, counters: Counters) -> Arc<Self> {
        let kernel = Kernel { database, node: Uuid::new_v4() };
        let settings = config.events;
        Arc::new(Self {
            settings,
            proxy_hops: config.proxy_hops,
            auth,
            known: Known::new(kernel.clone(), settings.facts),
            kernel,
            hub: Arc::default(),
            addresses: Tally::new(settings.per_address),
            users: Tally::new(settings.per_user),
            open: Arc::default(),
            working: Mutex::default(),
            stopping: Notify::new(),
            counters,
        })
    }

    /// Keeps the database and the viewers informed, until this node stops.
    pub async fn run(self: &Arc<Self>, heard: Subscription) -> Infallible {
        let working = self.working.lock().await;
        tokio::select! {
            never = node::run(self, heard) => match never {},
            () = self.stopping.notified() => drop(working),
        }
        pending().await
    }

    /// The same signal, once what this node has is in others' hands.
    pub fn before_the_end<F: Future<Output = ()>>(self: &Arc<Self>, shutdown: F) -> impl Future<Output = ()> + use<F> {
        let events = Arc::clone(self);
        async move {
            shutdown.await;
            events.hand_over().await;
        }
    }

    /// The end of this node, which is no event's end: others get the time to take its viewers over.
    async fn hand_over(&self) {
        // From here on nobody tells the database who leaves: they do not.
        self.stopping.notify_one();
        drop(self.working.lock().await);
        match timeout(HAND_OVER_TIMEOUT, self.kernel.stop()).await {
            Ok(Ok(())) => info!(node = %self.kernel.node, "handed over"),
            Ok(Err(error)) => warn!(?error, "the database does not know that this node stops: its leases will lapse"),
            Err(_) => warn!("the database did not answer in time: this node's leases will lapse"),
        }
        self.hub.move_all();
        if timeout(HAND_OVER_TIMEOUT, self.open.write()).await.is_err() {
            warn!("some viewers did not go in time");
        }
    }

    /// An event is over: everybody there hears of it, and goes.
    async fn over(&self, event: Uuid) {
        self.known.forget(event);
        let facts = self.known.of(event).await.ok();
        self.hub.end(event, facts.and_then(|facts| facts.ended_by.clone()).as_deref().unwrap_or("ended"));
    }
}

/// The routes. What pages may call from other origins is under `CORS_ORIGINS`; sockets are not.
pub fn routes(events: Arc<Events>, calls: Arc<Rpc>) -> Router {
    let grace_seconds = events.settings.grace_seconds;
    let create = Router::new().route("/events", post(api::create)).with_state((Arc::clone(&calls), grace_seconds));
    let actions = Router::new()
        .route("/events/viewers", get(api::totals))
        .route("/events/{id}/end", post(api::end))
        .route("/events/{id}/viewers", get(api::viewers))
        .with_state(calls);
    actions.merge(create).merge(Router::new().route("/events/{id}/ws", get(watch)).with_state(events))
}

async fn watch(
    State(events): State<Arc<Events>>,
    Path(id): Path<String>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|error| ApiError::new(error.status(), "0A000", error.body_text()))?;
    // Not an answer with a status: browsers do not show it to pages. No event has the id of nil.
    let event = id.parse().unwrap_or(Uuid::nil());
    let token = upgrade.requested_protocols().filter_map(|protocol| protocol.to_str().ok());
    let token = token.filter_map(|protocol| protocol.strip_prefix(BEARER)).next().map(str::to_owned);
    let address = client::address(peer, &headers, events.proxy_hops);
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES);
    Ok(upgrade.on_upgrade(move |socket| socket::serve(socket, events, Arrival { event, address, token })))
}
