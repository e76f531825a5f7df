//! One channel: its members, what they have read, its last messages, and the connections that watch it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::refusal::{Code, Refusal};
use super::{now, text, with};

/// What comes later pushes the oldest out.
const MAX_MESSAGES: usize = 100;

/// Stream's own limit for texts.
const MAX_TEXT_CHARS: usize = 5000;

const MAX_MESSAGE_BYTES: usize = 20 * 1024;

/// What a member has seen.
#[derive(Debug)]
struct Reading {
    last_read: String,
    last_read_message_id: Option<String>,
    unread: u64,
}

/// A channel.
#[derive(Debug)]
pub struct Channel {
    kind: String,
    id: String,
    pub cid: String,
    data: Map<String, Value>,
    created_by: String,
    created_at: String,
    members: BTreeMap<String, Reading>,
    messages: VecDeque<Value>,
    /// Connection ids and their users.
    watchers: BTreeMap<String, String>,
}

impl Channel {
    /// An empty one. `data` is what the app says about it.
    pub fn new(kind: &str, id: &str, data: Map<String, Value>, created_by: &str, members: BTreeSet<String>) -> Self {
        let created_at = now();
        let reading =
            |user_id| (user_id, Reading { last_read: created_at.clone(), last_read_message_id: None, unread: 0 });
        Self {
            kind: kind.to_owned(),
            id: id.to_owned(),
            cid: format!("{kind}:{id}"),
            data,
            created_by: created_by.to_owned(),
            members: members.into_iter().map(reading).collect(),
            created_at,
            messages: VecDeque::new(),
            watchers: BTreeMap::new(),
        }
    }

    /// Livestreams are open to everybody, as with Stream; all others are for their members.
    pub fn admits(&self, user_id: &str) -> Result<(), Refusal> {
        if self.kind == "livestream" || self.created_by == user_id || self.members.contains_key(user_id) {
            return Ok(());
        }
        let message = format!("User '{user_id}' is not a member of the channel {}", self.cid);
        Err(Refusal::new(Code::NotAllowed, message))
    }

    /// Its members' ids.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// The values of a field that channels can be found by.
    pub fn field(&self, name: &str) -> Option<Vec<&str>> {
        match name {
            "type" => Some(vec![&self.kind]),
            "id" => Some(vec![&self.id]),
            "cid" => Some(vec![&self.cid]),
            "members" => Some(self.members().collect()),
            _ => None,
        }
    }

    /// When something was last said, or else when it began.
    pub fn last_active(&self) -> &str {
        self.last_message().and_then(|message| text(message, "/created_at")).unwrap_or(&self.created_at)
    }

    /// How many messages this member has not read.
    pub fn unread(&self, user_id: &str) -> u64 {
        self.members.get(user_id).map_or(0, |reading| reading.unread)
    }

    /// This connection hears what happens here. True: it is the first of its user.
    pub fn watch(&mut self, connection_id: &str, user_id: &str) -> bool {
        let is_first = !self.is_watched_by(user_id);
        self.watchers.insert(connection_id.to_owned(), user_id.to_owned());
        is_first
    }

    /// This connection hears no more of it. True: it was the last of its user.
    pub fn unwatch(&mut self, connection_id: &str) -> bool {
        let user_id = self.watchers.remove(connection_id);
        user_id.is_some_and(|user_id| !self.is_watched_by(&user_id))
    }

    fn is_watched_by(&self, user_id: &str) -> bool {
        self.watchers.values().any(|watcher| watcher == user_id)
    }

    /// The connections that watch.
    pub fn watching(&self) -> BTreeSet<String> {
        self.watchers.keys().cloned().collect()
    }

    fn watcher_count(&self) -> usize {
        self.watchers.values().collect::<BTreeSet<_>>().len()
    }

    /// Adds a message, which is then unread by all others. Gives it as it is kept.
    pub fn add(&mut self, said: Map<String, Value>, author: Value) -> Result<Value, Refusal> {
        check(&said)?;
        let id = said.get("id").and_then(Value::as_str).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        let now = now();
        let message = with(
            Value::Object(said),
            json!({
                "id": id, "cid": self.cid, "type": "regular", "user": author, "created_at": now, "updated_at": now,
                "mentioned_users": [], "latest_reactions": [], "own_reactions": [], "reply_count": 0,
                "silent": false, "shadowed": false, "pinned": false,
            }),
        );
        let author = text(&message, "/user/id");
        for (_, reading) in self.members.iter_mut().filter(|(user_id, _)| Some(user_id.as_str()) != author) {
            reading.unread += 1;
        }
        if self.messages.len() == MAX_MESSAGES {
            self.messages.pop_front();
        }
        self.messages.push_back(message.clone());
        Ok(message)
    }

    /// A message that is still kept.
    pub fn message(&self, id: &str) -> Option<&Value> {
        self.messages.iter().find(|message| text(message, "/id") == Some(id))
    }

    /// Changes a message. Gives it as it is then.
    pub fn change(&mut self, id: &str, said: Map<String, Value>) -> Result<Option<Value>, Refusal> {
        check(&said)?;
        let text = said.get("text").cloned().unwrap_or_default();
        Ok(self.overlay(id, json!({ "text": text, "updated_at": now() })))
    }

