//! What this browser still owes the database. It is written down before the first byte is sent, so that a page that is gone
//! before the answer, a crash or an outage cannot lose it: a later page, or another tab, sends it again.

use super::id::StreamId;
use super::table::Table;
use super::value::Value;
use super::{CallId, Millis, RequestId};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// So many are kept; the oldest goes first. Nobody hosts fifty streams in a week that the database cannot be told of.
const CAPACITY: usize = 50;

/// After a week an end is not worth a call: the sweeper has long ended the stream.
const MAX_AGE: Millis = 7 * 24 * 3_600_000;

/// The pause before an intent is tried again; doubled each time, up to [`LONGEST_PAUSE`].
const PAUSE: Millis = 5_000;

/// The longest pause; also before asking again whether the right user has signed in.
pub const LONGEST_PAUSE: Millis = 15 * 60_000;

/// What is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call that ends the stream.
    End,
    /// A goodbye of a page load, whose lease runs until `until`.
    Leave {
        /// By the wall clock.
        until: Millis,
    },
}

/// One entry: always of one stream, which is one live period, and never with a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// The stream.
    pub stream: StreamId,
    /// The page load that owes it.
    pub holder: String,
    /// Whose token it needs: the JWT's `sub`.
    pub user: Option<String>,
    /// What.
    pub kind: Kind,
    /// Why.
    pub reason: String,
    /// Another holder keeps the stream alive.
    pub leaves: bool,
    /// Since when, by the wall clock.
    pub at: Millis,
    /// The calls that were made for it.
    pub attempts: u32,
    /// What the last of them met.
    pub last_error: Option<String>,
}

/// The key of what this page load owes to this stream.
pub fn key(stream: &StreamId, holder: &str) -> String {
    [stream.as_str(), "/", holder].concat()
}

impl Intent {
    /// Under which it is stored: one for each stream and page load, so that no tab overwrites another's.
    pub fn key(&self) -> String {
        key(&self.stream, &self.holder)
    }

    /// Reads a stored one; `None` for anything else that may be in a storage.
    pub fn parse(key: &str, value: &Value) -> Option<Intent> {
        let millis = |name| match value.get(name) {
            // Up to 2^53 exact; what else is in there is not ours.
            Some(Value::Number(at)) if *at >= 0.0 && *at < 9e15 => Some(*at as Millis),
            _ => None,
        };
        let text = |name: &str, max: usize| value.text(name).filter(|text| text.len() <= max).map(str::to_owned);
        let intent = Intent {
            stream: StreamId::parse("streamId", value.get("streamId")).ok()?,
            holder: text("holder", 100)?,
            user: text("user", 1_000),
            kind: match value.text("kind")? {
                "end" => Kind::End,
                "leave" => Kind::Leave { until: millis("until")? },
                _ => return None,
            },
            reason: text("reason", 2_000)?,
            leaves: value.flag("leaves"),
            at: millis("at")?,
            attempts: millis("attempts")?.min(1_000) as u32,
            last_error: text("lastError", 2_000),
        };
        (intent.key() == key).then_some(intent)
    }

    /// As it is stored.
    pub fn to_value(&self) -> Value {
        let (kind, until) = match self.kind {
            Kind::End => ("end", None),
            Kind::Leave { until } => ("leave", Some(until)),
        };
        Value::object([
            ("streamId", (&self.stream).into()),
            ("holder", self.holder.as_str().into()),
            ("user", self.user.as_deref().into()),
            ("kind", kind.into()),
            ("until", Value::millis(until)),
            ("reason", self.reason.as_str().into()),
            ("leaves", self.leaves.into()),
            ("at", Value::millis(Some(self.at))),
            ("attempts", self.attempts.into()),
            ("lastError", self.last_error.as_deref().into()),
        ])
    }

    /// `PendingEnd` in the npm package.
    pub fn to_pending(&self) -> Value {
        Value::object([
            ("streamId", (&self.stream).into()),
            ("kind", if self.kind == Kind::End { "end" } else { "leave" }.into()),
            ("at", Value::millis(Some(self.at))),
            ("attempts", self.attempts.into()),
            ("lastError", self.last_error.as_deref().into()),
        ])
    }

