//! A world around one manager: a clock, a page, meetings, and a backend that answers as it is told.

pub mod chat;
pub mod garbage;
pub mod model;
pub mod replay;
pub mod shape;
pub mod sim;

use replay::walk::replays;
use std::collections::{BTreeMap, BTreeSet};
use streamkeeper::engine::page::{Exit, Page};
use streamkeeper::engine::{
    Action, Answer, Attachment, Awake, CallId, ChatOutput, Config, Error, Generation, Input, Manager, MeetingEvent,
    MeetingId, Millis, Output, PageEvent, RequestId, Rpc, SessionId, SessionOutput, SocketId, SocketOutput, Value,
};

/// The stream that most tests are about.
pub const STREAM: &str = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";

/// A request that is out.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When it was sent.
    pub at: Millis,
    /// What.
    pub rpc: Rpc,
    /// With a token that the app is asked for.
    pub fresh_token: bool,
    /// Only with a token of this user.
    pub only_for: Option<String>,
    /// Its generation.
    pub request: RequestId,
}

impl Sent {
    /// The stream that it is about.
    pub fn stream(&self) -> &str {
        self.rpc.arguments.text("p_stream_id").unwrap_or_default()
    }
}

/// The world.
#[derive(Debug)]
pub struct World {
    /// What the wall clock shows.
    pub now: Millis,
    /// Under test.
    pub manager: Manager,
    /// Everything that was ever sent.
    pub sent: Vec<Sent>,
    /// The renewals of leases, which are kept apart.
    pub renewals: Vec<Sent>,
    /// What they are answered with at once; `None`: they are out until they time out.
    pub renewal_answer: Option<Answer>,
    /// What was last asked of the browser.
    pub awake: Awake,
    /// The requests that were given up.
    pub aborted: Vec<RequestId>,
    /// The meetings that were told to hang up.
    pub hung_up: Vec<MeetingId>,
    /// What was to be done with chat connections, and when.
    pub chat: Vec<(Millis, Generation, ChatOutput)>,
    /// What the database was told of them.
    pub reports: Vec<Sent>,
    /// What lies in the browser's outbox.
    pub stored: BTreeMap<String, Value>,
    /// What of it this page sees to, or wants to.
    pub claims: BTreeSet<String>,
    /// Whether the gateway's feed of the listing is to be open.
    pub feed: bool,
    /// What was to be done with viewers' sockets, and when.
    pub sockets: Vec<(Millis, SocketId, SocketOutput)>,
    /// What was to be done with sessions, and when.
    pub sessions: Vec<(Millis, SessionId, SessionOutput)>,
    /// How often the user was to be forgotten.
    pub forgotten: u32,
    /// What the other tabs were told.
    pub told: Vec<String>,
    /// How often the snapshot was another one.
    pub changes: u32,
    /// Compares snapshots, to see that each change is told of: that takes as long as there is much in them.
    pub compares: bool,
    /// The page listens for activity.
    pub listens: bool,
    /// What of `sent` has not been answered or given up.
    pub in_flight: Vec<Sent>,
    /// How promises were settled; more than one entry would be a defect.
    pub settled: BTreeMap<CallId, Vec<Result<Value, Error>>>,
    /// The events, by name.
    pub events: Vec<(&'static str, Value)>,
    calls: u32,
    meetings: u32,
}

impl World {
    /// A page that is visible and online, with a backend.
    pub fn new() -> World {
        World::with(Value::object([]))
    }

    /// The same with an `ending` configuration.
    ///
    /// # Panics
    /// If the configuration is not valid.
    pub fn with(ending: Value) -> World {
        World::configured(Value::object([("ending", ending)]))
    }

    /// The same with a configuration, to which a backend and a chat transport are added.
    ///
    /// # Panics
    /// If the configuration is not valid.
    pub fn configured(config: Value) -> World {
        World::made(config, "holder")
    }

    /// [`World::new`], of a page load with another random id.
    pub fn held_by(holder: &str) -> World {
        World::made(Value::object([]), holder)
    }

    fn made(config: Value, holder: &str) -> World {
        let Value::Object(mut config) = config else { panic!("{config:?}") };
        if !config.iter().any(|(key, _)| key == "backend") {
            config.push(("backend".to_owned(), Value::object([("url", "http://backend.test".into())])));
        }
        config.push(("chat".to_owned(), Value::object([("open", Value::Opaque), ("close", Value::Opaque)])));
        let config = Config::parse(&Value::Object(config));
        let Ok(config) = config else { panic!("{config:?}") };
        let page = Page { visible: true, online: true, frozen: false, exit: Exit::None };
        let now = 1_700_000_000_000;
        World {
            now,
            manager: Manager::new(config, holder.to_owned(), page, now),
            sent: Vec::new(),
            renewals: Vec::new(),
            renewal_answer: Some(ok("live")),
            awake: Awake::default(),
            aborted: Vec::new(),
            hung_up: Vec::new(),
            chat: Vec::new(),
            reports: Vec::new(),
            stored: BTreeMap::new(),
            claims: BTreeSet::new(),
            feed: false,
            sockets: Vec::new(),
            sessions: Vec::new(),
            forgotten: 0,
            told: Vec::new(),
            changes: 0,
            compares: true,
            listens: true,
            in_flight: Vec::new(),
            settled: BTreeMap::new(),
            events: Vec::new(),
            calls: 0,
            meetings: 0,
        }
    }

