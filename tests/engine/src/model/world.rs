//! A browser with one or two tabs, a network that answers late, wrongly or not at all, a database, a chat service and a person:
//! small enough to try everything that they can do, in every order. The clock stands still but for jumps to the next wake-up.

use super::canonical;
use super::explore::Model;
use crate::sim::Database;
use crate::{STREAM, error};
use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use streamkeeper::engine::page::{Exit, Page};
use streamkeeper::engine::{
    Action, Answer, Attachment, CallId, ChatEvent, ChatOutput, Config, Failure, Generation, Input, Manager,
    MeetingEvent, MeetingId, Millis, Output, PageEvent, RequestId, Rpc, Value,
};

/// A chat client that has not closed after this long is given up.
const CLOSE_TIMEOUT: Millis = 5_000;

/// What a world is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Two users, one chat service, in a browser that may have a second tab.
    Chat,
    /// A stream that is hosted, in a browser that may have a second tab.
    Stream,
    /// Both, in one tab: signing out while live, for instance.
    Both,
}

/// How much of each kind of thing may still happen.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// What the person does.
    pub person: u8,
    /// What the page's browser does to it.
    pub page: u8,
    /// What goes wrong on the way.
    pub faults: u8,
    /// Tabs that are opened, closed or killed.
    pub tabs: u8,
}

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time passes until the first tab wants to be woken.
    Wake,
    /// A call reaches the database, and its answer the page.
    Answered(usize, usize),
    /// A call reaches the database; its answer is lost.
    AnswerLost(usize, usize),
    /// A call ends in this status, which is not the database's word; 0: nobody was reached.
    Failed(usize, usize, u16),
    /// The database refuses.
    Refused(usize, usize),
    /// The chat service, or the transport, does what it was asked to.
    Done(usize, Generation),
    /// It does not, or loses what was open.
    Undone(usize, Generation),
    /// A page event.
    Page(usize, PageEvent),
    /// A meeting's.
    Meeting(usize, &'static str),
    /// The app lets go of the meeting.
    Detach(usize),
    /// The app attaches it again.
    Attach(usize),
    /// `endStreamById`.
    End(usize),
    /// `connectUser`.
    Connect(usize, &'static str),
    /// `disconnectUser`.
    SignOut(usize),
    /// `reconnect`.
    Reconnect(usize, bool),
    /// The browser gives the lock of an entry to the first who waits for it.
    Grant(usize),
    /// A tab hears of what another has told.
    News(usize),
    /// A tab is closed: it says goodbye.
    Close(usize),
    /// Its renderer is killed.
    Kill(usize),
    /// A page is opened in the same browser.
    Open,
    /// The database lets go of what nobody holds any more.
    Sweep,
}

/// Where a chat connection is, as its transport and the service know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Token,
    Opening,
    Open,
    Probed,
    Closing(Millis),
    Closed,
}

/// Whether it ends the stream also when another page holds it.
fn is_end(intent: &Value) -> bool {
    intent.text("kind") == Some("end") && !intent.flag("leaves")
}

/// What a tab has told the others.
#[derive(Clone, Debug)]
enum News {
    /// It has stored an entry of this key.
    Stored(String),
    /// This user has signed out.
    SignedOut(String),
}

/// A call on its way.
#[derive(Clone, Debug)]
struct Call {
    request: RequestId,
    rpc: Rpc,
}

/// One page load.
#[derive(Clone, Debug)]
pub struct Tab {
    pub(super) manager: Manager,
    pub(super) alive: bool,
    wire: Vec<Call>,
    chat: Vec<(Generation, Connection)>,
    pub(super) meeting: Option<MeetingId>,
    pub(super) joined: bool,
    /// Who is to be connected.
    pub(super) user: Option<&'static str>,
    /// Whose tokens the backend is given, until they are forgotten.
    signed_in: Option<&'static str>,
    pub(super) calls: Vec<CallId>,
    /// Its snapshot has said that the stream is over.
    over: bool,
    hidden: bool,
    offline: bool,
}

