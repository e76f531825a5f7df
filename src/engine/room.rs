//! One room, as this page knows it.

use super::backend::Rpc;
use super::id::StreamId;
use super::value::Value;
use super::{CallId, Millis, RequestId};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// A room that this page has asked about.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    /// Whether whoever is signed in is its host, once the database has said so.
    pub(super) is_host: Option<bool>,
    /// The session that is open in it, `RoomSession` in the npm package; or null.
    session: Value,
    pub(super) going: Option<Going>,
    /// What was given up, with its key, and when: nobody knows whether the database has done it.
    pub(super) unanswered: Option<(String, Rpc, Millis)>,
    pub(super) ending: Option<Ending>,
    /// The calls of `isHost` that wait for the database.
    pub(super) asking: Vec<CallId>,
    pub(super) reading: Option<RequestId>,
    /// When it is read again, because the last time failed, and how often that has been.
    pub(super) read_at: Option<Millis>,
    pub(super) misreadings: u32,
    /// Why somebody's last call failed.
    pub(super) last_error: Option<String>,
}

/// Somebody goes live in it.
#[derive(Clone, Debug)]
pub(super) struct Going {
    pub(super) calls: Vec<CallId>,
    pub(super) key: String,
    /// The same for every attempt, with one idempotency key: a lost answer makes no second session.
    pub(super) rpc: Rpc,
    pub(super) attempts: u32,
    /// The key is our own: what has ended under it is not what was asked for.
    pub(super) made_up: bool,
    pub(super) step: Step,
}

/// It is being ended.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) calls: Vec<CallId>,
    /// The session whose stream's latch sees to it. Without one the database is asked to end whatever is open.
    pub(super) session: Option<String>,
    pub(super) attempts: u32,
    pub(super) step: Step,
}

/// Where something stands that is tried several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The next attempt is due then.
    Due(Millis),
    /// An attempt is under way.
    Sent(RequestId),
    /// Somebody else sees to it.
    Waiting,
}

impl Step {
    pub(super) fn is_due(self, now: Millis) -> bool {
        matches!(self, Step::Due(at) if at <= now)
    }

    pub(super) fn deadline(self) -> Option<Millis> {
        match self {
            Step::Due(at) => Some(at),
            Step::Sent(_) | Step::Waiting => None,
        }
    }

    pub(super) fn under_way(self) -> Option<RequestId> {
        match self {
            Step::Sent(request) => Some(request),
            Step::Due(_) | Step::Waiting => None,
        }
    }
}

impl Room {
    /// The snapshot's entry.
    pub(super) fn to_value(&self) -> Value {
        let status = match self.session.text("status") {
            _ if self.ending.is_some() => "ending",
            _ if self.going.is_some() => "going_live",
            Some("live") => "live",
            _ => "idle",
        };
        Value::object([
            ("status", status.into()),
            ("isHost", self.is_host.into()),
            ("session", self.session.clone()),
            ("lastError", self.last_error.as_deref().into()),
        ])
    }

    /// What is open in it, as the database has just said; null: nothing.
    pub(super) fn opened(&mut self, session: Value) {
        self.session = if matches!(session.text("status"), Some("scheduled" | "live")) { session } else { Value::Null };
        if self.open().is_none() {
            // Without its ids nobody could join it, or end it.
            self.session = Value::Null;
        }
    }

    /// Nothing is open in it; nor in what may have been opened before.
    pub(super) fn closed(&mut self) {
        self.session = Value::Null;
        self.unanswered = None;
    }

    /// The next deadline. Reading waits for the network; whoever asked for something is told that there is none.
    pub(super) fn deadline(&self, online: bool) -> Option<Millis> {
        let ending = self.ending.as_ref().map(|ending| ending.step);
        // What is being ended is waited for.
        let going = self.going.as_ref().filter(|_| ending.is_none()).map(|going| going.step);
        [ending.and_then(Step::deadline), going.and_then(Step::deadline), self.read_at.filter(|_| online)]
            .into_iter()
            .flatten()
            .min()
    }

    /// The open session.
    pub(super) fn session(&self) -> &Value {
        &self.session
    }

    /// The open session's own id, and its stream.
    pub(super) fn open(&self) -> Option<(String, StreamId)> {
        let stream = StreamId::parse("stream_id", self.session.get("stream_id")).ok()?;
        Some((self.session.text("id")?.to_owned(), stream))
    }

    /// Whether this stream is what is open in it.
    pub(super) fn carries(&self, stream: &StreamId) -> bool {
        self.session.text("stream_id") == Some(stream.as_str())
    }

    /// Every promise that is out.
    pub(super) fn take_calls(&mut self) -> Vec<CallId> {
        let going = self.going.take().map(|going| going.calls);
        let ending = self.ending.take().map(|ending| ending.calls);
        [Some(core::mem::take(&mut self.asking)), going, ending].into_iter().flatten().flatten().collect()
    }
}
