//! What a trace may hold of a text: an id, or a word of a fixed shape. Any other text is a name, which is told by a number
//! alone: the same name has the same number, so that a replay with the numbers goes the way that the page went.

use super::id::Uuid;
use super::value::{Value, digits};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// Stands for what a person or a vendor has written, and nobody compares with anything.
pub(super) const HIDDEN: &str = "…";

/// More names than a page ever meets, unless somebody makes them up.
const MAX_NAMES: usize = 1_000;

/// The longest word; tokens and tickets are longer, or no words.
const MAX_WORD: usize = 24;

/// The longest word of capitals and digits: an SQLSTATE, or a code of PostgREST's.
const MAX_CODE: usize = 8;

/// The names that a trace has met, in the order in which it did.
#[derive(Clone, Debug)]
pub(super) struct Redacted {
    holder: String,
    names: Vec<String>,
}

/// Members of which a text is a word.
const WORDS: [&str; 6] = ["status", "code", "type", "kind", "via", "p_cause"];

/// Members of which a text is a reason: an app may give one in its person's words.
const REASONS: [&str; 3] = ["reason", "signal", "p_reason"];

/// Why streams end, as this engine, the database and Jitsi say it.
const OURS: [&str; 20] = [
    "conference.destroyed",
    "conferenceTerminated",
    "detached",
    "errorOccurred",
    "hangup",
    "host_gone",
    "lease_expired",
    "never_joined",
    "offline",
    "page_hidden",
    "participantKickedOut",
    "participantLeft",
    "readyToClose",
    "redirect",
    "requested",
    "room_ended",
    "sign_out",
    "signed_out",
    "videoConferenceJoined",
    "videoConferenceLeft",
];

/// Members of which only that there is a text is told.
const HIDES: [&str; 2] = ["message", "url"];

/// Members of which a text is an id or a name; and all that begin with `p_`. What is named nowhere is in no trace.
const NAMES: [&str; 31] = [
    "id",
    "stream_id",
    "room_id",
    "session_id",
    "streamer_id",
    "holder",
    "user",
    "key",
    "streamId",
    "eventId",
    "userId",
    "current_session",
    "success",
    "is_host",
    "recovered",
    "viewers",
    "count",
    "expires_at",
    "retry_after_ms",
    "ended",
    "already_ended",
    "already",
    "attempt",
    "attempts",
    "ok",
    "elsewhere",
    "leaves",
    "until",
    "at",
    "generation",
    "nextRetryAt",
];

/// Another one each time, and made of what is told already.
const CONNECTION: &str = "p_connection_id";

impl Redacted {
    pub(super) fn new(holder: &str) -> Redacted {
        Redacted { holder: holder.to_owned(), names: Vec::new() }
    }

    /// Whose trace it is.
    pub(super) fn holder(&self) -> &str {
        &self.holder
    }

    /// An id as it is, anything else by its number.
    pub(super) fn name(&mut self, text: &str) -> Value {
        if let Some(known) = self.known(text) {
            return known;
        }
        if self.names.len() == MAX_NAMES {
            return HIDDEN.into();
        }
        self.names.push(text.to_owned());
        number(self.names.len())
    }

    /// Why something ended: a word of ours, or somebody's.
    pub(super) fn reason(&mut self, text: &str) -> Value {
        if OURS.contains(&text) { text.into() } else { self.name(text) }
    }

    /// The same, if it was met before: of those whom nobody has named there may be thousands.
    pub(super) fn name_if_known(&self, text: &str) -> Value {
        self.known(text).unwrap_or_else(|| HIDDEN.into())
    }

    fn known(&self, text: &str) -> Option<Value> {
        // An empty one may also be the engine's own word for nobody.
        if text.is_empty() || text == self.holder || Uuid::is(text) {
            return Some(text.into());
        }
        self.names.iter().position(|name| name == text).map(|at| number(at + 1))
    }

    /// The key of an entry of the outbox: a stream and a page load.
    pub(super) fn key(&mut self, key: &str) -> Value {
        let parts = key.split_at_checked(Uuid::LENGTH).filter(|(stream, _)| Uuid::is(stream));
        match parts.and_then(|(stream, rest)| Some((stream, rest.strip_prefix('/')?))) {
            Some((stream, holder)) => [stream, "/", self.name(holder).as_text().unwrap_or_default()].concat().into(),
            None => self.name(key),
        }
    }

