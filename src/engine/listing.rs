//! The listing of what is live: pushed by the gateway where there is one, asked for where there is none.

use super::backend::{Rpc, Verdict};
use super::id::{StreamId, Uuid};
use super::input::Output;
use super::manager::{Manager, Purpose};
use super::page::{Exit, Page};
use super::retry::Backoff;
use super::value::Value;
use super::{Millis, RequestId};
use alloc::string::String;
use alloc::vec::Vec;

/// How often it is asked for while nothing pushes it.
const POLL: Millis = 15_000;

/// So long the feed may be silent: the gateway says every 15 s that it is there.
const FEED_SILENCE: Millis = 45_000;

/// What is heard of the gateway's feed.
#[derive(Clone, Debug, PartialEq)]
pub enum FeedEvent {
    /// The whole listing.
    Rows(Vec<Value>),
    /// It is there, and nothing has changed.
    Alive,
    /// It has gone, or could not be had.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    Closed,
    Opening,
    Open,
}

/// The listing, as far as somebody in this page looks at it.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    watchers: u32,
    feed: Feed,
    rows: Value,
    asked: Option<RequestId>,
    /// When to ask; `None` while nobody looks at it, or the feed is open.
    ask_at: Option<Millis>,
    /// When to open the feed, or to give it up.
    feed_due: Millis,
    losses: u32,
    backoff: Backoff,
    last_error: Option<String>,
}

impl Listing {
    pub(super) fn new(seed: &str) -> Listing {
        Listing {
            watchers: 0,
            feed: Feed::Closed,
            rows: Value::List(Vec::new()),
            asked: None,
            ask_at: None,
            feed_due: 0,
            losses: 0,
            backoff: Backoff::new(seed),
            last_error: None,
        }
    }

    /// The snapshot's `listing`.
    pub(super) fn to_value(&self) -> Value {
        let status = match (self.watchers, self.feed) {
            (0, _) => "off",
            (_, Feed::Open) => "live",
            (_, Feed::Opening) => "connecting",
            (_, Feed::Closed) => "polling",
        };
        Value::object([
            ("status", status.into()),
            ("sessions", self.rows.clone()),
            ("lastError", self.last_error.as_deref().into()),
        ])
    }

    /// Something has changed, as far as this page knows; a feed says so by itself.
    pub(super) fn hurry(&mut self, now: Millis) {
        self.ask_at = self.ask_at.map(|_| now);
    }

    pub(super) fn deadline(&self, page: Page, has_gateway: bool) -> Option<Millis> {
        let feed = Some(self.feed_due).filter(|_| has_gateway && self.is_wanted(page));
        [self.ask_at, feed].into_iter().flatten().min()
    }

    pub(super) fn resent(&mut self, again: RequestId) {
        self.asked = Some(again);
    }

    /// Nobody looks at it any more; the façade has closed the feed, with everything else.
    pub(super) fn close(&mut self) {
        self.watchers = 0;
        self.feed = Feed::Closed;
    }

    fn is_wanted(&self, page: Page) -> bool {
        self.watchers > 0 && page.visible && page.online && !page.frozen && page.exit == Exit::None
    }
}

/// Whether every row of it says what it is of: whoever shows it reads that without asking.
pub(super) fn is_listing(rows: &[Value]) -> bool {
    let is_id = |row: &Value, name| Uuid::parse(name, row.get(name)).is_ok();
    rows.iter().all(|row| row.text("id").is_some() && is_id(row, "room_id") && is_id(row, "stream_id"))
}

/// Whether this stream is in it.
pub(super) fn is_listed(rows: &[Value], id: &StreamId) -> bool {
    rows.iter().any(|row| row.text("stream_id") == Some(id.as_str()))
}

impl Manager {
    /// One more, or one less, looks at it.
    pub(super) fn watch_listing(&mut self, on: bool) {
        let watchers = &mut self.listing.watchers;
        *watchers = if on { watchers.saturating_add(1) } else { watchers.saturating_sub(1) };
        self.changed = true;
    }

    pub(super) fn feed_event(&mut self, event: FeedEvent) {
        if self.listing.feed == Feed::Closed {
            return;
        }
        let alive_until = self.now.saturating_add(FEED_SILENCE);
        match event {
            FeedEvent::Rows(rows) if is_listing(&rows) => {
                self.listing.feed = Feed::Open;
                self.listing.losses = 0;
                self.listing.ask_at = None;
                self.listing.feed_due = alive_until;
                let asked = self.listing.asked.take();
                self.give_up(asked);
                self.listed(rows);
            }
            FeedEvent::Alive => self.listing.feed_due = alive_until,
            FeedEvent::Rows(_) | FeedEvent::Lost => self.feed_is_lost(),
        }
    }

    fn feed_is_lost(&mut self) {
        let listing = &mut self.listing;
        listing.losses = listing.losses.saturating_add(1);
        let pause = listing.backoff.pause(listing.losses, &self.config.reconnect);
        listing.feed_due = self.now.saturating_add(pause);
        // Until it is back, what may have been missed is asked for.
        listing.ask_at = Some(self.now);
        self.close_feed();
    }

    fn close_feed(&mut self) {
        if core::mem::replace(&mut self.listing.feed, Feed::Closed) != Feed::Closed {
            self.outputs.push_back(Output::Feed { open: false });
            self.changed = true;
        }
    }

    pub(super) fn listing_answered(&mut self, verdict: Verdict) {
        self.listing.asked = None;
        match verdict {
            Verdict::Delivered(Value::List(rows)) => self.listed(rows),
            Verdict::Delivered(_) => {}
            Verdict::Refused(error) | Verdict::Unauthorised(error) | Verdict::Transient(error) => {
                self.listing.last_error = Some(error.message);
                self.changed = true;
            }
        }
    }

    fn listed(&mut self, rows: Vec<Value>) {
        self.rooms_are_listed(&rows);
        self.streams_are_listed(&rows);
        self.listing.rows = Value::List(rows);
        self.listing.last_error = None;
        self.changed = true;
    }

    /// Whether this stream was in the listing that came last.
    pub(super) fn was_listed(&self, id: &StreamId) -> bool {
        matches!(&self.listing.rows, Value::List(rows) if is_listed(rows, id))
    }

    pub(super) fn listing_deadline(&self) -> Option<Millis> {
        self.listing.deadline(self.page, self.has_gateway())
    }

    pub(super) fn settle_listing(&mut self) {
        let now = self.now;
        if self.config.backend.is_none() || !self.listing.is_wanted(self.page) {
            self.listing.ask_at = None;
            self.listing.feed_due = now;
            let asked = self.listing.asked.take();
            self.give_up(asked);
            return self.close_feed();
        }
        if self.has_gateway() && self.listing.feed_due <= now {
            if self.listing.feed == Feed::Closed {
                self.listing.feed = Feed::Opening;
                self.listing.feed_due = now.saturating_add(self.config.health.timeout);
                self.outputs.push_back(Output::Feed { open: true });
                self.changed = true;
            } else {
                // It neither came nor failed; or it has fallen silent.
                self.feed_is_lost();
            }
        } else if self.listing.feed == Feed::Closed && self.listing.ask_at.is_none() {
            self.listing.ask_at = Some(now);
        }
        if self.listing.ask_at.is_some_and(|at| at <= now) {
            // What is on its way may be of the time before whatever has happened.
            let request = self.send(Purpose::Listing, Rpc::listing(), true);
            let before = self.listing.asked.replace(request);
            self.give_up(before);
            self.listing.ask_at = Some(now.saturating_add(POLL));
        }
    }
}
