//! The person in front of the page: when they were last seen to do something, and whether they are there.

use super::Millis;
use super::config::Inactivity;
use super::page::{Exit, Page};
use super::reason::Reason;
use super::value::Value;

/// After one activity event nobody listens for the next until this has passed: seed 003 counts in minutes.
pub const ACTIVITY_WINDOW: Millis = 1_000;

/// What is known of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    last_activity: Millis,
    hidden_since: Option<Millis>,
    /// The keyboard's focus is in a meeting's iframe, which keeps its events to itself.
    focus_in_meeting: bool,
    /// When to listen for activity again; `None`: somebody listens.
    listen_at: Option<Millis>,
    /// They have been told of, until they do something.
    idle: bool,
    prompted: bool,
}

/// What the passing of time has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// Inactive for as long as `inactivity.timeout`.
    Idle,
    /// About to be: they are to be asked, and have until then.
    Asked(Millis),
}

impl Presence {
    /// Somebody has just come.
    pub fn new(page: Page, now: Millis) -> Presence {
        Presence {
            last_activity: now,
            hidden_since: (!page.visible).then_some(now),
            focus_in_meeting: false,
            listen_at: None,
            idle: false,
            prompted: false,
        }
    }

    /// They did something; true if they had been idle, or asked whether they are.
    pub fn active(&mut self, now: Millis) -> bool {
        self.last_activity = now;
        let awaited = self.idle || self.prompted;
        self.idle = false;
        self.prompted = false;
        awaited
    }

    /// An activity listener was called, and with that all of them are off.
    pub fn heard(&mut self, now: Millis) {
        self.listen_at = Some(now.saturating_add(ACTIVITY_WINDOW));
    }

    /// Whether it is time to listen again. Says so once.
    pub fn listens_again(&mut self, now: Millis) -> bool {
        let again = self.listen_at.is_some_and(|at| at <= now);
        if again {
            self.listen_at = None;
        }
        again
    }

    /// The keyboard's focus went into a meeting's iframe, or came back from it.
    pub fn focus_in_meeting(&mut self, is: bool) {
        self.focus_in_meeting = is;
    }

    /// The page is another one now.
    pub fn follow(&mut self, page: Page, now: Millis) {
        if page.visible {
            self.hidden_since = None;
        } else if self.hidden_since.is_none() {
            self.hidden_since = Some(now);
        }
    }

    /// Whether the person is busy in a meeting that this page sees.
    pub fn is_in_meeting(&self, page: Page) -> bool {
        self.focus_in_meeting && page.visible
    }

    /// What has come of the time that passed; each once.
    pub fn pass(&mut self, now: Millis, config: &Inactivity, asks: bool) -> Option<Turned> {
        let idle_at = self.idle_at(config)?;
        if self.idle {
            return None;
        }
        if idle_at <= now {
            self.idle = true;
            self.prompted = false;
            return Some(Turned::Idle);
        }
        let ask = asks && !self.prompted && self.prompt_at(config).is_some_and(|at| at <= now);
        if ask {
            self.prompted = true;
        }
        ask.then_some(Turned::Asked(idle_at))
    }

    /// The settings have changed: what was said under the old ones is open again.
    pub fn reconsider(&mut self) {
        self.idle = false;
        self.prompted = false;
    }

    /// Why nobody is there; `None`: somebody is. `kept`: a joined meeting keeps hidden tabs alive as well.
    pub fn absence(&self, now: Millis, page: Page, config: &Inactivity, kept: bool) -> Option<Reason> {
        let hidden = self.hidden_at(config).is_some_and(|at| at <= now);
        Some(match page {
            Page { exit: Exit::Paused | Exit::Gone, .. } => Reason::PageHidden,
            Page { frozen: true, .. } => Reason::Frozen,
            Page { online: false, .. } => Reason::Offline,
            _ if kept => return None,
            _ if hidden => Reason::Hidden,
            _ if self.idle => Reason::Inactive,
            _ => return None,
        })
    }

    /// The next deadline.
    pub fn deadline(&self, now: Millis, config: &Inactivity, asks: bool) -> Option<Millis> {
        let idle = self.idle_at(config).filter(|_| !self.idle);
        let prompt = self.prompt_at(config).filter(|_| asks && !self.idle && !self.prompted);
        let hidden = self.hidden_at(config).filter(|at| asks && *at > now);
        [idle, prompt, hidden, self.listen_at].into_iter().flatten().min()
    }

    fn idle_at(&self, config: &Inactivity) -> Option<Millis> {
        config.timeout.map(|timeout| self.last_activity.saturating_add(timeout))
    }

    fn prompt_at(&self, config: &Inactivity) -> Option<Millis> {
        self.idle_at(config)?.checked_sub(config.prompt?)
    }

    fn hidden_at(&self, config: &Inactivity) -> Option<Millis> {
        Some(self.hidden_since?.saturating_add(config.hidden_grace?))
    }

    /// The snapshot's `presence`. `to_wall` turns the engine's time into what clocks show.
    pub fn to_value(self, page: Page, config: &Inactivity, to_wall: impl Fn(Millis) -> Millis) -> Value {
        let until = if self.prompted { self.idle_at(config) } else { None };
        Value::object([
            ("active", (!self.idle).into()),
            ("lastActivityAt", Value::millis(Some(to_wall(self.last_activity)))),
            ("visible", page.visible.into()),
            ("online", page.online.into()),
            ("frozen", page.frozen.into()),
            ("idlePromptUntil", Value::millis(until.map(to_wall))),
        ])
    }
}
