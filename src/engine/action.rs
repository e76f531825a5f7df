//! What JavaScript asks for, checked before anything happens.

use super::error::{Code, Error};
use super::id::{EventId, RoomId, StreamId};
use super::value::{Value, digits};
use alloc::string::String;

/// The longest title, in characters; the database has the same bounds.
pub const MAX_TITLE: usize = 200;
/// The longest reason; see [`MAX_TITLE`].
pub const MAX_REASON: usize = 500;
/// The longest user id.
const MAX_USER_ID: usize = 200;
/// The longest idempotency key; see [`MAX_TITLE`].
const MAX_KEY: usize = 200;

/// A method of the manager that answers with a promise.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `startStream`.
    StartStream {
        /// An own scheduled stream, or a new one.
        stream: Option<StreamId>,
        /// What the listing shows.
        title: Option<String>,
    },
    /// `endStreamById`.
    EndStream {
        /// Which.
        stream: StreamId,
        /// Why, for the audit trail.
        reason: Option<String>,
    },
    /// `getStreamStatus`.
    StreamStatus {
        /// Which.
        stream: StreamId,
    },
    /// `stopStreamByKey`.
    StopStream {
        /// Which.
        stream: StreamId,
    },
    /// `playbackUrl`.
    Playback {
        /// Of which stream.
        stream: StreamId,
        /// `hls` or `ts`.
        kind: &'static str,
    },
    /// `listActiveStreams`.
    ListActive,
    /// `autoEndInactiveStreams`.
    AutoEnd,
    /// `forceEndAllStreams`.
    ForceEndAll,
    /// `endStreamOnRedirect`.
    EndOnRedirect {
        /// Whose streams.
        streamer: String,
    },
    /// `retryPendingEnds`.
    RetryPending,
    /// `myRoom`.
    MyRoom,
    /// `goLive`.
    GoLive {
        /// Where.
        room: RoomId,
        /// What the listing shows.
        title: Option<String>,
        /// The app's own; otherwise one is made up for each time that somebody goes live.
        key: Option<String>,
        /// Ends what is live in the room first.
        take_over: bool,
    },
    /// `endRoom`.
    EndRoom {
        /// Which.
        room: RoomId,
    },
    /// `isHost`.
    IsHost {
        /// Of which room.
        room: RoomId,
        /// What the page believes.
        hint: Option<bool>,
    },
    /// `getEventClients`.
    EventClients {
        /// At which event.
        event: EventId,
    },
    /// `getTotalClients`.
    TotalClients,
    /// `connectUser`.
    ConnectUser {
        /// Who.
        user: String,
        /// The token is a text, and not a function that gives one.
        fixed_token: bool,
    },
    /// `disconnectUser`.
    DisconnectUser,
    /// `reconnect`.
    Reconnect {
        /// Also what is well.
        force: bool,
    },
}

impl Action {
    /// Reads a call of the method `name` with its arguments as one object.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`], naming the argument and what it must be.
    pub fn parse(name: &str, arguments: &Value) -> Result<Action, Error> {
        let stream = || StreamId::parse("streamId", arguments.get("streamId"));
        match name {
            "startStream" => {
                only(arguments, "startStream", &["streamId", "title"])?;
                let given = matches!(arguments.get("streamId"), Some(id) if *id != Value::Null);
                let stream = if given { Some(stream()?) } else { None };
                Ok(Action::StartStream { stream, title: short_text("title", arguments.get("title"), MAX_TITLE)? })
            }
            "endStreamById" => Ok(Action::EndStream {
                stream: stream()?,
                reason: short_text("reason", arguments.get("reason"), MAX_REASON)?,
            }),
            "getStreamStatus" => Ok(Action::StreamStatus { stream: stream()? }),
            "stopStreamByKey" => Ok(Action::StopStream { stream: StreamId::parse("key", arguments.get("key"))? }),
            "playbackUrl" => Ok(Action::Playback {
                stream: stream()?,
                kind: match arguments.text("kind") {
                    Some("hls") => "hls",
                    Some("ts") => "ts",
                    _ => {
                        let given = arguments.get("kind").unwrap_or(&Value::Null);
                        return Err(Error::argument("kind", given, "\"hls\" or \"ts\""));
                    }
                },
            }),
            "listActiveStreams" => Ok(Action::ListActive),
            "autoEndInactiveStreams" => Ok(Action::AutoEnd),
            "forceEndAllStreams" => Ok(Action::ForceEndAll),
            "endStreamOnRedirect" => Ok(Action::EndOnRedirect {
                streamer: short_text("streamerId", arguments.get("streamerId"), MAX_USER_ID)?
                    .ok_or_else(|| Error::argument("streamerId", &Value::Null, "the streamer's user id"))?,
            }),
            "retryPendingEnds" => Ok(Action::RetryPending),
            "myRoom" => Ok(Action::MyRoom),
            "goLive" => go_live(arguments),
            "endRoom" => Ok(Action::EndRoom { room: RoomId::parse("roomId", arguments.get("roomId"))? }),
            "getEventClients" => {
                Ok(Action::EventClients { event: EventId::parse("eventId", arguments.get("eventId"))? })
            }
            "getTotalClients" => Ok(Action::TotalClients),
            "isHost" => Ok(Action::IsHost {
                room: RoomId::parse("roomId", arguments.get("roomId"))?,
                hint: flag("hint", arguments.get("hint"))?,
            }),
            "connectUser" => connect_user(arguments),
            "disconnectUser" => Ok(Action::DisconnectUser),
            "reconnect" => {
                only(arguments, "options", &["force"])?;
                let force = flag("options.force", arguments.get("force"))?.unwrap_or(false);
                Ok(Action::Reconnect { force })
            }
            _ => Err(Error::new(Code::InvalidArgument, [name, " is not a method"].concat())),
        }
    }

