//! Pages, browsers, a network and a database around real managers, in simulated time: what a fault does to a whole stream.

use crate::{STREAM, error};
use std::collections::{BTreeMap, BTreeSet};
use streamkeeper::engine::page::{Exit, Page};
use streamkeeper::engine::{
    Action, Answer, Attachment, CallId, Config, Input, Manager, MeetingEvent, MeetingId, Millis, Output, PageEvent,
    RequestId, Rpc, Value,
};

/// How long a call takes to the database, and its answer back.
const LATENCY: Millis = 25;
/// Between two runs of the sweeper, and the longest pause that is not an outage.
const SWEEP_EVERY: Millis = 15_000;
const SWEEP_GAP: Millis = 40_000;

/// What may be wrong with the way to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// An answer with this status, from something that is not the database.
    Status(u16),
    /// The token at hand has expired.
    Expired,
    /// 403 in PostgREST's shape.
    Refused,
    /// 404 PGRST202: a deploy is under way.
    NotDeployed,
    /// A captive portal.
    Html,
    /// No answer ever comes.
    Silence,
    /// Nobody listens.
    Unreachable,
    /// The database does what it was asked; the answer is lost.
    AnswerLost,
    /// PostgreSQL is stopped, and with it the sweeper.
    DatabaseStopped,
    /// The gateway is killed, and with it the sweeper.
    GatewayKilled,
    /// The browser has no network, and knows it.
    Offline,
}

/// The database's side of one stream.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// It has ended so many times.
    pub ends: u32,
    /// When, and of what.
    pub ended: Option<(Millis, String)>,
    leases: BTreeMap<String, (Millis, u64)>,
    last_sweep: Millis,
    alive_since: Millis,
}

impl Database {
    fn finish(&mut self, now: Millis, reason: &str) {
        self.ends += 1;
        self.ended = Some((now, reason.to_owned()));
        self.leases.clear();
    }

    fn lapsed(&self, lease: &(Millis, u64), now: Millis) -> bool {
        lease.0 < now && self.alive_since + lease.1 * 1_000 <= now
    }

    fn held_by_another(&self, holder: &str, now: Millis) -> bool {
        self.leases.iter().any(|(other, lease)| other != holder && !self.lapsed(lease, now))
    }

    fn sweep(&mut self, now: Millis) {
        if now - self.last_sweep > SWEEP_GAP {
            self.alive_since = now;
        }
        self.last_sweep = now;
        self.let_go(now);
    }

    /// Nobody holds it any more who once did.
    pub fn is_abandoned(&self, now: Millis) -> bool {
        let all = self.leases.values().all(|lease| self.lapsed(lease, now));
        self.ended.is_none() && !self.leases.is_empty() && all
    }

    /// Ends it, if it is abandoned.
    pub fn let_go(&mut self, now: Millis) {
        if self.is_abandoned(now) {
            self.finish(now, "lease_expired");
        }
    }

    /// Does what a call asks for, and answers it.
    pub fn call(&mut self, now: Millis, rpc: &Rpc) -> Answer {
        let holder = rpc.arguments.text("p_holder").unwrap_or_default().to_owned();
        let status = match rpc.function {
            _ if self.ended.is_some() && rpc.function == "end_stream_comprehensive" => "already_ended",
            _ if self.ended.is_some() => "ended",
            "touch_stream" => {
                let seconds = match rpc.arguments.get("p_lease_seconds") {
                    Some(Value::Number(seconds)) => *seconds as u64,
                    _ => 0,
                };
                self.leases.insert(holder.clone(), (now + seconds * 1_000, seconds));
                if seconds == 0 && !self.held_by_another(&holder, now) {
                    self.finish(now, "left");
                    "ended"
                } else {
                    "live"
                }
            }
            "end_stream_comprehensive" if rpc.arguments.flag("p_leave") && self.held_by_another(&holder, now) => {
                self.leases.insert(holder, (now, 0));
                "held_elsewhere"
            }
            "end_stream_comprehensive" => {
                self.finish(now, rpc.arguments.text("p_reason").unwrap_or_default());
                "ended"
            }
            _ => "live",
        };
        crate::ok(status)
    }
}

/// One page load.
#[derive(Debug)]
struct Tab {
    manager: Manager,
    browser: usize,
    alive: bool,
    meeting: Option<MeetingId>,
}

/// Something that is on its way.
#[derive(Clone, Debug)]
enum Moving {
    Call { tab: usize, request: RequestId, rpc: Rpc, fresh: bool },
    Answer { tab: usize, request: RequestId, answer: Answer },
}

/// Everything.
#[derive(Debug)]
pub struct Sim {
    /// What clocks show.
    pub now: Millis,
    /// The stream in the database.
    pub database: Database,
    /// What is wrong now.
    pub fault: Fault,
    tabs: Vec<Tab>,
    moving: Vec<(Millis, u64, Moving)>,
    order: u64,
    /// localStorage, by browser.
    storage: BTreeMap<usize, BTreeMap<String, Value>>,
    /// Who has the lock of an entry, and who waits for it, by browser and key.
    locks: BTreeMap<(usize, String), Vec<usize>>,
    next_sweep: Millis,
    calls: u32,
    /// Tabs that have heard that the stream has ended elsewhere.
    pub heard: BTreeSet<usize>,
}