/// What decides about what a tab does next.
struct Shown<'a>(&'a Tab);

impl Debug for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Tab { manager, wire, chat, meeting, joined, user, signed_in, calls, over, hidden, offline, alive } = self.0;
        if !alive {
            return Ok(());
        }
        (manager.state(), wire, chat, meeting, joined, user, signed_in, calls, (over, hidden, offline)).fmt(f)
    }
}

/// Everything.
#[derive(Clone, Debug)]
pub struct World {
    about: About,
    budget: Budget,
    pub(super) now: Millis,
    pub(super) tabs: Vec<Tab>,
    pub(super) database: Database,
    /// localStorage.
    pub(super) stored: BTreeMap<String, Value>,
    /// Who waits for which entry's lock; the first has it, once it is granted.
    locks: BTreeMap<String, (bool, Vec<usize>)>,
    /// Who is to hear of what.
    news: Vec<(usize, News)>,
    /// The database has refused an end.
    pub(super) refused: bool,
    /// An end has been written down.
    pub(super) intended: bool,
    last_call: u32,
    last_meeting: u32,
}

impl World {
    /// With a page that is there; in worlds about a stream it hosts one, and is in its meeting.
    ///
    /// # Panics
    /// If the configuration of this file is not valid.
    pub fn new(about: About, budget: Budget) -> World {
        let mut world = World {
            about,
            budget,
            now: 1_700_000_000_000,
            tabs: Vec::new(),
            database: Database::default(),
            stored: BTreeMap::new(),
            locks: BTreeMap::new(),
            news: Vec::new(),
            refused: false,
            intended: false,
            last_call: 0,
            last_meeting: 0,
        };
        world.open().expect("a page can be opened");
        if about != About::Chat {
            world.attach(0, true).expect("a meeting can be attached");
        }
        world
    }

    /// What its clocks show.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// The managers of its tabs, also of those that are gone.
    pub fn managers(&self) -> impl Iterator<Item = &Manager> {
        self.tabs.iter().map(|tab| &tab.manager)
    }

    pub(super) fn open(&mut self) -> Result<(), String> {
        let backend = Value::object([("url", "http://backend.test".into())]);
        let reconnect = Value::object([("jitter", false.into())]);
        let mut config = vec![("backend".to_owned(), backend), ("reconnect".to_owned(), reconnect)];
        if self.about != About::Stream {
            config.push(("chat".to_owned(), Value::object([("open", Value::Opaque), ("close", Value::Opaque)])));
        }
        let config = Config::parse(&Value::Object(config)).map_err(|error| error.message)?;
        let page = Page { visible: true, online: true, frozen: false, exit: Exit::None };
        let tab = self.tabs.len();
        let manager = Manager::new(config, format!("page-{tab}"), page, self.now);
        self.tabs.push(Tab {
            manager,
            alive: true,
            wire: Vec::new(),
            chat: Vec::new(),
            meeting: None,
            joined: false,
            user: None,
            signed_in: Some("ana"),
            calls: Vec::new(),
            over: false,
            hidden: false,
            offline: false,
        });
        self.handle(tab, Input::User { id: Some("ana".to_owned()) })?;
        let entries = self.stored.clone().into_iter().collect();
        self.handle(tab, Input::Owed { entries })
    }

    fn attach(&mut self, tab: usize, joined: bool) -> Result<(), String> {
        let attachment =
            Value::object([("streamId", STREAM.into()), ("streamerId", "ana".into()), ("role", "host".into())]);
        let attachment = Attachment::parse(&attachment).map_err(|error| error.message)?;
        self.last_meeting += 1;
        let meeting = MeetingId(self.last_meeting);
        self.tabs[tab].meeting = Some(meeting);
        self.tabs[tab].joined = joined;
        self.handle(tab, Input::Attach { meeting, attachment, joined })
    }

