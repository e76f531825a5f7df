//! What this process counts, from its start.

use std::borrow::Cow;
use std::fmt;

use axum::http::{Method, StatusCode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::rooms::Rooms;
use crate::sweeper::Swept;
use crate::{events, relay};

/// A counter for each combination of what these many labels say.
pub(super) type Labelled<const LABELS: usize> = Family<[(&'static str, Cow<'static, str>); LABELS], Counter>;

/// The counters. Clones count together.
#[derive(Clone)]
pub struct Counters {
    requests: Labelled<3>,
    end_refusals: Labelled<1>,
    webhook_events: Labelled<2>,
    sweeps: Labelled<1>,
    swept_streams: Labelled<1>,
    cron_runs: Labelled<2>,
    mails: Labelled<2>,
    slow_connections: Counter,
    /// What is about live rooms.
    pub rooms: Rooms,
    /// What is about viewers' sockets.
    pub events: events::Counters,
    /// What is about relays.
    pub relay: relay::Counters,
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
            requests: Labelled::default(),
            end_refusals: Labelled::default(),
            webhook_events: Labelled::default(),
            sweeps: Labelled::default(),
            swept_streams: Labelled::default(),
            cron_runs: Labelled::default(),
            mails: Labelled::default(),
            slow_connections: Counter::default(),
            rooms: Rooms::default(),
            events: events::Counters::default(),
            relay: relay::Counters::default(),
        };
        for status in ["400", "401", "403"] {
            add(0, &counters.end_refusals, [("status", status.into())]);
        }
        for source in ["stream_chat", "jitsi"] {
            for outcome in ["recorded", "repeated", "unsigned", "invalid", "failed"] {
                counters.webhook_events(0, source, outcome);
            }
        }
        for outcome in ["ran", "skipped", "failed"] {
            counters.sweeps(0, outcome);
        }
        counters.swept_streams(Swept::default());
        for outcome in ["ran", "failed"] {
            counters.cron_runs(0, outcome);
        }
        for outcome in ["sent", "failed"] {
            counters.mails(0, outcome);
        }
        counters
    }
}

impl Counters {
    /// A request, to one of a limited number of routes, has been answered.
    pub(super) fn request(&self, method: &Method, route: Cow<'static, str>, status: StatusCode) {
        // Anybody can make up methods.
        let method = match *method {
            Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
            | Method::OPTIONS => Cow::Owned(method.to_string()),
            _ => "other".into(),
        };
        let class = format!("{}xx", status.as_u16() / 100);
        add(1, &self.requests, [("method", method), ("route", route), ("status", class.into())]);
    }

    /// A call that should have ended something was refused.
    pub(super) fn end_refusal(&self, status: StatusCode) {
        add(1, &self.end_refusals, [("status", status.as_u16().to_string().into())]);
    }

    /// The sweeper has run.
    pub fn swept(&self, swept: Swept) {
        self.sweeps(1, if swept.ran { "ran" } else { "skipped" });
        self.swept_streams(swept);
    }

    /// The sweeper could not run.
    pub fn sweep_failed(&self) {
        self.sweeps(1, "failed");
    }

    /// The day's work has been done, or not.
    pub fn cron_run(&self, done: bool) {
        self.cron_runs(1, if done { "ran" } else { "failed" });
    }

    /// A mail to the operator has been sent, or not.
    pub fn mail(&self, sent: bool) {
        self.mails(1, if sent { "sent" } else { "failed" });
    }

    /// A connection was closed because its client took nothing of what was written to it.
    pub fn slow_connection(&self) {
        self.slow_connections.inc();
    }

    /// A service has told an event: it was `recorded`, had been (`repeated`), was `unsigned`, `invalid`, or could not be kept
    /// (`failed`).
    pub fn webhook_event(&self, source: &'static str, outcome: &'static str) {
        self.webhook_events(1, source, outcome);
    }

    fn webhook_events(&self, events: u64, source: &'static str, outcome: &'static str) {
        add(events, &self.webhook_events, [("source", source.into()), ("outcome", outcome.into())]);
    }

    fn sweeps(&self, sweeps: u64, outcome: &'static str) {
        add(sweeps, &self.sweeps, [("outcome", outcome.into())]);
    }

    fn swept_streams(&self, swept: Swept) {
        let Swept { ended, held_back, inactive, .. } = swept;
        for (streams, outcome) in [(ended, "ended"), (held_back, "held_back"), (inactive, "inactive")] {
            add(u64::try_from(streams).unwrap_or_default(), &self.swept_streams, [("outcome", outcome.into())]);
        }
    }

    fn cron_runs(&self, runs: u64, outcome: &'static str) {
        add(runs, &self.cron_runs, [("job", "close_expired_chats".into()), ("outcome", outcome.into())]);
    }

    fn mails(&self, mails: u64, outcome: &'static str) {
        add(mails, &self.mails, [("about", "orphans".into()), ("outcome", outcome.into())]);
    }

    /// Puts all of them on a page.
    pub(super) fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("streamkeeper_gateway");
        registry.register("build", "The version that runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let help = "Requests that this gateway has answered, by route and class of status";
        registry.register("http_requests", help, self.requests.clone());
        let help = "Calls to end streams that this gateway has answered with a refusal";
        registry.register("end_refusals", help, self.end_refusals.clone());
        let help = "Events that came to this gateway's webhooks, by what became of them";
        registry.register("webhook_events", help, self.webhook_events.clone());
        let help = "Runs of this gateway's sweeper; skipped: another sweeper was at it";
        registry.register("sweeps", help, self.sweeps.clone());
        let help = "Streams that this gateway's sweeper ended because nobody held them (ended) or ever had (inactive), or \
                    spared after an outage, once in each run (held_back)";
        registry.register("swept_streams", help, self.swept_streams.clone());
        let help = "Runs of the day's work by this gateway";
        registry.register("cron_runs", help, self.cron_runs.clone());
        registry.register("mails", "Mails that this gateway has sent, or could not send", self.mails.clone());
        let help = "Connections that this gateway closed because their client took nothing of what was written to them";
        registry.register("slow_connections", help, self.slow_connections.clone());
        self.rooms.register(registry);
        self.events.register(registry);
        self.relay.register(registry);
    }
}

pub(super) fn add<const LABELS: usize>(
    more: u64,
    counters: &Labelled<LABELS>,
    labels: [(&'static str, Cow<'static, str>); LABELS],
) {
    counters.get_or_create(&labels).inc_by(more);
}
