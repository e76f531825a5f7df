//! The outbox among everything else that a manager does: what gets in, what is sent again, what is struck out.

use super::backend::{Rpc, Verdict};
use super::ending::Outcome;
use super::error::Code;
use super::id::StreamId;
use super::input::Output;
use super::manager::{Manager, Purpose};
use super::outbox::{self, Intent, Kind, Standing};
use super::page::Exit;
use super::value::Value;
use super::{CallId, Millis, RequestId};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

impl Manager {
    /// Before the first byte of an end is sent.
    pub(super) fn owe_end(&mut self, id: &StreamId) {
        let user = self.user_of(id);
        let Some(stream) = self.streams.get_mut(id) else { return };
        // Also when they have signed out by the time of the next attempt.
        stream.user = user;
        let intent = Intent {
            reason: stream.latch.reason().unwrap_or_default().to_owned(),
            leaves: stream.latch.is_leave(),
            // With the one that is about to be made: nobody may be left to count it afterwards.
            attempts: stream.latch.sent_in_all().saturating_add(1),
            last_error: stream.latch.last_error().map(|error| error.message.clone()),
            ..self.intent(id, Kind::End)
        };
        let key = intent.key();
        // A new round takes over from a call of the outbox's own.
        let standing = self.outbox.get(&key).map(|entry| entry.standing);
        self.give_up(standing.and_then(Standing::under_way));
        self.owe(intent);
    }

    /// Before a page that goes away says its goodbye.
    pub(super) fn owe_leave(&mut self, id: &StreamId, seconds: u32) {
        let until = self.wall().saturating_add(Millis::from(seconds) * 1_000);
        let intent = self.intent(id, Kind::Leave { until });
        self.owe(intent);
    }

    /// Whose token a call about this stream needs, as far as that is known.
    pub(super) fn user_of(&self, id: &StreamId) -> Option<String> {
        self.streams.get(id).and_then(|stream| stream.user.clone()).or_else(|| self.outbox.user.clone())
    }

    fn intent(&self, id: &StreamId, kind: Kind) -> Intent {
        let streamer = self.streams.get(id).and_then(|stream| stream.streamer.clone());
        let user = self.user_of(id);
        Intent {
            stream: id.clone(),
            holder: self.holder.clone(),
            user: user.or(streamer),
            kind,
            reason: String::new(),
            leaves: false,
            at: self.wall(),
            attempts: 0,
            last_error: None,
        }
    }

    fn owe(&mut self, intent: Intent) {
        let key = intent.key();
        if self.outbox.get(&key).is_none() {
            // First: another tab that hears of what is written would otherwise be there before us.
            self.outputs.push_back(Output::Claim { key: key.clone() });
        }
        self.store(&key, intent.to_value());
        if let Some(oldest) = self.outbox.put(intent, Standing::Latched) {
            self.strike(&oldest);
        }
        self.changed = true;
    }

    /// What has become of this page's own end of a stream.
    pub(super) fn end_is_owed_no_more(&mut self, id: &StreamId, outcome: Outcome) {
        let key = outbox::key(id, &self.holder);
        let now = self.now;
        match outcome {
            Outcome::Retrying => self.note_attempt(id, &key),
            Outcome::Failed => {
                self.note_attempt(id, &key);
                if let Some(entry) = self.outbox.get_mut(&key) {
                    entry.wait(now, false);
                }
            }
            Outcome::Ended(_) | Outcome::NotFound | Outcome::Left | Outcome::Refused => self.strike(&key),
        }
    }

    fn note_attempt(&mut self, id: &StreamId, key: &String) {
        let Some(latch) = self.streams.get(id).map(|stream| &stream.latch) else { return };
        let (attempts, error) = (latch.sent_in_all(), latch.last_error().map(|error| error.message.clone()));
        if let Some(entry) = self.outbox.get_mut(key) {
            entry.intent.attempts = attempts;
            entry.intent.last_error = error;
            let value = entry.intent.to_value();
            self.store(key, value);
        }
    }