    /// Whether it is too old to matter. A clock that was set back makes nothing old.
    pub fn is_stale(&self, wall: Millis) -> bool {
        match self.kind {
            Kind::End => wall.saturating_sub(self.at) > MAX_AGE,
            // The lease was at most a quarter of an hour; the sweeper has seen to it.
            Kind::Leave { until } => wall > until.saturating_add(LONGEST_PAUSE),
        }
    }
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The latch of its stream sees to it.
    Latched,
    /// Another page load may be alive that sees to it: we wait for its lock.
    Elsewhere,
    /// It is ours to send, at that time.
    Due(Millis),
    /// It is being sent, under this generation.
    Sending(RequestId),
}

impl Standing {
    /// The call that is out, if there is one.
    pub fn under_way(self) -> Option<RequestId> {
        match self {
            Standing::Sending(request) => Some(request),
            Standing::Latched | Standing::Elsewhere | Standing::Due(_) => None,
        }
    }
}

/// An entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What is owed.
    pub intent: Intent,
    /// Where it stands.
    pub standing: Standing,
    /// What was sent last has left the page that is gone some time.
    pub holds: bool,
    tries: u32,
}

/// All that is owed, by key.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    entries: Table<String, Entry>,
    /// Whose token is at hand.
    pub user: Option<String>,
    /// Promises of `retryPendingEnds`.
    pub waiting: Vec<CallId>,
    /// It has been said that nothing can be stored.
    pub warned: bool,
}

impl Outbox {
    /// Puts an intent in. Gives the one that has to go for it, if it was full.
    pub fn put(&mut self, intent: Intent, standing: Standing) -> Option<String> {
        self.entries.insert(intent.key(), Entry { intent, standing, holds: false, tries: 0 });
        if self.entries.iter().count() <= CAPACITY {
            return None;
        }
        // This page's own go last: what others have left may be of a time when the clock was ahead.
        let rank = |(_, entry): &(&String, &Entry)| (entry.standing == Standing::Latched, entry.intent.at);
        self.entries.iter().min_by_key(rank).map(|(key, _)| key.clone())
    }

    /// The entry under `key`.
    pub fn get(&self, key: &String) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &String) -> Option<&mut Entry> {
        self.entries.get_mut(key)
    }

    /// Takes an entry out.
    pub fn remove(&mut self, key: &String) -> Option<Entry> {
        self.entries.remove(key)
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.entries.iter()
    }

    /// How many ends could not be delivered so far, and wait. What is just being sent is not one of them, and a goodbye is
    /// nobody's concern.
    pub fn overdue(&self) -> u32 {
        let waits = |entry: &&Entry| entry.intent.kind == Kind::End && entry.standing != Standing::Latched;
        self.entries.values().filter(waits).count() as u32
    }

    /// What waits is due now.
    pub fn hurry(&mut self, now: Millis) {
        for entry in self.entries.values_mut() {
            if let Standing::Due(at) = &mut entry.standing {
                *at = now;
                entry.tries = 0;
            }
        }
    }

    /// The ends of this stream that are this page's to send, but for one that is just being tried.
    pub fn ends_of(&self, stream: &StreamId) -> Vec<(String, Standing)> {
        let ends = |(key, entry): (&String, &Entry)| {
            let ours = !matches!(entry.standing, Standing::Elsewhere | Standing::Latched);
            (ours && entry.intent.kind == Kind::End && entry.intent.stream == *stream)
                .then(|| (key.clone(), entry.standing))
        };
        self.entries.iter().filter_map(ends).collect()
    }

    /// What waits of goodbyes to this stream is due now.
    pub fn hurry_leaves_of(&mut self, stream: &StreamId, now: Millis) {
        for entry in self.entries.values_mut() {
            let leaves = matches!(entry.intent.kind, Kind::Leave { .. }) && entry.intent.stream == *stream;
            if let (true, Standing::Due(at)) = (leaves, &mut entry.standing) {
                *at = now;
            }
        }
    }

    /// What is due.
    pub fn due(&self, now: Millis) -> Vec<String> {
        let due = |(key, entry): (&String, &Entry)| {
            matches!(entry.standing, Standing::Due(at) if at <= now).then(|| key.clone())
        };
        self.entries.iter().filter_map(due).collect()
    }

    /// The next deadline.
    pub fn deadline(&self) -> Option<Millis> {
        let due = |entry: &Entry| match entry.standing {
            Standing::Due(at) => Some(at),
            _ => None,
        };
        self.entries.values().filter_map(due).min()
    }

    /// Whether a call of ours is out, or about to be.
    pub fn is_busy(&self, now: Millis) -> bool {
        let busy = |entry: &Entry| match entry.standing {
            Standing::Sending(_) => true,
            Standing::Due(at) => at <= now,
            Standing::Latched | Standing::Elsewhere => false,
        };
        self.entries.values().any(busy)
    }
}

