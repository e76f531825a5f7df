//! The latch: one per stream, so that however many signals say that it is over, it is ended once.
//!
//! ```text
//! live ──leave──▶ leaving ──grace──▶ waiting ⇄ sending ──▶ ended
//!   ▲───rejoin──────┘   └──over──────▲             └──────▶ failed ──a new signal──▶ waiting (a new round)
//! ```

use super::backend::Verdict;
use super::config;
use super::error::{Code, Error};
use super::{Millis, RequestId};
use alloc::borrow::ToOwned;
use alloc::string::String;

/// Rounds of attempts that signals may start; a person may always start one more.
pub const MAX_ROUNDS: u32 = 3;

/// While the browser says that there is no network, an attempt that did not get out does not count, and the next waits
/// for `online` or this long: some browsers are wrong about being offline.
pub const OFFLINE_RETRY: Millis = 30_000;

/// Where a stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Live,
    Leaving { since: Millis, until: Millis },
    Waiting { until: Millis, offline: bool },
    Sending { request: RequestId },
    Ended,
    Failed,
}

/// What is tried next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Try {
    /// To end it.
    #[default]
    End,
    /// To find out whether somebody else has ended it, or a lost answer of our own.
    Status,
    /// To let go of it, so that it ends when nobody else holds it.
    Goodbye,
}

/// Who says that it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// An event: this page has left. Another holder keeps the stream alive.
    Signal,
    /// An event: it is over for all.
    Everybody,
    /// Somebody who asked for it.
    Person,
}

/// What an answer led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Over, for good. True: it was somebody else who ended it.
    Ended(bool),
    /// The database knows no such stream: nothing was ended, and signals do not ask again.
    NotFound,
    /// Another attempt stands in the table of deadlines.
    Retrying,
    /// It lives on with another holder: this page has left it.
    Left,
    /// The database says no.
    Refused,
    /// This round is given up. The outbox still owes it.
    Failed,
}

/// The state of one stream's ending.
#[derive(Clone, Debug)]
pub struct Latch {
    state: State,
    reason: String,
    rounds: u32,
    attempt: u32,
    sent: u32,
    last_error: Option<Error>,
    refused: bool,
    by_person: bool,
    leaves: bool,
    next: Try,
}

impl Default for Latch {
    fn default() -> Latch {
        Latch {
            state: State::Live,
            reason: String::new(),
            rounds: 0,
            attempt: 0,
            sent: 0,
            last_error: None,
            refused: false,
            by_person: false,
            leaves: false,
            next: Try::End,
        }
    }
}

impl Latch {
    /// A leave that may be a reconnect. Later leaves change nothing: the first one's grace is running.
    pub fn leave(&mut self, now: Millis, reason: &str, grace: Millis) -> bool {
        let live = self.state == State::Live;
        if live {
            self.state = State::Leaving { since: now, until: now.saturating_add(grace) };
            self.reason = reason.to_owned();
        }
        live
    }

    /// The person is back: what was leaving is live.
    pub fn rejoin(&mut self) -> bool {
        let leaving = self.is_leaving();
        if leaving {
            self.state = State::Live;
            self.reason.clear();
        }
        leaving
    }

    /// The page is going: a leave that its meeting told of on the way is the page's, and no other.
    pub fn leave_is_the_pages(&mut self, going_since: Millis) -> bool {
        matches!(self.state, State::Leaving { since, .. } if since >= going_since)
            && self.reason == "videoConferenceLeft"
            && self.rejoin()
    }

    /// What is leaving may take `grace` from its leave on.
    pub fn extend(&mut self, grace: Millis) -> bool {
        match self.state {
            State::Leaving { since, until } if since.saturating_add(grace) > until => {
                self.state = State::Leaving { since, until: since.saturating_add(grace) };
                true
            }
            _ => false,
        }
    }

    /// It is over. False if that changes nothing: it is ending or ended, or nothing but a person may try again.
    pub fn over(&mut self, now: Millis, reason: &str, who: Who) -> bool {
        let begins = match self.state {
            State::Live | State::Leaving { .. } => true,
            State::Failed => who == Who::Person || (self.rounds < MAX_ROUNDS && !self.refused),
            State::Waiting { .. } | State::Sending { .. } | State::Ended => false,
        };
        let widens = self.is_ending() && self.leaves && who != Who::Signal;
        if widens {
            // What began as this page's leave is now meant for all.
            self.leaves = false;
            self.by_person = who == Who::Person;
            self.reason = reason.to_owned();
        }
        if begins {
            self.state = State::Waiting { until: now, offline: false };
            self.reason = reason.to_owned();
            self.rounds = self.rounds.saturating_add(1);
            self.attempt = 0;
            self.next = Try::End;
            self.by_person = who == Who::Person;
            self.leaves = who == Who::Signal;
        }
        begins || widens
    }

