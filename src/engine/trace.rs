//! What went in and what came out of late, for a bug report and for replay: fed with these inputs, a manager that is started
//! alike writes the very same trace.
//!
//! ```text
//! {version, started, dropped, entries: [{at, kind: "input" | "output" | "quiet", what}]}
//! ```
//!
//! An input is followed by its outputs. It is marked `changed` if the snapshot was another one then, and `listens` if the
//! person's activity was listened for again. Inputs that come all the time and led to nothing else are one entry together,
//! a text: for each its letter, the milliseconds since the one before, `!` for changed and `+` for listens.

use super::config::Config;
use super::input::{ChatEvent, Input, Output};
use super::page::Page;
use super::redacted::Redacted;
use super::started::Started;
use super::traced_input::quiet_value;
use super::value::{Value, digits};
use super::{Generation, Millis};
use alloc::borrow::ToOwned;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// The format's. A replay takes no other.
pub const VERSION: u32 = 2;

/// How much is kept, in bytes: five hours of hosting, and most of a day of somebody who only reads.
const CAPACITY: usize = 1_000_000;

/// Quiet inputs are packed up to so many bytes.
const PACKED: usize = 4_000;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// By the wall clock.
    pub at: Millis,
    /// `input`, `output`, or `quiet`.
    pub kind: &'static str,
    /// What.
    pub what: Value,
}

/// An input that comes all the time, and most often leads to nothing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quiet {
    Wake,
    Activity { heard: bool },
    Alive(Generation),
}

/// An input that is about to be handled.
#[derive(Debug)]
pub(super) enum Traced {
    Quiet(Quiet),
    Told(Value),
}

/// A ring of what went in and what came out, with times. Tokens never reach the engine, so they cannot be in it; names and
/// titles do, and are [`Redacted`].
#[derive(Clone, Debug)]
pub struct Trace {
    started: Started,
    pub(super) redacted: Redacted,
    /// The list that came last: the same again is told in a word.
    pub(super) rows: Value,
    entries: VecDeque<Entry>,
    size: usize,
    dropped: u32,
    /// Of the last quiet input.
    quiet_at: Millis,
}

impl Trace {
    /// Of a manager that is started like this.
    pub(super) fn new(config: &Config, holder: &str, page: Page, wall: Millis) -> Trace {
        Trace {
            started: Started { config: config.clone(), page, wall },
            redacted: Redacted::new(holder),
            rows: Value::Null,
            entries: VecDeque::new(),
            size: 0,
            dropped: 0,
            quiet_at: 0,
        }
    }

    /// What is to be told of an input; `open`: the chat connection that is.
    pub(super) fn input(&mut self, input: &Input, open: Option<Generation>) -> Traced {
        match input {
            Input::Wake => Traced::Quiet(Quiet::Wake),
            Input::Activity { heard } => Traced::Quiet(Quiet::Activity { heard: *heard }),
            Input::Chat { generation, event: ChatEvent::Alive } if open == Some(*generation) => {
                Traced::Quiet(Quiet::Alive(*generation))
            }
            _ => Traced::Told(self.input_value(input)),
        }
    }

    /// An input and what came of it: the outputs from that one on.
    pub(super) fn add(&mut self, at: Millis, input: Traced, outputs: &VecDeque<Output>, first: usize, changed: bool) {
        let mut listens = false;
        let mut told = Vec::new();
        for output in outputs.iter().skip(first) {
            match output {
                Output::ListenForActivity => listens = true,
                _ => told.push(self.output_value(output)),
            }
        }
        let mut what = match input {
            Traced::Quiet(quiet) if told.is_empty() => return self.pack(at, quiet, changed, listens),
            Traced::Quiet(quiet) => quiet_value(quiet),
            Traced::Told(what) => what,
        };
        if let Value::Object(members) = &mut what {
            for (mark, is) in [("changed", changed), ("listens", listens)] {
                if is {
                    members.push((mark.to_owned(), true.into()));
                }
            }
        }
        self.push(at, "input", what);
        for what in told {
            self.push(at, "output", what);
        }
    }

    fn pack(&mut self, at: Millis, quiet: Quiet, changed: bool, listens: bool) {
        let has_room = |entry: &Entry| matches!(&entry.what, Value::Text(packed) if packed.len() < PACKED);
        if !self.entries.back().is_some_and(has_room) {
            self.quiet_at = at;
            self.push(at, "quiet", String::new().into());
        }
        let Some(Entry { what: Value::Text(packed), .. }) = self.entries.back_mut() else { return };
        let before = packed.len();
        packed.push_str(match quiet {
            Quiet::Wake => "w",
            Quiet::Activity { heard: true } => "a",
            Quiet::Activity { heard: false } => "m",
            Quiet::Alive(_) => "l",
        });
        // The wall clock may be set back.
        packed.push_str(if at < self.quiet_at { "-" } else { "" });
        packed.push_str(&digits(at.abs_diff(self.quiet_at)));
        packed.push_str(if changed { "!" } else { "" });
        packed.push_str(if listens { "+" } else { "" });
        self.size += packed.len() - before;
        self.quiet_at = at;
    }