    fn call(&mut self, tab: usize, method: &str, arguments: &Value) -> Result<(), String> {
        let action = Action::parse(method, arguments).map_err(|error| error.message)?;
        self.last_call += 1;
        let call = CallId(self.last_call);
        self.tabs[tab].calls.push(call);
        self.handle(tab, Input::Call { call, action })
    }

    fn handle(&mut self, tab: usize, input: Input) -> Result<(), String> {
        if !self.tabs[tab].alive {
            return Ok(());
        }
        let now = self.now;
        self.tabs[tab].manager.handle(now, input);
        while let Some(output) = self.tabs[tab].manager.poll() {
            if output == Output::Changed { self.still_over(tab) } else { self.act(tab, output) }?;
        }
        Ok(())
    }

    /// What has ended stays ended, for a page that knows.
    fn still_over(&mut self, tab: usize) -> Result<(), String> {
        let status = self.status(tab);
        let tab = &mut self.tabs[tab];
        if tab.over && !matches!(status.as_str(), "ended" | "") {
            return Err(format!("the stream had ended, and is {status}"));
        }
        tab.over |= status == "ended";
        Ok(())
    }

    /// What a page's snapshot says of the stream.
    pub(super) fn status(&self, tab: usize) -> String {
        let snapshot = self.tabs[tab].manager.snapshot();
        let stream = snapshot.get("streams").and_then(|all| all.get(STREAM));
        stream.and_then(|stream| stream.text("status")).unwrap_or_default().to_owned()
    }

    fn act(&mut self, tab: usize, output: Output) -> Result<(), String> {
        match output {
            Output::Send { request, rpc, .. } => {
                if rpc.function == "end_stream_comprehensive" {
                    // What another page owed is told all the same: with it goes what its attempts have met.
                    let own = rpc.arguments.text("p_holder") == Some(&format!("page-{tab}"));
                    if own && self.tabs[tab].over {
                        return Err("a stream that has ended is ended again".to_owned());
                    }
                    if self.stored.is_empty() {
                        return Err("an end is sent before it is written down".to_owned());
                    }
                }
                // What connections cost is told to the database by the way, and decides nothing.
                if rpc.function != "record_chat_connection" {
                    self.tabs[tab].wire.push(Call { request, rpc });
                }
            }
            Output::Abort { request } => self.tabs[tab].wire.retain(|call| call.request != request),
            Output::Store { key, intent: Value::Null } => {
                let gone = self.stored.remove(&key);
                if gone.as_ref().is_some_and(is_end) && self.database.ended.is_none() && !self.refused {
                    return Err(format!("{key} is struck out, and the stream is live"));
                }
            }
            Output::Store { key, intent } => {
                if !self.locks.get(&key).is_some_and(|(_, queue)| queue.contains(&tab)) {
                    return Err(format!("{key} is written before it is claimed"));
                }
                self.intended |= is_end(&intent);
                let is_new = self.stored.insert(key.clone(), intent).is_none();
                if is_new {
                    self.tell_others(tab, &News::Stored(key));
                }
            }
            Output::ForgetUser => self.tabs[tab].signed_in = None,
            Output::TellTabs { user } => self.tell_others(tab, &News::SignedOut(user)),
            Output::Claim { key } => self.locks.entry(key).or_default().1.push(tab),
            Output::Release { key } => self.unlock(&key, tab),
            Output::Settle { call, .. } => self.settled(tab, call)?,
            Output::SettleClient { call, generation } => {
                if !matches!(self.connection(tab, generation), Some(Connection::Open | Connection::Probed)) {
                    return Err(format!("{call:?} was given a client that is not open"));
                }
                self.settled(tab, call)?;
            }
            Output::Chat { generation, output } => self.connect(tab, generation, output)?,
            _ => {}
        }
        Ok(())
    }

    fn tell_others(&mut self, tab: usize, news: &News) {
        let others: Vec<usize> = self.alive().filter(|other| *other != tab).collect();
        self.news.extend(others.into_iter().map(|other| (other, news.clone())));
    }

