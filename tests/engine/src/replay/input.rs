//! An input, from what a trace tells of it.

use streamkeeper::engine::config::Inactivity;
use streamkeeper::engine::{
    Action, Answer, Attachment, CallId, ChatEvent, EventId, FeedEvent, Generation, Input, MeetingEvent, MeetingId,
    Millis, PageEvent, RequestId, SessionEvent, SessionId, SocketEvent, SocketId, Value, action,
};

/// Every page event there is.
const PAGE_EVENTS: [PageEvent; 12] = [
    PageEvent::Online,
    PageEvent::Offline,
    PageEvent::Visible,
    PageEvent::Hidden,
    PageEvent::PageHide { persisted: true },
    PageEvent::PageHide { persisted: false },
    PageEvent::PageShow,
    PageEvent::Freeze,
    PageEvent::Resume,
    PageEvent::BeforeUnload,
    PageEvent::FocusInMeeting(true),
    PageEvent::FocusInMeeting(false),
];

/// Reads inputs, one after the other: a list that is the same as the one before is told in a word.
#[derive(Debug, Default)]
pub struct Inputs {
    rows: Vec<Value>,
}

impl Inputs {
    /// Reads `{input, of?, data?}`.
    ///
    /// # Errors
    /// In one line: the field, and what it must be.
    pub fn read(&mut self, what: &Value) -> Result<Input, String> {
        let data = what.get("data").unwrap_or(&Value::Null);
        let name = what.text("input").ok_or("input is missing; it must be the name of an input")?;
        Ok(match name {
            "wake" => Input::Wake,
            "activity" => Input::Activity { heard: flag(data)? },
            "page" => {
                let event = PAGE_EVENTS.into_iter().find(|event| data.as_text() == Some(event.name()));
                Input::Page(event.ok_or_else(|| wrong("data", data, "an event of the page"))?)
            }
            "chat" => {
                let (name, payload) = chat_event(data);
                let event = ChatEvent::parse(name, &payload);
                let event = event.ok_or_else(|| wrong("data.event", &name.into(), "an event of a chat connection"))?;
                Input::Chat { generation: Generation(of(what)?), event }
            }
            "setInactivity" => Input::SetInactivity(parsed(Inactivity::default().parse(data))?),
            "signed out elsewhere" => Input::SignedOutElsewhere { user: text("data", data)? },
            "attach" => {
                let mut stream = data.clone();
                if let Value::Object(members) = &mut stream {
                    members.retain(|(key, _)| key != "joined");
                }
                let attachment = parsed(Attachment::parse(&stream))?;
                Input::Attach { meeting: MeetingId(of(what)?), attachment, joined: data.flag("joined") }
            }
            "detach" => Input::Detach { meeting: MeetingId(of(what)?) },
            "meeting" => {
                let name = data.text("event").unwrap_or_default();
                let event = MeetingEvent::parse(name, &meeting_payload(data));
                let event = event.ok_or_else(|| wrong("data.event", &name.into(), "an event of a meeting"))?;
                Input::Meeting { meeting: MeetingId(of(what)?), event }
            }
            "register session" => {
                let (key, kind) = parsed(action::session(data))?;
                Input::Register { session: SessionId(of(what)?), key, kind }
            }
            "unregister session" => Input::Unregister { session: SessionId(of(what)?) },
            "session" => Input::Session { session: SessionId(of(what)?), event: session_event(data)? },
            "owed" => Input::Owed { entries: list(data)?.iter().map(owed).collect::<Result<_, _>>()? },
            "claimed" => {
                let (key, intent) = owed(data)?;
                Input::Claimed { key, intent }
            }
            "not stored" => Input::NotStored,
            "watch listing" => Input::WatchListing(flag(data)?),
            "refresh listing" => Input::RefreshListing,
            "watch event" => {
                Input::WatchEvent { event: parsed(EventId::parse("of", what.get("of")))?, on: flag(data)? }
            }
            "socket" => {
                let event = match data.get("closed") {
                    Some(code) => SocketEvent::Closed(number("data.closed", code)?),
                    None => SocketEvent::Message(data.clone()),
                };
                Input::Socket { socket: SocketId(of(what)?), event }
            }
            "feed" => Input::Feed(match data.as_text() {
                Some("alive") => FeedEvent::Alive,
                Some("lost") => FeedEvent::Lost,
                _ => FeedEvent::Rows(self.rows(data)?),
            }),
            "user" => Input::User { id: data.as_text().map(str::to_owned) },
            "signed out" => Input::SignedOut,
            "answer" => Input::Answer { request: RequestId(of(what)?), answer: self.answer(data)? },
            "dispose" => Input::Dispose,
            method => {
                let action = Action::parse(method, data).map_err(|error| match error.message {
                    unknown if unknown.ends_with("is not a method") => {
                        wrong("input", &method.into(), "an input of the engine")
                    }
                    message => format!("data: {message}"),
                })?;
                Input::Call { call: CallId(of(what)?), action }
            }
        })
    }

