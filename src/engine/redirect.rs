//! `endStreamOnRedirect`: the app is about to navigate, and must not be held up by it.

use super::action::Role;
use super::backend::{Rpc, Verdict};
use super::delivering::{end_result, unnamed_result};
use super::ending::Who;
use super::id::StreamId;
use super::manager::{Manager, Purpose};
use super::streams::Stream;
use super::value::Value;
use super::{CallId, Millis};
use alloc::vec::Vec;

/// The longest that a navigation is delayed.
const PATIENCE: Millis = 300;

/// A promise that is out. Without streams: it is the streamer's others that are to end.
#[derive(Clone, Debug)]
pub(super) struct Redirect {
    call: CallId,
    until: Millis,
    streams: Vec<StreamId>,
}

impl Manager {
    /// Ends what this page holds of that streamer; if that is nothing, what of theirs is live and held by nobody.
    pub(super) fn end_on_redirect(&mut self, call: CallId, streamer: &str) {
        let theirs = |(id, stream): (&StreamId, &Stream)| {
            let open = stream.role == Role::Host && !stream.latch.is_ended();
            (open && stream.streamer.as_deref() == Some(streamer)).then(|| id.clone())
        };
        let streams: Vec<StreamId> = self.streams.iter().filter_map(theirs).collect();
        for id in &streams {
            if let Some(stream) = self.streams.get_mut(id) {
                self.changed |= stream.latch.over(self.now, "redirect", Who::Signal);
            }
        }
        if streams.is_empty() {
            // One call that outlives the page, and is never repeated: what they start later is held, and not meant.
            self.send(Purpose::Disconnect(call), Rpc::disconnect(streamer), false);
        }
        self.redirects.push(Redirect { call, until: self.now.saturating_add(PATIENCE), streams });
    }

    /// What is left of theirs has been told.
    pub(super) fn disconnected(&mut self, call: CallId, verdict: &Verdict) {
        let status = match verdict {
            Verdict::Delivered(Value::Bool(true)) => "ended",
            Verdict::Delivered(_) => "held_elsewhere",
            // Nobody knows; the sweeper will see to it.
            Verdict::Refused(_) | Verdict::Unauthorised(_) | Verdict::Transient(_) => "queued",
        };
        self.let_go(status, |redirect| redirect.call == call);
    }

    /// An attempt to end this stream has been answered; `status`: what the database said, if it did.
    pub(super) fn redirected(&mut self, id: &StreamId, status: Option<&str>) {
        let attempts = self.streams.get(id).map_or(1, |stream| stream.latch.sent_in_all());
        for redirect in self.take_redirects(|redirect| redirect.streams.contains(id)) {
            let result = match status {
                Some(status) => end_result(id, status, attempts, "rpc"),
                None => end_result(id, "queued", attempts, "outbox"),
            };
            self.settle(redirect.call, Ok(result));
        }
    }

    /// Whoever has waited long enough goes on; the ends go on in the background.
    pub(super) fn let_redirects_go(&mut self) {
        let now = self.now;
        self.let_go("queued", |redirect| redirect.until <= now);
    }

    fn let_go(&mut self, status: &str, which: impl Fn(&Redirect) -> bool) {
        for redirect in self.take_redirects(which) {
            let via = if redirect.streams.is_empty() { "rpc" } else { "outbox" };
            self.settle(redirect.call, Ok(unnamed_result(status, via)));
        }
    }

    fn take_redirects(&mut self, which: impl Fn(&Redirect) -> bool) -> Vec<Redirect> {
        let (taken, left) = core::mem::take(&mut self.redirects).into_iter().partition(which);
        self.redirects = left;
        taken
    }

    pub(super) fn redirect_deadline(&self) -> Option<Millis> {
        self.redirects.iter().map(|redirect| redirect.until).min()
    }
}

impl Redirect {
    pub(super) fn call(self) -> CallId {
        self.call
    }
}