    /// The method's name.
    pub fn name(&self) -> &'static str {
        match self {
            Action::StartStream { .. } => "startStream",
            Action::EndStream { .. } => "endStreamById",
            Action::StreamStatus { .. } => "getStreamStatus",
            Action::StopStream { .. } => "stopStreamByKey",
            Action::Playback { .. } => "playbackUrl",
            Action::ListActive => "listActiveStreams",
            Action::AutoEnd => "autoEndInactiveStreams",
            Action::ForceEndAll => "forceEndAllStreams",
            Action::EndOnRedirect { .. } => "endStreamOnRedirect",
            Action::RetryPending => "retryPendingEnds",
            Action::MyRoom => "myRoom",
            Action::GoLive { .. } => "goLive",
            Action::EndRoom { .. } => "endRoom",
            Action::IsHost { .. } => "isHost",
            Action::EventClients { .. } => "getEventClients",
            Action::TotalClients => "getTotalClients",
            Action::ConnectUser { .. } => "connectUser",
            Action::DisconnectUser => "disconnectUser",
            Action::Reconnect { .. } => "reconnect",
        }
    }
}

fn go_live(arguments: &Value) -> Result<Action, Error> {
    let none = Value::Null;
    let options = arguments.get("options").unwrap_or(&none);
    only(options, "options", &["title", "idempotencyKey", "takeOver"])?;
    Ok(Action::GoLive {
        room: RoomId::parse("roomId", arguments.get("roomId"))?,
        title: short_text("options.title", options.get("title"), MAX_TITLE)?,
        key: short_text("options.idempotencyKey", options.get("idempotencyKey"), MAX_KEY)?,
        take_over: flag("options.takeOver", options.get("takeOver"))?.unwrap_or(false),
    })
}

fn flag(name: &str, value: Option<&Value>) -> Result<Option<bool>, Error> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(given) => Err(Error::argument(name, given, "true or false")),
    }
}

/// The façade keeps the token and the user's data, and says only what kinds of value they are.
fn connect_user(arguments: &Value) -> Result<Action, Error> {
    let user = short_text("userId", arguments.get("userId"), MAX_USER_ID)?
        .ok_or_else(|| Error::argument("userId", &Value::Null, "the user's id"))?;
    let kind = |name| arguments.text(name).unwrap_or("undefined");
    let wrong = |name, must| {
        let message = [name, " is of the type ", kind(name), "; it must be ", must].concat();
        Err(Error::new(Code::InvalidArgument, message))
    };
    match (kind("token"), kind("userData")) {
        ("string" | "function", "object" | "undefined") => {
            Ok(Action::ConnectUser { user, fixed_token: kind("token") == "string" })
        }
        ("string" | "function", _) => wrong("userData", "an object"),
        _ => wrong("token", "a non-empty string, or a function that gives one or a promise of one"),
    }
}

/// The longest kind of a session.
const MAX_KIND: usize = 40;