    fn answer(&mut self, data: &Value) -> Result<Answer, String> {
        Ok(match data.as_text() {
            Some("unreachable") => Answer::Unreachable,
            Some("timed out") => Answer::TimedOut,
            Some("no token") => Answer::NoToken,
            Some("other user") => Answer::OtherUser,
            Some(_) => return Err(wrong("data", data, "what came of a call")),
            None => {
                let http = data.get("http").unwrap_or(&Value::Null);
                let status = u16::try_from(number("data.http", http)?);
                let status = status.map_err(|_| wrong("data.http", http, "an HTTP status"))?;
                let body = match data.get("body") {
                    None => None,
                    Some(list @ Value::List(_)) => Some(Value::List(self.rows(list)?)),
                    Some(same) if same.as_text() == Some("same") => Some(Value::List(self.rows.clone())),
                    Some(body) => Some(body.clone()),
                };
                Answer::Http { status, body }
            }
        })
    }

    fn rows(&mut self, data: &Value) -> Result<Vec<Value>, String> {
        if data.as_text() != Some("same") {
            self.rows = list(data)?.to_vec();
        }
        Ok(self.rows.clone())
    }
}

/// One of a quiet entry.
#[derive(Debug)]
pub struct Packed {
    /// When.
    pub at: Millis,
    /// What.
    pub input: Input,
    /// Where it ends in the text.
    pub end: usize,
}

/// Reads the inputs of a quiet entry that began then; `open`: the chat connection that is.
///
/// # Errors
/// In one line, what is wrong with it.
pub fn quiet(packed: &str, from: Millis, open: Option<Generation>) -> Result<Vec<Packed>, String> {
    let mut at = from;
    let mut inputs = Vec::new();
    let starts = packed.char_indices().filter(|(_, letter)| letter.is_ascii_alphabetic()).map(|(start, _)| start);
    let starts: Vec<usize> = starts.chain([packed.len()]).collect();
    if starts.first() != Some(&0) || packed.is_empty() {
        return Err(wrong("what", &packed.into(), "letters with milliseconds, such as a0!w1000+"));
    }
    for (start, end) in starts.iter().zip(starts.iter().skip(1)) {
        let item = packed.get(*start..*end).unwrap_or_default();
        let (letter, rest) = item.split_at(1);
        let pause: i64 = rest
            .trim_end_matches(['!', '+'])
            .parse()
            .map_err(|_| wrong("what", &item.into(), "a letter with milliseconds, such as w1000"))?;
        at = at.saturating_add_signed(pause);
        let input = match letter {
            "w" => Input::Wake,
            "a" => Input::Activity { heard: true },
            "m" => Input::Activity { heard: false },
            "l" => {
                let generation =
                    open.ok_or_else(|| wrong("what", &item.into(), "of a chat connection that is open"))?;
                Input::Chat { generation, event: ChatEvent::Alive }
            }
            _ => return Err(wrong("what", &item.into(), "a letter of w, a, m and l")),
        };
        inputs.push(Packed { at, input, end: *end });
    }
    Ok(inputs)
}

/// The façade's name and payload of an event.
fn chat_event(data: &Value) -> (&str, Value) {
    let name = data.text("event").unwrap_or_default();
    let of = data.get("data").cloned().unwrap_or_default();
    let payload = match name {
        "failed" | "lost" => Value::object([("kind", of)]),
        "probed" => Value::object([("well", of)]),
        _ => of,
    };
    (name, payload)
}

/// Jitsi's payload of an event.
fn meeting_payload(data: &Value) -> Value {
    let of = |name| data.get(name).cloned().unwrap_or_default();
    Value::object([
        ("id", of("id")),
        ("kicked", Value::object([("local", of("local"))])),
        ("name", of("name")),
        ("isFatal", of("fatal")),
    ])
}

fn session_event(data: &Value) -> Result<SessionEvent, String> {
    let open = match data.get("open") {
        Some(Value::Bool(open)) => Some(*open),
        _ => None,
    };
    match data.text("event") {
        Some("stopped") => Ok(SessionEvent::Stopped { failed: data.flag("failed"), open }),
        Some("looked") => Ok(SessionEvent::Looked { open }),
        _ => Err(wrong("data.event", data.get("event").unwrap_or(&Value::Null), "stopped or looked")),
    }
}

fn owed(entry: &Value) -> Result<(String, Value), String> {
    let key = text("data.key", entry.get("key").unwrap_or(&Value::Null))?;
    Ok((key, entry.get("intent").cloned().unwrap_or_default()))
}

fn of(what: &Value) -> Result<u32, String> {
    number("of", what.get("of").unwrap_or(&Value::Null))
}

fn number(name: &str, given: &Value) -> Result<u32, String> {
    match given {
        Value::Number(number) if (0.0..=f64::from(u32::MAX)).contains(number) && number.fract() == 0.0 => {
            Ok(*number as u32)
        }
        other => Err(wrong(name, other, "a whole number")),
    }
}

fn flag(data: &Value) -> Result<bool, String> {
    match data {
        Value::Bool(flag) => Ok(*flag),
        other => Err(wrong("data", other, "true or false")),
    }
}

fn text(name: &str, given: &Value) -> Result<String, String> {
    given.as_text().map(str::to_owned).ok_or_else(|| wrong(name, given, "a text"))
}

fn list(data: &Value) -> Result<&[Value], String> {
    match data {
        Value::List(items) => Ok(items),
        other => Err(wrong("data", other, "a list")),
    }
}

fn parsed<T>(result: Result<T, streamkeeper::engine::Error>) -> Result<T, String> {
    result.map_err(|error| format!("data: {}", error.message))
}

fn wrong(name: &str, given: &Value, must: &str) -> String {
    format!("{name} is {}; it must be {must}", given.shown())
}
