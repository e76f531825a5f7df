//! All that the service remembers, and what each request does to it. Whoever may hear of a change hears of it in the same
//! step, so that everybody sees everything in one order.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::ws::Utf8Bytes;
use serde_json::{Map, Value, json};

use super::channel::Channel;
use super::faults::{Fault, Faults};
use super::filter::Filter;
use super::refusal::{Code, Refusal};
use super::sockets::{Session, Sockets};
use super::users::Users;
use super::{now, text, with};

const MAX_CHANNELS: usize = 500;
const MAX_MEMBERS: usize = 30;

/// As long as Stream's may be.
const MAX_ID_CHARS: usize = 64;

/// Who asks for something, and over which connection they are told of events.
#[derive(Debug)]
pub struct Caller {
    pub user_id: String,
    pub connection_id: Option<String>,
}

/// What somebody wants to see of channels.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub watch: bool,
    pub messages: usize,
}

/// What became of a message: the answer to who did it, and what the app's webhook is told.
#[derive(Debug)]
pub struct Told {
    pub answer: Value,
    pub webhook: Value,
}

/// The service's memory.
#[derive(Debug, Default)]
pub struct World {
    pub sockets: Sockets,
    pub faults: Faults,
    users: Users,
    channels: BTreeMap<String, Channel>,
}

/// How users look at this moment.
fn showing<'a>(users: &'a Users, sockets: &'a Sockets) -> impl Fn(&str) -> Value + 'a {
    |user_id| users.show(user_id, sockets.is_online(user_id))
}

impl World {
    /// A connection of this user, who is told so, or met by the fault that waits for them.
    pub fn open(&mut self, user_id: &str, details: Map<String, Value>) -> Result<Session, Refusal> {
        let fault = self.faults.at_connect(user_id);
        match fault {
            Some(Fault::Refuse) => return Err(Refusal::new(Code::NotAllowed, "refused, as the demo was asked to")),
            Some(Fault::ExpireTokens) => {
                return Err(Refusal::new(Code::TokenExpired, "expired, as the demo was asked to"));
            }
            _ => {}
        }
        self.users.see(user_id, details)?;
        let was_online = self.sockets.is_online(user_id);
        let session = self.sockets.open(user_id, fault == Some(Fault::Silent));
        let unread: Vec<u64> =
            self.channels.values().map(|channel| channel.unread(user_id)).filter(|n| *n > 0).collect();
        let total: u64 = unread.iter().sum();
        let own = json!({
            "devices": [], "mutes": [], "channel_mutes": [], "blocked_user_ids": [],
            "unread_channels": unread.len(), "unread_count": total, "total_unread_count": total,
        });
        let hello =
            with(health_check(&session.connection_id), json!({ "me": with(self.users.show(user_id, true), own) }));
        self.sockets.send(&session.connection_id, &hello.to_string().into());
        if fault == Some(Fault::Drop) {
            self.sockets.close(&session.connection_id);
        } else if !was_online {
            self.tell_presence(user_id);
        }
        Ok(session)
    }

    /// The answer to a ping.
    pub fn answer_ping(&mut self, connection_id: &str) {
        self.sockets.send(connection_id, &health_check(connection_id).to_string().into());
    }

    /// This connection is over, in whatever way.
    pub fn close(&mut self, connection_id: &str, user_id: &str) {
        self.sockets.close(connection_id);
        let left = self.channels.values_mut().filter_map(|it| it.unwatch(connection_id).then(|| it.cid.clone()));
        for cid in left.collect::<Vec<_>>() {
            self.tell_watching(&cid, connection_id, user_id, "user.watching.stop");
        }
        if !self.sockets.is_online(user_id) {
            self.tell_presence(user_id);
        }
    }

    /// A channel, which is made if it is not there.
    pub fn query(
        &mut self,
        caller: &Caller,
        kind: &str,
        id: &str,
        data: Map<String, Value>,
        view: View,
    ) -> Result<Value, Refusal> {
        let cid = format!("{kind}:{id}");
        if !self.channels.contains_key(&cid) {
            self.create(&caller.user_id, kind, id, data)?;
        }
        self.look(caller, &cid, view)
    }

