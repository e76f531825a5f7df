//! One room, as this page knows it.

use super::backend::Rpc;
use super::id::StreamId;
use super::value::Value;
use super::{CallId, Millis, RequestId};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// A room that this page has asked about.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Whether whoever is signed in is its host, once the database has said so.
    pub(super) is_host: Option<bool>,
    /// The session that is open in it, `RoomSession` in the npm package; or null.
    session: Value,
    pub(super) going: Option<Going>,
    /// What was given up, with its key: nobody knows whether the database has done it.
    pub(super) unanswered: Option<(String, Rpc)>,
    /// The calls of `endRoom`, while it is being ended.
    pub(super) ending: Option<Vec<CallId>>,
    /// The calls of `isHost` that wait for the database.
    pub(super) asking: Vec<CallId>,
    pub(super) reading: Option<RequestId>,
    pub(super) last_error: Option<String>,
}

/// Somebody goes live in it.
#[derive(Debug)]
pub(super) struct Going {
    pub(super) calls: Vec<CallId>,
    pub(super) key: String,
    /// The same for every attempt, with one idempotency key: a lost answer makes no second session.
    pub(super) rpc: Rpc,
    pub(super) attempts: u32,
    /// `None`: an attempt is under way.
    pub(super) due: Option<Millis>,
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
    }

    /// Nothing is open in it.
    pub(super) fn closed(&mut self) {
        self.session = Value::Null;
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
        [Some(core::mem::take(&mut self.asking)), going, self.ending.take()].into_iter().flatten().flatten().collect()
    }
}
