//! Who is at which event on this node, counted in memory. The database hears of the first and the last only.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::presence::{Change, Presence};

/// So many pushes a second are fair to everybody else on the node: larger audiences are told of their size less often.
const PUSHES_PER_SECOND: u64 = 20_000;

/// In what way somebody is at an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Counts.
    Viewer,
    /// Keeps the event going, and is no viewer.
    Host,
    /// Is there for others.
    Recorder,
}

impl Part {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Host => "host",
            Self::Recorder => "recorder",
        }
    }
}

/// Connections, and the people behind them. Who has not signed in is somebody else each time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    pub viewers: u64,
    pub users: u64,
    /// Its host is here: no viewer, and no less to be announced.
    pub host: bool,
}

/// What everybody at an event is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// How many viewers there are, on all nodes.
    pub viewers: u64,
    /// Set when there is no more to come.
    pub over: Option<Over>,
}

/// Why there is no more to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// The event has ended.
    Ended(Arc<str>),
    /// This node stops, and the event goes on.
    Moving,
}

/// Who is telling the database about whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errand {
    pub event: Uuid,
    /// The host; else the viewers.
    pub host: bool,
    pub change: Change,
}

#[derive(Debug)]
struct Event {
    viewers: Presence,
    hosts: Presence,
    recorders: usize,
    /// Connections of each user who has signed in.
    users: HashMap<Arc<str>, usize>,
    anonymous: u64,
    /// Viewers on other nodes, as the database said.
    elsewhere: u64,
    news: watch::Sender<News>,
    /// Intervals to wait before the next push.
    pause: u64,
}

#[derive(Debug, Default)]
struct State {
    events: BTreeMap<Uuid, Event>,
    /// Nobody comes in any more.
    is_closed: bool,
}

/// All events that somebody on this node is at.
#[derive(Debug, Default)]
pub struct Hub {
    state: Mutex<State>,
    /// There is something to tell the database.
    pub changed: Notify,
}

/// Somebody's place at an event, which is free again once this is dropped.
#[derive(Debug)]
pub struct Seat {
    hub: Arc<Hub>,
    event: Uuid,
    part: Part,
    user: Option<Arc<str>>,
    /// What is going on.
    pub news: watch::Receiver<News>,
}

impl Event {
    fn new() -> Self {
        Self {
            viewers: Presence::default(),
            hosts: Presence::default(),
            recorders: 0,
            users: HashMap::new(),
            anonymous: 0,
            elsewhere: 0,
            news: watch::Sender::default(),
            pause: 0,
        }
    }

    fn count(&self) -> Count {
        Count {
            viewers: self.viewers.count() as u64,
            users: self.users.len() as u64 + self.anonymous,
            host: self.hosts.count() > 0,
        }
    }

    fn total(&self) -> u64 {
        self.count().viewers + self.elsewhere
    }

    fn side(&mut self, host: bool) -> &mut Presence {
        if host { &mut self.hosts } else { &mut self.viewers }
    }

    fn is_over(&self) -> bool {
        self.news.borrow().over.is_some()
    }

    fn is_deserted(&self) -> bool {
        self.viewers.is_settled() && self.hosts.is_settled() && self.recorders == 0
    }
}

impl Hub {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody comes; none: this node stops.
    pub fn enter(self: &Arc<Self>, id: Uuid, part: Part, user: Option<Arc<str>>) -> Option<Seat> {
        let mut state = self.state();
        if state.is_closed {
            return None;
        }
        let event = state.events.entry(id).or_insert_with(Event::new);
        // Those who were there when it ended are on their way out: it begins anew.
        let begins_anew = event.is_over();
        if begins_anew {
            event.news = watch::Sender::default();
        }
        match part {
            Part::Viewer => {
                event.viewers.enter();
                match &user {
                    Some(user) => *event.users.entry(Arc::clone(user)).or_default() += 1,
                    None => event.anonymous += 1,
                }
            }
            Part::Host => event.hosts.enter(),
            Part::Recorder => event.recorders += 1,
        }
        if begins_anew {
            event.viewers.forgotten();
            event.hosts.forgotten();
        }
        let is_first = begins_anew
            || match part {
                Part::Viewer => event.viewers.count() == 1,
                Part::Host => event.hosts.count() == 1,
                Part::Recorder => false,
            };
        let news = event.news.subscribe();
        drop(state);
        if is_first {
            self.changed.notify_one();
        }
        Some(Seat { hub: Arc::clone(self), event: id, part, user, news })
    }

    fn leave(&self, id: Uuid, part: Part, user: Option<&Arc<str>>) {
        let mut state = self.state();
        let Some(event) = state.events.get_mut(&id) else { return };
        let is_last = match part {
            Part::Viewer => {
                event.viewers.leave();
                match user {
                    None => event.anonymous = event.anonymous.saturating_sub(1),
                    Some(user) => {
                        if let Some(connections) = event.users.get_mut(user) {
                            *connections -= 1;
                            if *connections == 0 {
                                event.users.remove(user);
                            }
                        }
                    }
                }
                event.viewers.count() == 0
            }
            Part::Host => {
                event.hosts.leave();
                event.hosts.count() == 0
            }
            Part::Recorder => {
                event.recorders = event.recorders.saturating_sub(1);
                false
            }
        };
        if event.is_deserted() {
            state.events.remove(&id);
        }
        drop(state);
        if is_last {
            self.changed.notify_one();
        }
    }

