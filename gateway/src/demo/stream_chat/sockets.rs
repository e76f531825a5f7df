//! Who is connected, and what that adds up to for each user. Exact: tests hold us to "never two open sockets of one user".
//!
//! A socket counts from before its first message until before the client can know that it is closed. So whoever waits for the
//! end of one before opening the next is never seen with two.

use std::collections::BTreeMap;

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::now;

/// A reader who is further behind than this is cut off, as by Stream.
const MAX_UNSENT: usize = 256;

/// An open socket. Removing it is what breaks the connection, if it is still there.
#[derive(Debug)]
struct Socket {
    user_id: String,
    opened_at: String,
    outbox: mpsc::Sender<Utf8Bytes>,
    silent: bool,
    _alive: oneshot::Sender<()>,
}

/// The other end: what the task of a socket works with.
#[derive(Debug)]
pub struct Session {
    pub user_id: String,
    pub connection_id: String,
    /// What to send.
    pub outbox: mpsc::Receiver<Utf8Bytes>,
    /// Done when the socket has been removed.
    pub gone: oneshot::Receiver<()>,
}

/// A user's sockets so far.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    open: usize,
    opened: usize,
    closed: usize,
    /// The most at one time.
    peak: usize,
}

/// One line of `/demo/chat/state`.
#[derive(Debug, Serialize)]
pub struct Connection<'a> {
    user_id: &'a str,
    connection_id: &'a str,
    opened_at: &'a str,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Sockets {
    open: BTreeMap<String, Socket>,
    opened_total: usize,
    counts: BTreeMap<String, Counts>,
}

impl Sockets {
    /// A new one, which counts from now on.
    pub fn open(&mut self, user_id: &str, silent: bool) -> Session {
        let connection_id = Uuid::new_v4().to_string();
        let (outbox, unsent) = mpsc::channel(MAX_UNSENT);
        let (alive, gone) = oneshot::channel();
        let socket = Socket { user_id: user_id.to_owned(), opened_at: now(), outbox, silent, _alive: alive };
        self.open.insert(connection_id.clone(), socket);
        self.opened_total += 1;
        let counts = self.counts.entry(user_id.to_owned()).or_default();
        counts.opened += 1;
        counts.open += 1;
        counts.peak = counts.peak.max(counts.open);
        Session { user_id: user_id.to_owned(), connection_id, outbox: unsent, gone }
    }

    /// It is closed, or broken by this. Once or more, in whatever order.
    pub fn close(&mut self, connection_id: &str) {
        let Some(socket) = self.open.remove(connection_id) else { return };
        let counts = self.counts.entry(socket.user_id).or_default();
        counts.open -= 1;
        counts.closed += 1;
    }

    /// Breaks all of this user's; none: everybody's.
    pub fn drop_all(&mut self, user_id: Option<&str>) {
        let of_user = self.open.iter().filter(|(_, socket)| user_id.is_none_or(|id| id == socket.user_id));
        for connection_id in of_user.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.close(&connection_id);
        }
    }

    /// This user's say nothing more, or speak again; none: everybody's.
    pub fn set_silent(&mut self, user_id: Option<&str>, silent: bool) {
        let of_user = self.open.values_mut().filter(|socket| user_id.is_none_or(|id| id == socket.user_id));
        of_user.for_each(|socket| socket.silent = silent);
    }

    /// Sends, unless the socket is silent or gone.
    pub fn send(&mut self, connection_id: &str, text: &Utf8Bytes) {
        let Some(socket) = self.open.get(connection_id).filter(|socket| !socket.silent) else { return };
        if socket.outbox.try_send(text.clone()).is_err() {
            self.close(connection_id);
        }
    }

    /// Whose it is, while it is open.
    pub fn user_of(&self, connection_id: &str) -> Option<&str> {
        self.open.get(connection_id).map(|socket| socket.user_id.as_str())
    }

    /// This user's connection ids.
    pub fn of(&self, user_id: &str) -> Vec<String> {
        let of_user = self.open.iter().filter(|(_, socket)| socket.user_id == user_id);
        of_user.map(|(connection_id, _)| connection_id.clone()).collect()
    }

    /// Whether this user has a socket.
    pub fn is_online(&self, user_id: &str) -> bool {
        self.counts.get(user_id).is_some_and(|counts| counts.open > 0)
    }

    /// Those that are open.
    pub fn list(&self) -> impl Iterator<Item = Connection<'_>> {
        self.open.iter().map(|(connection_id, socket)| Connection {
            user_id: &socket.user_id,
            connection_id,
            opened_at: &socket.opened_at,
        })
    }

    /// How many there have ever been.
    pub fn opened_total(&self) -> usize {
        self.opened_total
    }

    /// What there has been, by user.
    pub fn counts(&self) -> &BTreeMap<String, Counts> {
        &self.counts
    }

    /// Begins to count anew: only what is open now has been opened. None: for everybody.
    pub fn reset(&mut self, user_id: Option<&str>) {
        for (_, counts) in self.counts.iter_mut().filter(|(id, _)| user_id.is_none_or(|user_id| user_id == *id)) {
            *counts = Counts { open: counts.open, opened: counts.open, closed: 0, peak: counts.open };
        }
        self.counts.retain(|_, counts| counts.opened > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(sockets: &Sockets, user_id: &str) -> (usize, usize, usize, usize) {
        let counts = sockets.counts.get(user_id).unwrap();
        (counts.open, counts.opened, counts.closed, counts.peak)
    }

    #[test]
    fn what_is_open_and_was_is_counted_by_user() {
        let mut sockets = Sockets::default();
        let first = sockets.open("alice", false);
        let second = sockets.open("alice", false);
        let _bob = sockets.open("bob", false);
        assert_eq!(counts(&sockets, "alice"), (2, 2, 0, 2));
        sockets.close(&first.connection_id);
        sockets.close(&first.connection_id);
        sockets.close(&second.connection_id);
        assert_eq!(counts(&sockets, "alice"), (0, 2, 2, 2));
        assert!(!sockets.is_online("alice") && sockets.is_online("bob"));
        let _third = sockets.open("alice", false);
        sockets.reset(Some("alice"));
        assert_eq!((counts(&sockets, "alice"), counts(&sockets, "bob")), ((1, 1, 0, 1), (1, 1, 0, 1)));
        sockets.drop_all(None);
        sockets.reset(None);
        assert!(sockets.counts().is_empty() && sockets.list().next().is_none());
    }

    #[test]
    fn who_does_not_read_is_cut_off_and_who_is_silent_hears_nothing() {
        let mut sockets = Sockets::default();
        let (mut slow, mut silent) = (sockets.open("slow", false), sockets.open("silent", true));
        for _ in 0..=MAX_UNSENT {
            sockets.send(&slow.connection_id, &"event".into());
            sockets.send(&silent.connection_id, &"event".into());
        }
        assert!(!sockets.is_online("slow") && sockets.is_online("silent"));
        assert_eq!(slow.gone.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert_eq!(silent.outbox.try_recv(), Err(mpsc::error::TryRecvError::Empty));
        sockets.set_silent(Some("silent"), false);
        sockets.send(&silent.connection_id, &"event".into());
        assert_eq!(silent.outbox.try_recv().unwrap(), "event");
    }
}
