//! Going live in a room, coming back to it, ending it. What the database says of a room decides; nothing is repaired here.

use super::action::Role;
use super::backend::{Rpc, Verdict};
use super::ending::{Outcome, Who};
use super::error::{Code, Error};
use super::id::{RoomId, StreamId};
use super::manager::{Manager, Purpose};
use super::room::{Going, Room};
use super::streams::Stream;
use super::value::Value;
use super::{CallId, Millis, RequestId};
use alloc::borrow::ToOwned;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

impl Manager {
    /// `myRoom`.
    pub(super) fn my_room_is(&mut self, call: CallId, verdict: Verdict) {
        let result = room_found(verdict).and_then(|body| {
            // An answer without an id is not the database's.
            let id = RoomId::parse("id", body.get("id"))
                .map_err(|error| Error::new(Code::Rejected, ["my_room: ", &error.message].concat()))?;
            self.room_is(&id, &body);
            Ok(body)
        });
        self.settle(call, result);
    }

    /// `isHost`: what the database has said stands; a hint does until then.
    pub(super) fn is_host(&mut self, call: CallId, id: &RoomId, hint: Option<bool>) {
        let Some(room) = self.room(id) else { return };
        let answer = room.is_host.or(hint);
        if answer.is_none() {
            room.asking.push(call);
        }
        if room.is_host.is_none() && room.reading.is_none() {
            self.read_room(id);
        }
        if let Some(is) = answer {
            self.settle(call, Ok(is.into()));
        }
    }

    /// The room, which is there from now on.
    fn room(&mut self, id: &RoomId) -> Option<&mut Room> {
        self.rooms.ensure(id, Room::default);
        self.changed = true;
        self.rooms.get_mut(id)
    }

    /// Asks what the room is like now; an earlier asking is given up.
    fn read_room(&mut self, id: &RoomId) {
        let reading = self.send(Purpose::Room(id.clone()), Rpc::room(id), true);
        let before = self.room(id).and_then(|room| room.reading.replace(reading));
        self.give_up(before);
    }

    /// The same asking is out again, with a fresh token.
    pub(super) fn reading_resent(&mut self, id: &RoomId, again: RequestId) {
        if let Some(room) = self.rooms.get_mut(id) {
            room.reading = Some(again);
        }
    }

    pub(super) fn room_read(&mut self, id: &RoomId, verdict: Verdict) {
        let result = room_found(verdict).map(|body| {
            self.room_is(id, &body);
            body.flag("is_host").into()
        });
        let Some(room) = self.room(id) else { return };
        room.reading = None;
        room.last_error = result.as_ref().err().map(|error| error.message.clone());
        let asking = core::mem::take(&mut room.asking);
        self.settle_all(asking, &result);
    }

    fn room_is(&mut self, id: &RoomId, body: &Value) {
        if let Some(room) = self.room(id) {
            room.is_host = Some(body.flag("is_host"));
            room.opened(body.get("current_session").cloned().unwrap_or_default());
        }
    }

    /// `goLive`. However many ask, one attempt is under way.
    pub(super) fn go_live(
        &mut self,
        call: CallId,
        id: &RoomId,
        title: Option<&str>,
        key: Option<&str>,
        take_over: bool,
    ) {
        let now = self.now;
        let Some(room) = self.room(id) else { return };
        let (open, session) = (room.open(), room.session().clone());
        let ours = open.and_then(|(_, stream)| self.streams.get_mut(&stream)).filter(|stream| stream.is_live());
        if let Some(stream) = ours {
            // As with a stream that is started again: that is a return.
            stream.latch.rejoin();
            return self.settle(call, Ok(session));
        }
        let holder = self.holder.clone();
        let rpc = |key: &str| Rpc::go_live(id, title, key, &holder, take_over);
        let Some(room) = self.room(id) else { return };
        room.last_error = None;
        if let Some(going) = &mut room.going {
            return going.calls.push(call);
        }
        // The same again after a lost answer has the same key, and finds the session that was made for it.
        let lost = room.unanswered.take().filter(|(lost_key, lost)| key.is_none() && rpc(lost_key) == *lost);
        let made_up = || [holder.as_str(), ":", &call.0.to_string()].concat();
        let key = lost.map(|(key, _)| key).or_else(|| key.map(str::to_owned)).unwrap_or_else(made_up);
        let rpc = rpc(&key);
        room.going = Some(Going { calls: vec![call], key, rpc, attempts: 0, due: Some(now) });
    }

