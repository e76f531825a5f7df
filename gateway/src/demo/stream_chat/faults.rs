//! Faults that wait for the next connections, or closings, of somebody.

use serde::Deserialize;

/// What can go wrong with a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The connection breaks, without a close frame.
    Drop,
    /// The socket stays open, but no event is sent and no ping answered. A close still is, so that the counts stay true.
    Silent,
    /// The service refuses for good: code 17.
    Refuse,
    /// The service says that the token has expired: code 40.
    ExpireTokens,
    /// The closing handshake takes three seconds, in which the socket is open.
    SlowClose,
    /// No fault waits any longer, and silent sockets are heard again.
    None,
}

/// More users than any test has.
const MAX_WAITING: usize = 1000;

/// A fault, for whom (none: for whoever comes first), and how many times more.
#[derive(Debug)]
struct Waiting {
    fault: Fault,
    user_id: Option<String>,
    left: u32,
}

/// What waits, in the order in which it was asked for.
#[derive(Debug, Default)]
pub struct Faults(Vec<Waiting>);

impl Faults {
    /// Replaces what waits of this kind for this user. False: there is no room for more.
    pub fn set(&mut self, fault: Fault, user_id: Option<String>, count: u32) -> bool {
        self.0.retain(|waiting| waiting.left > 0 && (waiting.fault != fault || waiting.user_id != user_id));
        if count == 0 {
            return true;
        }
        let has_room = self.0.len() < MAX_WAITING;
        if has_room {
            self.0.push(Waiting { fault, user_id, left: count });
        }
        has_room
    }

    /// Nothing waits for this user any longer; none: for nobody.
    pub fn clear(&mut self, user_id: Option<&str>) {
        self.0.retain(|waiting| user_id.is_some() && waiting.user_id.as_deref() != user_id);
    }

    /// What this user's next connection meets.
    pub fn at_connect(&mut self, user_id: &str) -> Option<Fault> {
        self.take(user_id, |fault| fault != Fault::SlowClose)
    }

    /// Whether this user's next closing is a slow one.
    pub fn at_close(&mut self, user_id: &str) -> bool {
        self.take(user_id, |fault| fault == Fault::SlowClose).is_some()
    }

    fn take(&mut self, user_id: &str, fits: impl Fn(Fault) -> bool) -> Option<Fault> {
        let is_theirs = |waiting: &Waiting| waiting.user_id.as_deref().is_none_or(|id| id == user_id);
        let waiting = self.0.iter_mut().find(|it| it.left > 0 && fits(it.fault) && is_theirs(it))?;
        waiting.left -= 1;
        Some(waiting.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_waits_for_its_user_and_its_moment_as_many_times_as_asked() {
        let mut faults = Faults::default();
        assert!(faults.set(Fault::Refuse, Some("alice".into()), 2));
        assert!(faults.set(Fault::SlowClose, None, 1));
        assert_eq!(faults.at_connect("bob"), None);
        assert_eq!([faults.at_connect("alice"), faults.at_connect("alice")], [Some(Fault::Refuse); 2]);
        assert_eq!(faults.at_connect("alice"), None);
        assert!(faults.at_close("bob"));
        assert!(!faults.at_close("alice"));
    }

    #[test]
    fn asking_again_replaces_and_none_clears() {
        let mut faults = Faults::default();
        faults.set(Fault::Refuse, Some("alice".into()), 5);
        faults.set(Fault::Refuse, Some("alice".into()), 0);
        assert_eq!(faults.at_connect("alice"), None);
        for user in ["alice", "bob"] {
            faults.set(Fault::ExpireTokens, Some(user.into()), 1);
        }
        faults.clear(Some("alice"));
        assert_eq!((faults.at_connect("alice"), faults.at_connect("bob")), (None, Some(Fault::ExpireTokens)));
        faults.set(Fault::ExpireTokens, Some("bob".into()), 1);
        faults.clear(None);
        assert_eq!(faults.at_connect("bob"), None);
    }

    #[test]
    fn there_is_a_limit_to_what_waits() {
        let mut faults = Faults::default();
        assert!((0..MAX_WAITING).all(|n| faults.set(Fault::Refuse, Some(n.to_string()), 1)));
        assert!(!faults.set(Fault::Refuse, Some("one more".into()), 1));
        assert!(faults.set(Fault::Refuse, Some("7".into()), 3));
    }
}
