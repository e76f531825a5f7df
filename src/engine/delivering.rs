//! Ending a stream on the wire: what is due is sent, and what comes of it is told.

use super::backend::{Rpc, Verdict};
use super::ending::{Outcome, Try};
use super::error::Error;
use super::id::StreamId;
use super::manager::{Manager, Purpose, no_backend};
use super::meeting::Meeting;
use super::streams::Stream;
use super::value::Value;
use super::{CallId, RequestId};
use alloc::vec;
use alloc::vec::Vec;

impl Manager {
    /// There is nobody to tell: that is said at once, as a refusal is, instead of waiting for ever.
    fn end_without_backend(&mut self, id: &StreamId) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let nobody = RequestId(0);
        stream.latch.sent(nobody);
        self.end_answered(id, nobody, &Verdict::Refused(no_backend("ending a stream")));
    }

    pub(super) fn end_answered(&mut self, id: &StreamId, request: RequestId, verdict: &Verdict) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let latch = &mut stream.latch;
        let tried = latch.next();
        let Some(outcome) = latch.answered(self.now, request, verdict, self.page.online, &self.config.ending) else {
            return;
        };
        let sent = latch.sent_in_all();
        let reason = Value::from(latch.reason());
        let error = latch.last_error().cloned();
        let waiting = if outcome == Outcome::Retrying { Vec::new() } else { core::mem::take(&mut stream.waiting) };
        self.changed = true;

        let status = match verdict {
            Verdict::Delivered(body) => body.text("status"),
            _ => None,
        };
        if tried == Try::End {
            self.emit(
                "endAttempt",
                Value::object([
                    ("streamId", id.into()),
                    ("attempt", sent.into()),
                    ("signal", reason.clone()),
                    ("ok", status.is_some().into()),
                    ("status", status.into()),
                    ("error", error.as_ref().map(|error| error.message.as_str()).into()),
                ]),
            );
        }
        self.usage.end_answered(outcome, tried);
        self.end_is_owed_no_more(id, outcome);
        self.room_follows(id, outcome, error.as_ref());
        let via = if tried == Try::End { "rpc" } else { "fallback" };
        let settled = |status: &str, via: &str| end_result(id, status, sent, via);
        match outcome {
            Outcome::Retrying => return,
            Outcome::NotFound => {
                self.log("warn", "the database knows no such stream", id, "not_found");
                if !self.is_attached(id) {
                    self.streams.remove(id);
                }
                self.settle_all(waiting, &Ok(settled("not_found", via)));
            }
            Outcome::Left => {
                self.release_hold(id);
                let back = |meeting: &Meeting| meeting.stream() == id && meeting.is_host() && meeting.joined;
                if self.meetings.values().any(back) {
                    // Whoever came back while the goodbye was on its way is a holder again.
                    self.hold_again(id);
                } else if !self.is_attached(id) {
                    self.streams.remove(id);
                }
                self.log("info", "another holder keeps the stream alive", id, "held_elsewhere");
                self.settle_all(waiting, &Ok(settled("held_elsewhere", via)));
            }
            Outcome::Ended(elsewhere) => {
                self.emit_end(id, reason, elsewhere);
                let status = if tried == Try::End { status.unwrap_or("ended") } else { "ended" };
                self.settle_all(waiting, &Ok(settled(status, via)));
            }
            Outcome::Refused | Outcome::Failed => {
                let words = error.as_ref().map_or("", |error| &error.message);
                self.log("error", "the stream could not be ended", id, words);
                let result = match error {
                    Some(error) if outcome == Outcome::Refused => Err(error),
                    // It is written down, and not lost: the outbox goes on.
                    _ => Ok(settled("queued", "outbox")),
                };
                self.settle_all(waiting, &result);
            }
        }
        self.redirected(id, status.filter(|_| outcome != Outcome::Failed));
    }

    /// A stream is over, and with it whatever is open for it here; `elsewhere`: somebody else has ended it.
    pub(super) fn emit_end(&mut self, id: &StreamId, reason: Value, elsewhere: bool) {
        self.streams.move_to_end(id);
        self.rooms_without(id);
        let data = [("streamId", id.into()), ("reason", reason), ("elsewhere", elsewhere.into())];
        self.emit("end", Value::object(data));
        self.stop_all(id);
    }

    pub(super) fn settle_all(&mut self, calls: Vec<CallId>, result: &Result<Value, Error>) {
        for call in calls {
            self.settle(call, result.clone());
        }
    }

    pub(super) fn send_what_is_due(&mut self) {
        let now = self.now;
        let due = |(id, stream): (&StreamId, &mut Stream)| stream.latch.due(now).then(|| id.clone());
        let due: Vec<StreamId> = self.streams.iter_mut().filter_map(due).collect();
        for id in due {
            let Some(stream) = self.streams.get(&id) else { continue };
            if self.config.backend.is_none() {
                self.end_without_backend(&id);
                continue;
            }
            let latch = &stream.latch;
            // Gateway first, where there is one; on failure the database itself.
            let by_gateway = stream.of_room.is_some() && self.has_gateway() && latch.attempt() == 0;
            let (reason, attempt) = (latch.reason().unwrap_or_default(), latch.sent_in_all().saturating_add(1));
            let rpc = match latch.next() {
                Try::End if let Some((room, session)) = &stream.of_room => {
                    Rpc::end_room(room, Some(session), reason, &self.holder, attempt, by_gateway)
                }
                Try::End => Rpc::end(&id, reason, &self.holder, attempt, latch.is_leave()),
                Try::Status => Rpc::status(&id),
                Try::Goodbye => Rpc::touch(&id, &self.holder, 0),
            };
            let fresh_token = latch.is_fresh_request();
            if latch.next() == Try::End {
                self.owe_end(&id);
            }
            // A person's end is of whoever is signed in now.
            let only_for = if fresh_token { None } else { self.user_of(&id) };
            let request = self.send_as(Purpose::End(id.clone()), rpc, fresh_token, only_for);
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.latch.sent(request);
                stream.by_gateway = by_gateway;
            }
            self.changed = true;
        }
    }
}

/// `EndResult` in the npm package, for everything that was live.
pub(super) fn end_all_result(body: &Value) -> Value {
    let listed = |name| body.get(name).cloned().unwrap_or(Value::List(Vec::new()));
    result(body.text("status"), [listed("ended"), listed("already_ended")], 1, "rpc")
}

/// `EndResult` in the npm package, for one stream.
pub(super) fn end_result(id: &StreamId, status: &str, attempts: u32, via: &str) -> Value {
    let listed = |is: bool| Value::List(if is { vec![id.into()] } else { Vec::new() });
    result(Some(status), [listed(status == "ended"), listed(status == "already_ended")], attempts, via)
}

/// `EndResult` in the npm package, for streams that nobody has named.
pub(super) fn unnamed_result(status: &str, via: &str) -> Value {
    result(Some(status), [Value::List(Vec::new()), Value::List(Vec::new())], 1, via)
}

fn result(status: Option<&str>, [ended, already]: [Value; 2], attempts: u32, via: &str) -> Value {
    Value::object([
        ("status", status.into()),
        ("ended", ended),
        ("already", already),
        ("attempts", attempts.into()),
        ("via", via.into()),
    ])
}
