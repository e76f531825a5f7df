//! What goes into the engine, and what comes out of it.

use super::action::{Action, Attachment};
use super::backend::{Answer, Rpc};
use super::config::Inactivity;
use super::error::Error;
use super::id::{EventId, StreamId};
use super::listing::FeedEvent;
use super::meeting::MeetingEvent;
use super::page::PageEvent;
use super::reason::Reason;
use super::sessions::{SessionEvent, SessionOutput};
use super::value::Value;
use super::watching::{SocketEvent, SocketOutput};
use super::{CallId, Generation, MeetingId, RequestId, SessionId, SocketId};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// What goes in.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The timer has fired.
    Wake,
    /// Something happened to the page.
    Page(PageEvent),
    /// JavaScript called a method; its promise is numbered.
    Call {
        /// The promise.
        call: CallId,
        /// The method.
        action: Action,
    },
    /// A meeting was attached.
    Attach {
        /// Its number.
        meeting: MeetingId,
        /// Its stream.
        attachment: Attachment,
        /// It says that it has been joined already.
        joined: bool,
    },
    /// A meeting was detached.
    Detach {
        /// Its number.
        meeting: MeetingId,
    },
    /// An attached meeting has said something.
    Meeting {
        /// Its number.
        meeting: MeetingId,
        /// What it said.
        event: MeetingEvent,
    },
    /// The app has registered a session.
    Register {
        /// Its number.
        session: SessionId,
        /// Its stream.
        key: StreamId,
        /// Such as `hls`.
        kind: String,
    },
    /// The app has done with a session.
    Unregister {
        /// Its number.
        session: SessionId,
    },
    /// Something is heard of a session.
    Session {
        /// Its number.
        session: SessionId,
        /// What.
        event: SessionEvent,
    },
    /// Something is said of a chat connection.
    Chat {
        /// Which.
        generation: Generation,
        /// What.
        event: ChatEvent,
    },
    /// The person has done something. `heard`: a listener of ours was called, and all of them are off now.
    Activity {
        /// See above.
        heard: bool,
    },
    /// The settings for an absent person have changed.
    SetInactivity(Inactivity),
    /// Another tab says that this user has signed out.
    SignedOutElsewhere {
        /// Who.
        user: String,
    },
    /// What lies in this browser's outbox, by key.
    Owed {
        /// What was found.
        entries: Vec<(String, Value)>,
    },
    /// Nobody else sees to this entry of the outbox any more.
    Claimed {
        /// Which.
        key: String,
        /// What the storage holds of it now.
        intent: Value,
    },
    /// The storage has taken nothing.
    NotStored,
    /// Somebody in this page looks at the listing; or no longer.
    WatchListing(bool),
    /// The listing may have changed.
    RefreshListing,
    /// Somebody in this page watches an event; or no longer.
    WatchEvent {
        /// Which.
        event: EventId,
        /// See above.
        on: bool,
    },
    /// Something is heard of a viewer's socket.
    Socket {
        /// Which.
        socket: SocketId,
        /// What.
        event: SocketEvent,
    },
    /// The gateway's feed of the listing has said something.
    Feed(FeedEvent),
    /// Whose token is at hand now.
    User {
        /// The JWT's `sub`.
        id: Option<String>,
    },
    /// The app's `accessToken` gives null: its user has signed out.
    SignedOut,
    /// The answer to a request.
    Answer {
        /// Its generation.
        request: RequestId,
        /// What came.
        answer: Answer,
    },
    /// The manager is given up.
    Dispose,
}

/// What is said of a chat connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatEvent {
    /// The app has given a token.
    Token {
        /// Whose it is, if it says so.
        subject: Option<String>,
        /// It says that its time is over.
        expired: bool,
    },
    /// The connection is open.
    Opened,
    /// No token, or no connection; why.
    Failed(Failure, String),
    /// Something came from the server.
    Alive,
    /// It has gone by itself; why.
    Lost(Failure, String),
    /// Whether it is well; `None`: it cannot be asked.
    Probed(Option<bool>),
    /// It is closed.
    Closed,
    /// It was closed, and is open again.
    CameBack,
}

/// What kind of failure it is, which decides about the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The token is no longer good, or not yet.
    Expired,
    /// The app gave none that can be used.
    Token,
    /// The service says no, and would again.
    Refused,
    /// The app uses the transport wrongly.
    Invalid,
    /// Anything else: it may work the next time.
    Transient,
}

/// What is to be done with a chat connection. Each is answered by a [`ChatEvent`], but for `Disconnecting`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatOutput {
    /// Ask the app for a token.
    FetchToken,
    /// Open it, with that token.
    Open,
    /// Tell the app, before it is closed.
    Disconnecting(Reason),
    /// Close what there is of it, also what is only being opened.
    Close,
    /// Ask whether it is well.
    Probe,
    /// Look whether it is still closed; only if not, say so.
    Verify,
}