    pub(super) fn go_live_where_due(&mut self) {
        let now = self.now;
        let mut due = Vec::new();
        for (id, room) in self.rooms.iter_mut() {
            // What is being ended here is waited for.
            if room.ending.is_none()
                && let Some(going) = room.going.as_mut().filter(|going| going.due.is_some_and(|at| at <= now))
            {
                going.due = None;
                going.attempts = going.attempts.saturating_add(1);
                due.push((id.clone(), going.rpc.clone()));
            }
        }
        for (id, rpc) in due {
            self.send(Purpose::GoLive(id), rpc, true);
        }
    }

    pub(super) fn gone_live(&mut self, id: &RoomId, verdict: Verdict) {
        let Some(going) = self.room(id).and_then(|room| room.going.take()) else { return };
        let result = match verdict {
            Verdict::Transient(error) if going.attempts < self.config.ending.max_attempts => {
                let pause = self.config.ending.delay(going.attempts);
                let due = Some(self.now.saturating_add(pause));
                if let Some(room) = self.room(id) {
                    room.last_error = Some(error.message);
                    room.going = Some(Going { due, ..going });
                }
                return;
            }
            Verdict::Delivered(session) => StreamId::parse("stream_id", session.get("stream_id"))
                .map(|stream| (stream, session))
                .map_err(|error| Error::new(Code::Rejected, ["live_room_create_session: ", &error.message].concat())),
            Verdict::Refused(error) => Err(error),
            Verdict::Unauthorised(error) | Verdict::Transient(error) => {
                if let Some(room) = self.room(id) {
                    room.unanswered = Some((going.key, going.rpc));
                }
                Err(error)
            }
        };
        if let Ok((stream, session)) = &result {
            // One that has ended by now comes back for a key that is used again: it is not to be held.
            if session.text("status") == Some("live") {
                // The database has taken whoever is signed in for its host.
                let streamer = self.outbox.user.clone();
                self.host(stream, streamer.as_deref(), "going live");
            }
            if session.flag("recovered") {
                self.log("info", "the room was stuck, and has been reset", stream, "recovered");
            }
        }
        let result = result.map(|(_, session)| session);
        let Some(room) = self.room(id) else { return };
        match &result {
            Ok(session) => {
                room.is_host = Some(true);
                room.opened(session.clone());
            }
            Err(error) => room.last_error = Some(error.message.clone()),
        }
        // What was read before is no longer so; and what stands in the way is to be seen.
        if room.reading.is_some() || result.as_ref().is_err_and(|error| error.code == Code::Conflict) {
            self.read_room(id);
        }
        self.listing.hurry(self.now);
        self.settle_all(going.calls, &result);
    }

    /// `endRoom`: the latch of its stream sees to it, so that it is ended once, whatever the meeting says meanwhile, and
    /// not lost.
    pub(super) fn end_room(&mut self, call: CallId, id: &RoomId) {
        let Some(room) = self.room(id) else { return };
        if let Some(calls) = &mut room.ending {
            return calls.push(call);
        }
        room.ending = Some(vec![call]);
        room.last_error = None;
        let Some((session, stream)) = room.open() else {
            return self.end_what_is_open(id, self.has_gateway());
        };
        let now = self.now;
        self.streams.ensure(&stream, || Stream::new(Role::Host));
        let Some(entry) = self.streams.get_mut(&stream) else { return };
        if entry.latch.is_ended() {
            return self.room_ended(id, Ok(("already_ended", "database")));
        }
        entry.of_room = Some((id.clone(), session));
        let begins = entry.latch.over(now, "room_ended", Who::Person);
        self.note(&stream, if begins { "asked to end" } else { "asked to end, which is under way" }, "endRoom");
    }

    fn end_what_is_open(&mut self, id: &RoomId, by_gateway: bool) {
        let attempt = if by_gateway || !self.has_gateway() { 1 } else { 2 };
        let rpc = Rpc::end_room(id, None, "room_ended", &self.holder, attempt, by_gateway);
        self.send(Purpose::EndRoom { room: id.clone(), by_gateway }, rpc, true);
    }

    /// The answer to the above.
    pub(super) fn room_end_answered(&mut self, id: &RoomId, by_gateway: bool, verdict: Verdict) {
        match verdict {
            Verdict::Transient(_) if by_gateway => self.end_what_is_open(id, false),
            Verdict::Delivered(body) => {
                let status = body.text("status").unwrap_or_default();
                self.room_ended(id, Ok((status, if by_gateway { "gateway" } else { "database" })));
            }
            Verdict::Refused(error) | Verdict::Unauthorised(error) | Verdict::Transient(error) => {
                self.room_ended(id, Err(error));
            }
        }
    }