    /// One input, all outputs.
    pub fn handle(&mut self, input: Input) {
        let wakes = input == Input::Wake;
        let (before, told) = (self.compares.then(|| self.shown()), self.changes);
        self.manager.handle(self.now, input);
        let mut renewals = Vec::new();
        while let Some(output) = self.manager.poll() {
            match output {
                Output::Send { request, rpc, fresh_token, only_for } => {
                    let sent = Sent { at: self.now, rpc, fresh_token, only_for, request };
                    if sent.rpc.function == "record_chat_connection" {
                        self.reports.push(sent);
                    } else if sent.rpc.function == "touch_stream" {
                        renewals.push(request);
                        self.renewals.push(sent);
                    } else {
                        self.sent.push(sent.clone());
                        self.in_flight.push(sent);
                    }
                }
                Output::Abort { request } => {
                    self.in_flight.retain(|sent| sent.request != request);
                    self.aborted.push(request);
                }
                Output::Settle { call, result } => self.settled.entry(call).or_default().push(result),
                Output::Emit { event, data } => self.events.push((event, data)),
                Output::StayAwake(awake) => self.awake = awake,
                Output::HangUp { meeting } => self.hung_up.push(meeting),
                Output::Chat { generation, output } => self.chat.push((self.now, generation, output)),
                Output::SettleClient { call, generation } => {
                    let client = Value::from(generation.0);
                    self.settled.entry(call).or_default().push(Ok(client));
                }
                Output::Store { key, intent: Value::Null } => drop(self.stored.remove(&key)),
                Output::Store { key, intent } => {
                    // Another tab hears of what is written, and would be there first.
                    assert!(self.claims.contains(&key), "{key} is written before it is claimed");
                    self.stored.insert(key, intent);
                }
                Output::Claim { key } => drop(self.claims.insert(key)),
                Output::Release { key } => drop(self.claims.remove(&key)),
                Output::Feed { open } => self.feed = open,
                Output::Socket { socket, output } => self.sockets.push((self.now, socket, output)),
                Output::Session { session, output } => self.sessions.push((self.now, session, output)),
                Output::ForgetUser => self.forgotten += 1,
                Output::TellTabs { user } => self.told.push(user),
                Output::ListenForActivity => self.listens = true,
                Output::Changed => self.changes += 1,
            }
        }
        if let Some(answer) = self.renewal_answer.clone() {
            for request in renewals {
                self.handle(Input::Answer { request, answer: answer.clone() });
            }
        }
        assert!(!wakes || self.manager.next_wakeup().is_none_or(|at| at > self.now), "the timer would spin");
        if let Some(before) = before.filter(|_| self.changes == told) {
            assert_eq!(self.shown(), before, "the snapshot is another one, and nobody was told");
        }
    }

    /// The snapshot, without the time of the last activity: in a meeting it goes by without a word. A manager that has been
    /// disposed of says nothing any more.
    fn shown(&self) -> Value {
        let mut snapshot = self.manager.snapshot();
        if snapshot.text("phase") == Some("disposed") {
            return Value::Null;
        }
        if let Value::Object(slices) = &mut snapshot {
            for (_, slice) in slices.iter_mut().filter(|(name, _)| name == "presence") {
                let Value::Object(fields) = slice else { continue };
                fields.retain(|(name, _)| name != "lastActivityAt");
            }
        }
        snapshot
    }

    /// Lets time pass, waking the manager whenever it asked for it.
    pub fn pass(&mut self, duration: Millis) {
        let end = self.now + duration;
        while let Some(at) = self.manager.next_wakeup().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.handle(Input::Wake);
        }
        self.now = end;
    }

    /// Attaches a meeting to `stream`.
    ///
    /// # Panics
    /// If the arguments are not valid.
    pub fn attach(&mut self, stream: &str, role: &str) -> MeetingId {
        self.attach_meeting(stream, role, false)
    }

    /// Attaches a host's meeting that says that it has been joined already.
    pub fn attach_joined(&mut self, stream: &str) -> MeetingId {
        self.attach_meeting(stream, "host", true)
    }

