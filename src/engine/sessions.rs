//! Sessions kept in step with their streams: what is open in this page for a stream (players, meetings, the app's own) is
//! stopped when that is over, by whatever path.
//!
//! ```text
//! Open ──stop──▶ Stopping ──▶ Closed ──looked at once more──▶ forgotten
//!                 ▲    └────▶ Orphan ─┐
//!                 └─────next check────┘
//! ```
//!
//! A session has a number of its own: a stop reaches what was registered before it, and nothing that came later under the
//! same key. A meeting is a session of its stream from its attaching on. The chat connection is none of a stream: it is the
//! person's, lives by their presence, and chat goes on when a stream is over; it stands in the report under its user.

use super::action::Role;
use super::backend::{Rpc, Verdict};
use super::id::StreamId;
use super::input::Output;
use super::lease::Lease;
use super::listing::is_listed;
use super::manager::{Manager, Purpose, found};
use super::meeting::Meeting;
use super::streams::Stream;
use super::table::Table;
use super::value::Value;
use super::{CallId, MeetingId, Millis, SessionId};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// A stop that has not settled by then is given up.
pub const STOP_TIMEOUT: Millis = 5_000;

/// What the gateway answers who wants to play what is over, or not relayed.
const GONE: u16 = 410;

/// What is to be done with a session of the app's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionOutput {
    /// Call its `stop`; answer with [`SessionEvent::Stopped`].
    Stop,
    /// Ask whether it is open; answer with [`SessionEvent::Looked`] at once.
    Look,
    /// Nothing more will be asked of it.
    Forget,
}

/// What is heard of a session. `open`: whether it is open; `None`: it cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// Its `stop` has settled.
    Stopped {
        /// It threw, or its promise was rejected.
        failed: bool,
        /// See above.
        open: Option<bool>,
    },
    /// It was looked at.
    Looked {
        /// See above.
        open: Option<bool>,
    },
}

impl SessionOutput {
    /// Its name for the façade.
    pub fn name(self) -> &'static str {
        match self {
            SessionOutput::Stop => "stop",
            SessionOutput::Look => "look",
            SessionOutput::Forget => "forget",
        }
    }
}

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handle {
    App(SessionId),
    Meeting(MeetingId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// Without a time: that is over, and it was asked whether it is open.
    Stopping {
        until: Option<Millis>,
    },
    /// Players come back: it is looked at once more.
    Closed {
        look_at: Millis,
    },
    /// It has outlived its stream, or its stop.
    Orphan {
        stop_at: Millis,
    },
}

#[derive(Clone, Debug)]
struct Session {
    key: StreamId,
    kind: String,
    since: Millis,
    stage: Stage,
    /// It has been told of as an orphan.
    told: bool,
}

/// A promise of `stopStreamByKey`.
#[derive(Clone, Debug)]
struct Stop {
    call: CallId,
    waits_for: Vec<Handle>,
    stopped: u32,
}

/// All sessions of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    all: Table<Handle, Session>,
    stops: Vec<Stop>,
    /// When the database is asked next about streams that nothing else in this page hears of.
    ask_at: Option<Millis>,
}

impl Sessions {
    fn of<'a>(&'a self, key: &'a StreamId) -> impl Iterator<Item = (&'a Handle, &'a Session)> {
        self.all.iter().filter(move |(_, session)| session.key == *key)
    }

    /// The promises that wait for a stop.
    pub(super) fn calls(self) -> impl Iterator<Item = CallId> {
        self.stops.into_iter().map(|stop| stop.call)
    }
}

impl Manager {
    /// A session is open, or about to be. One of a stream that is over is an orphan from the start.
    pub(super) fn register(&mut self, handle: Handle, key: &StreamId, kind: &str) {
        let (key, kind) = (key.clone(), kind.to_owned());
        if let Handle::App(_) = handle {
            self.know(&key, Role::Viewer);
            let ask_at = self.now.saturating_add(self.config.health.interval);
            self.sessions.ask_at.get_or_insert(ask_at);
            self.changed = true;
        }
        let is_over = self.is_over(&key);
        self.sessions.all.insert(handle, Session { key, kind, since: self.now, stage: Stage::Open, told: false });
        if is_over {
            if self.seems_open(handle) {
                self.outlives(handle);
            }
            self.stop(handle);
        }
    }

