//! The backend's calls, and what its answers mean.

use super::Millis;
use super::error::{Code, Error};
use super::id::{EventId, RoomId, StreamId};
use super::listing::is_listing;
use super::usage::Counted;
use super::value::{Value, digits};
use alloc::borrow::ToOwned;
use alloc::string::String;

/// What the database takes for `p_attempt`; a night offline makes more.
const MAX_ATTEMPT: u32 = 1_000;

/// The longest time that the database takes in a report: a week. A laptop may sleep for longer.
const MAX_REPORTED: Millis = 604_800_000;

/// A database function to call, `POST {url}/rest/v1/rpc/{function}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rpc {
    /// The function's name.
    pub function: &'static str,
    /// Its named arguments, as one object.
    pub arguments: Value,
    /// Whether the call has to outlive the page: every call of an ending does, and a lease's.
    pub keepalive: bool,
    /// The gateway's own route, instead; it does the same.
    pub route: Option<String>,
}

impl Rpc {
    /// `start_stream`.
    pub fn start(stream: Option<&StreamId>, title: Option<&str>, holder: &str) -> Rpc {
        let arguments =
            Value::object([("p_stream_id", stream.into()), ("p_title", title.into()), ("p_holder", holder.into())]);
        Rpc::call("start_stream", arguments)
    }

    /// `end_stream_comprehensive`, for one stream. `leaves`: unless another holder keeps it alive.
    pub fn end(stream: &StreamId, reason: &str, holder: &str, attempt: u32, leaves: bool) -> Rpc {
        let arguments = Value::object([
            ("p_stream_id", stream.into()),
            ("p_reason", reason.into()),
            ("p_holder", holder.into()),
            ("p_attempt", attempt.min(MAX_ATTEMPT).into()),
            ("p_leave", leaves.into()),
        ]);
        Rpc { keepalive: true, ..Rpc::call("end_stream_comprehensive", arguments) }
    }

    /// The same, of the outbox.
    #[must_use]
    pub fn replayed(mut self) -> Rpc {
        if let Value::Object(arguments) = &mut self.arguments {
            arguments.push(("p_replayed".to_owned(), true.into()));
        }
        self
    }

    /// `end_stream_on_user_disconnect`.
    pub fn disconnect(streamer: &str) -> Rpc {
        let arguments = Value::object([("p_streamer_id", streamer.into())]);
        Rpc { keepalive: true, ..Rpc::call("end_stream_on_user_disconnect", arguments) }
    }

    /// `list_active_streams`.
    pub fn list() -> Rpc {
        Rpc::call("list_active_streams", Value::object([]))
    }

    /// `auto_end_inactive_streams`.
    pub fn auto_end() -> Rpc {
        Rpc::call("auto_end_inactive_streams", Value::object([]))
    }

    /// `end_stream_comprehensive`, for everything that is live.
    pub fn force_end_all(holder: &str) -> Rpc {
        let arguments = Value::object([
            ("p_force_end_all", true.into()),
            ("p_reason", "forced".into()),
            ("p_holder", holder.into()),
        ]);
        Rpc { keepalive: true, ..Rpc::call("end_stream_comprehensive", arguments) }
    }

    /// `touch_stream`: renews a holder's lease.
    pub fn touch(stream: &StreamId, holder: &str, seconds: u32) -> Rpc {
        let arguments = Value::object([
            ("p_stream_id", stream.into()),
            ("p_holder", holder.into()),
            ("p_lease_seconds", seconds.into()),
        ]);
        Rpc { keepalive: true, ..Rpc::call("touch_stream", arguments) }
    }

    /// `record_chat_connection`, of one that has opened; `cause`: why the one before it had closed.
    pub fn chat_opened(connection: &str, cause: Option<&str>) -> Rpc {
        let arguments = Value::object([("p_connection_id", connection.into()), ("p_cause", cause.into())]);
        Rpc { keepalive: true, ..Rpc::call("record_chat_connection", arguments) }
    }

    /// `record_chat_connection`, of one that has closed after so long. What its opening said is said again: it may be lost.
    pub fn chat_closed(
        connection: &str,
        cause: Option<&str>,
        reason: &str,
        connected: Millis,
        counted: Counted,
    ) -> Rpc {
        let arguments = Value::object([
            ("p_connection_id", connection.into()),
            ("p_closed", true.into()),
            ("p_connected_ms", Value::millis(Some(connected.min(MAX_REPORTED)))),
            ("p_cause", cause.into()),
            ("p_reason", reason.into()),
            ("p_reused", counted.reused.into()),
            ("p_avoided", counted.avoided.into()),
            ("p_idle_saved_ms", Value::millis(Some(counted.idle_saved.min(MAX_REPORTED)))),
        ]);
        Rpc { keepalive: true, ..Rpc::call("record_chat_connection", arguments) }
    }

    /// `my_room`.
    pub fn my_room() -> Rpc {
        Rpc::call("my_room", Value::object([]))
    }

