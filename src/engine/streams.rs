//! The streams of a page: what is attached to them, what happens to them, how they end.

use super::action::{Attachment, Role};
use super::backend::{Rpc, Verdict};
use super::delivering::end_result;
use super::ending::{Latch, Who};
use super::id::{RoomId, StreamId};
use super::lease::Lease;
use super::manager::{Manager, Purpose, found};
use super::meeting::{DESTROYED, Meeting, MeetingEvent, Signal};
use super::sessions::Handle;
use super::value::Value;
use super::{CallId, MeetingId, Millis};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// So many streams that are over are remembered, so that nothing revives them: few for a page that nobody ever closes.
const REMEMBERED: usize = 1_000;

/// So many of them are shown: more than a person looks back at.
const SHOWN: usize = 20;

/// A stream that this page hosts or watches.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) role: Role,
    pub(super) latch: Latch,
    pub(super) waiting: Vec<CallId>,
    /// This page's lease on it.
    pub(super) lease: Lease,
    /// The host's meeting that was detached last.
    pub(super) let_go: Option<Meeting>,
    /// Whose it is, if that is known.
    pub(super) streamer: Option<String>,
    /// Whose token has held it, or was at hand when it was attached.
    pub(super) user: Option<String>,
    /// The database has said that this page holds it.
    pub(super) confirmed: bool,
    /// Since when its host is expected in the meeting.
    pub(super) awaited_since: Option<Millis>,
    /// This page has left it, and another holder keeps it alive.
    pub(super) left: bool,
    /// The room whose end was asked for, and its session.
    pub(super) of_room: Option<(RoomId, String)>,
    /// The attempt that was made last went by the gateway.
    pub(super) by_gateway: bool,
}

impl Stream {
    pub(super) fn new(role: Role) -> Stream {
        Stream {
            role,
            latch: Latch::default(),
            waiting: Vec::new(),
            lease: Lease::None,
            let_go: None,
            streamer: None,
            user: None,
            confirmed: false,
            awaited_since: None,
            left: false,
            of_room: None,
            by_gateway: false,
        }
    }

    /// The snapshot's entry.
    pub(super) fn to_value(&self) -> Value {
        let latch = &self.latch;
        Value::object([
            ("role", self.role.as_str().into()),
            ("status", latch.status().into()),
            ("reason", latch.reason().into()),
            ("attempt", latch.attempt().into()),
            ("lastError", latch.last_error().map(|error| error.message.as_str()).into()),
        ])
    }
}

impl Manager {
    /// There is such a stream in this page from now on; if too many are over, the one goes that was over first.
    pub(super) fn know(&mut self, id: &StreamId, role: Role) {
        if self.streams.get(id).is_some() {
            return;
        }
        let too_many = self.over().count() >= REMEMBERED;
        let first = self.over().next().filter(|_| too_many).cloned();
        if let Some(first) = first {
            self.streams.remove(&first);
        }
        self.streams.ensure(id, || Stream::new(role));
    }

    /// The snapshot's `streams`.
    pub(super) fn streams_to_value(&self) -> Value {
        let mut hidden = self.over().count().saturating_sub(SHOWN);
        let shown = self.streams.iter().filter(|(id, stream)| {
            let hides = hidden > 0 && self.has_done_with(id, stream);
            hidden -= usize::from(hides);
            !hides
        });
        Value::Object(shown.map(|(id, stream)| (id.as_str().to_owned(), stream.to_value())).collect())
    }

    /// Which are over, and nothing is attached to them any more: as they ended, one after the other.
    fn over(&self) -> impl Iterator<Item = &StreamId> {
        self.streams.iter().filter(|(id, stream)| self.has_done_with(id, stream)).map(|(id, _)| id)
    }

    fn has_done_with(&self, id: &StreamId, stream: &Stream) -> bool {
        stream.latch.is_ended() && stream.waiting.is_empty() && !self.is_attached(id)
    }

    pub(super) fn end_by_request(&mut self, call: CallId, id: StreamId, reason: Option<String>) {
        self.know(&id, Role::Host);
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if stream.latch.is_ended() {
            return self.settle(call, Ok(end_result(&id, "already_ended", 0, "rpc")));
        }
        stream.waiting.push(call);
        self.asked_to_end(&id, reason.as_deref().unwrap_or("requested"), "requested");
    }

