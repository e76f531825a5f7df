//! What this node counts of viewers' sockets, and of what it tells the database.

use std::fmt;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::hub::Part;
use super::protocol::Close;

type Labelled<M> = Family<[(&'static str, &'static str); 1], M>;

/// Clones count together.
#[derive(Clone)]
pub struct Counters {
    open: Labelled<Gauge>,
    admitted: Labelled<Counter>,
    closed: Labelled<Counter>,
    told: Labelled<Counter>,
    heartbeats: Labelled<Counter>,
    sweeps: Labelled<Counter>,
    ended: Counter,
    notices: Labelled<Counter>,
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").finish_non_exhaustive()
    }
}

impl Default for Counters {
    /// What may happen is there from the start: monitoring has to see the first time as a step from 0 to 1.
    fn default() -> Self {
        let counters = Self {
            open: Family::default(),
            admitted: Family::default(),
            closed: Family::default(),
            told: Family::default(),
            heartbeats: Family::default(),
            sweeps: Family::default(),
            ended: Counter::default(),
            notices: Family::default(),
        };
        for part in [Part::Viewer, Part::Host, Part::Recorder] {
            counters.admitted.get_or_create(&[("as", part.as_str())]).inc_by(0);
            counters.open.get_or_create(&[("as", part.as_str())]).inc_by(0);
        }
        for why in Close::ALL.map(Close::name).into_iter().chain(["left", "lost"]) {
            counters.closed.get_or_create(&[("why", why)]).inc_by(0);
        }
        for family in [&counters.told, &counters.heartbeats, &counters.sweeps, &counters.notices] {
            for outcome in ["done", "failed"] {
                family.get_or_create(&[("outcome", outcome)]).inc_by(0);
            }
        }
        counters
    }
}

fn outcome(done: bool) -> [(&'static str, &'static str); 1] {
    [("outcome", if done { "done" } else { "failed" })]
}

impl Counters {
    /// Somebody has been let in.
    pub fn admitted(&self, part: Part) {
        self.admitted.get_or_create(&[("as", part.as_str())]).inc();
        self.open.get_or_create(&[("as", part.as_str())]).inc();
    }

    /// Somebody who had been let in is not there any more.
    pub fn gone(&self, part: Part) {
        self.open.get_or_create(&[("as", part.as_str())]).dec();
    }

    /// A socket is over, whether its client had been let in or not.
    pub fn closed(&self, why: &'static str) {
        self.closed.get_or_create(&[("why", why)]).inc();
    }

    /// The database has been told of the first or the last, or could not be.
    pub fn told(&self, done: bool) {
        self.told.get_or_create(&outcome(done)).inc();
    }

    /// The database has been told that this node is alive, or could not be.
    pub fn heartbeat(&self, done: bool) {
        self.heartbeats.get_or_create(&outcome(done)).inc();
    }

    /// The database has been asked which events are over, or could not be; so many were.
    pub fn swept(&self, ended: Option<u64>) {
        self.sweeps.get_or_create(&outcome(ended.is_some())).inc();
        self.ended.inc_by(ended.unwrap_or_default());
    }

    /// A host has been told, or could not be.
    pub fn notice(&self, done: bool) {
        self.notices.get_or_create(&outcome(done)).inc();
    }

    /// Puts all of them on a page.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Connections that are at an event on this gateway now; only viewers count as such";
        registry.register("event_connections", help, self.open.clone());
        let help = "Connections that this gateway has let in to an event";
        registry.register("event_connections_admitted", help, self.admitted.clone());
        let help = "Connections to events that are over on this gateway, by why; left: the client closed it, lost: it did \
                    not answer two pings";
        registry.register("event_connections_closed", help, self.closed.clone());
        let help = "Times that this gateway told the database of the first who came to an event, or the last who left";
        registry.register("event_changes", help, self.told.clone());
        registry.register("event_heartbeats", "Signs of life of this gateway as a node", self.heartbeats.clone());
        registry.register("event_sweeps", "Searches of this gateway for events that are over", self.sweeps.clone());
        registry.register(
            "event_notices",
            "Letters of this gateway to hosts, and tries that failed",
            self.notices.clone(),
        );
        registry.register("events_ended", "Events that this gateway found to be over", self.ended.clone());
    }
}