    /// What the database has to be told now. Whoever takes an errand says how it went: until then there is no other one
    /// about the same people, and then there may be.
    pub fn errands(&self) -> Vec<Errand> {
        let mut state = self.state();
        let mut errands = Vec::new();
        for (id, event) in &mut state.events {
            for host in [false, true] {
                if let Some(change) = event.side(host).next() {
                    errands.push(Errand { event: *id, host, change });
                }
            }
        }
        errands
    }

    /// An errand is done, or not.
    pub fn report(&self, errand: Errand, done: bool) {
        let mut state = self.state();
        let Some(event) = state.events.get_mut(&errand.event) else { return };
        match done {
            true => event.side(errand.host).done(errand.change),
            false => event.side(errand.host).failed(errand.change),
        }
        if event.is_deserted() {
            state.events.remove(&errand.event);
        }
    }

    /// The database does not want to hear it: the event is over.
    pub fn refused(&self, errand: Errand) {
        let mut state = self.state();
        let Some(event) = state.events.get_mut(&errand.event) else { return };
        event.side(errand.host).refused();
        if event.is_deserted() {
            state.events.remove(&errand.event);
        }
    }

    /// The database knows nothing of us at this event any more.
    pub fn forgotten(&self, id: Uuid) {
        let mut state = self.state();
        if let Some(event) = state.events.get_mut(&id) {
            event.viewers.forgotten();
            event.hosts.forgotten();
        }
        drop(state);
        self.changed.notify_one();
    }

    /// How many there are at each event.
    pub fn counts(&self) -> BTreeMap<Uuid, Count> {
        self.state().events.iter().map(|(id, event)| (*id, event.count())).collect()
    }

    /// Whether somebody is there.
    pub fn has(&self, id: Uuid) -> bool {
        self.state().events.contains_key(&id)
    }

    /// Whether somebody is there who has not heard yet that it is over.
    pub fn goes_on(&self, id: Uuid) -> bool {
        self.state().events.get(&id).is_some_and(|event| !event.is_over())
    }

    /// How many viewers there are elsewhere.
    pub fn elsewhere(&self, id: Uuid, viewers: u64) {
        if let Some(event) = self.state().events.get_mut(&id) {
            event.elsewhere = viewers;
        }
    }

    /// Tells everybody how many there are, where that has changed. Called once in each interval.
    pub fn push(&self) {
        for event in self.state().events.values_mut() {
            let total = event.total();
            if event.pause > 0 {
                event.pause -= 1;
            } else if event.news.borrow().viewers != total {
                event.news.send_modify(|news| news.viewers = total);
                event.pause = event.count().viewers / PUSHES_PER_SECOND;
            }
        }
    }

    /// The event has ended: everybody is told, and goes.
    pub fn end(&self, id: Uuid, reason: &str) {
        let mut state = self.state();
        if let Some(event) = state.events.get_mut(&id)
            && !event.is_over()
        {
            event.viewers.over();
            event.hosts.over();
            event.news.send_modify(|news| news.over = Some(Over::Ended(reason.into())));
            // A goodbye that nobody wants to hear any more was all that was left of it.
            if event.is_deserted() {
                state.events.remove(&id);
            }
        }
    }

    /// The node stops: everybody is told, and goes.
    pub fn move_all(&self) {
        let mut state = self.state();
        state.is_closed = true;
        for event in state.events.values() {
            event.news.send_modify(|news| news.over = Some(Over::Moving));
        }
    }
}

impl Seat {
    /// How many viewers there are, on all nodes.
    pub fn viewers(&self) -> u64 {
        self.hub.state().events.get(&self.event).map(Event::total).unwrap_or_default()
    }

    /// In what way.
    pub fn part(&self) -> Part {
        self.part
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.leave(self.event, self.part, self.user.as_ref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_ends_before_its_goodbye_is_told_leaves_nothing_behind() {
        let hub: Arc<Hub> = Arc::default();
        let id = Uuid::new_v4();
        let seat = hub.enter(id, Part::Viewer, None).unwrap();
        hub.errands().into_iter().for_each(|errand| hub.report(errand, true));
        drop(seat);
        assert!(hub.goes_on(id));
        hub.end(id, "host");
        assert!(!hub.has(id));
    }

    #[test]
    fn an_event_that_has_ended_is_there_until_the_last_has_gone() {
        let hub: Arc<Hub> = Arc::default();
        let id = Uuid::new_v4();
        let seat = hub.enter(id, Part::Viewer, None).unwrap();
        hub.end(id, "host");
        assert!(hub.has(id) && !hub.goes_on(id));
        assert_eq!(seat.news.borrow().over, Some(Over::Ended("host".into())));
        drop(seat);
        assert!(!hub.has(id));
    }
}