    fn create(&mut self, user_id: &str, kind: &str, id: &str, mut data: Map<String, Value>) -> Result<(), Refusal> {
        if id.chars().count() > MAX_ID_CHARS || kind.chars().count() > MAX_ID_CHARS {
            return Err(Refusal::input(format!("channel type and id may have at most {MAX_ID_CHARS} characters each")));
        }
        if self.channels.len() >= MAX_CHANNELS {
            let message = format!("there are {MAX_CHANNELS} channels, and there is no room for more");
            return Err(Refusal::new(Code::RateLimit, message));
        }
        let members = members(data.remove("members"))?;
        for member in members.iter().map(String::as_str).chain([user_id]) {
            self.users.know(member)?;
        }
        let channel = Channel::new(kind, id, data, user_id, members);
        self.channels.insert(channel.cid.clone(), channel);
        Ok(())
    }

    /// The channels that this user may see and that the filter finds, the liveliest first.
    pub fn query_channels(
        &mut self,
        caller: &Caller,
        filter: &Filter,
        limit: usize,
        view: View,
    ) -> Result<Value, Refusal> {
        let visible = |channel: &&Channel| channel.admits(&caller.user_id).is_ok() && filter.finds(channel);
        let mut found: Vec<_> = self.channels.values().filter(visible).collect();
        found.sort_by(|one, other| other.last_active().cmp(one.last_active()));
        let cids: Vec<_> = found.into_iter().take(limit).map(|channel| channel.cid.clone()).collect();
        let states = cids.iter().map(|cid| self.look(caller, cid, view)).collect::<Result<Vec<_>, _>>()?;
        Ok(json!({ "channels": states, "duration": "0.00ms" }))
    }

    fn look(&mut self, caller: &Caller, cid: &str, view: View) -> Result<Value, Refusal> {
        if view.watch {
            let connection_id = self.connection_of(caller)?;
            if self.channel(caller, cid)?.watch(connection_id, &caller.user_id) {
                self.tell_watching(cid, connection_id, &caller.user_id, "user.watching.start");
            }
        }
        let show = showing(&self.users, &self.sockets);
        let channel = visible(&self.channels, &caller.user_id, cid)?;
        Ok(channel.state(&caller.user_id, view.messages, &show))
    }

    /// This connection hears no more of the channel.
    pub fn stop_watching(&mut self, caller: &Caller, cid: &str) -> Result<Value, Refusal> {
        let connection_id = self.connection_of(caller)?;
        if self.channel(caller, cid)?.unwatch(connection_id) {
            self.tell_watching(cid, connection_id, &caller.user_id, "user.watching.stop");
        }
        Ok(json!({ "duration": "0.00ms" }))
    }

    /// Something is said.
    pub fn send(&mut self, caller: &Caller, cid: &str, said: Map<String, Value>) -> Result<Told, Refusal> {
        if said.get("id").and_then(Value::as_str).is_some_and(|id| self.with_message(id).is_ok()) {
            return Err(Refusal::input("a message with that message.id already exists"));
        }
        let author = self.users.show(&caller.user_id, true);
        let message = self.channel(caller, cid)?.add(said, author)?;
        let told = self.tell_message(cid, "message.new", &caller.user_id, message, json!({}))?;
        self.notify_members(cid, &told.webhook);
        Ok(told)
    }

    /// Its author changes a message.
    pub fn update(&mut self, caller: &Caller, id: &str, said: Map<String, Value>) -> Result<Told, Refusal> {
        let cid = self.own_message(caller, id)?;
        let message = self.channel(caller, &cid)?.change(id, said)?.ok_or_else(|| no_message(id))?;
        self.tell_message(&cid, "message.updated", &caller.user_id, message, json!({}))
    }