    fn settled(&mut self, tab: usize, call: CallId) -> Result<(), String> {
        let calls = &mut self.tabs[tab].calls;
        let at = calls.iter().position(|open| *open == call).ok_or(format!("{call:?} is settled twice"))?;
        calls.remove(at);
        Ok(())
    }

    fn connection(&self, tab: usize, generation: Generation) -> Option<Connection> {
        self.tabs[tab].chat.iter().find(|(other, _)| *other == generation).map(|(_, connection)| *connection)
    }

    fn connect(&mut self, tab: usize, generation: Generation, output: ChatOutput) -> Result<(), String> {
        let now = self.now;
        let known = self.connection(tab, generation);
        let chat = &mut self.tabs[tab].chat;
        let next = match (output, known) {
            (ChatOutput::FetchToken, None | Some(Connection::Token)) => Connection::Token,
            (ChatOutput::Open, Some(Connection::Token)) => {
                let there = |(_, connection): &&(Generation, Connection)| match connection {
                    Connection::Opening | Connection::Open | Connection::Probed => true,
                    Connection::Closing(since) => *since + CLOSE_TIMEOUT > now,
                    Connection::Token | Connection::Closed => false,
                };
                if let Some(other) = chat.iter().find(there) {
                    return Err(format!("{generation:?} opens beside {other:?}"));
                }
                Connection::Opening
            }
            (ChatOutput::Probe, Some(Connection::Open | Connection::Probed)) => Connection::Probed,
            (ChatOutput::Disconnecting(_), Some(Connection::Open | Connection::Probed)) => return Ok(()),
            (ChatOutput::Close, Some(Connection::Closing(since))) => Connection::Closing(since),
            (ChatOutput::Close, Some(_)) => Connection::Closing(now),
            (ChatOutput::Verify, Some(Connection::Closing(_) | Connection::Closed)) => {
                // It is as closed as it was said to be, and nobody speaks of it any more.
                chat.retain(|(other, connection)| *other != generation || *connection != Connection::Closed);
                return Ok(());
            }
            _ => return Err(format!("{} of {generation:?}, which is {known:?}", output.name())),
        };
        chat.retain(|(other, _)| *other != generation);
        chat.push((generation, next));
        Ok(())
    }

    /// The service, or the transport, does what it was asked to.
    fn done(&mut self, tab: usize, generation: Generation, well: bool) -> Result<(), String> {
        let Some(connection) = self.connection(tab, generation) else { return Ok(()) };
        let failed = || ChatEvent::Failed(Failure::Transient, "no".to_owned());
        let (next, event) = match (connection, well) {
            (Connection::Token, true) => (Connection::Token, ChatEvent::Token { subject: None, expired: false }),
            (Connection::Opening, true) => (Connection::Open, ChatEvent::Opened),
            (Connection::Probed, true) => (Connection::Open, ChatEvent::Probed(Some(true))),
            (Connection::Closing(_), _) => (Connection::Closed, ChatEvent::Closed),
            (Connection::Token, false) => (Connection::Token, failed()),
            (Connection::Opening, false) => (Connection::Opening, failed()),
            (Connection::Open | Connection::Probed, _) => {
                (Connection::Open, ChatEvent::Lost(Failure::Transient, "reset".to_owned()))
            }
            (Connection::Closed, _) => return Ok(()),
        };
        let chat = &mut self.tabs[tab].chat;
        chat.iter_mut().filter(|(other, _)| *other == generation).for_each(|(_, connection)| *connection = next);
        self.handle(tab, Input::Chat { generation, event })
    }

    fn answer(&mut self, tab: usize, at: usize, answer: Option<Answer>) -> Result<(), String> {
        let call = self.tabs[tab].wire.remove(at);
        match answer {
            Some(answer) => self.handle(tab, Input::Answer { request: call.request, answer }),
            None => {
                let answer = self.database.call(self.now, &call.rpc);
                self.handle(tab, Input::Answer { request: call.request, answer })
            }
        }
    }