    /// A meeting is joined: also one that was stopped, or that has left, is a session again.
    pub(super) fn rejoined(&mut self, meeting: MeetingId, key: &StreamId) {
        let handle = Handle::Meeting(meeting);
        let stopping = |session: &Session| matches!(session.stage, Stage::Stopping { .. });
        if !self.sessions.all.get(&handle).is_some_and(stopping) {
            self.register(handle, key, "meeting");
        }
    }

    /// The app has done with it, or the meeting is detached.
    pub(super) fn unregister(&mut self, handle: Handle) {
        let Some(session) = self.sessions.all.remove(&handle) else { return };
        self.stop_settled(handle, true);
        // What is over and no longer attached to anything may have to make room.
        self.changed |= self.is_over(&session.key);
        self.forget_watched(&session.key);
    }

    /// A stream that is only watched is not remembered when nothing in this page belongs to it any more. One that somebody
    /// here has asked to end is: an ended stream must not be ended again.
    pub(super) fn forget_watched(&mut self, id: &StreamId) {
        let watched = |stream: &Stream| stream.role == Role::Viewer && stream.latch.status() == "live";
        if !self.is_attached(id) && self.streams.get(id).is_some_and(watched) {
            self.streams.remove(id);
            self.changed = true;
        }
    }

    /// Whether something in this page belongs to the stream.
    pub(super) fn is_attached(&self, id: &StreamId) -> bool {
        self.meetings.values().any(|meeting| meeting.stream() == id) || self.sessions.of(id).next().is_some()
    }

    fn is_over(&self, key: &StreamId) -> bool {
        self.streams.get(key).is_some_and(|stream| stream.latch.is_ended())
    }

    /// A meeting knows whether it is open; of the app's sessions only the app does.
    fn seems_open(&self, handle: Handle) -> bool {
        match handle {
            Handle::App(_) => true,
            Handle::Meeting(meeting) => self.meetings.get(&meeting).is_some_and(|meeting| meeting.joined),
        }
    }

    /// Stops every session of that stream that is there now; gives those that are on their way out.
    pub(super) fn stop_all(&mut self, key: &StreamId) -> Vec<Handle> {
        let handles: Vec<Handle> = self.sessions.of(key).map(|(handle, _)| *handle).collect();
        for handle in &handles {
            let stage = self.sessions.all.get(handle).map(|session| session.stage);
            if matches!(stage, Some(Stage::Open | Stage::Orphan { .. })) {
                self.stop(*handle);
            }
        }
        let stopping = |session: &Session| matches!(session.stage, Stage::Stopping { .. });
        handles.into_iter().filter(|handle| self.sessions.all.get(handle).is_some_and(stopping)).collect()
    }

    /// `stopStreamByKey`.
    pub(super) fn stop_by_key(&mut self, call: CallId, key: &StreamId) {
        let waits_for = self.stop_all(key);
        self.sessions.stops.push(Stop { call, waits_for, stopped: 0 });
    }

    fn stop(&mut self, handle: Handle) {
        // A meeting that has said itself that it is over has nothing to hang up.
        let gone = |id| self.meetings.get(&id).is_none_or(Meeting::is_gone);
        if matches!(handle, Handle::Meeting(id) if gone(id)) {
            return;
        }
        let until = Some(self.now.saturating_add(STOP_TIMEOUT));
        let Some(session) = self.sessions.all.get_mut(&handle) else { return };
        session.stage = Stage::Stopping { until };
        self.outputs.push_back(match handle {
            Handle::App(session) => Output::Session { session, output: SessionOutput::Stop },
            Handle::Meeting(meeting) => Output::HangUp { meeting },
        });
    }

    fn look(&mut self, handle: Handle) {
        match handle {
            Handle::App(session) => self.outputs.push_back(Output::Session { session, output: SessionOutput::Look }),
            Handle::Meeting(_) => {
                self.session_event(handle, SessionEvent::Looked { open: Some(self.seems_open(handle)) });
            }
        }
    }

    /// It is open though it should not be: told and counted once.
    fn outlives(&mut self, handle: Handle) {
        let Some(session) = self.sessions.all.get_mut(&handle) else { return };
        if !core::mem::replace(&mut session.told, true) {
            let (key, kind) = ((&session.key).into(), session.kind.as_str().into());
            self.orphan(key, kind);
        }
    }

    /// Something outlives what it was for.
    pub(super) fn orphan(&mut self, key: Value, kind: Value) {
        self.usage.orphan();
        self.emit("orphan", Value::object([("key", key), ("kind", kind)]));
    }

