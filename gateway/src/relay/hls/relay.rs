//! One HLS relay: what it knows of its upstream, and who is there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tracing::warn;

use super::content::may_be_playlist;
use super::flights::{Flight, Flights, Page, good_for};
use super::health::{FINISHED, Health};
use super::playlist::{Kind, Link, MAX_BYTES, Playlist, Role, extension};
use super::resources::{Name, Resource, Resources};
use super::sessions::Sessions;
use crate::relay::life::{Client, Life};
use crate::relay::report::Report;
use crate::relay::upstream::{Fetcher, UpstreamError, Upstreams};

/// How long a playlist may take to come: players have not yet given up then.
const WITHIN: Duration = Duration::from_secs(4);

/// How often it is found out who has left.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Where an address leads that leads nowhere upstream.
const NOWHERE: &str = "nowhere";

/// One HLS relay.
#[derive(Debug)]
pub struct Relay {
    pub(super) life: Life,
    pub(super) fetcher: Fetcher,
    pub(super) resources: Resources,
    pub(super) sessions: Sessions<Client>,
    /// The upstream's first playlist. An error: it is none that is allowed any more.
    pub(super) root: Result<Resource, UpstreamError>,
    flights: Flights,
    health: Mutex<Health>,
}

impl Relay {
    /// Of this life's source.
    pub fn new(life: Life, upstreams: &Upstreams) -> Self {
        let root = upstreams.read(&life.source.upstream);
        Self {
            fetcher: upstreams.fetcher(),
            resources: Resources::new(),
            sessions: Sessions::new(),
            root: root.map(|url| Resource { url, role: Role::Playlist, variables: Arc::default() }),
            flights: Flights::new(&life.settings),
            health: Mutex::new(Health::new(life.settings.min_silence, Instant::now())),
            life,
        }
    }

    /// Its one task: finds out who has left.
    pub(super) async fn watch(&self) {
        if let Err(error) = &self.root {
            self.tell(Some(Report::Degraded(error.cause().into())), Some(error));
        }
        let mut ticks = interval(LOOK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.life.stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let silence = self.health().silence();
            self.sessions.expire(silence);
            if self.sessions.are_none() {
                let report = self.health().alone(Instant::now());
                self.tell(report, None);
            }
        }
        self.sessions.clear();
        self.flights.clear();
    }

    /// A playlist as it is now, or was a moment ago.
    pub(super) async fn page(self: &Arc<Self>, resource: &Resource) -> Result<Arc<Page>, UpstreamError> {
        let name = self.resources.name(resource);
        let flight = self.flights.of(name);
        let patience = {
            let mut health = self.health();
            health.asked(Instant::now());
            health.silence()
        };
        if let Some(known) = flight.state().known(patience) {
            return known;
        }
        let landed = flight.landed();
        if let Some(landing) = flight.take_off() {
            let (relay, flight, resource) = (Arc::clone(self), Arc::clone(&flight), resource.clone());
            let (stop, task) = (self.life.stop.clone(), self.life.task());
            tokio::spawn(async move {
                stop.run_until_cancelled(relay.fly(name, &flight, &resource)).await;
                drop((landing, task));
            });
        }
        flight.page(landed, patience).await
    }

    /// Fetches a playlist, and says what has become of it.
    async fn fly(&self, name: Name, flight: &Flight, resource: &Resource) {
        let fetched = timeout(WITHIN, self.fetch(resource)).await;
        let playlist = match fetched.unwrap_or(Err(UpstreamError::Silent(WITHIN))) {
            Ok(playlist) => playlist,
            Err(error) => {
                self.failed(&error);
                let report = self.health().bad(name, error.cause(), Instant::now());
                self.tell(report, Some(&error));
                flight.state().failed(error);
                return;
            }
        };
        let good_for = good_for(&playlist.kind);
        match playlist.kind.clone() {
            Kind::Master => drop(flight.state().came(Page::Master(playlist), good_for, None)),
            Kind::Media(media) => {
                let text = self.text(&playlist, "");
                let page = Page::Media { _kept: self.life.bytes(text.len()), text: text.into() };
                let news = flight.state().came(page, good_for, Some(&media.tail));
                let (mut health, now, stall) = (self.health(), Instant::now(), self.life.settings.stall);
                let reports = match news.filter(|_| !media.is_ended) {
                    None => [health.bad(name, FINISHED, now), None],
                    Some(news) => [health.good(name, now), health.news(news, media.target, stall, now)],
                };
                drop(health);
                reports.into_iter().for_each(|report| self.tell(report, None));
            }
        }
    }

    async fn fetch(&self, resource: &Resource) -> Result<Playlist, UpstreamError> {
        let fetched = self.fetcher.get(&resource.url, HeaderMap::new()).await?;
        if !may_be_playlist(&fetched.headers) {
            return Err(UpstreamError::Unusable("something else than a playlist"));
        }
        let bytes = fetched.body.collect(MAX_BYTES as u64, WITHIN).await?;
        Playlist::read(&bytes, &fetched.url, &resource.variables)
    }

    /// A playlist whose addresses are ours, and begin with this.
    pub(super) fn text(&self, playlist: &Playlist, prefix: &str) -> String {
        self.resources.make_room();
        // Playlists alone take variables over.
        let (theirs, none) = (Arc::new(playlist.variables.clone()), Arc::default());
        playlist.with_links(|Link { url, role, .. }| match url {
            Some(url) => {
                let variables = if *role == Role::Playlist { &theirs } else { &none };
                let resource = Resource { url: url.clone(), role: *role, variables: Arc::clone(variables) };
                self.address(&resource, prefix)
            }
            None => format!("{prefix}{NOWHERE}"),
        })
    }

    /// Our address of this, beginning with that.
    pub(super) fn address(&self, resource: &Resource, prefix: &str) -> String {
        let name = self.resources.name(resource);
        let extension = match resource.role {
            Role::Playlist => Some("m3u8"),
            Role::File => extension(&resource.url),
        };
        extension.map_or_else(|| format!("{prefix}{name}"), |extension| format!("{prefix}{name}.{extension}"))
    }

    /// Counts what has not come.
    pub(super) fn failed(&self, error: &UpstreamError) {
        self.life.counters.upstream_failed(self.life.id().kind, error);
    }

    fn tell(&self, report: Option<Report>, error: Option<&UpstreamError>) {
        let Some(report) = report else { return };
        if let Some(error) = error {
            warn!(relay = %self.life.id(), %error, "a playlist did not come");
        }
        self.life.tell(report);
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        // A panic elsewhere leaves it as it was.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
