//! The chat connection: at most one, alive exactly while its person is there.
//!
//! ```text
//! Closed ──▶ Asking (for a token) ──▶ Opening ──▶ Open
//!   ▲             └──────────┬───────────┴──────────┘
//!   └──────── Closing ◀──────┘  whatever the reason: the next one opens when this one has closed
//! ```
//!
//! Calls, answers and losses only change what is known; [`Chat::settle`] then compares what should be with what is, and
//! takes the one step that brings them together. Every connection is a generation, and what is said of another one is
//! ignored.

use super::config::{Health, Reconnect};
use super::error::{Code, Error};
use super::input::{ChatEvent, ChatOutput, Failure};
use super::reason::Reason;
use super::retry::Backoff;
use super::value::Value;
use super::{CallId, Generation, Millis};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// A close that has not settled by then is given up, and the next connection may open.
pub const CLOSE_TIMEOUT: Millis = 5_000;

/// So long after a close it is checked that the vendor has not come back: stream-chat does, when it is closed in its back-off.
pub const VERIFY_AFTER: Millis = 30_000;

/// Who is to be connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: String,
    /// Their token is a text: when it has expired, there is no other.
    pub fixed_token: bool,
}

/// What a call has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// A connection that was open.
    Open,
    /// One that was on its way, or waits for its next try.
    OnItsWay,
    /// None: it is the first to ask for one.
    First,
}

/// What there is to know about everything but the connection itself.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    /// The engine's time.
    pub now: Millis,
    /// Why nobody is there.
    pub absence: Option<Reason>,
    /// Nobody sees the page, and nothing keeps it alive: what is lost can wait.
    pub unseen: bool,
    /// `config.health`
    pub health: Health,
    /// `config.reconnect`
    pub reconnect: Reconnect,
}

/// What a step has led to, for the manager to carry out in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// An effect.
    Output(Generation, ChatOutput),
    /// These promises resolve with the client of this generation.
    Resolve(Generation, Vec<CallId>),
    /// These promises reject.
    Reject(Vec<CallId>, Error),
    /// A connection has opened; why the one before it had closed.
    Opened(Option<Reason>),
    /// A connection that was open since then begins to close; why it had been opened.
    Closing(Reason, Millis, Option<Reason>),
    /// Nothing is left of the last connection.
    Closed,
    /// A client has outlived its close; the user whom the newest one is, or was, for.
    Outlived(String),
    /// Something to log: level, message, detail.
    Log(&'static str, &'static str, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Asking { until: Millis },
    Opening { until: Millis },
    Open { since: Millis, heard: Option<Millis>, check_at: Millis, probe: Option<Millis> },
    Closing { until: Millis },
}

/// The one connection.
#[derive(Clone, Debug)]
pub struct Chat {
    user: Option<User>,
    state: State,
    generation: Generation,
    /// Whom this generation is for.
    serves: Option<String>,
    /// Why there is none, or was none before this one.
    reason: Option<Reason>,
    /// This user has been connected, or it has been tried.
    again: bool,
    /// This user has been connected.
    was_open: bool,
    /// Why the connection before the one that is open had closed.
    cause: Option<Reason>,
    failures: u32,
    retry_at: Option<Millis>,
    /// The last token was refused: the next one is fetched at once, and is the last that is.
    token_refused: bool,
    stopped: bool,
    force: bool,
    last_error: Option<Error>,
    waiting: Vec<CallId>,
    verify: Vec<(Generation, Millis)>,
    backoff: Backoff,
    steps: Vec<Step>,
}

impl Chat {
    /// Nobody is connected. `seed`: the page load's random id.
    pub fn new(seed: &str) -> Chat {
        Chat {
            user: None,
            state: State::Closed,
            generation: Generation(0),
            serves: None,
            reason: None,
            again: false,
            was_open: false,
            cause: None,
            failures: 0,
            retry_at: None,
            token_refused: false,
            stopped: false,
            force: false,
            last_error: None,
            waiting: Vec::new(),
            verify: Vec::new(),
            backoff: Backoff::new(seed),
            steps: Vec::new(),
        }
    }

