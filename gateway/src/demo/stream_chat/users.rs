//! Whom the service has heard of.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::refusal::{Code, Refusal};
use super::{now, with};

pub const MAX_USERS: usize = 2000;

/// Stream's own limit for what an app adds to a user.
const MAX_USER_BYTES: usize = 5 * 1024;

/// As long as `livestreams.streamer_id` may be.
pub const MAX_USER_ID_CHARS: usize = 200;

/// All users, with what their apps say about them.
#[derive(Debug, Default)]
pub struct Users(BTreeMap<String, Value>);

impl Users {
    /// Makes the user known, or changes what is said about them. Members of a channel are made known by being named: with
    /// Stream the app's backend would have done that.
    pub fn see(&mut self, user_id: &str, details: Map<String, Value>) -> Result<(), Refusal> {
        let length = user_id.chars().count();
        if length == 0 || length > MAX_USER_ID_CHARS {
            return Err(Refusal::input(format!(
                "user id is {length} characters long; it must have 1 to {MAX_USER_ID_CHARS}"
            )));
        }
        let details = Value::Object(details);
        if details.to_string().len() > MAX_USER_BYTES {
            return Err(Refusal::new(Code::PayloadTooBig, format!("user is larger than {MAX_USER_BYTES} bytes")));
        }
        let known = self.0.get(user_id);
        if known.is_none() && self.0.len() >= MAX_USERS {
            return Err(Refusal::new(
                Code::RateLimit,
                format!("there are {MAX_USERS} users, and there is no room for more"),
            ));
        }
        let now = now();
        let base = known.cloned().unwrap_or_else(|| json!({ "role": "user", "created_at": now }));
        let user = with(with(base, details), json!({ "id": user_id, "updated_at": now, "banned": false }));
        self.0.insert(user_id.to_owned(), user);
        Ok(())
    }

    /// Makes the user known, if they are not yet.
    pub fn know(&mut self, user_id: &str) -> Result<(), Refusal> {
        if self.0.contains_key(user_id) { Ok(()) } else { self.see(user_id, Map::new()) }
    }

    /// The user as others see them.
    pub fn show(&self, user_id: &str, online: bool) -> Value {
        let user = self.0.get(user_id).cloned().unwrap_or_else(|| json!({ "id": user_id }));
        with(user, json!({ "online": online }))
    }
}
