//! Inputs as a trace tells them: all that the engine reads of them, so that they can be had again, and nothing else.

use super::action::{Action, Attachment};
use super::backend::Answer;
use super::input::{ChatEvent, Input};
use super::listing::FeedEvent;
use super::meeting::MeetingEvent;
use super::outbox::Intent;
use super::redacted::word;
use super::sessions::SessionEvent;
use super::started::inactivity_to_value;
use super::trace::{Quiet, Trace};
use super::value::{Members, Value};
use super::watching::SocketEvent;
use alloc::borrow::ToOwned;
use alloc::vec::Vec;

/// In the place of a list that came before.
const SAME: &str = "same";

impl Trace {
    /// `{input, of?, data?}`.
    pub(super) fn input_value(&mut self, input: &Input) -> Value {
        let mut of = Value::Null;
        let mut numbered = |number: u32| of = number.into();
        let (name, data) = match input {
            Input::Wake => return quiet_value(Quiet::Wake),
            Input::Activity { heard } => return quiet_value(Quiet::Activity { heard: *heard }),
            Input::Chat { generation, event: ChatEvent::Alive } => return quiet_value(Quiet::Alive(*generation)),
            Input::Page(event) => ("page", event.name().into()),
            Input::Chat { generation, event } => {
                numbered(generation.0);
                ("chat", self.chat_event_value(event))
            }
            Input::SetInactivity(inactivity) => ("setInactivity", inactivity_to_value(inactivity)),
            Input::SignedOutElsewhere { user } => ("signed out elsewhere", self.redacted.name(user)),
            Input::Call { call, action } => {
                numbered(call.0);
                (action.name(), self.arguments(action))
            }
            Input::Attach { meeting, attachment, joined } => {
                numbered(meeting.0);
                ("attach", self.attachment_value(attachment, *joined))
            }
            Input::Detach { meeting } => {
                numbered(meeting.0);
                ("detach", Value::Null)
            }
            Input::Meeting { meeting, event } => {
                numbered(meeting.0);
                ("meeting", self.meeting_event_value(event))
            }
            Input::Register { session, key, kind } => {
                numbered(session.0);
                let mut data = Members::default();
                data.text("key", key.as_str());
                data.put("kind", word(kind));
                ("register session", data.object())
            }
            Input::Unregister { session } => {
                numbered(session.0);
                ("unregister session", Value::Null)
            }
            Input::Session { session, event } => {
                numbered(session.0);
                ("session", session_event_value(*event))
            }
            Input::Owed { entries } => {
                let entries = entries.iter().map(|(key, value)| self.owed_value(key, value)).collect();
                ("owed", Value::List(entries))
            }
            Input::Claimed { key, intent } => ("claimed", self.owed_value(key, intent)),
            Input::WatchListing(on) => ("watch listing", (*on).into()),
            Input::RefreshListing => ("refresh listing", Value::Null),
            Input::WatchEvent { event, on } => {
                of = event.into();
                ("watch event", (*on).into())
            }
            Input::Socket { socket, event } => {
                numbered(socket.0);
                let data = match event {
                    SocketEvent::Message(message) => self.redacted.tree(message),
                    SocketEvent::Closed(code) => {
                        // Of a message, no such member is told.
                        let mut closed = Members::default();
                        closed.number("closed", *code);
                        closed.object()
                    }
                };
                ("socket", data)
            }
            Input::Feed(event) => {
                let data = match event {
                    FeedEvent::Rows(rows) => self.list(rows),
                    FeedEvent::Alive => "alive".into(),
                    FeedEvent::Lost => "lost".into(),
                };
                ("feed", data)
            }
            Input::NotStored => ("not stored", Value::Null),
            Input::User { id } => ("user", self.optional(id.as_deref())),
            Input::SignedOut => ("signed out", Value::Null),
            Input::Answer { request, answer } => {
                numbered(request.0);
                ("answer", self.answer_value(answer))
            }
            Input::Dispose => ("dispose", Value::Null),
        };
        entry(name, of, data)
    }

    pub(super) fn optional(&mut self, name: Option<&str>) -> Value {
        name.map_or(Value::Null, |name| self.redacted.name(name))
    }

    /// What a backend has answered.
    pub(super) fn body(&mut self, body: &Value) -> Value {
        match body {
            Value::List(items) => self.list(items),
            other => self.redacted.tree(other),
        }
    }

    /// A list of the backend's; where nothing happens it is the same for hours.
    fn list(&mut self, items: &[Value]) -> Value {
        let row = |item| {
            let mut row = self.redacted.tree(item);
            if let Value::Object(members) = &mut row {
                // Changes all the time, and decides nothing.
                members.retain(|(key, _)| key != "viewers");
            }
            row
        };
        let told = Value::List(items.iter().map(row).collect());
        if told == self.rows {
            return SAME.into();
        }
        self.rows = told.clone();
        told
    }

