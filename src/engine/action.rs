//! What JavaScript asks for, checked before anything happens.

use super::error::{Code, Error};
use super::value::Value;

/// The longest title, in characters; the database has the same bounds.
pub const MAX_TITLE: usize = 200;
/// The longest reason; see [`MAX_TITLE`].
pub const MAX_REASON: usize = 500;
/// The longest user id.
const MAX_USER_ID: usize = 200;

/// A stream's id: a UUID in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(String);

impl StreamId {
    /// Reads the argument called `name`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] unless it is a UUID in its usual form with hyphens.
    pub fn parse(name: &str, value: Option<&Value>) -> Result<StreamId, Error> {
        let value = value.unwrap_or(&Value::Null);
        let text = value.as_text().unwrap_or_default();
        let hyphens = [8, 13, 18, 23];
        let fits =
            |(at, byte): (usize, u8)| if hyphens.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() };
        if text.len() == 36 && text.bytes().enumerate().all(fits) {
            Ok(StreamId(text.to_ascii_lowercase()))
        } else {
            Err(Error::argument(name, value, "a UUID such as 0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11"))
        }
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&StreamId> for Value {
    fn from(id: &StreamId) -> Value {
        Value::Text(id.0.clone())
    }
}

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
            "listActiveStreams" => Ok(Action::ListActive),
            "autoEndInactiveStreams" => Ok(Action::AutoEnd),
            "forceEndAllStreams" => Ok(Action::ForceEndAll),
            "endStreamOnRedirect" => Ok(Action::EndOnRedirect {
                streamer: short_text("streamerId", arguments.get("streamerId"), MAX_USER_ID)?
                    .ok_or_else(|| Error::argument("streamerId", &Value::Null, "the streamer's user id"))?,
            }),
            "retryPendingEnds" => Ok(Action::RetryPending),
            "connectUser" => connect_user(arguments),
            "disconnectUser" => Ok(Action::DisconnectUser),
            "reconnect" => {
                only(arguments, "options", &["force"])?;
                match arguments.get("force") {
                    None | Some(Value::Null) => Ok(Action::Reconnect { force: false }),
                    Some(Value::Bool(force)) => Ok(Action::Reconnect { force: *force }),
                    Some(given) => Err(Error::argument("options.force", given, "true or false")),
                }
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
            Action::ListActive => "listActiveStreams",
            Action::AutoEnd => "autoEndInactiveStreams",
            Action::ForceEndAll => "forceEndAllStreams",
            Action::EndOnRedirect { .. } => "endStreamOnRedirect",
            Action::RetryPending => "retryPendingEnds",
            Action::ConnectUser { .. } => "connectUser",
            Action::DisconnectUser => "disconnectUser",
            Action::Reconnect { .. } => "reconnect",
        }
    }

    /// The stream or the user that it is about.
    pub fn subject(&self) -> Value {
        match self {
            Action::StartStream { stream, .. } => stream.as_ref().into(),
            Action::EndStream { stream, .. } | Action::StreamStatus { stream } => stream.into(),
            Action::ConnectUser { user, .. } => user.as_str().into(),
            Action::EndOnRedirect { streamer } => streamer.as_str().into(),
            Action::Reconnect { force } => (*force).into(),
            Action::ListActive
            | Action::AutoEnd
            | Action::ForceEndAll
            | Action::DisconnectUser
            | Action::RetryPending => Value::Null,
        }
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
            Err(Error::argument(name, given, &["a text of 1 to ", &max.to_string(), " characters"].concat()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0D7C1F6E-5a53-4a4e-9c39-6f2d1b0c9a11";

    fn attachment(change: impl Fn(&mut Vec<(String, Value)>)) -> Result<Attachment, Error> {
        let mut value = Value::object([("streamId", ID.into()), ("streamerId", "ana".into()), ("role", "host".into())]);
        if let Value::Object(members) = &mut value {
            change(members);
        }
        Attachment::parse(&value)
    }

    #[test]
    fn ids_are_uuids_in_lower_case() {
        assert_eq!(StreamId::parse("id", Some(&ID.into())).unwrap().as_str(), ID.to_lowercase());
        for bad in
            ["", "x", "0d7c1f6e5a534a4e9c396f2d1b0c9a11", "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a1é", "'; drop table x; --"]
        {
            let error = StreamId::parse("streamId", Some(&bad.into())).unwrap_err();
            assert_eq!(error.code, Code::InvalidArgument);
            assert!(error.message.starts_with("streamId is "), "{error}");
        }
        assert!(
            StreamId::parse("streamId", None).unwrap_err().message.starts_with("streamId is null; it must be a UUID")
        );
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
