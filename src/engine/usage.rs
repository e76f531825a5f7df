//! What the connections have cost, and what was saved: seed 003's usage figures, for this page.

use super::Millis;
use super::chat::Joined;
use super::ending::{Outcome, Try};
use super::reason::Reason;
use super::value::Value;
use alloc::borrow::ToOwned;

/// What has been counted since the report before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Askings that a connection answered which was open.
    pub reused: u32,
    /// Askings that joined one on its way.
    pub avoided: u32,
    /// For how long nobody was connected because nobody was there.
    pub idle_saved: Millis,
}

/// Counters that only grow.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    opened: u32,
    reused: u32,
    avoided: u32,
    connected: Millis,
    idle_saved: Millis,
    /// Since when nobody is connected because nobody is there.
    idle_since: Option<Millis>,
    /// By what the connection before had closed of; in the order of [`Reason::ALL`].
    reconnects: [u32; Reason::ALL.len()],
    end_attempts: u32,
    ended: u32,
    end_failed: u32,
    replayed: u32,
    orphans: u32,
    reported: Counted,
}

impl Usage {
    /// Somebody has asked for a connection.
    pub fn asked(&mut self, joined: Joined) {
        match joined {
            Joined::Open => self.reused = self.reused.saturating_add(1),
            Joined::OnItsWay => self.avoided = self.avoided.saturating_add(1),
            Joined::First => {}
        }
    }

    /// One has opened.
    pub fn opened(&mut self, now: Millis, cause: Option<Reason>) {
        self.opened = self.opened.saturating_add(1);
        self.away_no_more(now);
        for (reason, count) in Reason::ALL.iter().zip(self.reconnects.iter_mut()) {
            if cause == Some(*reason) {
                *count = count.saturating_add(1);
            }
        }
    }

    /// One that was open since then begins to close.
    pub fn closing(&mut self, now: Millis, reason: Reason, since: Millis) {
        self.connected = self.connected.saturating_add(now.saturating_sub(since));
        if matches!(reason, Reason::Inactive | Reason::Hidden) {
            self.idle_since = Some(now);
        }
    }

    /// A call for the end of a stream has been answered, or was not.
    pub fn end_answered(&mut self, outcome: Outcome, tried: Try) {
        if tried == Try::End {
            self.end_attempts = self.end_attempts.saturating_add(1);
        }
        match outcome {
            Outcome::Retrying | Outcome::NotFound | Outcome::Left => {}
            Outcome::Ended(_) => self.ended = self.ended.saturating_add(1),
            Outcome::Failed | Outcome::Refused => self.end_failed = self.end_failed.saturating_add(1),
        }
    }

    /// The outbox has delivered an end.
    pub fn replayed(&mut self) {
        self.replayed = self.replayed.saturating_add(1);
    }

    /// A session has outlived its stream.
    pub fn orphan(&mut self) {
        self.orphans = self.orphans.saturating_add(1);
    }

    /// Nobody is away any more: what is not connected from now on is not saved.
    pub fn away_no_more(&mut self, now: Millis) {
        if let Some(since) = self.idle_since.take() {
            self.idle_saved = self.idle_saved.saturating_add(now.saturating_sub(since));
        }
    }

    /// What has been counted since this was asked last.
    pub fn report(&mut self) -> Counted {
        let counted = Counted { reused: self.reused, avoided: self.avoided, idle_saved: self.idle_saved };
        let before = core::mem::replace(&mut self.reported, counted);
        Counted {
            reused: counted.reused.saturating_sub(before.reused),
            avoided: counted.avoided.saturating_sub(before.avoided),
            idle_saved: counted.idle_saved.saturating_sub(before.idle_saved),
        }
    }

    /// `Usage` in the npm package. `open_since`: of the connection that is open.
    pub fn to_value(&self, now: Millis, open_since: Option<Millis>) -> Value {
        let since = |since: Option<Millis>| since.map_or(0, |since| now.saturating_sub(since));
        let reconnects = Reason::ALL.iter().zip(self.reconnects);
        let reconnects = reconnects.map(|(reason, count)| (reason.as_str().to_owned(), count.into()));
        Value::object([
            ("opened", self.opened.into()),
            ("reused", self.reused.into()),
            ("avoided", self.avoided.into()),
            ("connectedMs", Value::millis(Some(self.connected.saturating_add(since(open_since))))),
            ("idleSavedMs", Value::millis(Some(self.idle_saved.saturating_add(since(self.idle_since))))),
            ("reconnects", Value::Object(reconnects.collect())),
            ("orphans", self.orphans.into()),
            (
                "ends",
                Value::object([
                    ("attempts", self.end_attempts.into()),
                    ("ended", self.ended.into()),
                    ("failed", self.end_failed.into()),
                    ("replayed", self.replayed.into()),
                ]),
            ),
        ])
    }
}