impl Entry {
    /// It could not be delivered, and waits. `longest`: nothing but another user would help.
    pub fn wait(&mut self, now: Millis, longest: bool) {
        let pause = PAUSE.saturating_mul(1 << self.tries.min(10)).min(LONGEST_PAUSE);
        self.tries = self.tries.saturating_add(1);
        self.standing = Standing::Due(now.saturating_add(if longest { LONGEST_PAUSE } else { pause }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn intent(kind: Kind) -> Intent {
        Intent {
            stream: StreamId::parse("id", Some(&"0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11".into())).unwrap(),
            holder: "a".to_owned(),
            user: Some("ana".to_owned()),
            kind,
            reason: "hangup".to_owned(),
            leaves: true,
            at: 1_000_000,
            attempts: 2,
            last_error: None,
        }
    }

    #[test]
    fn what_is_stored_is_what_is_read() {
        for kind in [Kind::End, Kind::Leave { until: 1_030_000 }] {
            let intent = intent(kind);
            assert_eq!(Intent::parse(&intent.key(), &intent.to_value()), Some(intent));
        }
    }

    #[test]
    fn rubbish_in_the_storage_is_nothing() {
        let good = intent(Kind::End);
        let Value::Object(members) = good.to_value() else { panic!("no object") };
        for (name, bad) in [
            ("streamId", "x".into()),
            ("holder", Value::Null),
            ("holder", "another".into()),
            ("kind", "room".into()),
            ("kind", "leave".into()),
            ("at", "now".into()),
            ("at", Value::Number(f64::NAN)),
            ("at", Value::Number(-1.0)),
            ("attempts", Value::Null),
            ("reason", Value::Text("x".repeat(2_001))),
        ] {
            let mut members = members.clone();
            members.iter_mut().filter(|(key, _)| key == name).for_each(|(_, value)| *value = bad.clone());
            assert_eq!(Intent::parse(&good.key(), &Value::Object(members)), None, "{name}: {bad:?}");
        }
        for value in [Value::Null, 1_u32.into(), "x".into(), Value::List(vec![])] {
            assert_eq!(Intent::parse(&good.key(), &value), None);
        }
    }

    #[test]
    fn it_ages_and_is_capped() {
        assert!(!intent(Kind::End).is_stale(1_000_000 + MAX_AGE));
        assert!(intent(Kind::End).is_stale(1_000_001 + MAX_AGE));
        assert!(!intent(Kind::End).is_stale(0), "the clock was set back");
        assert!(intent(Kind::Leave { until: 1_030_000 }).is_stale(1_030_001 + LONGEST_PAUSE));
        let mut outbox = Outbox::default();
        for at in 0..CAPACITY as u64 {
            let one = Intent { holder: at.to_string(), at: 10 + at, ..intent(Kind::End) };
            assert_eq!(outbox.put(one, Standing::Elsewhere), None);
        }
        let goes = outbox.put(Intent { holder: "new".to_owned(), at: 99, ..intent(Kind::End) }, Standing::Elsewhere);
        assert!(goes.is_some_and(|key| key.ends_with("/0")), "the oldest");
        let own = Intent { holder: "own".to_owned(), at: 1, ..intent(Kind::End) };
        let goes = outbox.put(own, Standing::Latched);
        assert!(
            goes.is_some_and(|key| key.ends_with("/0")),
            "whatever the clock showed, not what this page is sending"
        );
    }

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        let mut entry = Entry { intent: intent(Kind::End), standing: Standing::Latched, holds: false, tries: 0 };
        let mut pauses = Vec::new();
        for _ in 0..10 {
            entry.wait(0, false);
            let Standing::Due(at) = entry.standing else { panic!("{entry:?}") };
            pauses.push(at / 1_000);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
    }
}