impl ChatOutput {
    /// Its name for the façade, and in a trace.
    pub fn name(self) -> &'static str {
        match self {
            ChatOutput::FetchToken => "token",
            ChatOutput::Open => "open",
            ChatOutput::Disconnecting(_) => "disconnecting",
            ChatOutput::Close => "close",
            ChatOutput::Probe => "probe",
            ChatOutput::Verify => "verify",
        }
    }

    /// Why, where there is a reason.
    pub fn why(self) -> Option<&'static str> {
        match self {
            ChatOutput::Disconnecting(reason) => Some(reason.as_str()),
            _ => None,
        }
    }
}

impl ChatEvent {
    /// Reads what the façade says; `None` for a name that is not known.
    pub fn parse(name: &str, payload: &Value) -> Option<ChatEvent> {
        let text = |key| payload.text(key).map(str::to_owned);
        let failure = match payload.text("kind") {
            Some("expired") => Failure::Expired,
            Some("token") => Failure::Token,
            Some("refused") => Failure::Refused,
            Some("invalid") => Failure::Invalid,
            _ => Failure::Transient,
        };
        Some(match name {
            "token" => ChatEvent::Token { subject: text("subject"), expired: payload.flag("expired") },
            "opened" => ChatEvent::Opened,
            "failed" => ChatEvent::Failed(failure, text("message").unwrap_or_default()),
            "alive" => ChatEvent::Alive,
            "lost" => ChatEvent::Lost(failure, text("message").unwrap_or_default()),
            "probed" => ChatEvent::Probed(match payload.get("well") {
                Some(Value::Bool(well)) => Some(*well),
                _ => None,
            }),
            "closed" => ChatEvent::Closed,
            "came back" => ChatEvent::CameBack,
            _ => return None,
        })
    }
}

impl Failure {
    /// Its name in a trace.
    pub fn name(self) -> &'static str {
        match self {
            Failure::Expired => "expired",
            Failure::Token => "token",
            Failure::Refused => "refused",
            Failure::Invalid => "invalid",
            Failure::Transient => "transient",
        }
    }
}

/// What a hosted stream needs of the browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Awake {
    /// That it does not freeze the page.
    pub page: bool,
    /// That it keeps the screen on.
    pub screen: bool,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send a request; answer with [`Input::Answer`].
    Send {
        /// Its generation.
        request: RequestId,
        /// The call.
        rpc: Rpc,
        /// Ask the app for the token first; otherwise the one at hand will do, and the request is out before the page is
        /// gone.
        fresh_token: bool,
        /// Only with a token of this user.
        only_for: Option<String>,
    },
    /// Write an intent into this browser's outbox, within this very call; null: strike it out.
    Store {
        /// Under which key.
        key: String,
        /// What.
        intent: Value,
    },
    /// Ask to be the one who sees to an entry of the outbox; answer with [`Input::Claimed`].
    Claim {
        /// Which.
        key: String,
    },
    /// The entry needs nobody any more.
    Release {
        /// Which.
        key: String,
    },
    /// What a hosted stream needs of the browser has changed.
    StayAwake(Awake),
    /// The stream of this meeting is over: hang up.
    HangUp {
        /// Its number.
        meeting: MeetingId,
    },
    /// Something is to be done with a session of the app's.
    Session {
        /// Its number.
        session: SessionId,
        /// What.
        output: SessionOutput,
    },
    /// Something is to be done with a chat connection.
    Chat {
        /// Which.
        generation: Generation,
        /// What.
        output: ChatOutput,
    },
    /// Something is to be done with a viewer's socket.
    Socket {
        /// Which.
        socket: SocketId,
        /// What.
        output: SocketOutput,
    },
    /// The gateway's feed of the listing is to be listened to; or no longer.
    Feed {
        /// See above.
        open: bool,
    },
    /// The user has signed out: whatever is known of them is to be forgotten.
    ForgetUser,
    /// The other tabs are to hear that this user has signed out.
    TellTabs {
        /// Who.
        user: String,
    },
    /// Listen for the person's activity again.
    ListenForActivity,
    /// Nobody waits for this request any more.
    Abort {
        /// Its generation.
        request: RequestId,
    },
    /// Resolve or reject a promise.
    Settle {
        /// The promise.
        call: CallId,
        /// With what.
        result: Result<Value, Error>,
    },
    /// Resolve a promise with the client of a chat connection.
    SettleClient {
        /// The promise.
        call: CallId,
        /// The connection.
        generation: Generation,
    },
    /// Tell the listeners of an event.
    Emit {
        /// Its name.
        event: &'static str,
        /// Its data.
        data: Value,
    },
    /// The snapshot has changed.
    Changed,
}
