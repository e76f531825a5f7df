//! The chat connection among everything else that a manager does: calls for it, the person's comings and goings, reports.

use super::action::Role;
use super::backend::{Rpc, Verdict};
use super::chat::{Step, Surroundings, User};
use super::ending::Who;
use super::input::{ChatEvent, Output};
use super::manager::{Manager, Purpose};
use super::meeting::Meeting;
use super::page::PageEvent;
use super::presence::Turned;
use super::reason::Reason;
use super::usage::Counted;
use super::value::{Value, digits};
use super::{CallId, Generation};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// A promise of `disconnectUser`.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignOut {
    call: CallId,
    chat_closed: bool,
}

impl SignOut {
    pub(super) fn call(self) -> CallId {
        self.call
    }
}

impl Manager {
    pub(super) fn connect_user(&mut self, call: CallId, id: String, fixed_token: bool) {
        // Who comes is there. An app that asks again for whom it has, on a timer or at every render, tells nothing of them.
        if self.chat.user() != Some(id.as_str()) {
            self.active();
        }
        let joined = self.chat.connect(call, User { id, fixed_token });
        self.usage.asked(joined);
    }

    pub(super) fn reconnect_user(&mut self, call: CallId, force: bool) {
        self.active();
        let joined = self.chat.reconnect(call, force);
        self.usage.asked(joined);
    }

    /// `disconnectUser`: what is live ends, chat closes, the user is forgotten, and the other tabs hear of it.
    pub(super) fn disconnect_user(&mut self, call: CallId) {
        let hosts = self.meetings.values().filter(|meeting| meeting.is_host());
        let user = self.chat.user().or_else(|| hosts.map(|meeting| meeting.attachment.streamer.as_str()).next());
        if let Some(user) = user.or(self.outbox.user.as_deref()).map(str::to_owned) {
            self.outputs.push_back(Output::TellTabs { user });
        }
        self.sign_out();
        self.sign_outs.push(SignOut { call, chat_closed: self.chat.is_closed() });
    }

    /// Another tab says that this user has signed out.
    pub(super) fn signed_out_elsewhere(&mut self, user: &str) {
        let hosts = |meeting: &Meeting| meeting.is_host() && meeting.attachment.streamer == user;
        let here = [self.chat.user(), self.outbox.user.as_deref()].contains(&Some(user));
        if here || self.meetings.values().any(hosts) {
            self.sign_out();
        }
    }

    /// The app's `accessToken` gives null.
    pub(super) fn signed_out(&mut self) {
        if let Some(user) = self.outbox.user.clone() {
            self.outputs.push_back(Output::TellTabs { user });
        }
        self.sign_out();
    }

    fn sign_out(&mut self) {
        let now = self.now;
        self.chat.sign_out();
        self.usage.away_no_more(now);
        self.rooms_of_somebody_else();
        self.watch_as(None);
        self.forgets = true;
        self.each_stream(|stream| {
            // With the token at hand, which is still good: the app's next one may be nobody's.
            stream.role == Role::Host
                && matches!(stream.latch.status(), "live" | "leaving")
                && stream.latch.over(now, Reason::SignOut.as_str(), Who::Signal)
        });
    }

    /// Resolves what waits for a sign-out: when chat has closed, and each end has been tried.
    pub(super) fn settle_sign_outs(&mut self) {
        if self.sign_outs.is_empty() || self.streams.values().any(|stream| stream.latch.is_first_attempt()) {
            return;
        }
        let (done, waiting): (Vec<_>, Vec<_>) = self.sign_outs.iter().partition(|sign_out| sign_out.chat_closed);
        self.sign_outs = waiting;
        for sign_out in done {
            self.settle(sign_out.call, Ok(Value::Null));
        }
    }

    /// The person has done something.
    pub(super) fn active(&mut self) {
        let awaited = self.presence.active(self.now);
        if awaited {
            self.chat.wake(None);
        }
        self.changed = true;
    }

    /// The person and the connection follow the page.
    pub(super) fn presence_follows(&mut self, event: PageEvent) {
        self.presence.follow(self.page, self.now);
        match event {
            PageEvent::Visible | PageEvent::PageShow | PageEvent::Resume => {
                self.active();
                self.chat.wake(Some(self.now));
            }
            PageEvent::Online => self.chat.wake(Some(self.now)),
            PageEvent::FocusInMeeting(is) => {
                self.presence.focus_in_meeting(is);
                self.active();
            }
            _ => {}
        }
    }