    /// Of a tree the members that the engine reads, as JSON has them.
    pub(super) fn tree(&mut self, value: &Value) -> Value {
        match value {
            Value::Opaque => Value::Null,
            Value::Number(number) if !number.is_finite() => Value::Null,
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
            Value::Text(text) => self.name(text),
            Value::List(items) => Value::List(items.iter().map(|item| self.tree(item)).collect()),
            Value::Object(members) => {
                let mut told = Vec::new();
                for (key, member) in members {
                    let key = key.as_str();
                    let member = match member {
                        Value::Text(text) if WORDS.contains(&key) => word(text),
                        Value::Text(text) if REASONS.contains(&key) => self.reason(text),
                        Value::Text(_) if HIDES.contains(&key) => HIDDEN.into(),
                        _ if key != CONNECTION && is_told(key) => self.tree(member),
                        _ => continue,
                    };
                    told.push((key.to_owned(), member));
                }
                Value::Object(told)
            }
        }
    }
}

/// A word of ours, of a database's or of a vendor's, such as `already_ended`, `videoConferenceLeft` or `42501`.
pub(super) fn word(text: &str) -> Value {
    let is_word =
        text.len() <= MAX_WORD && text.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_.".contains(&byte));
    let is_code = text.len() <= MAX_CODE && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if is_word || is_code { text.into() } else { HIDDEN.into() }
}

fn number(number: usize) -> Value {
    ["#", &digits(number as u64)].concat().into()
}

fn is_told(key: &str) -> bool {
    key.starts_with("p_") || [WORDS.as_slice(), &REASONS, &HIDES, &NAMES].iter().any(|told| told.contains(&key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";

    #[test]
    fn a_name_is_a_number_and_the_same_one_each_time() {
        let mut redacted = Redacted::new("page-1");
        assert_eq!(["ana", "bob", "ana"].map(|name| redacted.name(name)), ["#1", "#2", "#1"].map(Value::from));
        assert_eq!([ID, "page-1", ""].map(|id| redacted.name(id)), [ID, "page-1", ""].map(Value::from));
        assert_eq!(redacted.name_if_known("bob"), "#2".into());
        assert_eq!(redacted.name_if_known("eve"), HIDDEN.into());
        assert_eq!(redacted.key(&format!("{ID}/bob")), format!("{ID}/#2").into());
        assert_eq!(redacted.key("bob/ana"), "#3".into());
    }

    #[test]
    fn what_was_redacted_is_redacted_to_itself_in_the_same_order() {
        let tree = Value::object([
            ("streamer_id", "ana".into()),
            ("user", "bob".into()),
            ("status", "al ive".into()),
            ("message", "no".into()),
            ("p_holder", "x".into()),
        ]);
        let once = Redacted::new("h").tree(&tree);
        assert_eq!(Redacted::new("h").tree(&once), once);
    }

    #[test]
    fn of_a_tree_only_what_is_read_is_left() {
        let secret = || Value::from("s3cret token");
        let tree = Value::object([
            ("title", secret()),
            ("status", "live".into()),
            ("code", secret()),
            ("message", secret()),
            ("url", secret()),
            ("id", secret()),
            ("viewers", Value::Number(f64::NAN)),
            ("count", Value::Opaque),
            ("current_session", Value::object([("stream_id", ID.into()), ("title", secret())])),
            ("p_connection_id", secret()),
        ]);
        let left = Value::object([
            ("status", "live".into()),
            ("code", HIDDEN.into()),
            ("message", HIDDEN.into()),
            ("url", HIDDEN.into()),
            ("id", "#1".into()),
            ("viewers", Value::Null),
            ("count", Value::Null),
            ("current_session", Value::object([("stream_id", ID.into())])),
        ]);
        assert_eq!(Redacted::new("h").tree(&tree), left);
    }

    #[test]
    fn words_and_codes_are_told_and_nothing_that_may_be_a_token() {
        for told in ["already_ended", "videoConferenceLeft", "conference.destroyed", "42501", "PGRST301", ""] {
            assert_eq!(word(told), told.into());
        }
        for hidden in ["two words", "s3cret", "PGRST3011", "abcdefghijklmnopqrstuvwxy", "é"] {
            assert_eq!(word(hidden), HIDDEN.into());
        }
    }

    #[test]
    fn a_reason_is_ours_or_somebodys_name() {
        let mut redacted = Redacted::new("h");
        let told = ["hangup", "Maria.Schneider", "Maria.Schneider", "TOPSECRE"].map(|reason| redacted.reason(reason));
        assert_eq!(told, ["hangup", "#1", "#1", "#2"].map(Value::from));
    }

    #[test]
    fn names_without_end_are_not_all_kept() {
        let mut redacted = Redacted::new("h");
        let last = (0..=MAX_NAMES).map(|name| redacted.name(&format!("name {name}"))).last();
        assert_eq!((last, redacted.names.len()), (Some(HIDDEN.into()), MAX_NAMES));
    }
}