impl Sim {
    /// A stream that nobody hosts yet.
    pub fn new() -> Sim {
        let now = 1_700_000_000_000;
        let database = Database { last_sweep: now, alive_since: now - 3_600_000, ..Database::default() };
        Sim {
            now,
            database,
            fault: Fault::None,
            tabs: Vec::new(),
            moving: Vec::new(),
            order: 0,
            storage: BTreeMap::new(),
            locks: BTreeMap::new(),
            next_sweep: now + SWEEP_EVERY,
            calls: 0,
            heard: BTreeSet::new(),
        }
    }

    /// A page of its host in that browser, in the meeting.
    ///
    /// # Panics
    /// If the arguments of this file are not valid.
    pub fn host(&mut self, browser: usize) -> usize {
        let tab = self.open(browser);
        let attachment =
            Value::object([("streamId", STREAM.into()), ("streamerId", "ana".into()), ("role", "host".into())]);
        let Ok(attachment) = Attachment::parse(&attachment) else { panic!("attachment") };
        let meeting = MeetingId(1);
        self.handle(tab, Input::Attach { meeting, attachment, joined: true });
        self.tabs[tab].meeting = Some(meeting);
        tab
    }

    /// A page in that browser.
    ///
    /// # Panics
    /// If the configuration of this file is not valid.
    pub fn open(&mut self, browser: usize) -> usize {
        let backend = Value::object([("url", "http://backend.test".into())]);
        let Ok(config) = Config::parse(&Value::object([("backend", backend)])) else { panic!("config") };
        let page = Page { visible: true, online: self.fault != Fault::Offline, frozen: false, exit: Exit::None };
        let tab = self.tabs.len();
        let manager = Manager::new(config, format!("page-{tab}"), page, self.now);
        self.tabs.push(Tab { manager, browser, alive: true, meeting: None });
        self.handle(tab, Input::User { id: Some("ana".to_owned()) });
        let entries: Vec<_> = self.storage.entry(browser).or_default().clone().into_iter().collect();
        self.handle(tab, Input::Owed { entries });
        tab
    }

    /// One input to a page that is still there.
    pub fn handle(&mut self, tab: usize, input: Input) {
        if !self.tabs[tab].alive {
            return;
        }
        let now = self.now;
        self.tabs[tab].manager.handle(now, input);
        while let Some(output) = self.tabs[tab].manager.poll() {
            self.act(tab, output);
        }
    }

    fn act(&mut self, tab: usize, output: Output) {
        let browser = self.tabs[tab].browser;
        match output {
            Output::Send { request, rpc, fresh_token, .. } => {
                self.put(LATENCY, Moving::Call { tab, request, rpc, fresh: fresh_token });
            }
            Output::Store { key, intent: Value::Null } => {
                self.storage.entry(browser).or_default().remove(&key);
            }
            Output::Store { key, intent } => {
                let is_new = self.storage.entry(browser).or_default().insert(key.clone(), intent.clone()).is_none();
                // The other tabs of this browser hear of it.
                for other in 0..self.tabs.len() {
                    if is_new && other != tab && self.tabs[other].browser == browser {
                        self.handle(other, Input::Owed { entries: vec![(key.clone(), intent.clone())] });
                    }
                }
            }
            Output::Claim { key } => {
                let queue = self.locks.entry((browser, key.clone())).or_default();
                queue.push(tab);
                if queue.len() == 1 {
                    self.grant(browser, &key);
                }
            }
            Output::Release { key } => self.unlock(browser, &key, tab),
            Output::Emit { event: "end", data } if data.flag("elsewhere") => drop(self.heard.insert(tab)),
            _ => {}
        }
    }

    fn grant(&mut self, browser: usize, key: &str) {
        let first = self.locks.get(&(browser, key.to_owned())).and_then(|queue| queue.first().copied());
        if let Some(tab) = first {
            let intent = self.storage.get(&browser).and_then(|storage| storage.get(key)).cloned().unwrap_or_default();
            self.handle(tab, Input::Claimed { key: key.to_owned(), intent });
        }
    }

    fn unlock(&mut self, browser: usize, key: &str, tab: usize) {
        let Some(queue) = self.locks.get_mut(&(browser, key.to_owned())) else { return };
        let had = queue.first() == Some(&tab);
        queue.retain(|other| *other != tab);
        if had {
            self.grant(browser, key);
        }
    }

    fn put(&mut self, after: Millis, moving: Moving) {
        self.order += 1;
        self.moving.push((self.now + after, self.order, moving));
    }

    /// A page event of that page.
    pub fn page(&mut self, tab: usize, event: PageEvent) {
        self.handle(tab, Input::Page(event));
    }

    /// An event of its meeting.
    ///
    /// # Panics
    /// If there is no such event.
    pub fn meeting(&mut self, tab: usize, name: &str, payload: &Value) {
        let Some(event) = MeetingEvent::parse(name, payload) else { panic!("{name}") };
        if let Some(meeting) = self.tabs[tab].meeting {
            self.handle(tab, Input::Meeting { meeting, event });
        }
    }