    fn attach_meeting(&mut self, stream: &str, role: &str, joined: bool) -> MeetingId {
        let attachment = Value::object([
            ("streamId", stream.into()),
            ("streamerId", "ana".into()),
            ("role", role.into()),
            ("hostParticipantId", "h0st".into()),
        ]);
        let Ok(attachment) = Attachment::parse(&attachment) else { panic!("{stream} {role}") };
        self.meetings += 1;
        let meeting = MeetingId(self.meetings);
        self.handle(Input::Attach { meeting, attachment, joined });
        meeting
    }

    /// Attaches a host's meeting to [`STREAM`] and joins it.
    pub fn host(&mut self) -> MeetingId {
        let meeting = self.attach(STREAM, "host");
        self.emit(meeting, "videoConferenceJoined");
        meeting
    }

    /// A meeting emits an event without details.
    pub fn emit(&mut self, meeting: MeetingId, name: &str) {
        if let Some(event) = MeetingEvent::parse(name, &Value::Null) {
            self.handle(Input::Meeting { meeting, event });
        }
    }

    /// A page event.
    pub fn page(&mut self, event: PageEvent) {
        self.handle(Input::Page(event));
    }

    /// Calls a method.
    ///
    /// # Panics
    /// If the arguments are not valid.
    pub fn call(&mut self, method: &str, arguments: &Value) -> CallId {
        let Ok(action) = Action::parse(method, arguments) else { panic!("{method} {arguments:?}") };
        self.calls += 1;
        let call = CallId(self.calls);
        self.handle(Input::Call { call, action });
        call
    }

    /// `endStreamById`.
    pub fn end(&mut self, stream: &str) -> CallId {
        self.call("endStreamById", &Value::object([("streamId", stream.into())]))
    }

    /// Answers the oldest request that is out; false if there is none.
    pub fn answer(&mut self, answer: Answer) -> bool {
        if self.in_flight.is_empty() {
            return false;
        }
        let sent = self.in_flight.remove(0);
        self.handle(Input::Answer { request: sent.request, answer });
        true
    }

    /// `200` with that status.
    pub fn answer_ok(&mut self, status: &str) -> bool {
        self.answer(ok(status))
    }

    /// An error in PostgREST's shape.
    pub fn answer_error(&mut self, status: u16, code: &str) -> bool {
        self.answer(error(status, code))
    }

    /// The snapshot's entry of a stream, by field.
    pub fn stream(&self, stream: &str, field: &str) -> Value {
        let snapshot = self.manager.snapshot();
        snapshot.get("streams").and_then(|all| all.get(stream)?.get(field)).cloned().unwrap_or_default()
    }

    /// The snapshot's status of a stream; empty if it is not there.
    pub fn status(&self, stream: &str) -> String {
        self.stream(stream, "status").as_text().unwrap_or_default().to_owned()
    }

    /// How many events of that name there were.
    pub fn count(&self, event: &str) -> usize {
        self.events.iter().filter(|(name, _)| *name == event).count()
    }

    /// How `call` was settled.
    pub fn result(&self, call: CallId) -> Option<&Result<Value, Error>> {
        self.settled.get(&call).and_then(|results| results.first())
    }
}

/// Whatever a test has done: the trace of it replays to the same outputs.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking()
            && let Err(why) = replays(&self.manager)
        {
            panic!("the trace goes another way: {why}");
        }
    }
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

/// `200` with that status.
pub fn ok(status: &str) -> Answer {
    Answer::Http { status: 200, body: Some(Value::object([("success", true.into()), ("status", status.into())])) }
}

/// An error in PostgREST's shape.
pub fn error(status: u16, code: &str) -> Answer {
    let body = [("code", code.into()), ("message", "no".into()), ("details", Value::Null), ("hint", Value::Null)];
    Answer::Http { status, body: Some(Value::object(body)) }
}

/// How much is tried of what could go on for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Enough for one mutant of a thousand: see docs/mutants.md.
    Quick,
    /// In the time that everybody has.
    Normal,
    /// In the time that a machine has over night.
    Soak,
}

impl Effort {
    /// As the environment asks for it.
    pub fn asked() -> Effort {
        let is_set = |name| std::env::var_os(name).is_some();
        match (is_set("STREAMKEEPER_SOAK"), is_set("STREAMKEEPER_QUICK")) {
            (true, _) => Effort::Soak,
            (false, true) => Effort::Quick,
            (false, false) => Effort::Normal,
        }
    }
}

/// How many cases a property is tried with.
pub fn cases(normal: u32) -> u32 {
    match Effort::asked() {
        Effort::Quick => normal.div_ceil(100),
        Effort::Normal => normal,
        Effort::Soak => normal * 100,
    }
}

/// How many states are explored, of which all have to be kept.
pub fn states(normal: usize) -> usize {
    match Effort::asked() {
        Effort::Quick => normal / 60,
        Effort::Normal => normal,
        Effort::Soak => normal * 10,
    }
}
