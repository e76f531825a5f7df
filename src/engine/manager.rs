//! The manager: every input, every deadline, every output.

use super::action::{Action, Role};
use super::backend::{Answer, Rpc, Verdict, judge};
use super::chat::Chat;
use super::clock::Clock;
use super::config::{Config, Inactivity, OnPageHide};
use super::connecting::SignOut;
use super::delivering::end_all_result;
use super::ending::Who;
use super::error::{Code, Error};
use super::id::{EventId, RoomId, StreamId};
use super::input::{Awake, Input, Output};
use super::listing::Listing;
use super::meeting::Meeting;
use super::outbox::Outbox;
use super::page::{Exit, Page, PageEvent};
use super::presence::Presence;
use super::redirect::Redirect;
use super::retry::Backoff;
use super::room::Room;
use super::sessions::{Handle, Sessions};
use super::streams::Stream;
use super::table::Table;
use super::trace::Trace;
use super::usage::Usage;
use super::value::Value;
use super::watching::Watch;
use super::{CallId, Generation, MeetingId, Millis, RequestId};
use alloc::borrow::ToOwned;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// So long a `beforeunload` may be before its `pagehide`; a person who is asked may also stay.
const GOING: Millis = 10_000;

/// What a request is for.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
    /// With the stream whose leave it has cancelled.
    Start {
        call: CallId,
        resumed: Option<StreamId>,
    },
    Ask(CallId),
    ForceEndAll(CallId),
    /// Of a chat connection: nobody waits for the answer.
    Report,
    /// Of a streamer who is leaving, and of whose streams this page holds none.
    Disconnect(CallId),
    MyRoom(CallId),
    Viewers(CallId),
    /// What a room is like.
    Room(RoomId),
    GoLive(RoomId),
    /// Of a room of which this page knows no session.
    EndRoom(RoomId),
    Listing,
    /// Of the outbox, by key.
    Replay(String),
    Renew(StreamId),
    End(StreamId),
    /// Of a stream that this page only has sessions of.
    Watch(StreamId),
    Playback(CallId, StreamId),
}

/// A request that is waited for.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    purpose: Purpose,
    rpc: Rpc,
    token_replaced: bool,
    only_for: Option<String>,
    deadline: Millis,
}

/// The engine. See [`crate::engine`] for the contract.
#[derive(Clone, Debug)]
pub struct Manager {
    pub(super) config: Config,
    pub(super) holder: String,
    pub(super) clock: Clock,
    pub(super) now: Millis,
    pub(super) page: Page,
    pub(super) presence: Presence,
    pub(super) chat: Chat,
    /// The snapshot's `chat` that was last told.
    pub(super) chat_told: Value,
    pub(super) sign_outs: Vec<SignOut>,
    pub(super) usage: Usage,
    pub(super) outbox: Outbox,
    pub(super) redirects: Vec<Redirect>,
    /// The database takes reports of chat connections.
    pub(super) reports: bool,
    pub(super) streams: Table<StreamId, Stream>,
    pub(super) rooms: Table<RoomId, Room>,
    pub(super) room_backoff: Backoff,
    pub(super) listing: Listing,
    pub(super) watches: Table<EventId, Watch>,
    pub(super) last_socket: u32,
    pub(super) meetings: Table<MeetingId, Meeting>,
    pub(super) sessions: Sessions,
    pub(super) requests: Table<RequestId, Pending>,
    pub(super) last_request: u32,
    pub(super) outputs: VecDeque<Output>,
    pub(super) trace: Trace,
    pub(super) changed: bool,
    pub(super) disposed: bool,
    /// The user is to be forgotten, once what has to be sent with their token has been.
    pub(super) forgets: bool,
    /// Since when the page has been about to go.
    going_since: Option<Millis>,
    pub(super) awake: Awake,
}