    /// This page holds the stream again, or has been heard: its goodbye is not owed.
    pub(super) fn leave_is_owed_no_more(&mut self, id: &StreamId) {
        let key = outbox::key(id, &self.holder);
        if self.outbox.get(&key).is_some_and(|entry| entry.intent.kind != Kind::End) {
            self.strike(&key);
        }
    }

    /// The stream has been started anew: nobody is to end it for what was before.
    pub(super) fn strike_ends_of(&mut self, id: &StreamId) {
        for (key, standing) in self.outbox.ends_of(id) {
            self.give_up(standing.under_way());
            self.strike(&key);
        }
    }

    fn strike(&mut self, key: &String) {
        if self.outbox.remove(key).is_some() {
            self.store(key, Value::Null);
            self.outputs.push_back(Output::Release { key: key.clone() });
            self.changed = true;
        }
    }

    fn store(&mut self, key: &str, intent: Value) {
        self.outputs.push_back(Output::Store { key: key.to_owned(), intent });
    }

    /// What lies in the storage, of other page loads: each is ours as soon as nobody else is there to see to it.
    pub(super) fn owed(&mut self, entries: Vec<(String, Value)>) {
        if self.config.backend.is_none() {
            // Whoever has one is to see to it.
            return;
        }
        for (key, value) in entries {
            match Intent::parse(&key, &value) {
                Some(intent) if intent.holder == self.holder || self.outbox.get(&key).is_some() => {}
                Some(intent) if !intent.is_stale(self.wall()) => {
                    self.outputs.push_back(Output::Claim { key });
                    if let Some(oldest) = self.outbox.put(intent, Standing::Elsewhere) {
                        self.strike(&oldest);
                    }
                    self.changed = true;
                }
                _ => self.store(&key, Value::Null),
            }
        }
    }

    /// Nobody else sees to it any more. `value`: what the storage holds now.
    pub(super) fn claimed(&mut self, key: &String, value: &Value) {
        let now = self.now;
        let Some(entry) = self.outbox.get_mut(key) else {
            self.outputs.push_back(Output::Release { key: key.clone() });
            return;
        };
        if entry.standing != Standing::Elsewhere {
            return;
        }
        match Intent::parse(key, value) {
            Some(intent) => {
                entry.intent = intent;
                entry.standing = Standing::Due(now);
            }
            // Done by whoever had it.
            None => self.strike(key),
        }
    }

    /// Whose token is at hand now.
    pub(super) fn user_is(&mut self, user: Option<String>) {
        if user.is_some() && self.outbox.user != user {
            match &self.outbox.user {
                Some(_) => self.rooms_of_somebody_else(),
                None => self.rooms_of_somebody(),
            }
            self.watch_as(user.as_deref());
            self.outbox.user = user;
            self.outbox.hurry(self.now);
            self.reports = true;
        }
    }

    /// The storage takes nothing: said once, and everything goes on in memory.
    pub(super) fn not_stored(&mut self) {
        if !core::mem::replace(&mut self.outbox.warned, true) {
            let message = "localStorage takes nothing: an end that is lost with this page is left to the lease";
            self.emit_log("warn", message, Value::Null);
        }
    }

    pub(super) fn replay_what_is_due(&mut self) {
        if !self.can_replay() {
            return;
        }
        for key in self.outbox.due(self.now) {
            let Some(entry) = self.outbox.get(&key) else { continue };
            let intent = entry.intent.clone();
            if intent.is_stale(self.wall()) {
                self.strike(&key);
                continue;
            }
            let left = self.left_of(&intent);
            let rpc = match intent.kind {
                Kind::End => {
                    let attempt = intent.attempts.saturating_add(1);
                    Rpc::end(&intent.stream, &intent.reason, &intent.holder, attempt, intent.leaves).replayed()
                }
                Kind::Leave { .. } => Rpc::touch(&intent.stream, &intent.holder, left),
            };
            let request = self.send_as(Purpose::Replay(key.clone()), rpc, true, intent.user);
            if let Some(entry) = self.outbox.get_mut(&key) {
                entry.standing = Standing::Sending(request);
                entry.holds = left > 0;
            }
        }
    }