    /// A meeting that this page sees the person in is activity, though its iframe keeps all events to itself.
    pub(super) fn meeting_is_activity(&mut self) {
        // An iframe that is torn out of the page takes its focus along without a word.
        let focused = self.presence.is_in_meeting(self.page) && self.meetings.values().next().is_some();
        if self.is_kept() || focused {
            self.changed |= self.presence.active(self.now);
        }
    }

    pub(super) fn is_kept(&self) -> bool {
        self.config.inactivity.stay_while_live && self.meetings.values().any(|meeting| meeting.joined)
    }

    /// What the passing of time means for the person, then for the connection.
    pub(super) fn settle_presence(&mut self) {
        match self.presence.pass(self.now, &self.config.inactivity, self.chat.is_wanted()) {
            None => {}
            Some(Turned::Idle) => {
                self.changed = true;
                self.emit("idle", Value::object([]));
            }
            Some(Turned::Asked(until)) => {
                self.changed = true;
                let until = self.clock.to_wall(until);
                self.emit("idlePrompt", Value::object([("until", Value::millis(Some(until)))]));
            }
        }
        if self.presence.listens_again(self.now) {
            self.outputs.push_back(Output::ListenForActivity);
        }
    }

    pub(super) fn surroundings(&self) -> Surroundings {
        let kept = self.is_kept();
        Surroundings {
            now: self.now,
            absence: self.presence.absence(self.now, self.page, &self.config.inactivity, kept),
            unseen: !self.page.visible && !kept,
            health: self.config.health,
            reconnect: self.config.reconnect,
        }
    }

    pub(super) fn chat_event(&mut self, generation: Generation, event: ChatEvent) {
        let at = self.surroundings();
        self.chat.event(generation, event, &at);
    }

    pub(super) fn settle_chat(&mut self) {
        let steps = self.chat.settle(&self.surroundings());
        self.carry_out(steps);
        let chat = self.chat_value();
        if chat != self.chat_told {
            self.chat_told = chat.clone();
            self.changed = true;
            self.outputs.push_back(Output::Emit { event: "status", data: chat });
        }
    }

    pub(super) fn carry_out(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Output(generation, output) => {
                    self.outputs.push_back(Output::Chat { generation, output });
                }
                Step::Resolve(generation, calls) => {
                    for call in calls {
                        self.outputs.push_back(Output::SettleClient { call, generation });
                    }
                }
                Step::Reject(calls, error) => {
                    for call in calls {
                        self.settle(call, Err(error.clone()));
                    }
                }
                Step::Opened(cause) => {
                    self.usage.opened(self.now, cause);
                    // With the token of whoever is signed in now: the one at hand may be of the person before.
                    self.report(true, |connection, _| Rpc::chat_opened(connection, cause.map(Reason::as_str)));
                }
                Step::Closing(reason, since, cause) => {
                    let connected = self.now.saturating_sub(since);
                    self.usage.closing(self.now, reason, since);
                    let cause = cause.map(Reason::as_str);
                    self.report(false, |connection, counted| {
                        Rpc::chat_closed(connection, cause, reason.as_str(), connected, counted)
                    });
                }
                Step::Closed => self.sign_outs.iter_mut().for_each(|sign_out| sign_out.chat_closed = true),
                Step::Outlived(user) => self.orphan(user.into(), "chat".into()),
                Step::Log(level, message, detail) => {
                    self.emit_log(level, message, Value::object([("detail", detail.into())]));
                }
            }
        }
    }

    /// Tells the database of the connection, once and as well as it goes: nothing depends on it.
    fn report(&mut self, fresh_token: bool, rpc: impl FnOnce(&str, Counted) -> Rpc) {
        if self.config.backend.is_none() || !self.reports {
            return;
        }
        let connection = [&self.holder, "/", &digits(self.chat.generation().0.into())].concat();
        let counted = self.usage.report();
        self.send(Purpose::Report, rpc(&connection, counted), fresh_token);
    }

    /// A database that takes no reports of this user is asked once.
    pub(super) fn reported(&mut self, verdict: &Verdict) {
        if let Verdict::Refused(error) | Verdict::Unauthorised(error) = verdict {
            self.reports = false;
            let data = Value::object([("detail", error.message.as_str().into())]);
            let message = "the database takes no reports of chat connections";
            self.emit_log("debug", message, data);
        }
    }

    /// The snapshot's `chat`.
    pub(super) fn chat_value(&self) -> Value {
        self.chat.to_value(|at| self.clock.to_wall(at))
    }
}