impl Manager {
    /// A manager for one page load. `holder` is that page load's own random id.
    pub fn new(config: Config, holder: String, page: Page, wall: Millis) -> Manager {
        let mut clock = Clock::default();
        let now = clock.observe(wall);
        let trace = Trace::new(&config, &holder, page, wall);
        let (chat, listing, room_backoff) = (Chat::new(&holder), Listing::new(&holder), Backoff::new(&holder));
        Manager {
            config,
            holder,
            clock,
            now,
            page,
            presence: Presence::new(page, now),
            chat_told: chat.to_value(|at| at),
            chat,
            sign_outs: Vec::new(),
            usage: Usage::default(),
            outbox: Outbox::default(),
            redirects: Vec::new(),
            reports: true,
            streams: Table::default(),
            rooms: Table::default(),
            room_backoff,
            listing,
            watches: Table::default(),
            last_socket: 0,
            meetings: Table::default(),
            sessions: Sessions::default(),
            requests: Table::default(),
            last_request: 0,
            outputs: VecDeque::new(),
            trace,
            changed: false,
            disposed: false,
            forgets: false,
            going_since: None,
            awake: Awake::default(),
        }
    }

    /// Takes one input in. Then drain [`Manager::poll`], then set the timer to [`Manager::next_wakeup`].
    pub fn handle(&mut self, wall: Millis, input: Input) {
        let (before, told) = (self.now, self.clock.to_wall(self.now));
        self.now = self.clock.observe(wall);
        if self.disposed {
            if let Input::Call { call, .. } = input {
                self.settle(call, Err(disposed()));
            }
            return;
        }
        let traced = self.trace.input(&input, self.chat.open_generation());
        let drained = self.outputs.len();
        // A clock that was set back: all times that the snapshot tells are others.
        self.changed |= self.clock.to_wall(before) != told;
        self.meeting_is_activity();
        match input {
            Input::Wake => {}
            Input::Activity { heard } => {
                if heard {
                    self.presence.heard(self.now);
                }
                self.active();
            }
            Input::Chat { generation, event } => self.chat_event(generation, event),
            Input::SetInactivity(inactivity) => {
                self.config.inactivity = inactivity;
                self.changed = true;
                self.presence.reconsider();
            }
            Input::SignedOutElsewhere { user } => self.signed_out_elsewhere(&user),
            Input::SignedOut => self.signed_out(),
            Input::Owed { entries } => self.owed(entries),
            Input::Claimed { key, intent } => self.claimed(&key, &intent),
            Input::NotStored => self.not_stored(),
            Input::WatchListing(on) => self.watch_listing(on),
            Input::WatchEvent { event, on } => self.watch_event(&event, on),
            Input::Socket { socket, event } => self.socket_event(socket, &event),
            Input::Feed(event) => self.feed_event(event),
            Input::RefreshListing => self.listing.hurry(self.now),
            Input::User { id } => self.user_is(id),
            Input::Page(event) => self.page_event(event),
            Input::Call { call, action } => self.call(call, action),
            Input::Attach { meeting, attachment, joined } => self.attach(meeting, attachment, joined),
            Input::Detach { meeting } => self.detach(meeting),
            Input::Meeting { meeting, event } => self.meeting_event(meeting, &event),
            Input::Register { session, key, kind } => self.register(Handle::App(session), &key, &kind),
            Input::Unregister { session } => self.unregister(Handle::App(session)),
            Input::Session { session, event } => self.session_event(Handle::App(session), event),
            Input::Answer { request, answer } => self.answered(request, answer),
            Input::Dispose => self.dispose(),
        }
        // Whatever woke us, every deadline is checked: a throttled timer can be late, never wrong.
        self.check_deadlines();
        self.stay_awake();
        if core::mem::take(&mut self.forgets) {
            self.outbox.user = None;
            self.outputs.push_back(Output::ForgetUser);
        }
        self.trace.add(wall, traced, &self.outputs, drained, self.changed);
        if core::mem::take(&mut self.changed) {
            // First: whoever hears of an event finds the state that it tells of.
            self.outputs.push_front(Output::Changed);
        }
    }

