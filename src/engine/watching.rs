//! Presence at an event: a viewer's socket to the gateway, which counts whoever is there.

use super::config::Config;
use super::id::EventId;
use super::input::Output;
use super::manager::Manager;
use super::page::{Exit, Page};
use super::retry::Backoff;
use super::value::Value;
use super::{Millis, SocketId};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// So long before a token ends it is replaced; one that lasts less than twice that, at half its time.
const REAUTHENTICATE_BEFORE: Millis = 60_000;

/// And no sooner than so long after the one before.
const REAUTHENTICATE_EVERY: Millis = 30_000;

/// So long an app may take to forget the token of whoever has signed out.
const AFTER_SIGN_OUT: Millis = 2_000;

/// The longest that a gateway may send a viewer away: longer, and nobody would see that they do not count.
const LONGEST_MOVE: Millis = 60_000;

/// Close codes of the gateway after which trying again changes nothing: malformed, forbidden, unknown, ended.
const FINAL: [u32; 4] = [4400, 4403, 4404, ENDED];
const ENDED: u32 = 4410;
const TOKEN: u32 = 4401;

/// What is heard of a socket.
#[derive(Clone, Debug, PartialEq)]
pub enum SocketEvent {
    /// The gateway has said something.
    Message(Value),
    /// It has gone, or could not be opened; the close code.
    Closed(u32),
}

/// What is to be done with a socket.
#[derive(Clone, Debug, PartialEq)]
pub enum SocketOutput {
    /// Open it at that event, with a fresh token.
    Open(EventId),
    /// Say who this is, with a fresh token.
    Authenticate,
    /// Ask whether anybody is there.
    Ping,
    /// Say goodbye, and close it.
    Close,
}

impl SocketOutput {
    /// Its name for the façade.
    pub fn name(&self) -> &'static str {
        match self {
            SocketOutput::Open(_) => "open",
            SocketOutput::Authenticate => "authenticate",
            SocketOutput::Ping => "ping",
            SocketOutput::Close => "close",
        }
    }
}

/// How it stands with the socket of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Opening {
        until: Millis,
    },
    /// The gateway counts this page. Without a word until then it is asked.
    Open {
        ask_at: Millis,
    },
    Asked {
        until: Millis,
    },
    /// The gateway has said no, or that the event is over: nobody tries again until somebody asks anew.
    Over {
        ended: bool,
    },
}

/// An event that somebody in this page watches.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    watchers: u32,
    socket: SocketId,
    state: State,
    due: Millis,
    reauthenticate_at: Option<Millis>,
    /// As whom this page has introduced itself.
    user: Option<String>,
    /// Since when it is open.
    open_since: Millis,
    losses: u32,
    backoff: Backoff,
    viewers: Value,
}

impl Watch {
    fn new(seed: &str, now: Millis) -> Watch {
        Watch {
            watchers: 0,
            socket: SocketId(0),
            state: State::Closed,
            due: now,
            reauthenticate_at: None,
            user: None,
            open_since: now,
            losses: 0,
            backoff: Backoff::new(seed),
            viewers: Value::Null,
        }
    }

    /// The snapshot's entry.
    pub(super) fn to_value(&self) -> Value {
        let status = match self.state {
            State::Closed | State::Opening { .. } => "connecting",
            State::Open { .. } | State::Asked { .. } => "open",
            State::Over { ended: true } => "ended",
            State::Over { ended: false } => "refused",
        };
        Value::object([("status", status.into()), ("viewers", self.viewers.clone())])
    }

    fn is_up(&self) -> bool {
        !matches!(self.state, State::Closed | State::Over { .. })
    }

    fn deadline(&self) -> Option<Millis> {
        let socket = match self.state {
            State::Closed => self.due,
            State::Opening { until } | State::Asked { until } => until,
            State::Open { ask_at } => ask_at,
            State::Over { .. } => return None,
        };
        let open = matches!(self.state, State::Open { .. } | State::Asked { .. });
        Some(self.reauthenticate_at.filter(|_| open).map_or(socket, |at| at.min(socket)))
    }

    /// It has gone, and is tried again after a while.
    fn lost(&mut self, now: Millis, code: u32, config: &Config) {
        // A token that has run out is no failure, the first time.
        let at_once = code == TOKEN && self.losses == 0;
        self.losses = self.losses.saturating_add(1);
        let pause = if at_once { 0 } else { self.backoff.pause(self.losses, &config.reconnect) };
        self.due = self.due.max(now.saturating_add(pause));
        self.state = if FINAL.contains(&code) { State::Over { ended: code == ENDED } } else { State::Closed };
        self.viewers = Value::Null;
        self.reauthenticate_at = None;
    }
}

fn may_watch(page: Page) -> bool {
    page.online && !page.frozen && page.exit == Exit::None
}

impl Manager {
    /// One more, or one less, watches this event.
    pub(super) fn watch_event(&mut self, id: &EventId, on: bool) {
        let now = self.now;
        // With the page's own seed: the viewers of a node that has died are not to come back all at once.
        let seed = [self.holder.as_str(), id.as_str()].concat();
        self.watches.ensure(id, || Watch::new(&seed, now));
        let Some(watch) = self.watches.get_mut(id) else { return };
        watch.watchers = if on { watch.watchers.saturating_add(1) } else { watch.watchers.saturating_sub(1) };
        if on && !watch.is_up() {
            (watch.state, watch.due) = (State::Closed, now);
        }
        if watch.watchers == 0 {
            self.hang_up(id);
            self.watches.remove(id);
        }
        self.changed = true;
    }

