//! A trace in words: one line for each thing, and no JSON.

use std::fmt::Write;
use streamkeeper::engine::{Millis, Value};

/// How long after the beginning something was: `0:00:04.000`.
pub fn since(start: Millis, at: Millis) -> String {
    let sign = if at < start { "-" } else { "" };
    let all = at.abs_diff(start);
    let (hours, minutes, seconds) = (all / 3_600_000, all / 60_000 % 60, all / 1_000 % 60);
    format!("{sign}{hours}:{minutes:02}:{seconds:02}.{:03}", all % 1_000)
}

/// What went in.
pub fn input(what: &Value) -> String {
    what.as_text().map_or_else(|| entry(what, "input", short), quiet)
}

/// What came out.
pub fn output(what: &Value) -> String {
    entry(what, "output", short)
}

/// Either, with every id in full.
pub fn whole(what: &Value) -> String {
    match what {
        Value::Text(packed) => packed.clone(),
        what if what.get("input").is_some() => {
            let marks = ["changed", "listens"].into_iter().filter(|mark| what.flag(mark));
            let marks: Vec<_> = marks.map(|mark| format!(", {mark}")).collect();
            entry(what, "input", str::to_owned) + &marks.concat()
        }
        what => entry(what, "output", str::to_owned),
    }
}

/// Many inputs that led to nothing, in one line.
fn quiet(packed: &str) -> String {
    let count = |letters: &[char]| packed.chars().filter(|letter| letters.contains(letter)).count();
    let counts = [(count(&['a', 'm']), "activity"), (count(&['w']), "wake"), (count(&['l']), "chat alive")];
    let told = counts.into_iter().filter(|(count, _)| *count > 0);
    told.map(|(count, what)| if count == 1 { what.to_owned() } else { format!("{count} × {what}") })
        .collect::<Vec<_>>()
        .join(", ")
}

/// What is another one in the snapshot: `chat.status: connecting → connected`.
pub fn changes(before: &Value, after: &Value) -> Vec<String> {
    let mut changes = Vec::new();
    compare("", before, after, &mut changes);
    changes
}

fn compare(path: &str, before: &Value, after: &Value, changes: &mut Vec<String>) {
    // Every movement of the mouse is another one.
    if before == after || path == "presence.lastActivityAt" {
        return;
    }
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        changes.push(format!("{path}: {} → {}", value(before, &short), value(after, &short)));
        return;
    };
    let none = Value::Null;
    let gone = old.iter().filter(|(key, _)| after.get(key).is_none());
    for (key, _) in new.iter().chain(gone) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{}", short(key)) };
        compare(&path, before.get(key).unwrap_or(&none), after.get(key).unwrap_or(&none), changes);
    }
}

fn entry(what: &Value, kind: &str, id: impl Fn(&str) -> String) -> String {
    let mut line = what.text(kind).unwrap_or("nothing that is known").to_owned();
    let empty = Value::object([]);
    for part in ["of", "data"].into_iter().filter_map(|part| what.get(part)).filter(|part| **part != empty) {
        let separator = if matches!(part, Value::Object(_)) { ": " } else { " " };
        let _infallible = write!(line, "{separator}{}", inner(part, &id));
    }
    line
}

/// Without the brackets around it.
fn inner(of: &Value, id: &impl Fn(&str) -> String) -> String {
    match of {
        Value::Object(members) => {
            let member = |(key, member): &(String, Value)| format!("{key} {}", value(member, id));
            members.iter().map(member).collect::<Vec<_>>().join(", ")
        }
        other => value(other, id),
    }
}

fn value(of: &Value, id: &impl Fn(&str) -> String) -> String {
    match of {
        Value::Null | Value::Opaque => "none".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) if text.is_empty() => "\"\"".to_owned(),
        Value::Text(text) => id(text),
        Value::List(items) if items.is_empty() => "nothing".to_owned(),
        Value::List(items) if items.len() > 3 => format!("{} of them", items.len()),
        Value::List(items) => format!("[{}]", items.iter().map(|item| inner(item, id)).collect::<Vec<_>>().join("; ")),
        object @ Value::Object(_) => format!("({})", inner(object, id)),
    }
}

/// The beginning of an id is enough for whoever reads.
fn short(text: &str) -> String {
    let is_id = |text: &str| text.len() == 36 && text.chars().filter(|letter| *letter == '-').count() == 4;
    match text.split_once('/') {
        Some((stream, rest)) if is_id(stream) => format!("{}/{}", short(stream), short(rest)),
        _ if is_id(text) => text.chars().take(8).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0d7c1f6e-5a53-4a4e-9c39-6f2d1b0c9a11";

    #[test]
    fn times_are_told_from_the_beginning() {
        assert_eq!(since(1_000, 1_000), "0:00:00.000");
        assert_eq!(since(1_000, 1_000 + 3_723_004), "1:02:03.004");
        assert_eq!(since(1_000, 0), "-0:00:01.000");
    }

    #[test]
    fn an_entry_is_one_line_without_brackets_of_json() {
        let body = Value::object([("status", "live".into()), ("stream_id", ID.into()), ("rows", Value::List(vec![]))]);
        let data = Value::object([("http", 200_u32.into()), ("body", body)]);
        let answer = Value::object([("input", "answer".into()), ("of", 7_u32.into()), ("data", data)]);
        assert_eq!(input(&answer), "answer 7: http 200, body (status live, stream_id 0d7c1f6e, rows nothing)");
        assert!(whole(&answer).contains(ID));
        let page = Value::object([("input", "page".into()), ("data", "hidden".into()), ("changed", true.into())]);
        assert_eq!((input(&page), whole(&page)), ("page hidden".to_owned(), "page hidden, changed".to_owned()));
    }

    #[test]
    fn what_changed_in_the_snapshot_is_told_by_its_path() {
        let snapshot = |status: &str, at: u32, streams: Value| {
            let chat = Value::object([("status", status.into())]);
            let presence = Value::object([("lastActivityAt", at.into())]);
            Value::object([("chat", chat), ("presence", presence), ("streams", streams)])
        };
        let stream = Value::object([(ID, Value::object([("status", "live".into())]))]);
        let before = snapshot("connecting", 1, Value::object([]));
        let after = snapshot("connected", 2, stream);
        assert_eq!(
            changes(&before, &after),
            ["chat.status: connecting → connected", "streams.0d7c1f6e: none → (status live)"]
        );
        assert_eq!(changes(&after, &before)[1], "streams.0d7c1f6e: (status live) → none");
    }
}