    fn unlock(&mut self, key: &str, tab: usize) {
        if let Some((granted, queue)) = self.locks.get_mut(key) {
            *granted &= queue.first() != Some(&tab);
            queue.retain(|other| *other != tab);
            if queue.is_empty() {
                self.locks.remove(key);
            }
        }
    }

    fn kill(&mut self, tab: usize) {
        let now = self.now;
        let gone = &mut self.tabs[tab];
        gone.alive = false;
        gone.calls.clear();
        gone.chat.clear();
        // What was sent with keepalive arrives all the same, and nobody hears the answer.
        for call in std::mem::take(&mut gone.wire) {
            self.database.call(now, &call.rpc);
        }
        let keys: Vec<String> = self.locks.keys().cloned().collect();
        keys.iter().for_each(|key| self.unlock(key, tab));
        self.news.retain(|(other, _)| *other != tab);
    }

    pub(super) fn alive(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.tabs.len()).filter(|tab| self.tabs[*tab].alive)
    }

    /// When the first tab wants to be woken.
    pub(super) fn next_wakeup(&self) -> Option<Millis> {
        self.alive().filter_map(|tab| self.tabs[tab].manager.next_wakeup()).min()
    }

    /// What happens by itself, in a world that means well; nothing if all is quiet.
    pub(super) fn natural(&self) -> Option<Event> {
        if !self.news.is_empty() {
            return Some(Event::News(0));
        }
        if self.database.is_abandoned(self.now) {
            return Some(Event::Sweep);
        }
        if let Some(at) = self.locks.values().position(|(granted, _)| !granted) {
            return Some(Event::Grant(at));
        }
        for tab in self.alive() {
            let Tab { wire, chat, .. } = &self.tabs[tab];
            if !wire.is_empty() {
                return Some(Event::Answered(tab, 0));
            }
            let waits = |(_, connection): &&(Generation, Connection)| {
                !matches!(connection, Connection::Open | Connection::Closed)
            };
            // A token that has been given is not given twice.
            if let Some((generation, _)) = chat.iter().find(waits) {
                return Some(Event::Done(tab, *generation));
            }
        }
        None
    }

    fn wrong(&self, events: &mut Vec<Event>, tab: usize) {
        let Tab { wire, chat, .. } = &self.tabs[tab];
        for (at, call) in wire.iter().enumerate() {
            events.extend([Event::AnswerLost(tab, at), Event::Failed(tab, at, 500), Event::Failed(tab, at, 0)]);
            if call.rpc.function == "end_stream_comprehensive" {
                events.push(Event::Refused(tab, at));
            }
        }
        let goes = |(_, connection): &&(Generation, Connection)| {
            !matches!(connection, Connection::Closing(_) | Connection::Closed)
        };
        events.extend(chat.iter().filter(goes).map(|(generation, _)| Event::Undone(tab, *generation)));
    }

    fn personal(&self, events: &mut Vec<Event>, tab: usize) {
        let Tab { meeting, joined, user, .. } = &self.tabs[tab];
        if self.about != About::Chat {
            match (meeting, joined) {
                (Some(_), true) => events.extend([
                    Event::Meeting(tab, "videoConferenceLeft"),
                    Event::Meeting(tab, "readyToClose"),
                    Event::Detach(tab),
                ]),
                (Some(_), false) => {
                    events.extend([Event::Meeting(tab, "videoConferenceJoined"), Event::Detach(tab)]);
                }
                (None, _) => events.push(Event::Attach(tab)),
            }
            events.push(Event::End(tab));
        }
        if self.about != About::Stream {
            events.push(Event::Connect(tab, "ana"));
            if self.about == About::Chat {
                events.push(Event::Connect(tab, "bob"));
            }
            if user.is_some() {
                events.extend([Event::Reconnect(tab, false), Event::Reconnect(tab, true)]);
            }
        }
        if self.about != About::Stream || user.is_some() {
            events.push(Event::SignOut(tab));
        }
    }

    fn pages(&self, events: &mut Vec<Event>, tab: usize) {
        let Tab { hidden, offline, .. } = self.tabs[tab];
        let view = if hidden { PageEvent::Visible } else { PageEvent::Hidden };
        let network = if offline { PageEvent::Online } else { PageEvent::Offline };
        events.extend([view, network, PageEvent::PageHide { persisted: false }].map(|event| Event::Page(tab, event)));
    }
}