    /// As [`Action::parse`] takes them.
    fn arguments(&mut self, action: &Action) -> Value {
        let mut data = Members::default();
        match action {
            Action::StartStream { stream, title } => {
                data.put("streamId", stream.as_ref().into());
                data.put("title", self.optional(title.as_deref()));
            }
            Action::EndStream { stream, reason } => {
                data.text("streamId", stream.as_str());
                data.put("reason", reason.as_deref().map_or(Value::Null, |reason| self.redacted.reason(reason)));
            }
            Action::StreamStatus { stream } => data.text("streamId", stream.as_str()),
            Action::StopStream { stream } => data.text("key", stream.as_str()),
            Action::Playback { stream, kind } => {
                data.text("streamId", stream.as_str());
                data.text("kind", kind);
            }
            Action::EndOnRedirect { streamer } => data.put("streamerId", self.redacted.name(streamer)),
            Action::GoLive { room, title, key, take_over } => {
                data.text("roomId", room.as_str());
                let mut options = Members::default();
                options.put("title", self.optional(title.as_deref()));
                options.put("idempotencyKey", self.optional(key.as_deref()));
                options.flag("takeOver", *take_over);
                data.put("options", options.object());
            }
            Action::EndRoom { room } => data.text("roomId", room.as_str()),
            Action::IsHost { room, hint } => {
                data.text("roomId", room.as_str());
                data.put("hint", (*hint).into());
            }
            Action::EventClients { event } => data.text("eventId", event.as_str()),
            Action::ConnectUser { user, fixed_token } => {
                data.put("userId", self.redacted.name(user));
                data.text("token", if *fixed_token { "string" } else { "function" });
            }
            Action::Reconnect { force } => data.flag("force", *force),
            Action::ListActive
            | Action::AutoEnd
            | Action::ForceEndAll
            | Action::DisconnectUser
            | Action::MyRoom
            | Action::TotalClients
            | Action::RetryPending => return Value::Null,
        }
        data.object()
    }

    fn attachment_value(&mut self, attachment: &Attachment, joined: bool) -> Value {
        let mut data = Members::default();
        data.text("streamId", attachment.stream.as_str());
        data.put("streamerId", self.redacted.name(&attachment.streamer));
        data.text("role", attachment.role.as_str());
        data.put("hostParticipantId", self.optional(attachment.host_participant.as_deref()));
        data.flag("joined", joined);
        data.object()
    }

    fn meeting_event_value(&self, event: &MeetingEvent) -> Value {
        let mut data = Members::default();
        data.text("event", event.name());
        match event {
            MeetingEvent::ParticipantLeft { id } => data.put("id", self.redacted.name_if_known(id)),
            MeetingEvent::KickedOut { local } => data.flag("local", *local),
            MeetingEvent::ErrorOccurred { name, fatal } => {
                data.put("name", word(name));
                data.flag("fatal", *fatal);
            }
            _ => {}
        }
        data.object()
    }

    /// What a vendor says is left out: nobody knows what is in it.
    fn chat_event_value(&mut self, event: &ChatEvent) -> Value {
        let (name, of) = match event {
            ChatEvent::Token { subject, expired } => {
                let mut token = Members::default();
                token.put("subject", self.optional(subject.as_deref()));
                token.flag("expired", *expired);
                ("token", token.object())
            }
            ChatEvent::Opened => ("opened", Value::Null),
            ChatEvent::Failed(failure, _) => ("failed", failure.name().into()),
            ChatEvent::Alive => ("alive", Value::Null),
            ChatEvent::Lost(failure, _) => ("lost", failure.name().into()),
            ChatEvent::Probed(well) => ("probed", (*well).into()),
            ChatEvent::Closed => ("closed", Value::Null),
            ChatEvent::CameBack => ("came back", Value::Null),
        };
        let mut data = Members::default();
        data.text("event", name);
        data.put("data", of);
        data.object()
    }

    /// What cannot be read is told by its key alone.
    fn owed_value(&mut self, key: &str, value: &Value) -> Value {
        let mut data = Members::default();
        data.put("key", self.redacted.key(key));
        if let Some(intent) = Intent::parse(key, value) {
            data.put("intent", self.redacted.tree(&intent.to_value()));
        }
        data.object()
    }

    fn answer_value(&mut self, answer: &Answer) -> Value {
        let (status, body) = match answer {
            Answer::Http { status, body } => (u32::from(*status), body),
            Answer::Unreachable => return "unreachable".into(),
            Answer::TimedOut => return "timed out".into(),
            Answer::NoToken => return "no token".into(),
            Answer::OtherUser => return "other user".into(),
        };
        // Without a body it was no JSON; `null` is.
        let mut members = Vec::from([("http".to_owned(), status.into())]);
        members.extend(body.as_ref().map(|body| ("body".to_owned(), self.body(body))));
        Value::Object(members)
    }
}

/// What most often need not be told.
pub(super) fn quiet_value(quiet: Quiet) -> Value {
    match quiet {
        Quiet::Wake => entry("wake", Value::Null, Value::Null),
        Quiet::Activity { heard } => entry("activity", Value::Null, heard.into()),
        Quiet::Alive(generation) => {
            let mut data = Members::default();
            data.text("event", "alive");
            entry("chat", generation.0.into(), data.object())
        }
    }
}

fn session_event_value(event: SessionEvent) -> Value {
    let mut data = Members::default();
    let open = match event {
        SessionEvent::Stopped { failed, open } => {
            data.text("event", "stopped");
            data.flag("failed", failed);
            open
        }
        SessionEvent::Looked { open } => {
            data.text("event", "looked");
            open
        }
    };
    data.put("open", open.into());
    data.object()
}

fn entry(name: &str, of: Value, data: Value) -> Value {
    let mut entry = Members::default();
    entry.text("input", name);
    entry.put("of", of);
    entry.put("data", data);
    entry.object()
}
