//! What goes into the engine, and what comes out of it.

use super::action::{Action, Attachment};
use super::backend::{Answer, Rpc};
use super::error::Error;
use super::meeting::MeetingEvent;
use super::page::PageEvent;
use super::value::Value;
use super::{CallId, MeetingId, RequestId};

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
    },
    /// What a hosted stream needs of the browser has changed.
    StayAwake(Awake),
    /// The stream of this meeting is over: hang up.
    HangUp {
        /// Its number.
        meeting: MeetingId,
    },
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

impl Input {
    /// As a trace records it.
    pub fn to_value(&self) -> Value {
        let entry =
            |name: &str, of: Value, data: Value| Value::object([("input", name.into()), ("of", of), ("data", data)]);
        match self {
            Input::Wake => entry("wake", Value::Null, Value::Null),
            Input::Page(event) => entry("page", Value::Null, event.name().into()),
            Input::Call { call, action } => entry(action.name(), call.0.into(), action.stream().into()),
            Input::Attach { meeting, attachment, joined } => {
                let data = Value::object([
                    ("streamId", (&attachment.stream).into()),
                    ("role", attachment.role.as_str().into()),
                    ("joined", (*joined).into()),
                ]);
                entry("attach", meeting.0.into(), data)
            }
            Input::Detach { meeting } => entry("detach", meeting.0.into(), Value::Null),
            Input::Meeting { meeting, event } => entry("meeting", meeting.0.into(), event.to_value()),
            Input::Answer { request, answer } => entry("answer", request.0.into(), answer.to_value()),
            Input::Dispose => entry("dispose", Value::Null, Value::Null),
        }
    }
}
