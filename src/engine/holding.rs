//! Holding the streams that this page hosts.

use super::action::Role;
use super::backend::{Rpc, Verdict};
use super::config::OnPageHide;
use super::ending::Who;
use super::id::StreamId;
use super::input::{Awake, Output};
use super::lease::{self, Lease, Told};
use super::manager::{Manager, Purpose};
use super::page::{Exit, PageEvent};
use super::streams::Stream;
use super::{Millis, RequestId};
use alloc::vec::Vec;

/// How long a host may take to get into the meeting.
const JOIN_PATIENCE: Millis = 600_000;

impl Manager {
    /// From here on the stream is held, if it is this page's to hold.
    pub(super) fn hold(&mut self, id: &StreamId) {
        let now = self.now;
        if self.config.backend.is_some()
            && let Some(stream) = self.streams.get_mut(id).filter(|stream| stream.is_live())
        {
            stream.lease.hold(now);
        }
    }

    /// A host who does not get into the meeting, because the camera is denied for instance, does not stream.
    pub(super) fn leave_what_was_never_joined(&mut self) {
        let now = self.now;
        for (id, stream) in self.streams.iter_mut() {
            let waited = stream.awaited_since.is_some_and(|since| since.saturating_add(JOIN_PATIENCE) <= now);
            if !waited || stream.lease == Lease::None || stream.latch.status() != "live" {
                continue;
            }
            let mut meetings = self.meetings.values().filter(|meeting| meeting.stream() == id && meeting.is_host());
            // An app without a meeting streams by other means.
            let first = meetings.next();
            if first.is_some_and(|first| !first.was_joined()) && meetings.all(|other| !other.was_joined()) {
                self.changed |= stream.latch.over(now, "never_joined", Who::Signal);
            }
        }
    }

    /// It has just been started: what was asked before that, and may not have found it yet, is asked again.
    pub(super) fn hold_anew(&mut self, id: &StreamId) {
        let before = self.streams.get_mut(id).map(|stream| core::mem::take(&mut stream.lease));
        self.give_up(before.and_then(Lease::under_way));
        self.hold(id);
    }

    /// A call that has been overtaken must not arrive after the one that overtook it.
    pub(super) fn give_up(&mut self, overtaken: Option<RequestId>) {
        if let Some(request) = overtaken
            && self.requests.remove(&request).is_some()
        {
            self.outputs.push_back(Output::Abort { request });
        }
    }

    /// The lease follows the page: a hidden or frozen page asks for a longer one while it still can, a page that comes back
    /// for its usual one, and a page that goes away for no more than a reload takes.
    pub(super) fn lease_follows(&mut self, event: PageEvent) {
        match event {
            // Before it goes, too, the token is refreshed while there is time: the end of the page has none.
            PageEvent::Visible
            | PageEvent::Online
            | PageEvent::PageShow
            | PageEvent::Resume
            | PageEvent::BeforeUnload => {
                for id in self.held() {
                    self.renew(&id, true);
                }
            }
            // A page that goes away is hidden after its pagehide, which was its last word.
            PageEvent::Hidden | PageEvent::Freeze if self.page.exit != Exit::None => {}
            // Within this very input, and with the token at hand: the page may be gone before another one comes.
            PageEvent::Hidden | PageEvent::Freeze | PageEvent::PageHide { .. } => self.renew_all(),
            PageEvent::Offline | PageEvent::FocusInMeeting(_) => {}
        }
    }

    pub(super) fn renew_all(&mut self) {
        if self.page.exit == Exit::Gone && self.config.ending.on_page_hide != OnPageHide::Grace {
            return;
        }
        for id in self.held() {
            self.renew(&id, false);
        }
    }

    fn held(&self) -> Vec<StreamId> {
        let held = |(id, stream): (&StreamId, &Stream)| (stream.lease != Lease::None).then(|| id.clone());
        self.streams.iter().filter_map(held).collect()
    }

    pub(super) fn renew_what_is_due(&mut self) {
        let now = self.now;
        let mut due = Vec::new();
        for (id, stream) in self.streams.iter_mut() {
            if !stream.is_live() {
                stream.lease.let_go();
            } else if stream.lease.is_due(now) {
                due.push(id.clone());
            }
        }
        for id in due {
            // Asking for the token each time keeps the one at hand fresh for the end of the page.
            self.renew(&id, true);
        }
    }

    /// While a stream is hosted the page must run and, while it is seen, the screen stay on.
    pub(super) fn stay_awake(&mut self) {
        let page = !self.disposed && self.streams.values().any(|stream| stream.lease != Lease::None);
        let awake = Awake { page, screen: page && self.page.visible };
        if awake != self.awake {
            self.awake = awake;
            self.outputs.push_back(Output::StayAwake(awake));
        }
    }

    /// This page holds the stream no longer; somebody else does.
    pub(super) fn release_hold(&mut self, id: &StreamId) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.left = true;
            stream.confirmed = false;
            let before = core::mem::take(&mut stream.lease);
            self.give_up(before.under_way());
        }
    }

    /// The host is in the meeting again that this page had left to another holder.
    pub(super) fn hold_again(&mut self, id: &StreamId) {
        if self.streams.get_mut(id).is_some_and(|stream| core::mem::take(&mut stream.left)) {
            self.hold(id);
        }
    }

    fn renew(&mut self, id: &StreamId, fresh_token: bool) {
        let seconds = lease::seconds(self.page, self.config.ending.host_grace);
        if self.page.exit == Exit::Gone {
            self.owe_leave(id, seconds);
        } else {
            self.leave_is_owed_no_more(id);
        }
        let rpc = Rpc::touch(id, &self.holder, seconds);
        let before = self.streams.get(id).and_then(|stream| stream.lease.under_way());
        self.give_up(before);
        let request = self.send(Purpose::Renew(id.clone()), rpc, fresh_token);
        if let Some(stream) = self.streams.get_mut(id) {
            stream.lease.sent(request);
        }
    }

    pub(super) fn renewed(&mut self, id: &StreamId, request: RequestId, verdict: &Verdict) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(id) else { return };
        match stream.lease.answered(now, request, verdict) {
            None => {}
            Some(Told::Held) => {
                if matches!(verdict, Verdict::Delivered(_)) {
                    // Whoever it is, their token does for this stream.
                    stream.user = self.outbox.user.clone().or(stream.user.take());
                    self.leave_is_owed_no_more(id);
                    self.resumed(id);
                }
            }
            Some(Told::NotOurs) => self.log("warn", "the stream is not this page's to hold", id, "not_held"),
            // While our own end is under way, it is that end of which we are told.
            Some(Told::Over) if !stream.is_live() => {}
            Some(Told::Over) => self.ended_elsewhere(id),
        }
    }

    /// Nothing revives it; its sessions are stopped, and its meeting is told to hang up.
    pub(super) fn ended_elsewhere(&mut self, id: &StreamId) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        stream.latch.ended_elsewhere();
        self.changed = true;
        let reason = stream.latch.reason().into();
        self.emit_end(id, reason, true);
    }
}

impl Stream {
    /// Whether there is something to hold.
    pub(super) fn is_live(&self) -> bool {
        self.role == Role::Host && (self.latch.status() == "live" || self.latch.is_leaving())
    }
}