/// Reads what a session is of: its stream, and its kind.
///
/// # Errors
/// [`Code::InvalidArgument`], naming the argument and what it must be.
pub fn session(value: &Value) -> Result<(StreamId, String), Error> {
    let kind = short_text("session.kind", value.get("kind"), MAX_KIND)?
        .ok_or_else(|| Error::argument("session.kind", &Value::Null, "a word such as hls"))?;
    Ok((StreamId::parse("session.key", value.get("key"))?, kind))
}

/// Whose page this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The streamer's: its leave ends the stream.
    Host,
    /// Somebody else's: nothing that happens in it ends the stream.
    Viewer,
}

impl Role {
    /// As JavaScript sees it.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Host => "host",
            Role::Viewer => "viewer",
        }
    }
}

/// What `attachMeeting` is told about the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    /// The stream that the meeting carries.
    pub stream: StreamId,
    /// Whose stream it is.
    pub streamer: String,
    /// Whose page this is.
    pub role: Role,
    /// The host's id among the meeting's participants, when the app wants that participant's leave to count.
    pub host_participant: Option<String>,
}

impl Attachment {
    /// Reads the second argument of `attachMeeting`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`], naming the argument and what it must be.
    pub fn parse(value: &Value) -> Result<Attachment, Error> {
        only(value, "stream", &["streamId", "streamerId", "role", "hostParticipantId"])?;
        let role = value.get("role").unwrap_or(&Value::Null);
        Ok(Attachment {
            stream: StreamId::parse("stream.streamId", value.get("streamId"))?,
            streamer: short_text("stream.streamerId", value.get("streamerId"), MAX_USER_ID)?
                .ok_or_else(|| Error::argument("stream.streamerId", &Value::Null, "the streamer's user id"))?,
            role: match role.as_text() {
                Some("host") => Role::Host,
                Some("viewer") => Role::Viewer,
                _ => return Err(Error::argument("stream.role", role, "\"host\" or \"viewer\"")),
            },
            host_participant: short_text("stream.hostParticipantId", value.get("hostParticipantId"), MAX_USER_ID)?,
        })
    }
}

fn only(value: &Value, name: &str, known: &[&str]) -> Result<(), Error> {
    let members = match value {
        Value::Null if name == "startStream" || name == "options" => return Ok(()),
        Value::Object(members) => members,
        other => return Err(Error::argument(name, other, "an object")),
    };
    match members.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some((key, _)) => {
            let key = Value::from(key.as_str()).shown();
            let message = [name, ".", key.trim_matches('"'), " is not known; known here: ", &known.join(", ")].concat();
            Err(Error::new(Code::InvalidArgument, message))
        }
    }
}

fn short_text(name: &str, value: Option<&Value>, max: usize) -> Result<Option<String>, Error> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Text(text)) if !text.is_empty() && text.chars().nth(max).is_none() => Ok(Some(text.clone())),
        Some(given) => {
            Err(Error::argument(name, given, &["a text of 1 to ", &digits(max as u64), " characters"].concat()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const ID: &str = "0D7C1F6E-5a53-4a4e-9c39-6f2d1b0c9a11";

    fn attachment(change: impl Fn(&mut Vec<(String, Value)>)) -> Result<Attachment, Error> {
        let mut value = Value::object([("streamId", ID.into()), ("streamerId", "ana".into()), ("role", "host".into())]);
        if let Value::Object(members) = &mut value {
            change(members);
        }
        Attachment::parse(&value)
    }

    #[test]
    fn a_bad_attachment_names_the_field() {
        assert_eq!(attachment(|_| {}).unwrap().role, Role::Host);
        let said = |change: fn(&mut Vec<(String, Value)>)| attachment(change).unwrap_err().message;
        assert!(said(|members| members[0].1 = "".into()).starts_with("stream.streamId is empty"));
        assert!(said(|members| members[1].1 = Value::Null).starts_with("stream.streamerId is null"));
        assert!(said(|members| members[2].1 = "guest".into()).starts_with("stream.role is \"guest\""));
        assert!(said(|members| members.push(("x".into(), Value::Null))).starts_with("stream.x is not known"));
        assert!(
            Attachment::parse(&Value::Null).unwrap_err().message.starts_with("stream is null; it must be an object")
        );
    }

    #[test]
    fn texts_are_bounded() {
        let call = |title: String| Action::parse("startStream", &Value::object([("title", title.into())]));
        assert!(call("é".repeat(200)).is_ok());
        let error = call("é".repeat(201)).unwrap_err();
        assert!(error.message.ends_with("it must be a text of 1 to 200 characters"), "{error}");
    }
}