    pub(super) fn session_event(&mut self, handle: Handle, event: SessionEvent) {
        let check_at = self.now.saturating_add(self.config.health.interval);
        let Some(session) = self.sessions.all.get_mut(&handle) else { return };
        let (open, failed) = match event {
            SessionEvent::Stopped { failed, open } => (open, failed),
            // Asked because its stop hangs.
            SessionEvent::Looked { open } => (open, matches!(session.stage, Stage::Stopping { .. })),
        };
        let is_open = open.unwrap_or(failed);
        match session.stage {
            // An answer to a stop that was never asked, or one that is late: the look decides.
            Stage::Open => {}
            Stage::Closed { .. } if matches!(event, SessionEvent::Stopped { .. }) => {}
            Stage::Closed { .. } if is_open => {
                self.outlives(handle);
                self.stop(handle);
            }
            Stage::Closed { .. } => self.forget(handle),
            Stage::Stopping { .. } | Stage::Orphan { .. } => {
                session.stage =
                    if is_open { Stage::Orphan { stop_at: check_at } } else { Stage::Closed { look_at: check_at } };
                if failed {
                    self.complain(handle, "a session's stop failed, or takes more than 5 s");
                }
                if is_open {
                    self.outlives(handle);
                } else if open.is_none() || matches!(handle, Handle::Meeting(_)) {
                    // Nobody can look at it; or it says so itself when it is joined again.
                    self.forget(handle);
                }
                self.stop_settled(handle, !is_open);
            }
        }
    }

    fn forget(&mut self, handle: Handle) {
        if let Some(session) = self.sessions.all.remove(&handle) {
            self.forget_watched(&session.key);
        }
        if let Handle::App(session) = handle {
            self.outputs.push_back(Output::Session { session, output: SessionOutput::Forget });
        }
    }

    fn complain(&mut self, handle: Handle, message: &'static str) {
        let Some(session) = self.sessions.all.get(&handle) else { return };
        let level = if session.told { "debug" } else { "warn" };
        let (key, kind) = (session.key.clone(), session.kind.clone());
        self.log(level, message, &key, &kind);
    }

    fn stop_settled(&mut self, handle: Handle, stopped: bool) {
        for stop in &mut self.sessions.stops {
            if let Some(at) = stop.waits_for.iter().position(|other| *other == handle) {
                stop.waits_for.remove(at);
                stop.stopped = stop.stopped.saturating_add(stopped.into());
            }
        }
    }

    /// The passing of time, for the sessions.
    pub(super) fn settle_sessions(&mut self) {
        let now = self.now;
        let next = now.saturating_add(self.config.health.interval);
        let handles: Vec<Handle> = self.sessions.all.iter().map(|(handle, _)| *handle).collect();
        for handle in handles {
            let left = matches!(handle, Handle::Meeting(_)) && !self.seems_open(handle);
            let Some(session) = self.sessions.all.get_mut(&handle) else { continue };
            match session.stage {
                Stage::Stopping { .. } | Stage::Orphan { .. } if left => {
                    self.session_event(handle, SessionEvent::Stopped { failed: false, open: Some(false) });
                }
                Stage::Stopping { until: Some(until) } if until <= now => {
                    session.stage = Stage::Stopping { until: None };
                    self.look(handle);
                }
                Stage::Closed { look_at } if look_at <= now => {
                    session.stage = Stage::Closed { look_at: next };
                    self.look(handle);
                }
                Stage::Orphan { stop_at } if stop_at <= now => self.stop(handle),
                _ => {}
            }
        }
        self.ask_about_streams();
        let stops = core::mem::take(&mut self.sessions.stops).into_iter();
        let (done, waiting): (Vec<Stop>, Vec<Stop>) = stops.partition(|stop| stop.waits_for.is_empty());
        self.sessions.stops = waiting;
        for stop in done {
            self.settle(stop.call, Ok(stop.stopped.into()));
        }
    }

    /// Nobody tells a viewer's page that a stream is over: while somebody sees it, it asks at every health check.
    fn ask_about_streams(&mut self) {
        let (now, may) = (self.now, self.may_ask());
        if self.sessions.ask_at.take_if(|at| may && *at <= now).is_none() {
            return;
        }
        let mut keys: Vec<StreamId> = Vec::new();
        for (handle, session) in self.sessions.all.iter() {
            if matches!(handle, Handle::App(_)) && session.stage == Stage::Open && !keys.contains(&session.key) {
                keys.push(session.key.clone());
            }
        }
        if !keys.is_empty() {
            self.sessions.ask_at = Some(now.saturating_add(self.config.health.interval));
        }
        for key in keys {
            // What this page holds tells by its lease.
            if !self.streams.get(&key).is_some_and(|stream| stream.lease != Lease::None) {
                self.ask_about(&key);
            }
        }
    }