impl Model for World {
    type Action = Event;

    fn actions(&self) -> Vec<Event> {
        let mut events = Vec::new();
        if self.next_wakeup().is_some() {
            events.push(Event::Wake);
        }
        events.extend((0..self.news.len()).map(Event::News));
        let ungranted = self.locks.values().enumerate().filter(|(_, (granted, _))| !granted);
        events.extend(ungranted.map(|(at, _)| Event::Grant(at)));
        if self.database.is_abandoned(self.now) {
            events.push(Event::Sweep);
        }
        for tab in self.alive() {
            let Tab { wire, chat, .. } = &self.tabs[tab];
            events.extend((0..wire.len()).map(|at| Event::Answered(tab, at)));
            let waits = |(_, connection): &&(Generation, Connection)| {
                !matches!(connection, Connection::Open | Connection::Closed)
            };
            events.extend(chat.iter().filter(waits).map(|(generation, _)| Event::Done(tab, *generation)));
            if self.budget.faults > 0 {
                self.wrong(&mut events, tab);
            }
            if self.budget.person > 0 {
                self.personal(&mut events, tab);
            }
            if self.budget.page > 0 {
                self.pages(&mut events, tab);
            }
            if self.budget.tabs > 0 {
                events.extend([Event::Close(tab), Event::Kill(tab)]);
            }
        }
        if self.budget.tabs > 0 && self.about != About::Both && self.alive().count() < 2 {
            events.push(Event::Open);
        }
        events
    }

