//! The players of a relay: each has been let in once, and is there for as long as it asks for something now and then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::relay::counters::Refusal;

/// What one may be given at once: six files, each of which is a connection to the upstream, and the playlists meanwhile.
const MAX_UNDER_WAY: usize = 8;

/// All of them, each with what it holds.
#[derive(Debug)]
pub struct Sessions<T> {
    open: Mutex<HashMap<Uuid, Arc<Session<T>>>>,
}

/// One of them.
#[derive(Debug)]
struct Session<T> {
    state: Mutex<State>,
    /// Given back when it is over, and nothing is being sent to it any more.
    _held: T,
}

#[derive(Debug)]
struct State {
    /// What is being answered.
    under_way: usize,
    last: Instant,
}

/// A session that is being answered, until this is dropped.
#[derive(Debug)]
pub struct Presence<T>(Arc<Session<T>>);

impl<T> Sessions<T> {
    /// Nobody is there.
    pub fn new() -> Self {
        Self { open: Mutex::new(HashMap::new()) }
    }

    /// Somebody comes, unless it is too late for that: its name, which nobody can guess.
    pub fn open(&self, held: T, is_over: impl Fn() -> bool) -> Option<Uuid> {
        let (id, state) = (Uuid::new_v4(), Mutex::new(State { under_way: 0, last: Instant::now() }));
        let mut open = self.lock();
        // Whoever ends all of them comes either before this, or after it.
        if is_over() {
            return None;
        }
        open.insert(id, Arc::new(Session { state, _held: held }));
        Some(id)
    }

    /// Somebody asks for something.
    pub fn visit(&self, id: Uuid) -> Result<Presence<T>, Refusal> {
        let open = self.lock();
        let session = open.get(&id).ok_or(Refusal::Session)?;
        let mut state = session.state();
        if state.under_way >= MAX_UNDER_WAY {
            return Err(Refusal::Busy);
        }
        state.under_way += 1;
        drop(state);
        Ok(Presence(Arc::clone(session)))
    }

    /// Ends those who have been silent for longer than that.
    pub fn expire(&self, silence: Duration) {
        let now = Instant::now();
        self.lock().retain(|_, session| {
            let state = session.state();
            state.under_way > 0 || now - state.last <= silence
        });
    }

    /// Is nobody there?
    pub fn are_none(&self) -> bool {
        self.lock().is_empty()
    }

    /// Ends all.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Session<T>>>> {
        // A panic elsewhere leaves the sessions as they were.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Session<T> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Presence<T> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.under_way -= 1;
        state.last = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SILENCE: Duration = Duration::from_secs(18);
    const MORE: Duration = Duration::from_millis(18_001);

    #[tokio::test(start_paused = true)]
    async fn who_asks_now_and_then_is_there_and_who_is_silent_for_longer_has_left() {
        let (sessions, held) = (Sessions::new(), Arc::new(()));
        let id = sessions.open(Arc::clone(&held), || false).unwrap();
        for _ in 0..10 {
            advance(SILENCE).await;
            sessions.expire(SILENCE);
            drop(sessions.visit(id).unwrap());
        }
        advance(MORE).await;
        sessions.expire(SILENCE);
        assert_eq!(sessions.visit(id).unwrap_err(), Refusal::Session);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_being_answered_is_not_silent() {
        let sessions = Sessions::new();
        let id = sessions.open((), || false).unwrap();
        let long = sessions.visit(id).unwrap();
        advance(10 * SILENCE).await;
        sessions.expire(SILENCE);
        drop(long);
        advance(SILENCE).await;
        sessions.expire(SILENCE);
        assert!(sessions.visit(id).is_ok());
    }

    #[tokio::test]
    async fn what_a_session_holds_is_given_back_when_nothing_is_sent_to_it_any_more() {
        let (sessions, held) = (Sessions::new(), Arc::new(()));
        let id = sessions.open(Arc::clone(&held), || false).unwrap();
        let under_way = sessions.visit(id).unwrap();
        sessions.clear();
        assert_eq!(sessions.visit(id).unwrap_err(), Refusal::Session);
        assert_eq!(Arc::strong_count(&held), 2);
        drop(under_way);
        assert_eq!(Arc::strong_count(&held), 1);
        assert!(sessions.open(Arc::clone(&held), || true).is_none());
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[tokio::test]
    async fn a_session_is_given_only_so_much_at_once() {
        let sessions = Sessions::new();
        let id = sessions.open((), || false).unwrap();
        let mut under_way: Vec<_> = (0..MAX_UNDER_WAY).map(|_| sessions.visit(id).unwrap()).collect();
        assert_eq!(sessions.visit(id).unwrap_err(), Refusal::Busy);
        drop(under_way.pop());
        assert!(sessions.visit(id).is_ok());
    }
}