    /// A stream that is listed no more may be over: that is asked at once, also by whoever holds it.
    pub(super) fn streams_are_listed(&mut self, rows: &[Value]) {
        let mut gone: Vec<StreamId> = Vec::new();
        for (handle, Session { key, .. }) in self.sessions.all.iter() {
            let is_gone = matches!(handle, Handle::App(_)) && self.was_listed(key) && !is_listed(rows, key);
            if is_gone && !gone.contains(key) {
                gone.push(key.clone());
            }
        }
        gone.iter().for_each(|key| self.ask_about(key));
    }

    /// Our own end, if one is under way, tells by itself.
    fn ask_about(&mut self, key: &StreamId) {
        let is_ending = self.streams.get(key).is_some_and(|stream| stream.latch.is_ending());
        if !is_ending && !self.is_asked(key) {
            self.send(Purpose::Watch(key.clone()), Rpc::status(key), false);
        }
    }

    fn may_ask(&self) -> bool {
        let page = self.page;
        self.config.backend.is_some() && page.visible && page.online && !page.frozen
    }

    /// The database has said how it stands with a stream that this page has sessions of.
    pub(super) fn watched(&mut self, id: &StreamId, verdict: &Verdict) {
        if matches!(verdict, Verdict::Delivered(body) if body.text("status") == Some("ended")) {
            self.over_elsewhere(id);
        }
    }

    /// `playbackUrl`. The gateway is the first to know that a stream is over; but it says the same of one that is only not
    /// relayed any more, and the database knows which.
    pub(super) fn playback_answered(&mut self, call: CallId, id: &StreamId, verdict: Verdict) {
        if matches!(&verdict, Verdict::Refused(error) if error.status == Some(GONE)) {
            self.ask_about(id);
        }
        self.settle(call, found("stream", verdict));
    }

    /// It is over, says somebody who knows. Our own end, if one is under way, hears so itself.
    pub(super) fn over_elsewhere(&mut self, id: &StreamId) {
        let open = |stream: &Stream| !stream.latch.is_ended() && !stream.latch.is_ending();
        if self.streams.get(id).is_some_and(open) {
            self.ended_elsewhere(id);
        }
    }

    /// The next deadline.
    pub(super) fn sessions_deadline(&self) -> Option<Millis> {
        let stages = self.sessions.all.values().filter_map(|session| match session.stage {
            Stage::Open => None,
            Stage::Stopping { until } => until,
            Stage::Closed { look_at: at } | Stage::Orphan { stop_at: at } => Some(at),
        });
        stages.chain(self.sessions.ask_at.filter(|_| self.may_ask())).min()
    }

    /// What `syncCheck()` is made of: every session, and how it stands.
    ///
    /// Its state is what it should be: `opening` for `health.timeout`, then `open`; `over`; `stopping`, while that is under way.
    /// Whether it is open is what is known here: of its own sessions the app knows more.
    pub fn sessions(&self, wall: Millis) -> Value {
        let mut clock = self.clock;
        let now = clock.observe(wall);
        let row = |number: Option<u32>, key: &str, kind: &str, open: bool, state: &str| {
            Value::object([
                ("session", number.into()),
                ("key", key.into()),
                ("kind", kind.into()),
                ("open", open.into()),
                ("state", state.into()),
            ])
        };
        let mut rows = Vec::new();
        for (handle, session) in self.sessions.all.iter() {
            let (number, open) = match handle {
                Handle::App(id) => (Some(id.0), !matches!(session.stage, Stage::Closed { .. })),
                Handle::Meeting(_) => (None, self.seems_open(*handle)),
            };
            let state = match session.stage {
                Stage::Stopping { .. } => "stopping",
                Stage::Open if self.is_over(&session.key) => "over",
                Stage::Open if session.since.saturating_add(self.config.health.timeout) <= now => "open",
                Stage::Open => "opening",
                Stage::Closed { .. } | Stage::Orphan { .. } => "over",
            };
            rows.push(row(number, session.key.as_str(), &session.kind, open, state));
        }
        if let Some((user, outlived)) = self.chat.session() {
            rows.push(row(None, user, "chat", true, if outlived { "over" } else { "open" }));
        }
        Value::List(rows)
    }
}
