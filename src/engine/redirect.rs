//! `endStreamOnRedirect`: the app is about to navigate, and must not be held up by it.

use super::action::{Role, StreamId};
use super::backend::{Rpc, Verdict};
use super::delivering::end_result;
use super::ending::Who;
use super::manager::{Manager, Purpose, found};
use super::streams::Stream;
use super::value::Value;
use super::{CallId, Millis};

/// The longest that a navigation is delayed.
const PATIENCE: Millis = 300;

/// A promise that is out.
#[derive(Debug)]
pub(super) struct Redirect {
    call: CallId,
    until: Millis,
    streams: Vec<StreamId>,
}

impl Manager {
    /// Ends what this page holds of that streamer; if that is nothing, what of theirs is live by now.
    pub(super) fn end_on_redirect(&mut self, call: CallId, streamer: &str) {
        let theirs = |(id, stream): (&StreamId, &Stream)| {
            let open = stream.role == Role::Host && !stream.latch.is_ended();
            (open && stream.streamer.as_deref() == Some(streamer)).then(|| id.clone())
        };
        let streams: Vec<StreamId> = self.streams.iter().filter_map(theirs).collect();
        let until = self.now.saturating_add(PATIENCE);
        if streams.is_empty() {
            // By id, and never by streamer: what they start after this is not meant.
            self.send(Purpose::Redirect { call, streamer: streamer.to_owned() }, Rpc::list(), false);
            self.redirects.push(Redirect { call, until, streams });
        } else {
            self.end_for_redirect(&streams);
            self.redirects.push(Redirect { call, until, streams });
        }
    }

    /// What is live of everybody has been told.
    pub(super) fn redirect_listed(&mut self, call: CallId, streamer: &str, verdict: Verdict) {
        let listed = match found(verdict) {
            Ok(Value::List(rows)) => rows,
            _ => Vec::new(),
        };
        let theirs = listed.iter().filter(|row| row.text("streamer_id") == Some(streamer));
        let streams: Vec<StreamId> =
            theirs.filter_map(|row| StreamId::parse("stream_id", row.get("stream_id")).ok()).collect();
        self.end_for_redirect(&streams);
        if let Some(redirect) = self.redirects.iter_mut().find(|redirect| redirect.call == call) {
            redirect.streams = streams;
            if redirect.streams.is_empty() {
                redirect.until = self.now;
            }
        }
    }

    fn end_for_redirect(&mut self, streams: &[StreamId]) {
        for id in streams {
            self.streams.ensure(id, || Stream::new(Role::Host));
            if let Some(stream) = self.streams.get_mut(id) {
                self.changed |= stream.latch.over(self.now, "redirect", Who::Signal);
            }
        }
    }

    /// An attempt to end this stream has been answered; `status`: what the database said, if it did.
    pub(super) fn redirected(&mut self, id: &StreamId, status: Option<&str>) {
        let (done, waiting) =
            std::mem::take(&mut self.redirects).into_iter().partition(|redirect| redirect.streams.contains(id));
        self.redirects = waiting;
        let done: Vec<Redirect> = done;
        for redirect in done {
            let attempts = self.streams.get(id).map_or(1, |stream| stream.latch.sent_in_all());
            let result = match status {
                Some(status) => end_result(id, status, attempts, "rpc"),
                None => end_result(id, "queued", attempts, "outbox"),
            };
            self.settle(redirect.call, Ok(result));
        }
    }

    /// Whoever has waited long enough goes on; the ends go on in the background.
    pub(super) fn let_redirects_go(&mut self) {
        let (done, waiting) =
            std::mem::take(&mut self.redirects).into_iter().partition(|redirect| redirect.until <= self.now);
        self.redirects = waiting;
        let done: Vec<Redirect> = done;
        for redirect in done {
            let status = if redirect.streams.is_empty() { "already_ended" } else { "queued" };
            let via = if redirect.streams.is_empty() { "rpc" } else { "outbox" };
            let result = Value::object([
                ("status", status.into()),
                ("ended", Value::List(Vec::new())),
                ("already", Value::List(Vec::new())),
                ("attempts", 1_u32.into()),
                ("via", via.into()),
            ]);
            self.settle(redirect.call, Ok(result));
        }
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