    /// Whether another holder keeps it alive.
    pub fn is_leave(&self) -> bool {
        self.leaves
    }

    /// What the next attempt is.
    pub fn next(&self) -> Try {
        self.next
    }

    /// What was given up has been answered after all.
    pub fn replayed(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Delivered(body) if body.text("status") == Some("held_elsewhere") => *self = Latch::default(),
            Verdict::Delivered(body) if body.text("status") == Some("not_found") => {
                self.refused = true;
                self.last_error = Some(Error::new(Code::NotFound, "there is no such stream"));
            }
            Verdict::Delivered(_) => drop(self.end(false)),
            Verdict::Refused(error) | Verdict::Unauthorised(error) | Verdict::Transient(error) => {
                self.refused = true;
                self.last_error = Some(error.clone());
            }
        }
    }

    /// Somebody else has ended it.
    pub fn ended_elsewhere(&mut self) {
        self.state = State::Ended;
        self.reason = "ended_elsewhere".to_owned();
    }

    /// The database says that it is live: what had failed before is past.
    pub fn started(&mut self) {
        if self.state == State::Failed {
            *self = Latch::default();
        }
    }

    /// Whether the next attempt is the first of somebody who asks now, and who need not be the one who was signed in when
    /// the token at hand was given. A signal's attempt belongs to the latter.
    pub fn is_fresh_request(&self) -> bool {
        self.by_person && self.attempt == 0
    }

    /// The network is back: what waited for it is due, and what failed for want of it starts a new round.
    pub fn online(&mut self, now: Millis) -> bool {
        match self.state {
            State::Waiting { offline: true, .. } => {
                self.state = State::Waiting { until: now, offline: false };
                true
            }
            State::Failed => {
                let (reason, leaves) = (core::mem::take(&mut self.reason), self.leaves);
                let begins = self.over(now, &reason, if leaves { Who::Signal } else { Who::Everybody });
                self.reason = reason;
                begins
            }
            _ => false,
        }
    }

    /// The page goes away: what was leaving or waiting is due now or never.
    pub fn page_goes(&mut self, now: Millis) -> bool {
        match self.state {
            State::Leaving { .. } => {
                let reason = core::mem::take(&mut self.reason);
                self.over(now, &reason, Who::Signal)
            }
            State::Waiting { .. } => {
                self.state = State::Waiting { until: now, offline: false };
                true
            }
            _ => false,
        }
    }

    /// Checks the deadlines: true if an attempt is due, which the caller sends and tells of by [`Latch::sent`].
    pub fn due(&mut self, now: Millis) -> bool {
        if matches!(self.state, State::Leaving { until, .. } if until <= now) {
            let reason = core::mem::take(&mut self.reason);
            self.over(now, &reason, Who::Signal);
        }
        matches!(self.state, State::Waiting { until, .. } if until <= now)
    }

    /// The next deadline.
    pub fn deadline(&self) -> Option<Millis> {
        match self.state {
            State::Leaving { until, .. } | State::Waiting { until, .. } => Some(until),
            _ => None,
        }
    }

    /// An attempt is out, under this generation.
    pub fn sent(&mut self, request: RequestId) {
        self.state = State::Sending { request };
        if self.next == Try::End {
            self.attempt = self.attempt.saturating_add(1);
            self.sent = self.sent.saturating_add(1);
        }
    }

    /// The same attempt is out again, with a fresh token: an expired token is not a failure.
    pub fn resent(&mut self, request: RequestId) {
        self.state = State::Sending { request };
    }

    /// Takes the answer to `request` in; `None` if it is not the one that is waited for.
    pub fn answered(
        &mut self,
        now: Millis,
        request: RequestId,
        verdict: &Verdict,
        online: bool,
        config: &config::Ending,
    ) -> Option<Outcome> {
        if self.state != (State::Sending { request }) {
            return None;
        }
        let status = match verdict {
            Verdict::Delivered(body) => body.text("status"),
            _ => None,
        };
        Some(match (self.next, verdict) {
            (_, Verdict::Delivered(_)) if status == Some("not_found") => {
                self.refused = true;
                self.fail(&Error::new(Code::NotFound, "there is no such stream"), Outcome::NotFound)
            }
            (Try::End, Verdict::Delivered(_)) if status == Some("held_elsewhere") && self.leaves => {
                *self = Latch::default();
                Outcome::Left
            }
            // It was only a leave when it was sent.
            (Try::End, Verdict::Delivered(_)) if status == Some("held_elsewhere") => {
                self.state = State::Waiting { until: now, offline: false };
                Outcome::Retrying
            }
            (Try::End, Verdict::Delivered(_)) => {
                // After a lost answer "already ended" is our own doing.
                self.end(status == Some("already_ended") && self.sent == 1)
            }
            (_, Verdict::Delivered(_)) if status == Some("ended") => self.end(false),
            (Try::End, Verdict::Refused(error)) => {
                self.refused = true;
                self.fail(error, Outcome::Refused)
            }
            (Try::End, Verdict::Unauthorised(error)) => self.fail(error, Outcome::Failed),
            (Try::End, Verdict::Transient(error)) => {
                self.refused = false;
                let offline = !online && matches!(error.code, Code::Offline | Code::Timeout);
                if offline {
                    self.attempt = self.attempt.saturating_sub(1);
                }
                if self.attempt >= config.max_attempts {
                    self.next = Try::Status;
                }
                let pause = if offline { OFFLINE_RETRY } else { config.delay(self.attempt) };
                self.state = State::Waiting { until: now.saturating_add(pause), offline };
                self.last_error = Some(error.clone());
                Outcome::Retrying
            }
            (Try::Status, _) => {
                self.next = Try::Goodbye;
                self.state = State::Waiting { until: now, offline: false };
                Outcome::Retrying
            }
            (Try::Goodbye, _) => {
                let error = self.last_error.take().unwrap_or_else(|| Error::new(Code::Rejected, "not ended"));
                self.fail(&error, Outcome::Failed)
            }
        })
    }

    fn end(&mut self, elsewhere: bool) -> Outcome {
        self.state = State::Ended;
        self.last_error = None;
        Outcome::Ended(elsewhere)
    }

    fn fail(&mut self, error: &Error, outcome: Outcome) -> Outcome {
        self.state = State::Failed;
        self.next = Try::End;
        self.last_error = Some(error.clone());
        outcome
    }

    /// The snapshot's word for where it stands.
    pub fn status(&self) -> &'static str {
        match self.state {
            State::Live => "live",
            State::Leaving { .. } => "leaving",
            State::Waiting { .. } | State::Sending { .. } => "ending",
            State::Ended => "ended",
            State::Failed => "failed",
        }
    }

    /// Whether a grace is running.
    pub fn is_leaving(&self) -> bool {
        matches!(self.state, State::Leaving { .. })
    }

    /// Whether attempts are under way.
    pub fn is_ending(&self) -> bool {
        matches!(self.state, State::Waiting { .. } | State::Sending { .. })
    }

    /// Whether the first attempt of a round is under way, or due.
    pub fn is_first_attempt(&self) -> bool {
        self.is_ending() && self.attempt <= 1 && self.last_error.is_none()
    }

    /// Whether it is over for good.
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Why it is leaving, ending or over; `None` while live.
    pub fn reason(&self) -> Option<&str> {
        (!self.reason.is_empty()).then_some(self.reason.as_str())
    }

    /// The attempts of this round.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The attempts of all rounds.
    pub fn sent_in_all(&self) -> u32 {
        self.sent
    }

    /// What went wrong last.
    pub fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Value;

    fn transient(code: Code) -> Verdict {
        Verdict::Transient(Error::new(code, "x"))
    }

    fn delivered(status: &str) -> Verdict {
        Verdict::Delivered(Value::object([("status", status.into())]))
    }

    fn attempt(latch: &mut Latch, now: Millis, id: u32, verdict: &Verdict, online: bool) -> Outcome {
        assert!(latch.due(now), "no attempt is due at {now}: {latch:?}");
        latch.sent(RequestId(id));
        latch.answered(now, RequestId(id), verdict, online, &config::Ending::default()).unwrap()
    }

    #[test]
    fn three_attempts_then_the_fallbacks_one_two_and_three_seconds_apart_then_failed() {
        let mut latch = Latch::default();
        assert!(latch.over(0, "hangup", Who::Signal));
        let down = transient(Code::Rejected);
        assert_eq!(attempt(&mut latch, 0, 1, &down, true), Outcome::Retrying);
        assert!(!latch.due(999));
        assert_eq!(attempt(&mut latch, 1_000, 2, &down, true), Outcome::Retrying);
        assert!(!latch.due(2_999));
        assert_eq!(attempt(&mut latch, 3_000, 3, &down, true), Outcome::Retrying);
        assert!(!latch.due(5_999) && latch.next() == Try::Status);
        assert_eq!(attempt(&mut latch, 6_000, 4, &down, true), Outcome::Retrying);
        assert_eq!(latch.next(), Try::Goodbye);
        assert_eq!(attempt(&mut latch, 6_000, 5, &down, true), Outcome::Failed);
        assert_eq!((latch.status(), latch.deadline(), latch.attempt()), ("failed", None, 3));
    }

    #[test]
    fn signals_start_three_rounds_at_most_and_a_person_always_one_more() {
        let mut latch = Latch::default();
        for round in 1..=MAX_ROUNDS {
            assert!(latch.over(0, "hangup", Who::Signal), "round {round}");
            let mut now = 0;
            while let Some(at) = latch.deadline() {
                now = at.max(now);
                attempt(&mut latch, now, round * 10, &transient(Code::Rejected), true);
            }
        }
        assert!(!latch.over(0, "hangup", Who::Signal));
        assert!(!latch.online(0));
        assert!(latch.over(0, "requested", Who::Person));
    }

    #[test]
    fn a_refusal_is_not_retried_by_signals_nor_by_the_network() {
        let mut latch = Latch::default();
        latch.over(0, "hangup", Who::Signal);
        let refused = Verdict::Refused(Error::new(Code::NotAllowed, "no"));
        assert_eq!(attempt(&mut latch, 0, 1, &refused, true), Outcome::Refused);
        assert!(!latch.over(1, "readyToClose", Who::Signal) && !latch.online(1) && latch.deadline().is_none());
        assert!(latch.over(1, "requested", Who::Person));
    }

    #[test]
    fn while_offline_attempts_do_not_count_and_online_is_at_once() {
        let mut latch = Latch::default();
        latch.over(0, "hangup", Who::Signal);
        for n in 0..10 {
            let now = latch.deadline().unwrap();
            assert_eq!(attempt(&mut latch, now, n, &transient(Code::Offline), false), Outcome::Retrying);
            assert_eq!(latch.attempt(), 0);
        }
        assert!(!latch.due(latch.deadline().unwrap() - OFFLINE_RETRY / 2));
        assert!(latch.online(1_000_000));
        assert_eq!(attempt(&mut latch, 1_000_000, 99, &delivered("ended"), true), Outcome::Ended(false));
    }

    #[test]
    fn an_answer_of_another_generation_is_ignored() {
        let mut latch = Latch::default();
        latch.over(0, "hangup", Who::Signal);
        assert!(latch.due(0));
        latch.sent(RequestId(2));
        let answer = |latch: &mut Latch, id| {
            latch.answered(0, RequestId(id), &delivered("ended"), true, &config::Ending::default())
        };
        assert_eq!(answer(&mut latch, 1), None);
        assert_eq!(answer(&mut latch, 2), Some(Outcome::Ended(false)));
        assert_eq!(answer(&mut latch, 2), None);
    }

    #[test]
    fn already_ended_is_elsewhere_only_when_no_answer_of_ours_was_lost() {
        for (lost, elsewhere) in [(false, true), (true, false)] {
            let mut latch = Latch::default();
            latch.over(0, "hangup", Who::Signal);
            if lost {
                attempt(&mut latch, 0, 1, &transient(Code::Timeout), true);
            }
            assert_eq!(attempt(&mut latch, 1_000, 2, &delivered("already_ended"), true), Outcome::Ended(elsewhere));
        }
    }

    #[test]
    fn a_fatal_error_extends_a_running_grace_from_its_start() {
        let mut latch = Latch::default();
        assert!(!latch.extend(60_000));
        latch.leave(1_000, "videoConferenceLeft", 4_000);
        assert!(latch.extend(60_000));
        assert!(!latch.extend(60_000) && !latch.extend(4_000), "and never makes it shorter");
        assert_eq!(latch.deadline(), Some(61_000));
        assert!(latch.rejoin() && !latch.due(61_000));
        assert_eq!((latch.status(), latch.reason()), ("live", None));
    }

    #[test]
    fn an_ended_stream_is_never_revived() {
        let mut latch = Latch::default();
        latch.over(0, "hangup", Who::Signal);
        attempt(&mut latch, 0, 1, &delivered("ended"), true);
        assert!(!latch.over(1, "requested", Who::Person) && !latch.leave(1, "x", 1) && !latch.rejoin());
        assert!(!latch.online(1) && !latch.page_goes(1) && !latch.due(u64::MAX) && latch.is_ended());
    }
}