    fn step(&mut self, event: Event) -> Result<(), String> {
        let budget = match event {
            Event::AnswerLost(..) | Event::Failed(..) | Event::Refused(..) | Event::Undone(..) => {
                Some(&mut self.budget.faults)
            }
            Event::Page(..) => Some(&mut self.budget.page),
            Event::Close(_) | Event::Kill(_) | Event::Open => Some(&mut self.budget.tabs),
            Event::Meeting(..)
            | Event::Detach(_)
            | Event::Attach(_)
            | Event::End(_)
            | Event::Connect(..)
            | Event::SignOut(_)
            | Event::Reconnect(..) => Some(&mut self.budget.person),
            Event::Wake | Event::Answered(..) | Event::Done(..) | Event::Grant(_) | Event::News(_) | Event::Sweep => {
                None
            }
        };
        if let Some(left) = budget {
            *left = left.saturating_sub(1);
        }
        match event {
            Event::Wake => {
                self.now = self.next_wakeup().unwrap_or(self.now).max(self.now);
                let alive: Vec<usize> = self.alive().collect();
                let due = |tab: &usize| self.tabs[*tab].manager.next_wakeup().is_some_and(|at| at <= self.now);
                for tab in alive.into_iter().filter(due).collect::<Vec<_>>() {
                    self.handle(tab, Input::Wake)?;
                    if self.tabs[tab].manager.next_wakeup().is_some_and(|at| at <= self.now) {
                        return Err("a deadline is behind the clock, and the timer would spin".to_owned());
                    }
                }
                Ok(())
            }
            Event::Answered(tab, at) => self.answer(tab, at, None),
            Event::AnswerLost(tab, at) => {
                let rpc = self.tabs[tab].wire.remove(at).rpc;
                self.database.call(self.now, &rpc);
                Ok(())
            }
            Event::Failed(tab, at, 0) => self.answer(tab, at, Some(Answer::Unreachable)),
            Event::Failed(tab, at, status) => self.answer(tab, at, Some(Answer::Http { status, body: None })),
            Event::Refused(tab, at) => {
                self.refused = true;
                self.answer(tab, at, Some(error(403, "42501")))
            }
            Event::Done(tab, generation) => self.done(tab, generation, true),
            Event::Undone(tab, generation) => self.done(tab, generation, false),
            Event::Page(tab, event) => {
                match event {
                    PageEvent::Hidden => self.tabs[tab].hidden = true,
                    PageEvent::Visible => self.tabs[tab].hidden = false,
                    PageEvent::Offline => self.tabs[tab].offline = true,
                    PageEvent::Online => self.tabs[tab].offline = false,
                    _ => {}
                }
                self.handle(tab, Input::Page(event))?;
                if matches!(event, PageEvent::PageHide { .. }) {
                    // The page that goes is gone.
                    self.kill(tab);
                }
                Ok(())
            }
            Event::Meeting(tab, name) => {
                self.tabs[tab].joined = name == "videoConferenceJoined";
                let (meeting, event) = (self.tabs[tab].meeting, MeetingEvent::parse(name, &Value::Null));
                let (Some(meeting), Some(event)) = (meeting, event) else { return Ok(()) };
                self.handle(tab, Input::Meeting { meeting, event })
            }
            Event::Detach(tab) => {
                self.tabs[tab].joined = false;
                let Some(meeting) = self.tabs[tab].meeting.take() else { return Ok(()) };
                self.handle(tab, Input::Detach { meeting })
            }
            Event::Attach(tab) => self.attach(tab, false),
            Event::End(tab) => self.call(tab, "endStreamById", &Value::object([("streamId", STREAM.into())])),
            Event::Connect(tab, user) => {
                self.tabs[tab].user = Some(user);
                let arguments = [("userId", user.into()), ("token", "function".into())];
                self.call(tab, "connectUser", &Value::object(arguments))
            }
            Event::SignOut(tab) => {
                self.tabs[tab].user = None;
                self.call(tab, "disconnectUser", &Value::Null)
            }
            Event::Reconnect(tab, force) => self.call(tab, "reconnect", &Value::object([("force", force.into())])),
            Event::Grant(at) => {
                let Some((key, (granted, queue))) = self.locks.iter_mut().nth(at) else { return Ok(()) };
                *granted = true;
                let (key, first) = (key.clone(), queue.first().copied());
                let intent = self.stored.get(&key).cloned().unwrap_or_default();
                first.map_or(Ok(()), |tab| self.handle(tab, Input::Claimed { key, intent }))
            }
            Event::News(at) => {
                let (tab, news) = self.news.remove(at);
                match news {
                    News::Stored(key) => {
                        let intent = self.stored.get(&key).cloned();
                        let entries = intent.map(|intent| (key, intent)).into_iter().collect();
                        self.handle(tab, Input::Owed { entries })
                    }
                    News::SignedOut(user) => {
                        let page = &mut self.tabs[tab];
                        // A page is one person's: with the one who is signed in, whoever chats goes as well.
                        if [page.user, page.signed_in].contains(&Some(user.as_str())) {
                            page.user = None;
                        }
                        self.handle(tab, Input::SignedOutElsewhere { user })
                    }
                }
            }
            Event::Close(tab) => {
                self.handle(tab, Input::Page(PageEvent::PageHide { persisted: false }))?;
                self.kill(tab);
                Ok(())
            }
            Event::Kill(tab) => {
                self.kill(tab);
                Ok(())
            }
            Event::Open => self.open(),
            Event::Sweep => {
                self.database.let_go(self.now);
                Ok(())
            }
        }
    }

    fn fingerprint(&self, buffer: &mut String) -> u64 {
        let tabs: Vec<_> = self.tabs.iter().map(Shown).collect();
        let state = (tabs, &self.database, &self.stored, &self.locks, &self.news, self.refused, self.budget);
        canonical::fingerprint(&(state, self.intended), self.now, buffer)
    }

    fn comes_to_rest(&self) -> Result<(), String> {
        super::rules::comes_to_rest(self)
    }
}
