//! Relays: live streams of other servers, passed on to players for exactly as long as the stream is live.
//!
//! The database says what is live, and from where (`store`, `follow`); the `registry` runs what should be relayed, and
//! nothing else; each relay (`life`) writes what it really does into the `ledger`; the `sync_check` compares the three.

mod api;
mod backoff;
mod comparison;
pub mod counters;
mod follow;
pub mod hls;
pub mod ledger;
pub mod life;
mod playback;
mod rate;
mod registry;
pub mod report;
pub mod settings;
pub mod source;
mod store;
mod supervisor;
mod sync_check;
mod ticket;
pub mod ts;
pub mod upstream;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{delete, get, post};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tracing::warn;
use uuid::Uuid;

use crate::auth::{Auth, Caller, Role, bearer};
use crate::config::{Config, Key};
use crate::database::Database;
use crate::error::ApiError;
use crate::listen::Subscription;
pub use counters::Counters;
pub use follow::CHANNEL;
use rate::Rate;
pub use registry::Makers;
use registry::Registry;
use report::Report;
use source::Id;
use store::{Listed, Store};
use ticket::Tickets;
use upstream::Upstreams;

/// All that has to do with relays on this node.
#[derive(Debug)]
pub struct Relays {
    auth: Arc<Auth>,
    database: Database,
    store: Store,
    registry: Arc<Registry>,
    counters: Counters,
    upstreams: Upstreams,
    tickets: Option<Tickets>,
    admin_token: Option<Key>,
    public_url: String,
    proxy_hops: usize,
    playback_rate: Rate,
    list_rate: Rate,
    look_every: Duration,
    /// Held from reading what is live until the registry knows it: what is older never comes later.
    looking: Mutex<()>,
    reports: Mutex<UnboundedReceiver<(Id, Report)>>,
}

impl Relays {
    /// A new node.
    pub fn new(config: &Config, database: Database, auth: Arc<Auth>, counters: Counters) -> io::Result<Arc<Self>> {
        Self::with_makers(config, database, auth, counters, |makers| makers)
    }

    /// The same, whose relays are not made as they usually are.
    pub fn with_makers(
        config: &Config,
        database: Database,
        auth: Arc<Auth>,
        counters: Counters,
        change: impl FnOnce(Makers) -> Makers,
    ) -> io::Result<Arc<Self>> {
        let upstreams = Upstreams::new(config.relay.upstreams.clone())?;
        let (reporter, reports) = mpsc::unbounded_channel();
        let makers = change(makers(&upstreams));
        let registry = Registry::new(makers, config.relay.clone(), counters.clone(), reporter);
        // What all nodes share. The configuration has seen to it that there is one where there are upstreams.
        let secret = config.jwt_secret.as_ref().map(String::as_bytes);
        let secret = secret.or_else(|| config.service_key.as_ref().map(Key::secret));
        Ok(Arc::new(Self {
            auth,
            store: Store::new(database.clone()),
            database,
            registry,
            counters,
            upstreams,
            tickets: secret.and_then(|secret| Tickets::new(secret, config.relay.ticket)),
            admin_token: config.admin_token.clone(),
            public_url: config.public_url.clone().unwrap_or_default(),
            proxy_hops: config.proxy_hops,
            playback_rate: Rate::default(),
            list_rate: Rate::default(),
            look_every: config.relay.look,
            looking: Mutex::default(),
            reports: Mutex::new(reports),
        }))
    }

    /// Relays what is live, until the end of this process.
    pub async fn run(&self, heard: Subscription) -> Infallible {
        let mut reports = self.reports.lock().await;
        tokio::select! {
            never = follow::live(self, heard) => never,
            never = follow::reports(self, &mut reports) => never,
            never = sync_check::run(self) => never,
        }
    }

    /// The same signal, once all clients are on their way: their bodies would go on for as long as they like.
    pub fn before_the_end<F: Future<Output = ()>>(self: &Arc<Self>, shutdown: F) -> impl Future<Output = ()> + use<F> {
        let relays = Arc::clone(self);
        async move {
            shutdown.await;
            relays.registry.close();
        }
    }

    /// Finds out what is live, and relays it.
    async fn look(&self) -> Result<(), ApiError> {
        let _looking = self.looking.lock().await;
        let live = self.live(None).await?;
        self.registry.mirror(live.into_iter().map(|listed| listed.live).collect());
        Ok(())
    }

    /// The same of one stream.
    async fn look_at(&self, key: Uuid) -> Result<(), ApiError> {
        let _looking = self.looking.lock().await;
        let live = self.live(Some(key)).await?;
        self.registry.update(key, live.into_iter().map(|listed| listed.live).collect());
        Ok(())
    }

    /// Looks at one stream for whoever has just changed it and need not know whether it worked: the database says so again.
    async fn look_soon(&self, key: Uuid) {
        if let Err(error) = self.look_at(key).await {
            warn!(?error, %key, "a stream's relays are not known yet");
        }
    }

    /// What this gateway has to relay. Without upstreams that is nothing: others may.
    async fn live(&self, key: Option<Uuid>) -> Result<Vec<Listed>, ApiError> {
        if self.upstreams.is_empty() { Ok(Vec::new()) } else { self.store.live(key).await }
    }

    /// Who is calling. Whoever shows the `ADMIN_TOKEN` may do what the application's backend may.
    async fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let shown = bearer(headers)?;
        match (&self.admin_token, shown) {
            (Some(token), Some(shown)) if token.is(shown) => Ok(Caller::of(Role::Service)),
            _ => self.auth.caller(headers).await,
        }
    }

    /// An operator, an admin or the application's backend; nobody else.
    async fn operator(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let caller = self.caller(headers).await?;
        if may_operate(&caller) {
            return Ok(caller);
        }
        let status = if caller.role == Role::Anon { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN };
        let message = "This is for operators: Authorization must be `Bearer` and the ADMIN_TOKEN, or an admin's token";
        Err(ApiError::new(status, "42501", message))
    }
}

/// As the database sees it.
fn may_operate(caller: &Caller) -> bool {
    let role = caller.claims.get("app_metadata").and_then(|metadata| metadata.get("role"));
    caller.role == Role::Service || caller.role == Role::Authenticated && role.and_then(Value::as_str) == Some("admin")
}

fn makers(upstreams: &Upstreams) -> Makers {
    Makers { hls: hls::maker(upstreams.clone()), ts: ts::maker(upstreams.clone()) }
}

/// What is said of relays, and to them.
pub fn routes(relays: Arc<Relays>) -> Router {
    Router::new()
        .route("/streams", get(api::list).post(api::set))
        .route("/streams/{key}", delete(api::end))
        .route("/streams/{key}/playback", post(playback::issue))
        .with_state(relays)
}

/// What players fetch.
pub fn proxies(relays: Arc<Relays>) -> Router {
    Router::new()
        .route("/proxy/hls/{key}/index.m3u8", get(playback::hls))
        .route("/proxy/hls/{key}/{session}/{resource}", get(playback::resource))
        .route("/proxy/ts/{key}", get(playback::ts))
        .with_state(relays)
}

/// What only operators may see.
pub fn debug_routes(relays: Arc<Relays>) -> Router {
    Router::new().route("/debug/sync-check", get(api::sync_check)).with_state(relays)
}
