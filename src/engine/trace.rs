//! The last inputs and decisions, for a bug report and for replay.

use super::Millis;
use super::input::{ChatEvent, Input};
use super::value::Value;
use alloc::collections::VecDeque;

/// How many entries are kept.
const CAPACITY: usize = 1_000;

/// A ring of what went in and what came out, with times. Tokens never reach the engine, so they cannot be in it.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    entries: VecDeque<(Millis, &'static str, Value)>,
    dropped: u32,
}

impl Trace {
    /// Adds an entry and lets the oldest go when full.
    pub fn add(&mut self, at: Millis, kind: &'static str, what: Value) {
        if self.entries.len() == CAPACITY {
            self.entries.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.entries.push_back((at, kind, what));
    }

    /// Adds what went in.
    pub fn input(&mut self, at: Millis, input: &Input) {
        match input {
            // Once a second while the person is there, and whatever they led to is told by itself.
            Input::Wake | Input::Activity { .. } | Input::Chat { event: ChatEvent::Alive, .. } => {}
            _ => self.add(at, "input", input.to_value()),
        }
    }

    /// `{version, dropped, entries: [{at, kind, what}]}`.
    pub fn to_value(&self) -> Value {
        let entry = |(at, kind, what): &(Millis, &'static str, Value)| {
            Value::object([("at", Value::millis(Some(*at))), ("kind", (*kind).into()), ("what", what.clone())])
        };
        Value::object([
            ("version", 1_u32.into()),
            ("dropped", self.dropped.into()),
            ("entries", Value::List(self.entries.iter().map(entry).collect())),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_newest_and_counts_what_it_dropped() {
        let mut trace = Trace::default();
        for at in 0..1_003_u32 {
            trace.add(u64::from(at), "input", at.into());
        }
        let value = trace.to_value();
        assert_eq!(value.get("dropped"), Some(&Value::Number(3.0)));
        let Some(Value::List(entries)) = value.get("entries") else { panic!("no entries") };
        assert_eq!(entries.len(), 1_000);
        assert_eq!(entries[0].get("at"), Some(&Value::Number(3.0)));
    }
}
