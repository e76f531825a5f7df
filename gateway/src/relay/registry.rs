//! The one owner of what is to be relayed and of what runs for it. Both are under one lock, by key and generation: to end a
//! relay is to take it out and to stop it in one step, after which nothing can be started in its name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::counters::{Counters, Refusal};
use super::life::{self, Life, Maker, Relay, Seats};
use super::report::{Health, Report, Reporter};
use super::settings::Settings;
use super::source::{Id, Kind, Source};
use super::supervisor;
use crate::error::ApiError;

/// What makes relays.
pub struct Makers {
    /// Of playlists and segments.
    pub hls: Maker,
    /// Of transport streams.
    pub ts: Maker,
}

impl fmt::Debug for Makers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Makers").finish_non_exhaustive()
    }
}

/// A relay as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// What it is of.
    pub source: Source,
    /// How it is, as far as the database knows.
    pub health: Health,
}

/// What is relayed by this node.
pub struct Registry {
    makers: Makers,
    settings: Settings,
    counters: Counters,
    seats: Seats,
    reports: UnboundedSender<(Id, Report)>,
    /// Set when this node stops: nothing begins any more.
    closing: CancellationToken,
    inner: Mutex<Inner>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Inner {
    /// Whether the database has been heard: before that, nobody knows what is over.
    is_known: bool,
    relays: BTreeMap<(Uuid, Kind), Entry>,
    /// What has been stopped and is not gone yet.
    stopping: BTreeMap<Id, Option<AbortHandle>>,
}

struct Entry {
    source: Source,
    /// What the database knows, or is about to.
    known: Health,
    /// What the relay has said last.
    own: Option<Health>,
    stop: CancellationToken,
    /// Nothing, for a moment, where it has just failed.
    running: Option<Running>,
}

struct Running {
    relay: Arc<dyn Relay>,
    task: AbortHandle,
}

impl Registry {
    /// An empty one, whose relays report to the other end of this channel.
    pub fn new(
        makers: Makers,
        settings: Settings,
        counters: Counters,
        reports: UnboundedSender<(Id, Report)>,
    ) -> Arc<Self> {
        let seats = Seats::new(&settings);
        let closing = CancellationToken::new();
        Arc::new(Self { makers, settings, counters, seats, reports, closing, inner: Mutex::default() })
    }

    /// From now on these are relayed, and nothing else.
    pub fn mirror(self: &Arc<Self>, live: Vec<Live>) {
        let mut inner = self.inner();
        inner.is_known = true;
        let keys: BTreeSet<_> = live.iter().map(|live| slot(live.source.id)).collect();
        let over: Vec<_> = inner.relays.keys().filter(|slot| !keys.contains(slot)).copied().collect();
        over.into_iter().for_each(|slot| inner.end(slot));
        live.into_iter().for_each(|live| self.begin(&mut inner, live));
        self.count(&inner);
    }

    /// The same for one stream.
    pub fn update(self: &Arc<Self>, key: Uuid, live: Vec<Live>) {
        let mut inner = self.inner();
        for kind in Kind::ALL {
            if !live.iter().any(|live| slot(live.source.id) == (key, kind)) {
                inner.end((key, kind));
            }
        }
        live.into_iter().for_each(|live| self.begin(&mut inner, live));
        self.count(&inner);
    }

    /// Stops all of them: this node stops.
    pub fn close(&self) {
        let mut inner = self.inner();
        self.closing.cancel();
        let all: Vec<_> = inner.relays.keys().copied().collect();
        all.into_iter().for_each(|slot| inner.end(slot));
        self.count(&inner);
    }

