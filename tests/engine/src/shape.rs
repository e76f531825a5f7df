//! Whether a snapshot has the shape that `Snapshot` in the npm package promises: components read it without asking.

use streamkeeper::engine::Value;

/// The first thing that is not as promised.
///
/// # Errors
/// Its path and what is there.
pub fn snapshot(value: &Value) -> Result<(), String> {
    let of = Part("snapshot".to_owned(), value);
    of.get("phase").word(&["ready", "disposed"])?;
    let chat = of.get("chat");
    chat.get("status").word(&["disconnected", "connecting", "connected", "reconnecting", "closing"])?;
    for name in ["reason", "userId", "lastError"] {
        chat.get(name).or_null(Part::text)?;
    }
    chat.get("nextRetryAt").or_null(Part::number)?;
    chat.get("attempt").number()?;
    chat.get("generation").number()?;
    let presence = of.get("presence");
    for name in ["active", "visible", "online", "frozen"] {
        presence.get(name).flag()?;
    }
    presence.get("lastActivityAt").number()?;
    presence.get("idlePromptUntil").or_null(Part::number)?;
    of.get("streams").each(stream)?;
    of.get("rooms").each(room)?;
    of.get("events").each(|event| {
        event.get("status").word(&["connecting", "open", "ended", "refused"])?;
        event.get("viewers").or_null(Part::number)
    })?;
    let listing = of.get("listing");
    listing.get("status").word(&["off", "connecting", "live", "polling"])?;
    listing.get("lastError").or_null(Part::text)?;
    listing.get("sessions").items(|row| {
        row.get("id").text()?;
        row.get("room_id").uuid()?;
        row.get("stream_id").uuid()
    })?;
    of.get("pendingEnds").number()
}

fn stream(stream: &Part) -> Result<(), String> {
    stream.get("role").word(&["host", "viewer"])?;
    stream.get("status").word(&["live", "leaving", "ending", "ended", "failed"])?;
    stream.get("reason").or_null(Part::text)?;
    stream.get("attempt").number()?;
    stream.get("lastError").or_null(Part::text)
}

fn room(room: &Part) -> Result<(), String> {
    room.get("status").word(&["idle", "going_live", "live", "ending"])?;
    room.get("isHost").or_null(Part::flag)?;
    room.get("lastError").or_null(Part::text)?;
    room.get("session").or_null(|session| {
        session.get("id").text()?;
        session.get("stream_id").uuid()?;
        session.get("status").word(&["scheduled", "live"])
    })
}

/// Where, and what.
struct Part<'a>(String, &'a Value);

impl<'a> Part<'a> {
    fn get(&self, name: &str) -> Part<'a> {
        Part(format!("{}.{name}", self.0), self.1.get(name).unwrap_or(&Value::Null))
    }

    fn must(&self, is: bool, what: &str) -> Result<(), String> {
        if is { Ok(()) } else { Err(format!("{} is {:?} and no {what}", self.0, self.1)) }
    }

    fn text(&self) -> Result<(), String> {
        self.must(self.1.as_text().is_some(), "text")
    }

    fn uuid(&self) -> Result<(), String> {
        let hex = |text: &str| text.len() == 36 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        self.must(self.1.as_text().is_some_and(hex), "id")
    }

    fn flag(&self) -> Result<(), String> {
        self.must(matches!(self.1, Value::Bool(_)), "flag")
    }

    fn number(&self) -> Result<(), String> {
        self.must(matches!(self.1, Value::Number(number) if number.is_finite() && *number >= 0.0), "number from 0 on")
    }

    fn word(&self, words: &[&str]) -> Result<(), String> {
        self.must(self.1.as_text().is_some_and(|word| words.contains(&word)), &words.join(" or "))
    }

    fn or_null(&self, check: impl Fn(&Self) -> Result<(), String>) -> Result<(), String> {
        if *self.1 == Value::Null { Ok(()) } else { check(self) }
    }

    fn items(&self, check: impl Fn(&Part) -> Result<(), String>) -> Result<(), String> {
        let Value::List(items) = self.1 else { return self.must(false, "list") };
        items.iter().enumerate().try_for_each(|(at, item)| check(&Part(format!("{}[{at}]", self.0), item)))
    }

    /// By ids.
    fn each(&self, check: impl Fn(&Part) -> Result<(), String>) -> Result<(), String> {
        let Value::Object(members) = self.1 else { return self.must(false, "object") };
        members.iter().try_for_each(|(id, member)| {
            Part(self.0.clone(), &Value::from(id.as_str())).uuid()?;
            check(&Part(format!("{}.{id}", self.0), member))
        })
    }
}