    /// Its author takes a message back.
    pub fn delete(&mut self, caller: &Caller, id: &str, hard: bool) -> Result<Told, Refusal> {
        let cid = self.own_message(caller, id)?;
        let message = self.channel(caller, &cid)?.delete(id, hard).ok_or_else(|| no_message(id))?;
        self.tell_message(&cid, "message.deleted", &caller.user_id, message, json!({ "hard_delete": hard }))
    }

    /// The caller has read everything.
    pub fn read(&mut self, caller: &Caller, cid: &str) -> Result<Value, Refusal> {
        let last = self.channel(caller, cid)?.read(&caller.user_id);
        self.tell(caller, cid, "message.read", json!({ "last_read_message_id": last }))
    }

    /// The caller types, or has stopped.
    pub fn typing(&mut self, caller: &Caller, cid: &str, kind: &str) -> Result<Value, Refusal> {
        if !["typing.start", "typing.stop"].contains(&kind) {
            let message = format!("event.type is `{kind}`; it must be typing.start or typing.stop");
            return Err(Refusal::new(Code::EventNotSupported, message));
        }
        self.tell(caller, cid, kind, json!({}))
    }

    fn channel(&mut self, caller: &Caller, cid: &str) -> Result<&mut Channel, Refusal> {
        let channel = self.channels.get_mut(cid).ok_or_else(|| no_channel(cid))?;
        channel.admits(&caller.user_id)?;
        Ok(channel)
    }

    /// The connection that the caller names, if it is theirs and open.
    fn connection_of<'a>(&self, caller: &'a Caller) -> Result<&'a str, Refusal> {
        let Some(id) = caller.connection_id.as_deref() else {
            return Err(Refusal::input("connection_id is missing: to watch takes an open connection"));
        };
        if self.sockets.user_of(id) != Some(&caller.user_id) {
            return Err(Refusal::new(
                Code::ConnectionId,
                "connection_id is not the one of an open connection of this user",
            ));
        }
        Ok(id)
    }

    fn with_message(&self, id: &str) -> Result<(&Channel, &Value), Refusal> {
        let mut found = self.channels.values().filter_map(|channel| Some((channel, channel.message(id)?)));
        found.next().ok_or_else(|| no_message(id))
    }

    /// The channel of a message of the caller's own.
    fn own_message(&self, caller: &Caller, id: &str) -> Result<String, Refusal> {
        let (channel, message) = self.with_message(id)?;
        if text(message, "/user/id") != Some(&caller.user_id) {
            return Err(Refusal::new(Code::NotAllowed, "only its author may change or delete a message"));
        }
        Ok(channel.cid.clone())
    }

    fn tell(&mut self, caller: &Caller, cid: &str, kind: &str, what: Value) -> Result<Value, Refusal> {
        let user = showing(&self.users, &self.sockets)(&caller.user_id);
        let event = self.channel(caller, cid)?.event(kind, with(json!({ "user": user }), what));
        self.publish(cid, &event);
        Ok(json!({ "event": event, "duration": "0.00ms" }))
    }

    fn tell_message(
        &mut self,
        cid: &str,
        kind: &str,
        user_id: &str,
        message: Value,
        what: Value,
    ) -> Result<Told, Refusal> {
        let channel = visible(&self.channels, user_id, cid)?;
        let show = showing(&self.users, &self.sockets);
        let what =
            with(json!({ "user": show(user_id), "message_id": text(&message, "/id"), "message": message }), what);
        let event = channel.event(kind, what);
        let about = json!({ "channel": channel.describe(&show), "members": channel.list_members(&show) });
        drop(show);
        let webhook = with(event.clone(), about);
        self.publish(cid, &event);
        Ok(Told { answer: json!({ "message": message, "duration": "0.00ms" }), webhook })
    }

    /// Members who do not watch hear that there is something new.
    fn notify_members(&mut self, cid: &str, event: &Value) {
        let Some(channel) = self.channels.get(cid) else { return };
        let watching = channel.watching();
        let theirs = channel.members().flat_map(|user_id| self.sockets.of(user_id));
        let others: Vec<_> = theirs.filter(|id| !watching.contains(id)).collect();
        let event: Utf8Bytes = with(event.clone(), json!({ "type": "notification.message_new" })).to_string().into();
        others.iter().for_each(|connection_id| self.sockets.send(connection_id, &event));
    }

    /// All others hear that this connection's user watches, or does not any more.
    fn tell_watching(&mut self, cid: &str, connection_id: &str, user_id: &str, kind: &str) {
        let user = showing(&self.users, &self.sockets)(user_id);
        let Some(channel) = self.channels.get(cid) else { return };
        let event = channel.event(kind, json!({ "user": user })).to_string().into();
        let mut others = channel.watching();
        others.remove(connection_id);
        others.iter().for_each(|connection_id| self.sockets.send(connection_id, &event));
    }

    /// Everybody who watches a channel of this user's hears whether they are there.
    fn tell_presence(&mut self, user_id: &str) {
        let of_user = self.channels.values().filter(|channel| channel.members().any(|member| member == user_id));
        let watching: BTreeSet<_> = of_user.flat_map(Channel::watching).collect();
        let user = showing(&self.users, &self.sockets)(user_id);
        let event = json!({ "type": "user.presence.changed", "created_at": now(), "user": user }).to_string().into();
        watching.iter().for_each(|connection_id| self.sockets.send(connection_id, &event));
    }

    fn publish(&mut self, cid: &str, event: &Value) {
        let event = event.to_string().into();
        let watching = self.channels.get(cid).map(Channel::watching).unwrap_or_default();
        watching.iter().for_each(|connection_id| self.sockets.send(connection_id, &event));
    }
}