    /// The relay of this stream, for a client.
    pub fn find(&self, key: Uuid, kind: Kind) -> Result<(Id, Arc<dyn Relay>), ApiError> {
        let inner = self.inner();
        match inner.relays.get(&(key, kind)) {
            Some(Entry { source, running: Some(running), .. }) => Ok((source.id, Arc::clone(&running.relay))),
            _ if self.closing.is_cancelled() => Err(life::closing()),
            None if Kind::ALL.iter().any(|other| inner.relays.contains_key(&(key, *other))) => {
                let message = format!("This stream is not relayed as {kind}");
                Err(ApiError::new(StatusCode::NOT_FOUND, "PT404", message))
            }
            None if inner.is_known => Err(self.counters.refused(Refusal::Over)),
            _ => Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "RELAY503", "The relay is not ready yet")),
        }
    }

    /// What is to be relayed.
    pub fn ids(&self) -> BTreeSet<Id> {
        self.inner().relays.values().map(|entry| entry.source.id).collect()
    }

    /// These have been stopped, and are not waited for any longer.
    pub fn abort(&self, ids: &BTreeSet<Id>) {
        let inner = self.inner();
        ids.iter().filter_map(|id| inner.stopping.get(id)?.as_ref()).for_each(AbortHandle::abort);
    }

    /// These are ended and begin anew in one step: what should run for them does not.
    pub fn renew(self: &Arc<Self>, ids: &BTreeSet<Id>) {
        let mut inner = self.inner();
        for id in ids {
            let entry = inner.relays.get(&slot(*id)).filter(|entry| entry.source.id == *id);
            if let Some(live) = entry.map(|entry| Live { source: entry.source.clone(), health: entry.known.clone() }) {
                self.enter(&mut inner, live);
            }
        }
        self.count(&inner);
    }

    /// A relay is like this now. True when that is news for the database, of a relay that is there.
    pub fn note(&self, id: Id, health: &Health) -> bool {
        let mut inner = self.inner();
        let entry = inner.relays.get_mut(&slot(id)).filter(|entry| entry.source.id == id);
        let is_news = entry.is_some_and(|entry| entry.note(health));
        self.count(&inner);
        is_news
    }

    /// Whether it is there, in this generation.
    pub fn has(&self, id: Id) -> bool {
        self.inner().relays.get(&slot(id)).is_some_and(|entry| entry.source.id == id)
    }

    fn begin(self: &Arc<Self>, inner: &mut Inner, Live { source, health }: Live) {
        let id = source.id;
        if let Some(entry) = inner.relays.get_mut(&slot(id)).filter(|entry| entry.source.id == id) {
            entry.known = health;
            // Another gateway could not get it, and may be gone since: this one can.
            if entry.own == Some(Health::Ok) && entry.known != Health::Ok {
                drop(self.reports.send((id, Report::Recovered)));
            }
            return;
        }
        let newest = inner.relays.get(&slot(id)).map(|entry| entry.source.id.generation);
        if self.closing.is_cancelled() || newest.is_some_and(|newest| newest > id.generation) {
            return;
        }
        self.enter(inner, Live { source, health });
    }

    /// Whatever stood in its place is over.
    fn enter(self: &Arc<Self>, inner: &mut Inner, Live { source, health }: Live) {
        let id = source.id;
        inner.end(slot(id));
        let stop = CancellationToken::new();
        let entry = Entry { source: source.clone(), known: health, own: None, stop: stop.clone(), running: None };
        inner.relays.insert(slot(id), entry);
        drop(tokio::spawn(supervisor::run(Arc::clone(self), source, stop)));
    }

    /// Runs a relay's task, unless it has been ended meanwhile.
    pub(super) fn start(&self, source: &Source, stop: CancellationToken) -> Option<JoinHandle<()>> {
        let id = source.id;
        let stopped = stop.clone();
        let life = Life {
            source: source.clone(),
            settings: self.settings.clone(),
            counters: self.counters.clone(),
            stop,
            reporter: Reporter::new(id, self.reports.clone()),
            seats: self.seats.clone(),
            closing: self.closing.clone(),
        };
        let guard = life.task();
        let relay = match id.kind {
            Kind::Hls => (self.makers.hls)(life),
            Kind::Ts => (self.makers.ts)(life),
        };
        let mut inner = self.inner();
        // Cancelled under this lock: it is not this one's entry any more, though it may be of the same generation.
        if stopped.is_cancelled() {
            return None;
        }
        let entry = inner.relays.get_mut(&slot(id)).filter(|entry| entry.source.id == id)?;
        let running = Arc::clone(&relay).run();
        let task = tokio::spawn(async move {
            running.await;
            drop(guard);
        });
        entry.running = Some(Running { relay, task: task.abort_handle() });
        Some(task)
    }

    /// A relay's task is not there any more, though nobody has stopped it.
    pub(super) fn failed(&self, id: Id, stop: &CancellationToken) {
        let mut inner = self.inner();
        if stop.is_cancelled() {
            return;
        }
        if let Some(entry) = inner.relays.get_mut(&slot(id)).filter(|entry| entry.source.id == id) {
            entry.running = None;
        }
        self.counters.failed(id.kind);
    }

    /// What was stopped is gone.
    pub(super) fn gone(&self, id: Id) {
        self.inner().stopping.remove(&id);
    }

    /// What this node counts.
    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    fn count(&self, inner: &Inner) {
        for kind in Kind::ALL {
            for degraded in [false, true] {
                let is_such =
                    |entry: &&Entry| entry.source.id.kind == kind && (*entry.health() != Health::Ok) == degraded;
                self.counters.relays(kind, degraded, inner.relays.values().filter(is_such).count());
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves it as it was.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// How it is, as seen from here.
    fn health(&self) -> &Health {
        self.own.as_ref().unwrap_or(&self.known)
    }

    /// It is like this now. True when the database has to be told.
    fn note(&mut self, health: &Health) -> bool {
        let is_news = self.health() != health || (*health == Health::Ok && self.known != Health::Ok);
        self.own = Some(health.clone());
        if is_news {
            self.known = health.clone();
        }
        is_news
    }
}

impl Inner {
    /// Taken out and stopped, in one step.
    fn end(&mut self, slot: (Uuid, Kind)) {
        let Some(entry) = self.relays.remove(&slot) else { return };
        self.stopping.insert(entry.source.id, entry.running.map(|running| running.task));
        entry.stop.cancel();
    }
}

fn slot(id: Id) -> (Uuid, Kind) {
    (id.key, id.kind)
}

#[cfg(test)]
mod tests;