    fn push(&mut self, at: Millis, kind: &'static str, what: Value) {
        self.size += size(&what);
        self.entries.push_back(Entry { at, kind, what });
        while self.size > CAPACITY {
            let Some(oldest) = self.entries.pop_front() else { return };
            self.size -= size(&oldest.what);
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// What is kept, the oldest first, from the entry of that number on.
    pub fn from(&self, first: usize) -> impl Iterator<Item = &Entry> {
        self.entries.iter().skip(first)
    }

    /// How many entries are kept.
    pub fn kept(&self) -> usize {
        self.entries.len()
    }

    /// As JavaScript gets it.
    pub fn to_value(&self) -> Value {
        let entry = |Entry { at, kind, what }: &Entry| {
            Value::object([("at", Value::millis(Some(*at))), ("kind", (*kind).into()), ("what", what.clone())])
        };
        Value::object([
            ("version", VERSION.into()),
            ("started", self.started.to_value(self.redacted.holder())),
            ("dropped", self.dropped.into()),
            ("entries", Value::List(self.entries.iter().map(entry).collect())),
        ])
    }
}

/// About as many bytes as a value takes in the WASM's memory.
fn size(value: &Value) -> usize {
    const NODE: usize = 24;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Opaque => NODE,
        Value::Text(text) => NODE + text.len(),
        Value::List(items) => NODE + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => {
            NODE + members.iter().map(|(key, member)| NODE + key.len() + size(member)).sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::page::Exit;

    fn trace() -> Trace {
        let page = Page { visible: true, online: true, frozen: false, exit: Exit::None };
        Trace::new(&Config::default(), "h", page, 1_000)
    }

    fn adds(trace: &mut Trace, at: Millis, input: &Input, outputs: &[Output], changed: bool) {
        let traced = trace.input(input, Some(Generation(1)));
        let mut all = VecDeque::from([Output::ForgetUser]);
        all.extend(outputs.iter().cloned());
        trace.add(at, traced, &all, 1, changed);
    }

    fn told(trace: &Trace) -> Vec<(Millis, &'static str, Value)> {
        trace.from(0).map(|entry| (entry.at, entry.kind, entry.what.clone())).collect()
    }

    #[test]
    fn what_comes_all_the_time_and_leads_to_nothing_is_one_entry() {
        let mut trace = trace();
        let alive = |generation| Input::Chat { generation: Generation(generation), event: ChatEvent::Alive };
        adds(&mut trace, 1_000, &Input::Activity { heard: true }, &[], true);
        adds(&mut trace, 2_000, &Input::Wake, &[Output::ListenForActivity], false);
        adds(&mut trace, 1_500, &Input::Activity { heard: false }, &[], false);
        adds(&mut trace, 1_600, &alive(1), &[], false);
        assert_eq!(told(&trace), [(1_000, "quiet", "a0!w1000+m-500l100".into())]);
        adds(&mut trace, 1_700, &Input::Wake, &[Output::ForgetUser, Output::ListenForActivity], true);
        adds(&mut trace, 1_800, &Input::Wake, &[], false);
        // Of a connection that is closed.
        adds(&mut trace, 1_900, &alive(2), &[], false);
        let woken = Value::object([("input", "wake".into()), ("changed", true.into()), ("listens", true.into())]);
        let forgets = Value::object([("output", "forget user".into())]);
        let rest = &told(&trace)[1..];
        assert_eq!(rest[..2], [(1_700, "input", woken), (1_700, "output", forgets)]);
        assert_eq!(rest[2], (1_800, "quiet", "w0".into()));
        assert_eq!((rest[3].1, rest.len()), ("input", 4));
    }

    #[test]
    fn it_keeps_the_newest_within_its_capacity_and_counts_what_it_dropped() {
        let mut trace = trace();
        for at in 0..40_000 {
            adds(&mut trace, at, &Input::RefreshListing, &[], false);
        }
        let each = size(&trace.entries[0].what);
        assert_eq!(trace.kept(), CAPACITY / each);
        assert_eq!(trace.dropped as usize, 40_000 - CAPACITY / each);
        assert_eq!(trace.from(0).last().map(|entry| entry.at), Some(39_999));
        assert_eq!(trace.size, trace.entries.iter().map(|entry| size(&entry.what)).sum::<usize>());
    }

    #[test]
    fn an_hour_of_reading_takes_a_twentieth_of_it() {
        let mut trace = trace();
        for second in 0..3_600 {
            adds(&mut trace, second * 2_000, &Input::Activity { heard: true }, &[], true);
            adds(&mut trace, second * 2_000 + 1_000, &Input::Wake, &[Output::ListenForActivity], false);
        }
        assert!(trace.size < CAPACITY / 20, "{}", trace.size);
        assert_eq!(trace.size, trace.entries.iter().map(|entry| size(&entry.what)).sum::<usize>());
        assert_eq!(trace.dropped, 0);
    }
}