    /// A person wants it to end, by this method.
    pub(super) fn asked_to_end(&mut self, id: &StreamId, reason: &str, method: &str) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(id) else { return };
        let begins = stream.latch.over(now, reason, Who::Person);
        self.changed |= begins;
        self.note(id, if begins { "asked to end" } else { "asked to end, which is under way" }, method);
    }

    pub(super) fn attach(&mut self, meeting: MeetingId, attachment: Attachment, joined: bool) {
        let id = attachment.stream.clone();
        let host = attachment.role == Role::Host;
        self.know(&id, attachment.role);
        let Some(stream) = self.streams.get_mut(&id) else { return };
        if host {
            stream.role = Role::Host;
            stream.streamer = Some(attachment.streamer.clone());
            stream.user = stream.user.take().or_else(|| self.outbox.user.clone());
            stream.awaited_since.get_or_insert(self.now);
        }
        // A host who goes on to watch has left all the same.
        let back = host && stream.latch.rejoin();
        let over = stream.latch.is_ended();
        let before = if host { stream.let_go.take() } else { None };
        let attached = match before {
            // StrictMode, a hot reload, a route that is left and entered again: it will not say again that it was joined.
            Some(before) => before.again(attachment),
            None => Meeting::new(attachment, joined),
        };
        self.meetings.insert(meeting, attached);
        self.register(Handle::Meeting(meeting), &id, "meeting");
        self.changed = true;
        if host {
            self.hold(&id);
        }
        if over {
            self.log("warn", "a meeting was attached to a stream that has ended", &id, "attached");
        } else {
            self.note(&id, if back { "back before its grace was over" } else { "attached" }, "attached");
        }
    }

    pub(super) fn detach(&mut self, meeting: MeetingId) {
        let Some(gone) = self.meetings.remove(&meeting) else { return };
        let id = gone.stream().clone();
        self.unregister(Handle::Meeting(meeting));
        if gone.is_host() {
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.let_go = Some(gone);
            }
            self.leave(&id, "detached", self.config.ending.leave_grace);
        } else {
            self.forget_watched(&id);
        }
    }

    pub(super) fn meeting_event(&mut self, meeting: MeetingId, event: &MeetingEvent) {
        let Some(attached) = self.meetings.get_mut(&meeting) else { return };
        let signal = attached.interpret(event, self.config.ending.leave_grace);
        let id = attached.stream().clone();
        if *event == MeetingEvent::Joined {
            self.rejoined(meeting, &id);
        }
        let Some(stream) = self.streams.get_mut(&id) else { return };
        match signal {
            Signal::Nothing(why) => self.note(&id, why, event.name()),
            Signal::Here => {
                self.changed |= stream.latch.rejoin();
                self.note(&id, "joined", event.name());
                self.hold_again(&id);
            }
            Signal::Longer(grace) => {
                self.changed |= stream.latch.extend(grace);
                self.note(&id, "a leave may take longer", event.name());
            }
            Signal::Leaving(reason, grace) => self.leave(&id, reason, grace),
            Signal::Over(reason) => {
                let who = if reason == DESTROYED { Who::Everybody } else { Who::Signal };
                let begins = stream.latch.over(self.now, reason, who);
                self.changed |= begins;
                self.note(&id, if begins { "over" } else { "absorbed" }, reason);
            }
        }
    }

    /// One way into the meeting is gone. The stream leaves only if this page is in no other.
    pub(super) fn leave(&mut self, id: &StreamId, reason: &'static str, grace: Millis) {
        let in_it = |other: &Meeting| other.stream() == id && other.is_host() && (other.joined || reason == "detached");
        // The named host's leave counts whoever else is there: that is what the app asked for.
        let here = reason != "participantLeft" && self.meetings.values().any(in_it);
        let Some(stream) = self.streams.get_mut(id) else { return };
        let begins = if here {
            false
        } else if stream.latch.status() == "failed" {
            stream.latch.over(self.now, reason, Who::Signal)
        } else {
            stream.latch.leave(self.now, reason, grace)
        };
        self.changed |= begins;
        self.note(id, if begins { "leaving" } else { "absorbed" }, reason);
    }

    /// Going live again is a return: at the asking, because an answer may be late, and cancel a leave that came after it.
    pub(super) fn start(&mut self, call: CallId, id: Option<StreamId>, title: Option<String>) {
        let back = |stream: &mut Stream| stream.latch.rejoin();
        let resumed = id.clone().filter(|id| self.streams.get_mut(id).is_some_and(back));
        self.changed |= resumed.is_some();
        let rpc = Rpc::start(id.as_ref(), title.as_deref(), &self.holder);
        self.send(Purpose::Start { call, resumed }, rpc, true);
    }

    pub(super) fn started(&mut self, call: CallId, resumed: Option<StreamId>, verdict: Verdict) {
        let result = found("stream", verdict).and_then(|status| {
            // The caller must not believe that it is live.
            Ok((StreamId::answered("start_stream", "stream_id", &status)?, status))
        });
        match result {
            Ok((id, status)) => {
                self.host(&id, status.text("streamer_id"), "started");
                self.settle(call, Ok(status));
            }
            Err(error) => {
                if let Some(id) = resumed {
                    self.leave(&id, "detached", self.config.ending.leave_grace);
                }
                self.settle(call, Err(error));
            }
        }
    }

    /// The database says that it is live, and this page is its host's.
    pub(super) fn host(&mut self, id: &StreamId, streamer: Option<&str>, signal: &str) {
        self.know(id, Role::Host);
        if let Some(stream) = self.streams.get_mut(id) {
            stream.role = Role::Host;
            stream.streamer = streamer.map(str::to_owned);
            stream.latch.started();
        }
        // An end that had failed before was of the time before.
        self.strike_ends_of(id);
        self.changed = true;
        self.hold_anew(id);
        self.note(id, "live", signal);
    }
}