    /// `get_live_room`.
    pub fn room(room: &RoomId) -> Rpc {
        Rpc::call("get_live_room", Value::object([("p_room_id", room.into())]))
    }

    /// `live_room_create_session`.
    pub fn go_live(room: &RoomId, title: Option<&str>, key: &str, holder: &str, take_over: bool) -> Rpc {
        let arguments = [
            ("p_room_id", room.into()),
            ("p_title", title.into()),
            ("p_idempotency_key", key.into()),
            ("p_holder", holder.into()),
            ("p_take_over", take_over.into()),
        ];
        Rpc::call("live_room_create_session", Value::object(arguments))
    }

    /// `live_room_end`, or the gateway's `POST /rooms/{id}/end`. Without a session: whatever is open.
    pub fn end_room(
        room: &RoomId,
        session: Option<&str>,
        reason: &str,
        holder: &str,
        attempt: u32,
        by_gateway: bool,
    ) -> Rpc {
        let (session, attempt) = (session.into(), attempt.min(MAX_ATTEMPT).into());
        let (route, arguments) = if by_gateway {
            let route = ["/rooms/", room.as_str(), "/end"].concat();
            let body =
                [("session_id", session), ("reason", reason.into()), ("holder", holder.into()), ("attempt", attempt)];
            (Some(route), Value::object(body))
        } else {
            let arguments = [
                ("p_room_id", room.into()),
                ("p_session_id", session),
                ("p_reason", reason.into()),
                ("p_holder", holder.into()),
                ("p_attempt", attempt),
            ];
            (None, Value::object(arguments))
        };
        Rpc { route, keepalive: true, ..Rpc::call("live_room_end", arguments) }
    }

    /// The gateway's `POST /streams/{key}/playback`: no function of the database's.
    pub fn playback(stream: &StreamId, kind: &str) -> Rpc {
        let route = Some(["/streams/", stream.as_str(), "/playback"].concat());
        Rpc { route, ..Rpc::call("playback", Value::object([("kind", kind.into())])) }
    }

    /// `event_viewers`.
    pub fn event_viewers(event: &EventId) -> Rpc {
        Rpc::call("event_viewers", Value::object([("p_event_id", event.into())]))
    }

    /// `event_totals`.
    pub fn event_totals() -> Rpc {
        Rpc::call("event_totals", Value::object([]))
    }

    /// `live_room_listing`.
    pub fn listing() -> Rpc {
        Rpc::call("live_room_listing", Value::object([]))
    }

    /// The same with another value of an argument.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Rpc {
        if let Value::Object(arguments) = &mut self.arguments
            && let Some((_, place)) = arguments.iter_mut().find(|(known, _)| known == name)
        {
            *place = value.into();
        }
        self
    }

    fn call(function: &'static str, arguments: Value) -> Rpc {
        Rpc { function, arguments, keepalive: false, route: None }
    }

    /// `get_stream_status`.
    pub fn status(stream: &StreamId) -> Rpc {
        Rpc::call("get_stream_status", Value::object([("p_stream_id", stream.into())]))
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// An HTTP response.
    Http {
        /// Its status.
        status: u16,
        /// Its body, if that was JSON.
        body: Option<Value>,
    },
    /// No response: refused, reset, redirected, blocked.
    Unreachable,
    /// The engine's own deadline has passed.
    TimedOut,
    /// The app's `accessToken` threw or rejected. Its message is not kept: it may hold what it was given.
    NoToken,
    /// The token is not of the user for whom alone this was to be sent: nothing was.
    OtherUser,
}

/// What an answer means for a call that must arrive.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The backend has done it, or had done it before: a 2xx whose JSON is our own.
    Delivered(Value),
    /// The backend knows the call and refuses it: a 400, 403 or 409 in PostgREST's shape. Trying again changes nothing.
    Refused(Error),
    /// The token was not accepted.
    Unauthorised(Error),
    /// Not delivered, not refused: a server in trouble, a deploy in progress, a captive portal.
    Transient(Error),
}

/// How a function's own answer is known: a portal's `200 {"status":"ok"}` is not one of them.
fn is_own(function: &str, body: &Value) -> bool {
    let status = body.text("status").unwrap_or_default();
    let is_number = |value: &Value| matches!(value, Value::Number(number) if number.is_finite());
    match function {
        "list_active_streams" => matches!(body, Value::List(_)),
        "live_room_listing" => matches!(body, Value::List(rows) if is_listing(rows)),
        "auto_end_inactive_streams" => is_number(body),
        "end_stream_comprehensive" => matches!(status, "ended" | "already_ended" | "held_elsewhere" | "not_found"),
        "record_chat_connection" => body.flag("success"),
        "end_stream_on_user_disconnect" => matches!(body, Value::Bool(_)),
        "event_viewers" | "event_totals" => body.get("viewers").is_some_and(is_number),
        "playback" => body.text("url").is_some(),
        "live_room_end" => matches!(status, "ended" | "already_ended"),
        "live_room_create_session" => body.text("id").is_some() && is_status(status),
        _ => is_status(status),
    }
}

