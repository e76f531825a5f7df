//! A trace, as `exportTrace()` gives it. What is not one is refused by the field and what it must be.

use super::json;
use streamkeeper::engine::page::{Exit, Page};
use streamkeeper::engine::trace::VERSION;
use streamkeeper::engine::{Config, Manager, Millis, Value};

/// What happened in a page, from its beginning.
#[derive(Debug)]
pub struct Recording {
    /// When it began.
    pub at: Millis,
    holder: String,
    page: Page,
    config: Config,
    /// What went in and came out.
    pub entries: Vec<Entry>,
}

/// What kind of entry it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something went in.
    Input,
    /// And this came out.
    Output,
    /// Much went in and led to nothing.
    Quiet,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// By the page's clock.
    pub at: Millis,
    /// See [`Kind`].
    pub kind: Kind,
    /// What.
    pub what: Value,
}

impl Recording {
    /// Reads a trace.
    ///
    /// # Errors
    /// In one line: the field, and what it must be.
    pub fn read(text: &str) -> Result<Recording, String> {
        let trace = json::read(text).map_err(|why| format!("the trace is cut, or no JSON: {why}"))?;
        Recording::from_value(&trace)
    }

    /// The same of a trace that has been read.
    ///
    /// # Errors
    /// As [`Recording::read`].
    pub fn from_value(trace: &Value) -> Result<Recording, String> {
        let version = field(trace, "version", "a number")?;
        if *version != VERSION.into() {
            let shown = version.shown();
            return Err(format!("version is {shown}; it must be {VERSION}, which is what this replay reads"));
        }
        let dropped = field(trace, "dropped", "a number")?;
        if *dropped != 0_u32.into() {
            let shown = dropped.shown();
            return Err(format!("dropped is {shown}; it must be 0: a replay begins where the page did"));
        }
        let started = field(trace, "started", "an object")?;
        let Value::List(entries) = field(trace, "entries", "a list")? else {
            return Err("entries is no list; it must be one".to_owned());
        };
        Ok(Recording {
            at: millis(started, "started", "at")?,
            holder: text(started, "started", "holder")?.to_owned(),
            page: page(started.get("page").unwrap_or(&Value::Null))?,
            config: config(started.get("config").unwrap_or(&Value::Null))?,
            entries: entries.iter().enumerate().map(|(at, entry)| Entry::read(at, entry)).collect::<Result<_, _>>()?,
        })
    }

    /// A manager that is started in the same way.
    pub fn manager(&self) -> Manager {
        Manager::new(self.config.clone(), self.holder.clone(), self.page, self.at)
    }
}

impl Entry {
    fn read(at: usize, entry: &Value) -> Result<Entry, String> {
        let path = format!("entries[{at}]");
        let kind = match text(entry, &path, "kind")? {
            "input" => Kind::Input,
            "output" => Kind::Output,
            "quiet" => Kind::Quiet,
            other => return Err(format!("{path}.kind is \"{other}\"; it must be input, output or quiet")),
        };
        if at == 0 && kind == Kind::Output {
            return Err(format!("{path}.kind is \"output\"; the first must be input or quiet"));
        }
        let what = entry.get("what").cloned().unwrap_or_default();
        Ok(Entry { at: millis(entry, &path, "at")?, kind, what })
    }
}

fn field<'a>(of: &'a Value, name: &str, must: &str) -> Result<&'a Value, String> {
    of.get(name).ok_or_else(|| format!("{name} is missing; it must be {must}"))
}

fn text<'a>(of: &'a Value, path: &str, name: &str) -> Result<&'a str, String> {
    let given = of.get(name).unwrap_or(&Value::Null);
    given.as_text().ok_or_else(|| format!("{path}.{name} is {}; it must be a text", given.shown()))
}

fn millis(of: &Value, path: &str, name: &str) -> Result<Millis, String> {
    match of.get(name).unwrap_or(&Value::Null) {
        Value::Number(at) if *at >= 0.0 && *at < 9e15 && at.fract() == 0.0 => Ok(*at as Millis),
        other => Err(format!("{path}.{name} is {}; it must be a time in milliseconds", other.shown())),
    }
}

fn page(page: &Value) -> Result<Page, String> {
    let flag = |name| match page.get(name).unwrap_or(&Value::Null) {
        Value::Bool(is) => Ok(*is),
        other => Err(format!("started.page.{name} is {}; it must be true or false", other.shown())),
    };
    Ok(Page { visible: flag("visible")?, online: flag("online")?, frozen: false, exit: Exit::None })
}

/// Of transports and addresses a trace knows only whether there were any.
fn config(config: &Value) -> Result<Config, String> {
    let Value::Object(given) = config else {
        return Err(format!("started.config is {}; it must be an object", config.shown()));
    };
    let mut members: Vec<(String, Value)> = given.clone();
    members.retain(|(key, _)| !matches!(key.as_str(), "chat" | "backend" | "gateway"));
    if config.flag("chat") {
        members.push(("chat".to_owned(), Value::object([("open", Value::Opaque), ("close", Value::Opaque)])));
    }
    if config.flag("backend") {
        let mut backend = vec![("url".to_owned(), "http://backend.test".into())];
        if config.flag("gateway") {
            backend.push(("gatewayUrl".to_owned(), "http://gateway.test".into()));
        }
        members.push(("backend".to_owned(), Value::Object(backend)));
    }
    Config::parse(&Value::Object(members)).map_err(|error| format!("started.config.{}", error.message))
}