    /// How many seconds a page that is gone still has. None, once this one holds the stream in its place: whoever leaves
    /// then is the last.
    fn left_of(&self, intent: &Intent) -> u32 {
        let resumed = self.streams.get(&intent.stream).is_some_and(|stream| stream.confirmed);
        match intent.kind {
            Kind::Leave { until } if !resumed => until.saturating_sub(self.wall()).div_ceil(1_000).min(900) as u32,
            _ => 0,
        }
    }

    /// This page holds the stream, and the database knows: an earlier one need not be waited for.
    pub(super) fn resumed(&mut self, id: &StreamId) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.confirmed = true;
            self.outbox.hurry_leaves_of(id, self.now);
        }
    }

    pub(super) fn replayed(&mut self, key: &String, request: RequestId, verdict: &Verdict) {
        let now = self.now;
        let left = self.outbox.get(key).map_or(0, |entry| self.left_of(&entry.intent));
        let Some(entry) = self.outbox.get_mut(key).filter(|entry| entry.standing == Standing::Sending(request)) else {
            return;
        };
        let intent = entry.intent.clone();
        match verdict {
            // The page that is gone may be back within its time: until then it is not over.
            Verdict::Delivered(body) if entry.holds && body.text("status") == Some("live") => {
                entry.standing = Standing::Due(now.saturating_add(Millis::from(left) * 1_000));
            }
            Verdict::Delivered(_) | Verdict::Refused(_) => {
                self.strike(key);
                if intent.kind == Kind::End {
                    self.end_was_replayed(&intent, verdict);
                }
            }
            Verdict::Unauthorised(error) | Verdict::Transient(error) => {
                entry.wait(now, error.code == Code::Token);
                if error.code != Code::Token {
                    entry.intent.attempts = entry.intent.attempts.saturating_add(1);
                }
                entry.intent.last_error = Some(error.message.clone());
                let value = entry.intent.to_value();
                self.store(key, value);
                self.changed = true;
            }
        }
    }

    /// What this page may have given up has been answered after all.
    fn end_was_replayed(&mut self, intent: &Intent, verdict: &Verdict) {
        let over = match verdict {
            Verdict::Delivered(body) => matches!(body.text("status"), Some("ended" | "already_ended")),
            _ => false,
        };
        if over {
            self.usage.replayed();
        }
        let Some(stream) = self.streams.get_mut(&intent.stream) else { return };
        if stream.latch.status() != "failed" {
            return;
        }
        stream.latch.replayed(verdict);
        let left = stream.latch.status() == "live";
        self.changed = true;
        if left {
            self.release_hold(&intent.stream);
        }
        if over {
            self.emit_end(&intent.stream, intent.reason.as_str().into(), false);
        }
    }

    /// The same call is out again, with a fresh token.
    pub(super) fn replay_resent(&mut self, key: &String, before: RequestId, again: RequestId) {
        if let Some(entry) = self.outbox.get_mut(key).filter(|entry| entry.standing == Standing::Sending(before)) {
            entry.standing = Standing::Sending(again);
        }
    }

    /// The next deadline, if there is somebody to keep it.
    pub(super) fn outbox_deadline(&self) -> Option<Millis> {
        self.outbox.deadline().filter(|_| self.can_replay())
    }

    fn can_replay(&self) -> bool {
        self.config.backend.is_some() && self.page.online && !self.page.frozen && self.page.exit == Exit::None
    }

    /// `retryPendingEnds`: resolves when each has been tried.
    pub(super) fn retry_pending(&mut self, call: CallId) {
        self.outbox.hurry(self.now);
        self.outbox.waiting.push(call);
    }

    pub(super) fn settle_retries(&mut self) {
        if self.outbox.waiting.is_empty() || self.outbox.is_busy(self.now) && self.can_replay() {
            return;
        }
        for call in core::mem::take(&mut self.outbox.waiting) {
            self.settle(call, Ok(Value::Null));
        }
    }

    /// `pendingEnds()`.
    pub fn pending_ends(&self) -> Value {
        Value::List(self.outbox.iter().map(|(_, entry)| entry.intent.to_pending()).collect())
    }

    fn wall(&self) -> Millis {
        self.clock.to_wall(self.now)
    }
}
