//! The replay of a recording: each input goes into a manager that was started alike, and the trace that this manager writes
//! is compared with the recorded one.

use super::input::{self, Inputs, Packed};
use super::recording::{Entry, Kind, Recording};
use super::{json, words};
use std::fmt::{self, Display, Formatter};
use streamkeeper::engine::{Input, Manager, Millis, Value};

/// A recording on its way.
#[derive(Debug)]
pub struct Walk<'a> {
    recording: &'a Recording,
    manager: Manager,
    inputs: Inputs,
    next: usize,
}

/// One thing that happened, or many quiet ones, and what came of it.
#[derive(Debug)]
pub struct Moment {
    /// By the page's clock.
    pub at: Millis,
    /// What happened, as a person reads it.
    pub input: String,
    /// What came out, and what is another one in the snapshot.
    pub lines: Vec<String>,
}

/// Why a walk has stopped.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// The recording cannot be read here.
    Refused(String),
    /// The manager has done something else than the page's.
    Differs {
        /// The entry that is another one.
        entry: usize,
        /// By the page's clock.
        at: Millis,
        /// What the page did.
        expected: String,
        /// What was done here.
        got: String,
    },
}

impl<'a> Walk<'a> {
    /// At the beginning.
    pub fn new(recording: &'a Recording) -> Walk<'a> {
        Walk { recording, manager: recording.manager(), inputs: Inputs::default(), next: 0 }
    }

    /// When that is.
    pub fn start(&self) -> Millis {
        self.recording.at
    }

    /// The next moment, until there is none.
    ///
    /// # Errors
    /// Where it stops, and why.
    pub fn step(&mut self) -> Result<Option<Moment>, Stop> {
        let first = self.next;
        let before = self.manager.snapshot();
        if !self.advance()? {
            return Ok(None);
        }
        let told = &self.recording.entries[first..self.next];
        let input = words::input(&told[0].what);
        let outputs = told[1..].iter().map(|output| format!("→ {}", words::output(&output.what)));
        let changes = words::changes(&before, &self.manager.snapshot());
        let lines = outputs.chain(changes.into_iter().map(|change| format!("· {change}"))).collect();
        Ok(Some(Moment { at: told[0].at, input, lines }))
    }

    /// Steps to the end.
    ///
    /// # Errors
    /// As [`Walk::step`].
    pub fn run(mut self) -> Result<(), Stop> {
        while self.advance()? {}
        Ok(())
    }

    /// Past the next input, or many quiet ones, and all that came of it; false at the end.
    fn advance(&mut self) -> Result<bool, Stop> {
        let Some(entry) = self.recording.entries.get(self.next) else { return Ok(false) };
        match entry.kind {
            Kind::Quiet => self.quiet(entry)?,
            Kind::Input | Kind::Output => self.loud(entry)?,
        }
        Ok(true)
    }

    fn loud(&mut self, entry: &Entry) -> Result<(), Stop> {
        let input = self.inputs.read(&entry.what).map_err(|why| self.refused(&why))?;
        let kept = self.manager.traced().kept();
        self.handle(entry.at, input);
        let rest = &self.recording.entries[self.next..];
        let outputs = rest.iter().skip(1).take_while(|entry| entry.kind == Kind::Output).count();
        let mut got = self.manager.traced().from(kept);
        for (at, expected) in rest.iter().take(outputs + 1).enumerate() {
            let (expected, got) = (Some(&expected.what), got.next().map(|entry| &entry.what));
            if got != expected {
                return Err(self.differs(self.next + at, entry.at, expected, got));
            }
        }
        if let Some(more) = got.next() {
            return Err(self.differs(self.next + outputs + 1, entry.at, None, Some(&more.what)));
        }
        self.next += outputs + 1;
        Ok(())
    }

    fn quiet(&mut self, entry: &Entry) -> Result<(), Stop> {
        let packed = entry.what.as_text().unwrap_or_default();
        let inputs =
            input::quiet(packed, entry.at, self.manager.chat_generation()).map_err(|why| self.refused(&why))?;
        let kept = self.manager.traced().kept();
        for Packed { at, input, end } in inputs {
            self.handle(at, input);
            let expected = packed.get(..end);
            let mut got = self.manager.traced().from(kept).map(|entry| &entry.what);
            let (first, second) = (got.next(), got.next());
            if first.and_then(Value::as_text) != expected || second.is_some() {
                let expected = expected.map(Value::from);
                return Err(self.differs(self.next, at, expected.as_ref(), second.or(first)));
            }
        }
        self.next += 1;
        Ok(())
    }

    fn handle(&mut self, at: Millis, input: Input) {
        self.manager.handle(at, input);
        while self.manager.poll().is_some() {}
    }

    fn refused(&self, why: &str) -> Stop {
        Stop::Refused(format!("entries[{}].what.{why}", self.next))
    }

    fn differs(&self, entry: usize, at: Millis, expected: Option<&Value>, got: Option<&Value>) -> Stop {
        let shown = |what: Option<&Value>| what.map_or("nothing more".to_owned(), words::whole);
        Stop::Differs { entry, at, expected: shown(expected), got: shown(got) }
    }
}

/// What a manager has written replays to the same; unless its beginning is lost, or not yet drained.
///
/// # Errors
/// Where it does not.
pub fn replays(manager: &Manager) -> Result<(), String> {
    let trace = manager.trace();
    if trace.get("dropped") != Some(&0_u32.into()) {
        return Ok(());
    }
    let recording = Recording::read(&json::write(&trace))?;
    Walk::new(&recording).run().map_err(|stop| stop.to_string())
}

impl Display for Stop {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Refused(why) => f.write_str(why),
            Stop::Differs { entry, expected, got, .. } => {
                write!(f, "entries[{entry}] is another one\n  expected  {expected}\n  got       {got}")
            }
        }
    }
}