    /// The app lets go of the meeting.
    pub fn detach(&mut self, tab: usize) {
        if let Some(meeting) = self.tabs[tab].meeting.take() {
            self.handle(tab, Input::Detach { meeting });
        }
    }

    /// `endStreamById`.
    ///
    /// # Panics
    /// If the arguments of this file are not valid.
    pub fn end(&mut self, tab: usize) {
        let Ok(action) = Action::parse("endStreamById", &Value::object([("streamId", STREAM.into())])) else {
            panic!("action")
        };
        self.calls += 1;
        self.handle(tab, Input::Call { call: CallId(self.calls), action });
    }

    /// The tab is closed by a person: it says goodbye.
    pub fn close(&mut self, tab: usize) {
        self.page(tab, PageEvent::PageHide { persisted: false });
        self.kill(tab);
    }

    /// The renderer is killed: it says nothing, and the browser gives its locks back.
    pub fn kill(&mut self, tab: usize) {
        self.tabs[tab].alive = false;
        let browser = self.tabs[tab].browser;
        let keys: Vec<String> =
            self.locks.keys().filter(|(of, _)| *of == browser).map(|(_, key)| key.clone()).collect();
        for key in keys {
            self.unlock(browser, &key, tab);
        }
    }

    /// Something goes wrong, or right again.
    pub fn set_fault(&mut self, fault: Fault) {
        let before = std::mem::replace(&mut self.fault, fault);
        let event = match (before == Fault::Offline, fault == Fault::Offline) {
            (false, true) => PageEvent::Offline,
            (true, false) => PageEvent::Online,
            _ => return,
        };
        for tab in 0..self.tabs.len() {
            self.page(tab, event);
        }
    }

    /// Lets time pass, with everything that is due in it.
    pub fn pass(&mut self, duration: Millis) {
        let end = self.now + duration;
        loop {
            let alive = self.tabs.iter().enumerate().filter(|(_, tab)| tab.alive);
            let woken = alive.filter_map(|(at, tab)| Some((tab.manager.next_wakeup()?, at))).min();
            let moved = self.moving.iter().map(|(at, order, _)| (*at, *order)).min();
            let next = [woken.map(|(at, _)| at), moved.map(|(at, _)| at), Some(self.next_sweep)];
            let Some(next) = next.into_iter().flatten().min().filter(|at| *at <= end) else { break };
            self.now = next.max(self.now);
            if moved.is_some_and(|(at, _)| at <= self.now) {
                self.arrive();
            } else if let Some((_, tab)) = woken.filter(|(at, _)| *at <= self.now) {
                self.handle(tab, Input::Wake);
                let spins = self.tabs[tab].manager.next_wakeup().is_some_and(|at| at <= self.now);
                assert!(!spins, "the timer would spin");
            } else {
                self.next_sweep = self.now + SWEEP_EVERY;
                if !matches!(self.fault, Fault::DatabaseStopped | Fault::GatewayKilled) {
                    self.database.sweep(self.now);
                }
            }
        }
        self.now = end;
    }

    fn arrive(&mut self) {
        let Some(first) = (0..self.moving.len()).min_by_key(|at| (self.moving[*at].0, self.moving[*at].1)) else {
            return;
        };
        match self.moving.remove(first).2 {
            Moving::Answer { tab, request, answer } => self.handle(tab, Input::Answer { request, answer }),
            Moving::Call { tab, request, rpc, fresh } => {
                let now = self.now;
                let answer = match self.fault {
                    Fault::None => Some(self.database.call(now, &rpc)),
                    Fault::Expired if fresh => Some(self.database.call(now, &rpc)),
                    Fault::Expired => Some(error(401, "PGRST303")),
                    Fault::Status(status) => Some(Answer::Http { status, body: None }),
                    Fault::Refused => Some(error(403, "42501")),
                    Fault::NotDeployed => Some(error(404, "PGRST202")),
                    Fault::Html => Some(Answer::Http { status: 200, body: None }),
                    Fault::Silence => None,
                    Fault::AnswerLost => {
                        let _lost = self.database.call(now, &rpc);
                        None
                    }
                    Fault::DatabaseStopped => Some(error(503, "PGRST001")),
                    Fault::Unreachable | Fault::GatewayKilled | Fault::Offline => Some(Answer::Unreachable),
                };
                if let Some(answer) = answer {
                    self.put(LATENCY, Moving::Answer { tab, request, answer });
                }
            }
        }
    }

    /// What a page's snapshot says of the stream.
    pub fn status(&self, tab: usize) -> String {
        let snapshot = self.tabs[tab].manager.snapshot();
        let stream = snapshot.get("streams").and_then(|all| all.get(STREAM));
        stream.and_then(|stream| stream.text("status")).unwrap_or_default().to_owned()
    }

    /// What all pages that are there still owe.
    pub fn owed(&self) -> usize {
        self.storage.values().map(BTreeMap::len).sum()
    }
}

impl Default for Sim {
    fn default() -> Sim {
        Sim::new()
    }
}