    /// Who is to be connected.
    pub fn user(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.id.as_str())
    }

    /// The newest generation.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The generation whose client may be used.
    pub fn open_generation(&self) -> Option<Generation> {
        matches!(self.state, State::Open { .. }).then_some(self.generation)
    }

    /// Since when it has been open.
    pub fn open_since(&self) -> Option<Millis> {
        match self.state {
            State::Open { since, .. } => Some(since),
            _ => None,
        }
    }

    /// Whose session there is, or is on its way; and whether they are not the one who is to be connected any more.
    pub fn session(&self) -> Option<(&str, bool)> {
        let serves = self.serves.as_deref().filter(|_| self.is_up())?;
        Some((serves, self.user() != Some(serves)))
    }

    /// Whether there is a connection, or one on its way.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Asking { .. } | State::Opening { .. } | State::Open { .. })
    }

    /// Whether nothing is left of it.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether a connection would open, were the person there.
    pub fn is_wanted(&self) -> bool {
        self.user.is_some() && !self.stopped
    }

    /// `connectUser`. What `call` has become of: it is answered by a connection that is there, waits for one that is on its
    /// way, or is the first to want one.
    pub fn connect(&mut self, call: CallId, user: User) -> Joined {
        if self.user().is_some_and(|known| known == user.id) {
            self.user = Some(user);
            self.stopped = false;
            self.join(call)
        } else {
            let message = "another user was connected in the meantime";
            self.forget(Error::new(Code::Conflict, message));
            self.user = Some(user);
            self.waiting.push(call);
            Joined::First
        }
    }

    /// `reconnect`.
    pub fn reconnect(&mut self, call: CallId, force: bool) -> Joined {
        if self.user.is_none() {
            let error = Error::new(Code::Conflict, "nobody is connected: connectUser() comes first");
            self.steps.push(Step::Reject(vec![call], error));
            return Joined::First;
        }
        self.stopped = false;
        self.wake(None);
        if force {
            self.failures = 0;
            self.token_refused = false;
            // What is closed already, or closing, makes a new client in any case.
            self.force = self.is_up();
            self.waiting.push(call);
            return Joined::First;
        }
        self.join(call)
    }

    fn join(&mut self, call: CallId) -> Joined {
        let serves_them = self.serves.as_deref() == self.user();
        if serves_them
            && !self.force
            && let Some(generation) = self.open_generation()
        {
            self.steps.push(Step::Resolve(generation, vec![call]));
            return Joined::Open;
        }
        self.waiting.push(call);
        if self.is_up() || self.retry_at.is_some() { Joined::OnItsWay } else { Joined::First }
    }

    /// Sign-out: nothing is known of the user afterwards.
    pub fn sign_out(&mut self) {
        if self.user.is_some() && !self.is_up() {
            self.reason = Some(Reason::SignOut);
        }
        self.forget(Error::new(Code::Conflict, "the user was signed out in the meantime"));
    }

    fn forget(&mut self, error: Error) {
        self.user = None;
        self.again = false;
        self.was_open = false;
        self.failures = 0;
        self.retry_at = None;
        self.token_refused = false;
        self.stopped = false;
        self.force = false;
        self.last_error = None;
        self.reject(&error);
    }

    /// The one wake path: what waits is tried now, what is open is probed now. `None`: whatever is open is left alone.
    pub fn wake(&mut self, now: Option<Millis>) {
        self.retry_at = None;
        if let (State::Open { check_at, .. }, Some(now)) = (&mut self.state, now) {
            *check_at = now;
        }
    }

    /// Something is said of a generation.
    pub fn event(&mut self, generation: Generation, event: ChatEvent, at: &Surroundings) {
        if event == ChatEvent::CameBack {
            if generation == self.generation && self.is_up() {
                return;
            }
            let message = "a chat client that had been closed came back, and is closed again";
            self.steps.push(Step::Log("warn", message, String::new()));
            self.steps.push(Step::Outlived(self.serves.clone().unwrap_or_default()));
            self.steps.push(Step::Output(generation, ChatOutput::Close));
            return self.verify.push((generation, at.now.saturating_add(VERIFY_AFTER)));
        }
        if generation != self.generation {
            return;
        }
        match (event, &mut self.state) {
            (ChatEvent::Token { subject, expired }, State::Asking { .. }) => {
                if subject.is_some_and(|subject| Some(subject.as_str()) != self.user()) {
                    self.failed(Failure::Token, "the token is another user's", at);
                } else if expired && !self.token_refused {
                    // Asked for once more, and then sent all the same: it may be this machine's clock that is wrong.
                    self.token_refused = true;
                    self.ask(at);
                } else {
                    self.state = State::Opening { until: at.now.saturating_add(at.health.timeout) };
                    self.steps.push(Step::Output(generation, ChatOutput::Open));
                }
            }
            (ChatEvent::Opened, State::Opening { .. }) => self.opened(at),
            (ChatEvent::Failed(failure, why), State::Asking { .. } | State::Opening { .. }) => {
                self.failed(failure, &why, at);
            }
            (ChatEvent::Lost(failure, why), State::Opening { .. } | State::Open { .. }) => {
                self.failed(failure, &["the connection was lost: ", &why].concat(), at);
            }
            (ChatEvent::Alive, State::Open { heard, probe, .. }) => {
                *heard = Some(at.now);
                *probe = None;
            }
            (ChatEvent::Probed(Some(true)), State::Open { probe, .. }) => *probe = None,
            (ChatEvent::Probed(Some(false)), State::Open { .. }) => {
                self.fail(Reason::Unhealthy, Error::new(Code::Rejected, "the connection failed its health check"), at);
            }
            // It cannot be asked: then its silence speaks, if it has ever spoken itself.
            (ChatEvent::Probed(None), State::Open { heard, probe, check_at, .. }) => {
                *probe = None;
                let patience = at.health.interval.saturating_add(at.health.timeout);
                let Some(silent_at) = heard.map(|heard| heard.saturating_add(patience)) else { return };
                *check_at = silent_at.min(*check_at);
                if silent_at <= at.now {
                    self.fail(Reason::Unhealthy, Error::new(Code::Timeout, "nothing was heard from the server"), at);
                }
            }
            (ChatEvent::Closed, State::Closing { .. }) => self.closed(at.now),
            _ => {}
        }
    }

    /// Checks every deadline, then takes the step from what is to what should be. Gives what there is to do.
    pub fn settle(&mut self, at: &Surroundings) -> Vec<Step> {
        self.pass(at);
        let unwanted = match &self.user {
            None => Some(Reason::SignOut),
            Some(user) if self.serves.as_ref() != Some(&user.id) => Some(Reason::SwitchedUser),
            Some(_) if self.force => Some(Reason::Forced),
            Some(_) => at.absence,
        };
        if let Some(why) = unwanted.filter(|_| self.is_up()) {
            self.close(why, at.now);
        }
        if self.state == State::Closed {
            self.open(at);
        }
        core::mem::take(&mut self.steps)
    }

    fn pass(&mut self, at: &Surroundings) {
        let due = |until: Millis| until <= at.now;
        let timed_out = |what: &str| Error::new(Code::Timeout, [what, " within health.timeout"].concat());
        match &mut self.state {
            State::Asking { until } if due(*until) => self.fail(Reason::Token, timed_out("no token was given"), at),
            State::Opening { until } if due(*until) => self.fail(Reason::Lost, timed_out("no connection was made"), at),
            State::Open { probe: Some(until), .. } if due(*until) => {
                self.fail(Reason::Unhealthy, timed_out("the connection did not answer"), at);
            }
            State::Open { check_at, probe: probe @ None, .. } if due(*check_at) => {
                *check_at = at.now.saturating_add(at.health.interval);
                *probe = Some(at.now.saturating_add(at.health.timeout));
                self.steps.push(Step::Output(self.generation, ChatOutput::Probe));
            }
            State::Closing { until } if due(*until) => {
                let message = "a chat client did not close within 5 s, and was given up";
                self.steps.push(Step::Log("warn", message, String::new()));
                self.closed(at.now);
            }
            _ => {}
        }
        let (verify, later): (Vec<_>, Vec<_>) = self.verify.iter().partition(|(_, when)| due(*when));
        self.verify = later;
        self.steps.extend(verify.into_iter().map(|(generation, _)| Step::Output(generation, ChatOutput::Verify)));
    }

    fn open(&mut self, at: &Surroundings) {
        let Some(user) = self.user.as_ref().filter(|_| !self.stopped) else { return };
        if let Some(why) = at.absence {
            // It opens when they are back, and not before: no pause is running any more.
            if self.retry_at.take().is_some() || self.reason.is_none() {
                self.reason = Some(why);
            }
            if why == Reason::Offline {
                self.reject(&Error::new(Code::Offline, "the browser has no network; chat connects when it is back"));
            }
            return;
        }
        if self.retry_at.is_some_and(|retry_at| at.unseen || retry_at > at.now) {
            return;
        }
        self.serves = Some(user.id.clone());
        self.retry_at = None;
        self.generation = self.generation.next();
        self.ask(at);
    }

    fn ask(&mut self, at: &Surroundings) {
        self.state = State::Asking { until: at.now.saturating_add(at.health.timeout) };
        self.steps.push(Step::Output(self.generation, ChatOutput::FetchToken));
    }

    fn opened(&mut self, at: &Surroundings) {
        let check_at = at.now.saturating_add(at.health.interval);
        self.state = State::Open { since: at.now, heard: None, check_at, probe: None };
        self.last_error = None;
        self.again = true;
        // Of this user's own connections; what kept the first from opening is no reconnect.
        self.cause = self.reason.take().filter(|_| self.was_open);
        self.was_open = true;
        self.steps.push(Step::Opened(self.cause));
        self.steps.push(Step::Resolve(self.generation, core::mem::take(&mut self.waiting)));
    }

    /// An attempt has failed.
    fn failed(&mut self, failure: Failure, why: &str, at: &Surroundings) {
        let error = |code| Error::new(code, why);
        self.forgive(at);
        match failure {
            Failure::Expired if self.user.as_ref().is_some_and(|user| user.fixed_token) => {
                self.stop(Reason::Token, error(Code::Token), at);
            }
            // An expired token is refreshed and does not count as a failure: once, or a wrong clock would make it a storm.
            Failure::Expired if !self.token_refused => {
                self.token_refused = true;
                self.close(Reason::Token, at.now);
            }
            Failure::Expired | Failure::Token => self.fail(Reason::Token, error(Code::Token), at),
            Failure::Refused => self.stop(Reason::Refused, error(Code::NotAllowed), at),
            Failure::Invalid => self.stop(Reason::Refused, error(Code::InvalidArgument), at),
            Failure::Transient => self.fail(Reason::Lost, error(Code::Offline), at),
        }
    }

    /// Whoever has been connected for a while begins anew. Who is let in and thrown out again does not.
    fn forgive(&mut self, at: &Surroundings) {
        if self.open_since().is_some_and(|since| since.saturating_add(at.health.interval) <= at.now) {
            self.failures = 0;
            self.token_refused = false;
        }
    }

    fn fail(&mut self, reason: Reason, error: Error, at: &Surroundings) {
        self.forgive(at);
        self.failures = self.failures.saturating_add(1);
        self.token_refused = false;
        self.again = true;
        self.retry_at = Some(at.now.saturating_add(self.backoff.pause(self.failures, &at.reconnect)));
        self.reject(&error);
        self.last_error = Some(error);
        self.close(reason, at.now);
    }

    /// Nothing but a person's wish, or another user, tries again.
    fn stop(&mut self, reason: Reason, error: Error, at: &Surroundings) {
        self.stopped = true;
        self.steps.push(Step::Log("error", "the chat service has refused the connection", error.message.clone()));
        self.reject(&error);
        self.last_error = Some(error);
        self.close(reason, at.now);
    }

    /// Begins to close what there is.
    pub fn close(&mut self, why: Reason, now: Millis) {
        if let State::Open { since, .. } = self.state {
            self.steps.push(Step::Output(self.generation, ChatOutput::Disconnecting(why)));
            self.steps.push(Step::Closing(why, since, self.cause));
        }
        self.steps.push(Step::Output(self.generation, ChatOutput::Close));
        self.state = State::Closing { until: now.saturating_add(CLOSE_TIMEOUT) };
        self.reason = Some(why);
        self.force = false;
    }

    /// The manager is being disposed of. Gives what there is to do.
    pub fn dispose(&mut self, now: Millis, error: &Error) -> Vec<Step> {
        self.reject(error);
        self.user = None;
        if self.is_up() {
            self.close(Reason::Disposed, now);
        }
        core::mem::take(&mut self.steps)
    }

    fn closed(&mut self, now: Millis) {
        self.state = State::Closed;
        self.steps.push(Step::Closed);
        self.verify.push((self.generation, now.saturating_add(VERIFY_AFTER)));
    }

    fn reject(&mut self, error: &Error) {
        if !self.waiting.is_empty() {
            self.steps.push(Step::Reject(core::mem::take(&mut self.waiting), error.clone()));
        }
    }

    /// The next deadline.
    pub fn deadline(&self, at: &Surroundings) -> Option<Millis> {
        let own = match self.state {
            State::Asking { until } | State::Opening { until } | State::Closing { until } => Some(until),
            State::Open { check_at, probe, .. } => Some(probe.unwrap_or(check_at)),
            State::Closed => self.retry_at.filter(|_| self.is_wanted() && at.absence.is_none() && !at.unseen),
        };
        self.verify.iter().map(|(_, when)| *when).chain(own).min()
    }

    /// The snapshot's `chat`. `to_wall` turns the engine's time into what clocks show.
    pub fn to_value(&self, to_wall: impl Fn(Millis) -> Millis) -> Value {
        let waits = self.state == State::Closed && self.is_wanted();
        let retry_at = self.retry_at.filter(|_| waits);
        let status = match self.state {
            State::Closed if retry_at.is_some() => "reconnecting",
            State::Closed => "disconnected",
            State::Asking { .. } | State::Opening { .. } if self.again => "reconnecting",
            State::Asking { .. } | State::Opening { .. } => "connecting",
            State::Open { .. } => "connected",
            State::Closing { .. } => "closing",
        };
        Value::object([
            ("status", status.into()),
            ("reason", self.reason.map(Reason::as_str).into()),
            ("userId", self.user().into()),
            ("attempt", if self.open_since().is_some() { 0 } else { self.failures }.into()),
            ("nextRetryAt", Value::millis(retry_at.map(to_wall))),
            ("generation", self.generation.0.into()),
            ("lastError", self.last_error.as_ref().map(|error| error.message.as_str()).into()),
        ])
    }
}
