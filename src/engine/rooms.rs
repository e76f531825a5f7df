//! Going live in a room, coming back to it, ending it. What the database says of a room decides; nothing is repaired here.

use super::action::Role;
use super::backend::{Rpc, Verdict};
use super::ending::Outcome;
use super::error::{Code, Error};
use super::id::{RoomId, StreamId};
use super::manager::{Manager, Purpose, found};
use super::room::{Ending, Going, Room, Step};
use super::streams::Stream;
use super::value::{Value, digits};
use super::{CallId, Millis, RequestId};
use alloc::borrow::ToOwned;
use alloc::vec;
use alloc::vec::Vec;

/// How long the database holds a session for a page of which it hears nothing.
const LEASE: Millis = 90_000;

/// A backend that only ever gives sessions that are over is not asked without end.
const MOST_GOINGS: u32 = 10;

impl Manager {
    /// `myRoom`.
    pub(super) fn my_room_is(&mut self, call: CallId, verdict: Verdict) {
        let result = found("room", verdict).and_then(|body| {
            let id = RoomId::answered("my_room", "id", &body)?;
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
        let before = self.room(id).and_then(|room| {
            room.read_at = None;
            room.reading.replace(reading)
        });
        self.give_up(before);
    }

    /// The same asking is out again, with a fresh token.
    pub(super) fn reading_resent(&mut self, id: &RoomId, again: RequestId) {
        if let Some(room) = self.rooms.get_mut(id) {
            room.reading = Some(again);
        }
    }

    pub(super) fn room_read(&mut self, id: &RoomId, verdict: Verdict) {
        let again = matches!(verdict, Verdict::Transient(_) | Verdict::Unauthorised(_));
        let result = found("room", verdict).map(|body| {
            self.room_is(id, &body);
            body.flag("is_host").into()
        });
        let Some(room) = self.room(id) else { return };
        room.reading = None;
        room.misreadings = if again { room.misreadings.saturating_add(1) } else { 0 };
        let (misreadings, asking) = (room.misreadings, core::mem::take(&mut room.asking));
        if again {
            // Somebody still wants to know: a host whose reload met an outage wants to end the room afterwards.
            let pause = self.room_backoff.pause(misreadings, &self.config.reconnect);
            let at = self.now.saturating_add(pause);
            if let Some(room) = self.room(id) {
                room.read_at = Some(at);
            }
        }
        self.settle_all(asking, &result);
    }

    /// What the database says of it, unless this page knows better: that it is live here, or has ended.
    fn room_is(&mut self, id: &RoomId, body: &Value) {
        let told = body.get("current_session").cloned().unwrap_or_default();
        let over = self.stream_of(&told).is_some_and(|stream| stream.latch.is_ended());
        let known = self.rooms.get(id).map(Room::session).and_then(|session| self.stream_of(session));
        let ours = known.is_some_and(Stream::is_live);
        let Some(room) = self.room(id) else { return };
        room.is_host = Some(body.flag("is_host"));
        if !ours {
            room.opened(if over { Value::Null } else { told });
        }
    }

    /// The stream of a session, if this page has it.
    fn stream_of(&self, session: &Value) -> Option<&Stream> {
        self.streams.get(&StreamId::parse("stream_id", session.get("stream_id")).ok()?)
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
        // The same again after a lost answer has the same key, and finds the session that was made for it, as long as that
        // may be held.
        let lost = room
            .unanswered
            .take()
            .filter(|(lost_key, lost, at)| key.is_none() && rpc(lost_key) == *lost && now.saturating_sub(*at) < LEASE);
        let made_up = || [holder.as_str(), ":", &digits(call.0.into())].concat();
        let is_made_up = key.is_none();
        let key = lost.map(|(key, ..)| key).or_else(|| key.map(str::to_owned)).unwrap_or_else(made_up);
        let rpc = rpc(&key);
        let step = Step::Due(now);
        room.going = Some(Going { calls: vec![call], key, rpc, attempts: 0, made_up: is_made_up, step });
    }

    /// Sends what is due for the rooms.
    pub(super) fn settle_rooms(&mut self) {
        let now = self.now;
        let ids: Vec<RoomId> = self.rooms.iter().map(|(id, _)| id.clone()).collect();
        for id in ids {
            let Some(room) = self.rooms.get_mut(&id) else { continue };
            if let Some(ending) = &mut room.ending {
                if ending.step.is_due(now) {
                    self.end_what_is_open(&id);
                }
            } else if let Some(going) = room.going.as_mut().filter(|going| going.step.is_due(now)) {
                going.attempts = going.attempts.saturating_add(1);
                let rpc = going.rpc.clone();
                let request = self.send(Purpose::GoLive(id.clone()), rpc, true);
                self.going_sent(&id, request);
            }
            if self.page.online && self.rooms.get(&id).is_some_and(|room| room.read_at.is_some_and(|at| at <= now)) {
                self.read_room(&id);
            }
        }
    }

    /// The attempt is out under this generation; or again, with a fresh token.
    pub(super) fn going_sent(&mut self, id: &RoomId, request: RequestId) {
        if let Some(going) = self.rooms.get_mut(id).and_then(|room| room.going.as_mut()) {
            going.step = Step::Sent(request);
        }
    }

    pub(super) fn gone_live(&mut self, id: &RoomId, verdict: Verdict) {
        let now = self.now;
        let Some(room) = self.room(id) else { return };
        let Some(going) = room.going.take() else { return };
        // Whoever ends the room meanwhile has the last word: nothing more is tried.
        let goes_on = room.ending.is_none();
        let result = match verdict {
            Verdict::Transient(error) if goes_on && going.attempts < self.config.ending.max_attempts => {
                let step = Step::Due(now.saturating_add(self.config.ending.delay(going.attempts)));
                if let Some(room) = self.room(id) {
                    room.last_error = Some(error.message);
                    room.going = Some(Going { step, ..going });
                }
                return;
            }
            // Made for our own lost call, and over by now.
            Verdict::Delivered(session)
                if goes_on && going.made_up && !is_open(&session) && going.attempts < MOST_GOINGS =>
            {
                let key = [going.key.as_str(), "+"].concat();
                let rpc = going.rpc.with("p_idempotency_key", key.as_str());
                if let Some(room) = self.room(id) {
                    room.going = Some(Going { key, rpc, step: Step::Due(now), ..going });
                }
                return;
            }
            Verdict::Delivered(session) => {
                StreamId::answered("live_room_create_session", "stream_id", &session).map(|stream| (stream, session))
            }
            Verdict::Refused(error) => Err(error),
            Verdict::Unauthorised(error) | Verdict::Transient(error) => {
                if let Some(room) = self.room(id) {
                    room.unanswered = Some((going.key, going.rpc, now));
                }
                Err(error)
            }
        };
        if let Ok((stream, session)) = &result {
            // One that has ended comes back for an app's key that is used again: it is not to be held.
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
        self.listing.hurry(now);
        self.settle_all(going.calls, &result);
        self.end_goes_on(id);
    }

    /// `endRoom`: the latch of its stream sees to it, so that it is ended once, whatever the meeting says meanwhile, and
    /// not lost.
    pub(super) fn end_room(&mut self, call: CallId, id: &RoomId) {
        let Some(room) = self.room(id) else { return };
        if let Some(ending) = &mut room.ending {
            return ending.calls.push(call);
        }
        room.ending = Some(Ending { calls: vec![call], session: None, attempts: 0, step: Step::Waiting });
        room.last_error = None;
        if let Some(going) = room.going.take_if(|going| going.attempts == 0 || going.step.under_way().is_none()) {
            let error = Error::new(Code::Conflict, "the room was ended before it was live");
            self.settle_all(going.calls, &Err(error));
        }
        self.end_goes_on(id);
    }

    fn end_goes_on(&mut self, id: &RoomId) {
        let now = self.now;
        let Some(room) = self.room(id) else { return };
        let going = room.going.is_some();
        let open = room.open();
        let Some(ending) = room.ending.as_mut().filter(|_| !going) else { return };
        let Some((session, stream)) = open else {
            ending.step = Step::Due(now);
            return;
        };
        ending.session = Some(session.clone());
        self.know(&stream, Role::Host);
        let Some(entry) = self.streams.get_mut(&stream) else { return };
        if entry.latch.is_ended() {
            return self.room_ended(id, Ok(("already_ended", "database")));
        }
        entry.of_room = Some((id.clone(), session));
        self.asked_to_end(&stream, "room_ended", "endRoom");
    }

    /// This page knows no session: whatever is open is ended, by the gateway first.
    fn end_what_is_open(&mut self, id: &RoomId) {
        let by_gateway = self.has_gateway();
        let Some(ending) = self.rooms.get_mut(id).and_then(|room| room.ending.as_mut()) else { return };
        let by_gateway = by_gateway && ending.attempts == 0;
        ending.attempts = ending.attempts.saturating_add(1);
        let rpc = Rpc::end_room(id, None, "room_ended", &self.holder, ending.attempts, by_gateway);
        let request = self.send(Purpose::EndRoom(id.clone()), rpc, true);
        self.ending_sent(id, request);
    }

    /// The attempt is out under this generation; or again, with a fresh token.
    pub(super) fn ending_sent(&mut self, id: &RoomId, request: RequestId) {
        if let Some(ending) = self.rooms.get_mut(id).and_then(|room| room.ending.as_mut()) {
            ending.step = Step::Sent(request);
        }
    }

    /// The answer to the above.
    pub(super) fn room_end_answered(&mut self, id: &RoomId, by_gateway: bool, verdict: Verdict) {
        let now = self.now;
        let config = &self.config.ending;
        let Some(ending) = self.rooms.get_mut(id).and_then(|room| room.ending.as_mut()) else { return };
        match verdict {
            Verdict::Transient(_) if by_gateway => ending.step = Step::Due(now),
            Verdict::Transient(_) if ending.attempts < config.max_attempts => {
                ending.step = Step::Due(now.saturating_add(config.delay(ending.attempts)));
            }
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
        let Some((room, session)) = &entry.of_room else { return };
        let ending = self.rooms.get(room).and_then(|room| room.ending.as_ref());
        if ending.and_then(|ending| ending.session.as_ref()) != Some(session) {
            // Of an earlier session: it is not the one that is waited for.
            return;
        }
        let (room, via) = (room.clone(), if entry.by_gateway { "gateway" } else { "database" });
        let told = match (outcome, error) {
            // Nobody can be reached: the outbox goes on.
            (Outcome::Retrying, _) if !self.page.online => Ok(("queued", "outbox")),
            (Outcome::Retrying, _) => return,
            (Outcome::Refused, Some(error)) => Err(error.clone()),
            (Outcome::Failed, _) => Ok(("queued", "outbox")),
            (Outcome::Ended(false), _) => Ok(("ended", via)),
            _ => Ok(("already_ended", via)),
        };
        self.room_ended(&room, told);
    }

    fn room_ended(&mut self, id: &RoomId, told: Result<(&str, &str), Error>) {
        let Some(room) = self.room(id) else { return };
        let Some(ending) = room.ending.take() else { return };
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
        self.settle_all(ending.calls, &result);
    }

    /// A stream is over: so is whatever was open in its room.
    pub(super) fn rooms_without(&mut self, stream: &StreamId) {
        for room in self.rooms.values_mut().filter(|room| room.carries(stream)) {
            room.closed();
            self.changed = true;
        }
    }

    /// Another person is signed in than the one to whom the database has answered; or nobody.
    pub(super) fn rooms_of_somebody_else(&mut self) {
        let ids: Vec<RoomId> = self.rooms.iter().map(|(id, _)| id.clone()).collect();
        for id in ids {
            let Some(room) = self.room(&id) else { continue };
            room.is_host = None;
            room.unanswered = None;
            let (going, reading) = (room.going.take(), room.reading.is_some());
            if let Some(going) = going {
                // What it may have begun is held by nobody, and ends with its lease.
                self.give_up(going.step.under_way());
                let error = Error::new(Code::Conflict, "whoever was going live is no longer signed in");
                self.settle_all(going.calls, &Err(error));
                self.end_goes_on(&id);
            }
            if reading {
                self.read_room(&id);
            }
        }
    }

    /// Somebody is signed in now. What nobody was told may not hold for them.
    pub(super) fn rooms_of_somebody(&mut self) {
        for room in self.rooms.values_mut() {
            self.changed |= room.is_host.take().is_some();
        }
    }

    /// What waits for the network need not wait any longer.
    pub(super) fn rooms_online(&mut self) {
        let now = self.now;
        for room in self.rooms.values_mut() {
            let going = room.going.as_mut().map(|going| &mut going.step);
            let ending = room.ending.as_mut().map(|ending| &mut ending.step);
            for step in [going, ending].into_iter().flatten().filter(|step| step.deadline().is_some()) {
                *step = Step::Due(now);
            }
            room.read_at = room.read_at.map(|_| now);
        }
    }

    pub(super) fn rooms_deadline(&self) -> Option<Millis> {
        self.rooms.values().filter_map(|room| room.deadline(self.page.online)).min()
    }

    /// What is listed is what is open.
    pub(super) fn rooms_are_listed(&mut self, rows: &[Value]) {
        let (streams, mut changed) = (&self.streams, false);
        for (id, room) in self.rooms.iter_mut() {
            if room.going.is_some() || room.ending.is_some() {
                continue;
            }
            let over = |row: &Value| {
                let stream = StreamId::parse("stream_id", row.get("stream_id")).ok();
                stream.and_then(|id| streams.get(&id)).is_some_and(|stream| stream.latch.is_ended())
            };
            let row = rows.iter().find(|row| row.text("room_id") == Some(id.as_str()) && !over(row));
            match (row, room.open()) {
                // A list that was made before this page went live, or ended, and came after.
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

fn is_open(session: &Value) -> bool {
    matches!(session.text("status"), Some("scheduled" | "live"))
}