    /// Takes a message out, or marks it as deleted. Gives it as it is then.
    pub fn delete(&mut self, id: &str, hard: bool) -> Option<Value> {
        let deleted = self.overlay(id, json!({ "type": "deleted", "deleted_at": now() }));
        if hard {
            self.messages.retain(|message| text(message, "/id") != Some(id));
        }
        deleted
    }

    fn overlay(&mut self, id: &str, change: Value) -> Option<Value> {
        let message = self.messages.iter_mut().find(|message| text(message, "/id") == Some(id))?;
        *message = with(message.take(), change);
        Some(message.clone())
    }

    /// This member has read everything. Gives what was last.
    pub fn read(&mut self, user_id: &str) -> Option<String> {
        let last = self.last_message().and_then(|message| text(message, "/id")).map(str::to_owned);
        if let Some(reading) = self.members.get_mut(user_id) {
            *reading = Reading { last_read: now(), last_read_message_id: last.clone(), unread: 0 };
        }
        last
    }

    fn last_message(&self) -> Option<&Value> {
        self.messages.back()
    }

    /// Something that happened here.
    pub fn event(&self, kind: &str, what: Value) -> Value {
        let base = json!({
            "type": kind, "cid": self.cid, "channel_id": self.id, "channel_type": self.kind, "created_at": now(),
            "watcher_count": self.watcher_count(),
        });
        with(base, what)
    }

    /// What Stream says of the channel itself.
    pub fn describe(&self, show: &impl Fn(&str) -> Value) -> Value {
        let base = json!({
            "id": self.id, "type": self.kind, "cid": self.cid,
            "created_at": self.created_at, "updated_at": self.created_at, "created_by": show(&self.created_by),
            "last_message_at": self.last_message().and_then(|message| text(message, "/created_at")),
            "member_count": self.members.len(), "frozen": false, "disabled": false,
            "own_capabilities": [
                "read-channel", "read-events", "send-message", "update-own-message", "delete-own-message",
                "send-typing-events", "typing-events", "connect-events",
            ],
            "config": {
                "name": self.kind, "typing_events": true, "read_events": true, "connect_events": true,
                "delivery_events": false, "custom_events": false, "uploads": false, "reactions": false, "replies": false,
                "mutes": false, "search": false, "url_enrichment": false, "max_message_length": MAX_TEXT_CHARS,
                "message_retention": "infinite", "automod": "disabled", "commands": [],
                "created_at": self.created_at, "updated_at": self.created_at,
            },
        });
        with(Value::Object(self.data.clone()), base)
    }

    /// Its members as Stream lists them.
    pub fn list_members(&self, show: &impl Fn(&str) -> Value) -> Vec<Value> {
        self.members().map(|user_id| self.member(user_id, show)).collect()
    }

    fn member(&self, user_id: &str, show: &impl Fn(&str) -> Value) -> Value {
        json!({
            "user_id": user_id, "user": show(user_id), "role": "member", "channel_role": "channel_member",
            "created_at": self.created_at, "updated_at": self.created_at,
            "banned": false, "shadow_banned": false, "notifications_muted": false,
        })
    }

    /// Everything, as the answer to a query by this user, with so many messages.
    pub fn state(&self, user_id: &str, messages: usize, show: &impl Fn(&str) -> Value) -> Value {
        let skipped = self.messages.len().saturating_sub(messages);
        let reading = |(user_id, reading): (&String, &Reading)| {
            json!({
                "user": show(user_id), "last_read": reading.last_read,
                "last_read_message_id": reading.last_read_message_id, "unread_messages": reading.unread,
            })
        };
        let watchers: BTreeSet<_> = self.watchers.values().collect();
        json!({
            "channel": self.describe(show),
            "members": self.list_members(show),
            "membership": self.members.contains_key(user_id).then(|| self.member(user_id, show)),
            "messages": self.messages.iter().skip(skipped).collect::<Vec<_>>(),
            "pinned_messages": [],
            "read": self.members.iter().map(reading).collect::<Vec<_>>(),
            "watchers": watchers.iter().map(|user_id| show(user_id)).collect::<Vec<_>>(),
            "watcher_count": watchers.len(),
            "duration": "0.00ms",
        })
    }
}

/// Whether this can be said.
fn check(said: &Map<String, Value>) -> Result<(), Refusal> {
    let text = said.get("text").and_then(Value::as_str).unwrap_or_default();
    let length = text.chars().count();
    if length == 0 {
        return Err(Refusal::input("message.text is missing or empty"));
    }
    if length > MAX_TEXT_CHARS {
        let message = format!("message.text is {length} characters long; at most {MAX_TEXT_CHARS} are allowed");
        return Err(Refusal::new(Code::MessageTooLong, message));
    }
    if serde_json::to_string(said).map_or(0, |json| json.len()) > MAX_MESSAGE_BYTES {
        let message = format!("message is larger than {MAX_MESSAGE_BYTES} bytes");
        return Err(Refusal::new(Code::PayloadTooBig, message));
    }
    Ok(())
}