    fn hang_up(&mut self, id: &EventId) {
        let Some(watch) = self.watches.get_mut(id).filter(|watch| watch.is_up()) else { return };
        (watch.state, watch.viewers) = (State::Closed, Value::Null);
        watch.reauthenticate_at = None;
        self.outputs.push_back(Output::Socket { socket: watch.socket, output: SocketOutput::Close });
        self.changed = true;
    }

    fn all_watched(&self) -> Vec<EventId> {
        self.watches.iter().map(|(id, _)| id.clone()).collect()
    }

    /// The manager is given up.
    pub(super) fn close_watches(&mut self) {
        for id in self.all_watched() {
            self.hang_up(&id);
        }
        self.watches.take();
    }

    /// This is who is signed in now. Whoever was introduced as somebody else comes again; after a sign-out a little later,
    /// because the app's token is still the old one.
    pub(super) fn watch_as(&mut self, user: Option<&str>) {
        let pause = if user.is_none() { AFTER_SIGN_OUT } else { 0 };
        for id in self.all_watched() {
            if self.watches.get(&id).is_some_and(|watch| watch.user.as_deref() == user && watch.is_up()) {
                continue;
            }
            self.hang_up(&id);
            if let Some(watch) = self.watches.get_mut(&id) {
                // What was refused to the one may be open to the other.
                (watch.state, watch.due) = (State::Closed, self.now.saturating_add(pause));
                self.changed = true;
            }
        }
    }

    pub(super) fn socket_event(&mut self, socket: SocketId, event: &SocketEvent) {
        let now = self.now;
        let Some((id, watch)) = self.watches.iter_mut().find(|(_, watch)| watch.socket == socket && watch.is_up())
        else {
            return;
        };
        self.changed = true;
        let message = match event {
            SocketEvent::Closed(code) => {
                watch.lost(now, *code, &self.config);
                return;
            }
            SocketEvent::Message(message) => message,
        };
        let interval = self.config.health.interval;
        let opening = matches!(watch.state, State::Opening { .. });
        match message.text("type") {
            // Not the gateway's word, but the façade's.
            Some("introduced") => watch.user = message.text("user").map(str::to_owned),
            Some("welcome") if opening => {
                watch.open_since = now;
                watch.state = State::Open { ask_at: now.saturating_add(interval) };
            }
            // Only a welcome opens it.
            _ if opening => {}
            _ => {
                watch.state = State::Open { ask_at: now.saturating_add(interval) };
                if now.saturating_sub(watch.open_since) >= interval {
                    // What was before is past. Not at a welcome, after which it may close at once.
                    watch.losses = 0;
                }
            }
        }
        let number = |name| match message.get(name) {
            Some(Value::Number(number)) if *number >= 0.0 && number.is_finite() => Some(*number as Millis),
            _ => None,
        };
        let (mut count, id) = (None, id.clone());
        match message.text("type") {
            Some("welcome" | "authenticated") => {
                watch.due = now;
                count = number("viewers");
                let wall = self.clock.to_wall(now);
                watch.reauthenticate_at = number("expires_at").map(|at| {
                    let left = at.saturating_mul(1_000).saturating_sub(wall);
                    // A clock that is ahead of the gateway's must not make us ask without end.
                    let pause = left.saturating_sub(REAUTHENTICATE_BEFORE).max(left / 2);
                    now.saturating_add(pause.max(REAUTHENTICATE_EVERY))
                });
            }
            Some("viewers") => count = number("count"),
            // The node stops; the others are not to be stormed.
            Some("moving") => {
                let pause = number("retry_after_ms").unwrap_or_default();
                watch.due = now.saturating_add(pause.min(LONGEST_MOVE));
            }
            _ => {}
        }
        if let Some(count) = count.map(|count| Value::millis(Some(count))).filter(|count| *count != watch.viewers) {
            watch.viewers = count.clone();
            self.emit("viewers", Value::object([("eventId", (&id).into()), ("count", count)]));
        }
    }

    pub(super) fn settle_watches(&mut self) {
        let now = self.now;
        for id in self.all_watched() {
            if !may_watch(self.page) {
                self.hang_up(&id);
                continue;
            }
            let Some(watch) = self.watches.get_mut(&id) else { continue };
            let open = matches!(watch.state, State::Open { .. } | State::Asked { .. });
            if watch.reauthenticate_at.take_if(|at| open && *at <= now).is_some() {
                let output = SocketOutput::Authenticate;
                self.outputs.push_back(Output::Socket { socket: watch.socket, output });
            }
            let output = match watch.state {
                State::Closed if watch.due <= now => {
                    self.last_socket = self.last_socket.wrapping_add(1);
                    watch.socket = SocketId(self.last_socket);
                    watch.state = State::Opening { until: now.saturating_add(self.config.health.timeout) };
                    SocketOutput::Open(id)
                }
                State::Opening { until } | State::Asked { until } if until <= now => {
                    watch.lost(now, 0, &self.config);
                    SocketOutput::Close
                }
                // A browser does not tell of a connection that has silently died.
                State::Open { ask_at } if ask_at <= now => {
                    watch.state = State::Asked { until: now.saturating_add(self.config.health.timeout) };
                    SocketOutput::Ping
                }
                _ => continue,
            };
            self.changed = true;
            self.outputs.push_back(Output::Socket { socket: watch.socket, output });
        }
    }

    pub(super) fn watches_deadline(&self) -> Option<Millis> {
        self.watches.values().filter_map(Watch::deadline).min().filter(|_| may_watch(self.page))
    }
}