/// What a stream, a room or a session may be.
fn is_status(status: &str) -> bool {
    matches!(status, "idle" | "scheduled" | "lobby" | "live" | "ended" | "cancelled" | "not_found")
}

/// Judges the answer to a call of `function`.
pub fn judge(function: &str, answer: Answer) -> Verdict {
    let (status, body) = match answer {
        Answer::Http { status, body } => (status, body),
        Answer::Unreachable => {
            return Verdict::Transient(failed(Code::Offline, function, "the backend was not reached"));
        }
        Answer::TimedOut => return Verdict::Transient(failed(Code::Timeout, function, "no answer in time")),
        Answer::NoToken => return Verdict::Transient(failed(Code::Token, function, "accessToken() failed")),
        Answer::OtherUser => {
            return Verdict::Transient(failed(Code::Token, function, "somebody else is signed in"));
        }
    };
    match body {
        Some(body) if (200..300).contains(&status) && is_own(function, &body) => Verdict::Delivered(body),
        body => {
            let shaped = body.filter(|body| body.text("code").is_some() && body.text("message").is_some());
            let error = http_error(function, status, shaped.as_ref());
            match (status, shaped) {
                (401, _) => Verdict::Unauthorised(error),
                (400 | 403 | 409 | 410, Some(_)) => Verdict::Refused(error),
                // Its own word: without it, 404 is a function that is not there yet.
                (404 | 422, Some(body)) if body.text("code").is_some_and(|code| code.starts_with("PT")) => {
                    Verdict::Refused(error)
                }
                _ => Verdict::Transient(error),
            }
        }
    }
}

fn failed(code: Code, function: &str, what: &str) -> Error {
    Error::new(code, [function, ": ", what].concat())
}

fn http_error(function: &str, status: u16, body: Option<&Value>) -> Error {
    let code = match status {
        401 => Code::Token,
        403 => Code::NotAllowed,
        404 => Code::NotFound,
        409 | 410 => Code::Conflict,
        _ => Code::Rejected,
    };
    let number = digits(status.into());
    let mut message = [function, ": HTTP ", &number].concat();
    if let Some(body) = body {
        for part in [body.text("code"), body.text("message")].into_iter().flatten() {
            message.push(' ');
            message.extend(part.chars().take(200));
        }
    } else if (200..300).contains(&status) {
        message.push_str(", but the answer is not the backend's own");
    }
    Error { status: Some(status), cause: body.cloned().unwrap_or_default(), ..Error::new(code, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(status: u16, body: Option<Value>) -> Verdict {
        judge("end_stream_comprehensive", Answer::Http { status, body })
    }

    fn postgrest(code: &str) -> Option<Value> {
        Some(Value::object([
            ("code", code.into()),
            ("message", "no".into()),
            ("details", Value::Null),
            ("hint", Value::Null),
        ]))
    }

    fn ours(status: &str) -> Option<Value> {
        Some(Value::object([("status", status.into())]))
    }

    #[test]
    fn delivered_is_only_a_2xx_with_our_own_status() {
        for status in ["ended", "already_ended", "not_found"] {
            assert!(matches!(http(200, ours(status)), Verdict::Delivered(_)));
        }
        // A captive portal's page, its JSON, an empty 204, a proxy's list.
        for body in [None, ours("ok"), ours("live"), Some(Value::Null), Some(Value::List(vec![]))] {
            let Verdict::Transient(error) = http(200, body) else { panic!("taken for delivered") };
            assert!(error.message.ends_with("not the backend's own"), "{error}");
        }
        assert!(matches!(http(204, None), Verdict::Transient(_)));
    }

    #[test]
    fn refused_is_only_postgrests_own_word() {
        for (status, code) in [(400, Code::Rejected), (403, Code::NotAllowed), (409, Code::Conflict)] {
            let Verdict::Refused(error) = http(status, postgrest("42501")) else { panic!("{status} is not refused") };
            assert_eq!((error.code, error.status), (code, Some(status)));
            assert_eq!(error.message, format!("end_stream_comprehensive: HTTP {status} 42501 no"));
            assert!(
                matches!(http(status, None), Verdict::Transient(_)),
                "a proxy's own {status} page is not the backend's"
            );
        }
    }

    #[test]
    fn the_rest_is_tried_again() {
        for status in [302, 404, 405, 408, 418, 429, 500, 502, 503, 504] {
            assert!(matches!(http(status, postgrest("PGRST202")), Verdict::Transient(_)), "{status}");
        }
        assert!(matches!(http(401, None), Verdict::Unauthorised(_)));
        for (answer, code) in
            [(Answer::Unreachable, Code::Offline), (Answer::TimedOut, Code::Timeout), (Answer::NoToken, Code::Token)]
        {
            assert!(matches!(judge("f", answer), Verdict::Transient(error) if error.code == code));
        }
    }
}