    /// The next output, until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The wall-clock time at which to come back with [`Input::Wake`]; `None`: there is nothing to wait for.
    pub fn next_wakeup(&self) -> Option<Millis> {
        let requests = self.requests.values().map(|pending| pending.deadline);
        let streams = self.streams.values().filter_map(|stream| stream.latch.deadline());
        let leases = self.streams.values().filter_map(|stream| stream.lease.deadline());
        let presence = self.presence.deadline(self.now, &self.config.inactivity, self.chat.is_wanted());
        let chat = self.chat.deadline(&self.surroundings());
        let next = requests.chain(streams).chain(leases).chain(presence).chain(chat);
        let next = next.chain(self.outbox_deadline()).chain(self.redirect_deadline());
        let next = next.chain(self.rooms_deadline()).chain(self.listing_deadline()).chain(self.watches_deadline());
        let next = next.chain(self.sessions_deadline()).min()?;
        (!self.disposed).then(|| self.clock.to_wall(next))
    }

    /// The snapshot, as `Snapshot` in the npm package.
    pub fn snapshot(&self) -> Value {
        let events = self.watches.iter().map(|(id, watch)| (id.as_str().to_owned(), watch.to_value())).collect();
        let rooms = self.rooms.iter().map(|(id, room)| (id.as_str().to_owned(), room.to_value())).collect();
        Value::object([
            ("phase", if self.disposed { "disposed" } else { "ready" }.into()),
            ("chat", self.chat_value()),
            ("presence", self.presence.to_value(self.page, &self.config.inactivity, |at| self.clock.to_wall(at))),
            ("streams", self.streams_to_value()),
            ("rooms", Value::Object(rooms)),
            ("listing", self.listing.to_value()),
            ("events", Value::Object(events)),
            ("pendingEnds", self.outbox.overdue().into()),
        ])
    }

    /// What the connections have cost so far.
    pub fn usage(&self, wall: Millis) -> Value {
        let mut clock = self.clock;
        self.usage.to_value(clock.observe(wall), self.chat.open_since())
    }

    /// The settings for an absent person.
    pub fn inactivity(&self) -> Inactivity {
        self.config.inactivity
    }

    /// Whether somebody is to be connected to chat.
    pub fn has_chat_user(&self) -> bool {
        self.chat.user().is_some()
    }

    /// The chat connection whose client may be used.
    pub fn chat_generation(&self) -> Option<Generation> {
        self.chat.open_generation()
    }