    /// The latch has got so far with the end of this stream, which somebody may have asked for by its room.
    pub(super) fn room_follows(&mut self, stream: &StreamId, outcome: Outcome, error: Option<&Error>) {
        let Some(entry) = self.streams.get(stream) else { return };
        let Some((room, _)) = &entry.of_room else { return };
        let (room, via) = (room.clone(), if entry.by_gateway { "gateway" } else { "database" });
        let told = match (outcome, error) {
            (Outcome::Retrying, _) => return,
            (Outcome::Refused, Some(error)) => Err(error.clone()),
            // The outbox goes on.
            (Outcome::Failed, _) => Ok(("queued", "outbox")),
            (Outcome::Ended(false), _) => Ok(("ended", via)),
            _ => Ok(("already_ended", via)),
        };
        self.room_ended(&room, told);
    }

    fn room_ended(&mut self, id: &RoomId, told: Result<(&str, &str), Error>) {
        let Some(room) = self.room(id) else { return };
        let Some(calls) = room.ending.take() else { return };
        match &told {
            Ok(("queued", _)) => {}
            Ok(_) => room.closed(),
            Err(error) => room.last_error = Some(error.message.clone()),
        }
        if room.reading.is_some() {
            self.read_room(id);
        }
        self.listing.hurry(self.now);
        let result = told.map(|(status, via)| {
            Value::object([
                ("status", status.into()),
                ("already", (status == "already_ended").into()),
                ("via", via.into()),
            ])
        });
        self.settle_all(calls, &result);
    }

    /// A stream is over: so is whatever was open in its room.
    pub(super) fn rooms_without(&mut self, stream: &StreamId) {
        for room in self.rooms.values_mut().filter(|room| room.carries(stream)) {
            room.closed();
            self.changed = true;
        }
    }

    /// Somebody else is signed in, or nobody: who is a host is another question now.
    pub(super) fn forget_hosts(&mut self) {
        for room in self.rooms.values_mut() {
            self.changed |= room.is_host.take().is_some();
        }
    }

    /// What waits for the network need not wait any longer.
    pub(super) fn rooms_online(&mut self) {
        let now = self.now;
        for going in self.rooms.values_mut().filter_map(|room| room.going.as_mut()) {
            going.due = going.due.map(|_| now);
        }
    }

    pub(super) fn rooms_deadline(&self) -> Option<Millis> {
        let due = |room: &Room| if room.ending.is_none() { room.going.as_ref()?.due } else { None };
        self.rooms.values().filter_map(due).min()
    }

    /// What is listed is what is open.
    pub(super) fn rooms_are_listed(&mut self, rows: &[Value]) {
        let (streams, mut changed) = (&self.streams, false);
        for (id, room) in self.rooms.iter_mut() {
            if room.going.is_some() || room.ending.is_some() {
                continue;
            }
            let row = rows.iter().find(|row| row.text("room_id") == Some(id.as_str()));
            match (row, room.open()) {
                // A list that was made before this page went live, and came after.
                (_, Some((_, stream))) if streams.get(&stream).is_some_and(Stream::is_live) => {}
                (Some(row), _) => {
                    let session = session_of(row);
                    if *room.session() != session {
                        room.opened(session);
                        changed = true;
                    }
                }
                (None, Some(_)) => {
                    room.closed();
                    changed = true;
                }
                _ => {}
            }
        }
        self.changed |= changed;
    }
}

/// `RoomSession` in the npm package, of a row of the listing, to which a lobby is a status of its own.
fn session_of(row: &Value) -> Value {
    let names = ["id", "room_id", "stream_id", "title", "status", "starts_at", "started_at", "ended_at"];
    let member = |name: &str| match row.get(name) {
        Some(status) if name == "status" && status.as_text() == Some("lobby") => "scheduled".into(),
        member => member.cloned().unwrap_or_default(),
    };
    Value::Object(names.map(|name| (name.to_owned(), member(name))).into())
}

fn room_found(verdict: Verdict) -> Result<Value, Error> {
    match verdict {
        Verdict::Delivered(body) if body.text("status") == Some("not_found") => {
            Err(Error::new(Code::NotFound, "there is no such room"))
        }
        Verdict::Delivered(body) => Ok(body),
        Verdict::Refused(error) | Verdict::Unauthorised(error) | Verdict::Transient(error) => Err(error),
    }
}