fn visible<'a>(channels: &'a BTreeMap<String, Channel>, user_id: &str, cid: &str) -> Result<&'a Channel, Refusal> {
    let channel = channels.get(cid).ok_or_else(|| no_channel(cid))?;
    channel.admits(user_id)?;
    Ok(channel)
}

/// The ids of `members`, which may be ids or objects with a `user_id`.
fn members(given: Option<Value>) -> Result<BTreeSet<String>, Refusal> {
    let wrong = || Refusal::input("data.members must be a list of user ids");
    let list = match given {
        None | Some(Value::Null) => return Ok(BTreeSet::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong()),
    };
    if list.len() > MAX_MEMBERS {
        return Err(Refusal::input(format!(
            "data.members has {} entries; at most {MAX_MEMBERS} are allowed",
            list.len()
        )));
    }
    let id = |member: &Value| member.as_str().or_else(|| member.get("user_id")?.as_str()).map(str::to_owned);
    list.iter().map(|member| id(member).ok_or_else(wrong)).collect()
}

fn health_check(connection_id: &str) -> Value {
    json!({ "type": "health.check", "cid": "*", "connection_id": connection_id, "created_at": now() })
}

fn no_channel(cid: &str) -> Refusal {
    Refusal::new(Code::DoesNotExist, format!("Can't find channel with id {cid}"))
}

fn no_message(id: &str) -> Refusal {
    Refusal::new(Code::DoesNotExist, format!("Message with id {id} doesn't exist"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::stream_chat::users::MAX_USERS;

    #[test]
    fn there_is_a_limit_to_channels_and_to_users() {
        let mut world = World::default();
        let caller = Caller { user_id: "alice".into(), connection_id: None };
        let view = View { watch: false, messages: 0 };
        let code = |refused: Refusal| refused.to_json()["code"].clone();
        let mut query = |id: &str| world.query(&caller, "messaging", id, Map::new(), view);
        assert!((0..MAX_CHANNELS).all(|n| query(&n.to_string()).is_ok()));
        assert_eq!(code(query("one more").unwrap_err()), 9);
        assert!(query("7").is_ok());

        let refused = (0..=MAX_USERS).find_map(|n| world.open(&n.to_string(), Map::new()).err());
        assert_eq!(code(refused.unwrap()), 9);
        let large = Map::from_iter([("image".to_owned(), "x".repeat(6000).into())]);
        assert_eq!(code(world.open("alice", large).unwrap_err()), 22);
        assert!(world.open("alice", Map::new()).is_ok());
    }
}