    /// All that decides about what comes, without what only tells of what was: for whoever compares states.
    pub fn state(&self) -> impl core::fmt::Debug + '_ {
        (
            (self.clock, self.page, self.presence, &self.chat, &self.sign_outs, self.going_since, self.awake),
            (&self.outbox, &self.redirects, &self.streams, &self.meetings, &self.requests, self.disposed),
            (&self.rooms, &self.listing, &self.watches, &self.sessions),
        )
    }

    /// The last inputs and outputs, without tokens, names and titles.
    pub fn trace(&self) -> Value {
        self.trace.to_value()
    }

    /// The same, for whoever looks at its end again and again.
    pub fn traced(&self) -> &Trace {
        &self.trace
    }

    fn page_event(&mut self, event: PageEvent) {
        self.changed |= self.page.apply(event);
        let now = self.now;
        match event {
            PageEvent::Online => {
                self.each_stream(|stream| stream.latch.online(now));
                self.outbox.hurry(now);
                self.rooms_online();
            }
            PageEvent::BeforeUnload => self.going_since = Some(now),
            PageEvent::PageHide { persisted } => {
                if let Some(since) = self.going_since.take().filter(|since| now.saturating_sub(*since) <= GOING) {
                    // Jitsi's iframe leaves the conference in its own beforeunload: a reload would end the stream.
                    self.each_stream(|stream| stream.latch.leave_is_the_pages(since));
                }
                let end = !persisted && self.config.ending.on_page_hide == OnPageHide::End;
                self.each_stream(|stream| {
                    let live = stream.role == Role::Host && stream.latch.status() == "live";
                    let ends = end && live && stream.latch.over(now, "page_hidden", Who::Signal);
                    ends | stream.latch.page_goes(now)
                });
            }
            _ => {}
        }
        self.lease_follows(event);
        self.presence_follows(event);
    }

    pub(super) fn each_stream(&mut self, change: impl Fn(&mut Stream) -> bool) {
        for stream in self.streams.values_mut() {
            self.changed |= change(stream);
        }
    }

    fn call(&mut self, call: CallId, action: Action) {
        let needs_chat = matches!(action, Action::ConnectUser { .. } | Action::Reconnect { .. });
        if needs_chat && !self.config.chat {
            let message = [action.name(), " needs chat: a transport, in the configuration"].concat();
            return self.settle(call, Err(Error::new(Code::NoChat, message)));
        }
        let alone = matches!(action, Action::DisconnectUser | Action::StopStream { .. });
        if !needs_chat && !alone && self.config.backend.is_none() {
            return self.settle(call, Err(no_backend(action.name())));
        }
        match action {
            Action::ConnectUser { user, fixed_token } => self.connect_user(call, user, fixed_token),
            Action::DisconnectUser => self.disconnect_user(call),
            Action::Reconnect { force } => self.reconnect_user(call, force),
            Action::EndOnRedirect { streamer } => self.end_on_redirect(call, &streamer),
            Action::RetryPending => self.retry_pending(call),
            Action::StartStream { stream, title } => self.start(call, stream, title),
            Action::StreamStatus { stream } => self.ask(Purpose::Ask(call), Rpc::status(&stream)),
            Action::MyRoom => self.ask(Purpose::MyRoom(call), Rpc::my_room()),
            Action::GoLive { room, title, key, take_over } => {
                self.go_live(call, &room, title.as_deref(), key.as_deref(), take_over);
            }
            Action::EndRoom { room } => self.end_room(call, &room),
            Action::IsHost { room, hint } => self.is_host(call, &room, hint),
            Action::EventClients { event } => self.ask(Purpose::Viewers(call), Rpc::event_viewers(&event)),
            Action::TotalClients => self.ask(Purpose::Viewers(call), Rpc::event_totals()),
            Action::ListActive => self.ask(Purpose::Ask(call), Rpc::list()),
            Action::AutoEnd => self.ask(Purpose::Ask(call), Rpc::auto_end()),
            Action::ForceEndAll => self.ask(Purpose::ForceEndAll(call), Rpc::force_end_all(&self.holder)),
            Action::EndStream { stream, reason } => self.end_by_request(call, stream, reason),
            Action::StopStream { stream } => self.stop_by_key(call, &stream),
            Action::Playback { stream, kind } => {
                let rpc = Rpc::playback(&stream, kind);
                self.ask(Purpose::Playback(call, stream), rpc);
            }
        }
    }

    /// A call that is made once, for whoever is signed in now.
    fn ask(&mut self, purpose: Purpose, rpc: Rpc) {
        self.send(purpose, rpc, true);
    }

    fn answered(&mut self, request: RequestId, answer: Answer) {
        // An answer with an old generation finds nothing here, and is ignored.
        let Some(pending) = self.requests.remove(&request) else { return };
        let verdict = match judge(pending.rpc.function, answer) {
            // A gateway that takes no token of this project is a gateway that is not there.
            Verdict::Unauthorised(error) if pending.rpc.route.is_some() => Verdict::Transient(error),
            verdict => verdict,
        };
        if matches!(verdict, Verdict::Unauthorised(_)) && !pending.token_replaced {
            let again = self.send_as(pending.purpose.clone(), pending.rpc, true, pending.only_for);
            if let Some(again) = self.requests.get_mut(&again) {
                again.token_replaced = true;
            }
            match &pending.purpose {
                Purpose::End(id) => {
                    if let Some(stream) = self.streams.get_mut(id) {
                        stream.latch.resent(again);
                    }
                }
                Purpose::Renew(id) => {
                    if let Some(stream) = self.streams.get_mut(id) {
                        stream.lease.resent(request, again);
                    }
                }
                Purpose::Replay(key) => self.replay_resent(key, request, again),
                Purpose::Room(room) => self.reading_resent(room, again),
                Purpose::GoLive(room) => self.going_sent(room, again),
                Purpose::EndRoom(room) => self.ending_sent(room, again),
                Purpose::Listing => self.listing.resent(again),
                Purpose::Start { .. }
                | Purpose::Ask(_)
                | Purpose::MyRoom(_)
                | Purpose::Viewers(_)
                | Purpose::ForceEndAll(_)
                | Purpose::Report
                | Purpose::Watch(_)
                | Purpose::Playback(..)
                | Purpose::Disconnect(_) => {}
            }
            return;
        }
        match pending.purpose {
            Purpose::Start { call, resumed } => self.started(call, resumed, verdict),
            Purpose::Ask(call) => self.settle(call, found("stream", verdict)),
            Purpose::ForceEndAll(call) => self.settle(call, found("stream", verdict).map(|body| end_all_result(&body))),
            Purpose::Viewers(call) => {
                self.settle(
                    call,
                    found("stream", verdict).map(|body| body.get("viewers").cloned().unwrap_or_default()),
                );
            }
            Purpose::MyRoom(call) => self.my_room_is(call, verdict),
            Purpose::Room(room) => self.room_read(&room, verdict),
            Purpose::GoLive(room) => self.gone_live(&room, verdict),
            Purpose::EndRoom(room) => self.room_end_answered(&room, pending.rpc.route.is_some(), verdict),
            Purpose::Listing => self.listing_answered(verdict),
            Purpose::Watch(id) => self.watched(&id, &verdict),
            Purpose::Playback(call, id) => self.playback_answered(call, &id, verdict),
            Purpose::Report => self.reported(&verdict),
            Purpose::Disconnect(call) => self.disconnected(call, &verdict),
            Purpose::Replay(key) => self.replayed(&key, request, &verdict),
            Purpose::Renew(id) => self.renewed(&id, request, &verdict),
            Purpose::End(id) => self.end_answered(&id, request, &verdict),
        }
    }

    fn check_deadlines(&mut self) {
        if self.disposed {
            return;
        }
        let overdue = |(_, pending): &(&RequestId, &Pending)| pending.deadline <= self.now;
        let late: Vec<RequestId> = self.requests.iter().filter(overdue).map(|(request, _)| *request).collect();
        for request in late {
            self.outputs.push_back(Output::Abort { request });
            self.answered(request, Answer::TimedOut);
        }
        self.leave_what_was_never_joined();
        self.send_what_is_due();
        self.settle_sessions();
        self.settle_rooms();
        self.settle_listing();
        self.settle_watches();
        self.renew_what_is_due();
        self.replay_what_is_due();
        self.let_redirects_go();
        self.settle_retries();
        self.settle_presence();
        self.settle_chat();
        self.settle_sign_outs();
    }

    /// Whether the database is being asked how it stands with this stream.
    pub(super) fn is_asked(&self, id: &StreamId) -> bool {
        self.requests.values().any(|pending| matches!(&pending.purpose, Purpose::Watch(other) if other == id))
    }

    pub(super) fn send(&mut self, purpose: Purpose, rpc: Rpc, fresh_token: bool) -> RequestId {
        self.send_as(purpose, rpc, fresh_token, None)
    }

    pub(super) fn send_as(
        &mut self,
        purpose: Purpose,
        rpc: Rpc,
        fresh_token: bool,
        only_for: Option<String>,
    ) -> RequestId {
        self.last_request = self.last_request.wrapping_add(1);
        let request = RequestId(self.last_request);
        let deadline = self.now.saturating_add(self.config.ending.timeout);
        let pending =
            Pending { purpose, rpc: rpc.clone(), token_replaced: false, only_for: only_for.clone(), deadline };
        self.requests.insert(request, pending);
        self.outputs.push_back(Output::Send { request, rpc, fresh_token, only_for });
        request
    }

    fn dispose(&mut self) {
        let now = self.now;
        // What was leaving or waiting is sent on the way out, as at the end of the page; keepalive carries it.
        self.each_stream(|stream| stream.latch.page_goes(now));
        self.send_what_is_due();
        // As at the end of the page: whoever holds the stream next has as long as a reload takes.
        self.page.exit = Exit::Gone;
        self.renew_all();
        let steps = self.chat.dispose(now, &disposed());
        self.carry_out(steps);
        self.disposed = true;
        self.changed = true;
        let mut calls: Vec<CallId> =
            self.streams.values_mut().flat_map(|stream| core::mem::take(&mut stream.waiting)).collect();
        for (request, pending) in self.requests.take() {
            match pending.purpose {
                Purpose::Start { call, .. }
                | Purpose::Ask(call)
                | Purpose::ForceEndAll(call)
                | Purpose::MyRoom(call)
                | Purpose::Playback(call, _)
                | Purpose::Viewers(call) => calls.push(call),
                Purpose::Room(_) | Purpose::GoLive(_) | Purpose::Listing | Purpose::Watch(_) => {}
                // What keeps the database right may still arrive.
                Purpose::EndRoom(_)
                | Purpose::Report
                | Purpose::Disconnect(_)
                | Purpose::Replay(_)
                | Purpose::Renew(_)
                | Purpose::End(_) => continue,
            }
            self.outputs.push_back(Output::Abort { request });
        }
        calls.extend(core::mem::take(&mut self.sign_outs).into_iter().map(SignOut::call));
        calls.extend(core::mem::take(&mut self.redirects).into_iter().map(Redirect::call));
        calls.append(&mut self.outbox.waiting);
        calls.extend(self.rooms.values_mut().flat_map(Room::take_calls));
        // The sessions are the app's, and go on without us.
        calls.extend(core::mem::take(&mut self.sessions).calls());
        self.listing.close();
        self.close_watches();
        for call in calls {
            self.settle(call, Err(disposed()));
        }
        self.meetings.take();
    }

    pub(super) fn settle(&mut self, call: CallId, result: Result<Value, Error>) {
        self.outputs.push_back(Output::Settle { call, result });
    }

    pub(super) fn emit(&mut self, event: &'static str, data: Value) {
        self.outputs.push_back(Output::Emit { event, data });
    }

    pub(super) fn note(&mut self, id: &StreamId, message: &'static str, signal: &str) {
        self.log("debug", message, id, signal);
    }

    /// The message is ours and goes into the trace as it is; the detail may be anybody's, and does not.
    pub(super) fn log(&mut self, level: &'static str, message: &'static str, id: &StreamId, detail: &str) {
        self.emit_log(level, message, Value::object([("streamId", id.into()), ("detail", detail.into())]));
    }

    pub(super) fn emit_log(&mut self, level: &'static str, message: &'static str, data: Value) {
        self.emit("log", Value::object([("level", level.into()), ("message", message.into()), ("data", data)]));
    }

    /// Whether there is a gateway beside the database.
    pub(super) fn has_gateway(&self) -> bool {
        self.config.backend.as_ref().is_some_and(|backend| backend.gateway_url.is_some())
    }
}

fn disposed() -> Error {
    Error::new(Code::Disposed, "the manager has been disposed of; ConnectionManager.shared() makes a new one")
}

pub(super) fn no_backend(what: &str) -> Error {
    Error::new(Code::NoBackend, [what, " needs backend: {url} in the configuration"].concat())
}

/// What the database has said of this kind of thing, or the error that says why there is none.
pub(super) fn found(what: &str, verdict: Verdict) -> Result<Value, Error> {
    match verdict {
        Verdict::Delivered(body) if body.text("status") == Some("not_found") => {
            Err(Error::new(Code::NotFound, ["there is no such ", what].concat()))
        }
        Verdict::Delivered(body) => Ok(body),
        Verdict::Refused(error) | Verdict::Unauthorised(error) | Verdict::Transient(error) => Err(error),
    }
}
