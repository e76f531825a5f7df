//! The configuration: its defaults, its bounds, and errors that name the path, the value and the bounds.

use super::Millis;
use super::error::{Code, Error};
use super::value::{Value, digits, is_whole};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// The longest duration that a browser's timer takes.
pub const MAX_DURATION: Millis = 2_147_483_647;
/// The shortest duration that is not a mistake.
pub const MIN_DURATION: Millis = 10;

/// Everything that an app may set. See `ManagerConfig` in the npm package for the public words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// There is a chat transport; the façade has it.
    pub chat: bool,
    /// Where the database is reached; without it, streams cannot be started or ended.
    pub backend: Option<Backend>,
    /// When a person counts as gone.
    pub inactivity: Inactivity,
    /// How a lost chat connection comes back.
    pub reconnect: Reconnect,
    /// How a chat connection is checked.
    pub health: Health,
    /// How a stream is ended.
    pub ending: Ending,
}

/// The backend: a Supabase project or a gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Backend {
    /// Its origin, without a slash at the end.
    pub url: String,
    /// The publishable key, sent as `apikey`.
    pub api_key: Option<String>,
    /// The gateway's origin, when the backend is Supabase and there is a gateway as well.
    pub gateway_url: Option<String>,
}

/// Seed 003's inactivity settings; `None` means never.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inactivity {
    /// Without activity for this long, chat disconnects.
    pub timeout: Option<Millis>,
    /// How long before that the person is asked.
    pub prompt: Option<Millis>,
    /// Hidden for this long, chat disconnects; 0 at once.
    pub hidden_grace: Option<Millis>,
    /// Whether a joined meeting keeps chat alive.
    pub stay_while_live: bool,
}

/// Seed 003's reconnect settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reconnect {
    /// Before the first reconnect.
    pub delay: Millis,
    /// The longest delay.
    pub max_delay: Millis,
    /// Spread the delays.
    pub jitter: bool,
}

/// Seed 003's health settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// Between two checks.
    pub interval: Millis,
    /// For one probe.
    pub timeout: Millis,
}

/// What a page that goes away does with the streams that it hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPageHide {
    /// The lease shrinks to `hostGrace`.
    Grace,
    /// The stream is ended.
    End,
    /// Nothing.
    Keep,
}

/// Seed 000's ending settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// Before attempts 2, 3, … and before the fallbacks; the last one repeats.
    pub delays: Vec<Millis>,
    /// Attempts in one round.
    pub max_attempts: u32,
    /// For one attempt.
    pub timeout: Millis,
    /// Between a leave that may be a reconnect, and the end.
    pub leave_grace: Millis,
    /// What `pagehide` means.
    pub on_page_hide: OnPageHide,
    /// The lease of a closed tab.
    pub host_grace: Millis,
}

impl Ending {
    /// The pause after attempt `attempt` (from 1): seed 000's 1, 2, 3 s by default; the last one repeats.
    pub fn delay(&self, attempt: u32) -> Millis {
        let at = attempt.saturating_sub(1) as usize;
        self.delays.get(at).or(self.delays.last()).copied().unwrap_or_default()
    }
}

impl Default for Inactivity {
    fn default() -> Self {
        Inactivity { timeout: Some(300_000), prompt: None, hidden_grace: Some(60_000), stay_while_live: true }
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Reconnect { delay: 2_000, max_delay: 30_000, jitter: true }
    }
}

impl Default for Health {
    fn default() -> Self {
        Health { interval: 30_000, timeout: 10_000 }
    }
}

impl Default for Ending {
    fn default() -> Self {
        Ending {
            delays: vec![1_000, 2_000, 3_000],
            max_attempts: 3,
            timeout: 10_000,
            leave_grace: 4_000,
            on_page_hide: OnPageHide::Grace,
            host_grace: 30_000,
        }
    }
}

impl Config {
    /// Reads a configuration; what is absent has its default.
    ///
    /// # Errors
    /// [`Code::InvalidConfig`] for an unknown key, a wrong type or a value out of bounds.
    pub fn parse(value: &Value) -> Result<Config, Error> {
        let known = &["chat", "backend", "inactivity", "reconnect", "health", "ending", "logger"];
        let root = Section::new(String::new(), value, known)?;
        root.section("logger", &["debug", "info", "warn", "error"])?.functions()?;
        Ok(Config {
            chat: chat(&root)?,
            backend: backend(&root)?,
            inactivity: inactivity(&root, Inactivity::default())?,
            reconnect: reconnect(&root)?,
            health: health(&root)?,
            ending: ending(&root)?,
        })
    }
}

impl Inactivity {
    /// Reads the person's own settings; what is absent stays as it is.
    ///
    /// # Errors
    /// As [`Config::parse`].
    pub fn parse(self, value: &Value) -> Result<Inactivity, Error> {
        inactivity(
            &Section::new(String::new(), &Value::object([("inactivity", value.clone())]), &["inactivity"])?,
            self,
        )
    }
}

fn chat(root: &Section) -> Result<bool, Error> {
    let Some(given) = root.given("chat").filter(|given| **given != Value::Null) else { return Ok(false) };
    let has = |name| given.get(name) == Some(&Value::Opaque);
    if has("open") && has("close") {
        Ok(true)
    } else {
        Err(root.wrong("chat", given, "a chat transport: streamChat(…), webSocket(…), or your own {open, close}"))
    }
}

fn backend(root: &Section) -> Result<Option<Backend>, Error> {
    if matches!(root.given("backend"), None | Some(Value::Null)) {
        return Ok(None);
    }
    let section = root.section("backend", &["url", "apiKey", "gatewayUrl", "accessToken"])?;
    if let Some(given) = section.given("accessToken").filter(|given| **given != Value::Opaque) {
        // The value itself is not shown: whoever makes this mistake has put the token here.
        let kind = if given.as_text().is_some() { "a string" } else { "not a function" };
        return Err(section.error("accessToken", kind, "a function that returns the token, a promise of it, or null"));
    }
    let Some(url) = section.origin("url")? else {
        return Err(section.error("url", "missing", ORIGIN));
    };
    let api_key = match section.given("apiKey") {
        None => None,
        Some(Value::Text(key)) if !key.is_empty() && key.is_ascii() && !key.chars().any(char::is_whitespace) => {
            Some(key.clone())
        }
        Some(_) => return Err(section.error("apiKey", "not usable", "a non-empty string without white space")),
    };
    Ok(Some(Backend { url, api_key, gateway_url: section.origin("gatewayUrl")? }))
}

fn inactivity(root: &Section, or: Inactivity) -> Result<Inactivity, Error> {
    let section = root.section("inactivity", &["timeout", "prompt", "hiddenGrace", "whileLive"])?;
    let timeout = section.duration_or_never("timeout", or.timeout, MIN_DURATION)?;
    let prompt = section.duration_or_never("prompt", or.prompt, MIN_DURATION)?;
    if let (Some(timeout), Some(before)) = (timeout, prompt)
        && before >= timeout
    {
        let must = ["less than inactivity.timeout, ", &digits(timeout)].concat();
        return Err(section.error("prompt", &digits(before), &must));
    }
    Ok(Inactivity {
        timeout,
        prompt,
        hidden_grace: section.duration_or_never("hiddenGrace", or.hidden_grace, 0)?,
        stay_while_live: section.one_of("whileLive", &[("stay", true), ("apply", false)], or.stay_while_live)?,
    })
}

fn reconnect(root: &Section) -> Result<Reconnect, Error> {
    let section = root.section("reconnect", &["delay", "maxDelay", "jitter"])?;
    let or = Reconnect::default();
    Ok(Reconnect {
        delay: section.duration("delay", or.delay)?,
        max_delay: section.duration("maxDelay", or.max_delay)?,
        jitter: match section.given("jitter") {
            None => or.jitter,
            Some(Value::Bool(jitter)) => *jitter,
            Some(given) => return Err(section.wrong("jitter", given, "true or false")),
        },
    })
}

fn health(root: &Section) -> Result<Health, Error> {
    let section = root.section("health", &["interval", "timeout"])?;
    let or = Health::default();
    Ok(Health {
        interval: section.duration("interval", or.interval)?,
        timeout: section.duration("timeout", or.timeout)?,
    })
}

fn ending(root: &Section) -> Result<Ending, Error> {
    let known = &["delays", "maxAttempts", "timeout", "leaveGrace", "onPageHide", "hostGrace"];
    let section = root.section("ending", known)?;
    let or = Ending::default();
    let delays = match section.given("delays") {
        None => or.delays,
        Some(Value::List(items)) if (1..=10).contains(&items.len()) => {
            let item = |(at, item)| {
                integer(&section.path(&["delays[", &digits(at as u64), "]"].concat()), item, MIN_DURATION, MAX_DURATION)
            };
            items.iter().enumerate().map(item).collect::<Result<_, _>>()?
        }
        Some(given) => return Err(section.wrong("delays", given, "a list of 1 to 10 durations")),
    };
    let max_attempts = match section.given("maxAttempts") {
        None => or.max_attempts,
        Some(given) => integer(&section.path("maxAttempts"), given, 1, 10)? as u32,
    };
    let pages = &[("grace", OnPageHide::Grace), ("end", OnPageHide::End), ("keep", OnPageHide::Keep)];
    Ok(Ending {
        delays,
        max_attempts,
        timeout: section.duration("timeout", or.timeout)?,
        leave_grace: section.duration("leaveGrace", or.leave_grace)?,
        on_page_hide: section.one_of("onPageHide", pages, or.on_page_hide)?,
        host_grace: section.duration("hostGrace", or.host_grace)?,
    })
}

const ORIGIN: &str = "an http:// or https:// address without user, password, query or fragment";

/// An object within the configuration, with the path that leads to it.
struct Section<'a> {
    path: String,
    members: &'a [(String, Value)],
}

impl<'a> Section<'a> {
    fn new(path: String, value: &'a Value, known: &[&str]) -> Result<Section<'a>, Error> {
        let members = match value {
            Value::Null => &[],
            Value::Object(members) => members.as_slice(),
            other => return Err(invalid(if path.is_empty() { "config" } else { &path }, &other.shown(), "an object")),
        };
        let section = Section { path, members };
        match members.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            None => Ok(section),
            Some((key, _)) => {
                let key = Value::from(key.as_str()).shown();
                let path = section.path(key.trim_matches('"'));
                Err(Error::new(
                    Code::InvalidConfig,
                    [&path, " is not a setting; known here: ", &known.join(", ")].concat(),
                ))
            }
        }
    }

    fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { [&self.path, ".", key].concat() }
    }

    fn given(&self, key: &str) -> Option<&'a Value> {
        self.members.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    fn section(&self, key: &str, known: &[&str]) -> Result<Section<'a>, Error> {
        Section::new(self.path(key), self.given(key).unwrap_or(&Value::Null), known)
    }

    fn error(&self, key: &str, shown: &str, must: &str) -> Error {
        invalid(&self.path(key), shown, must)
    }

    fn wrong(&self, key: &str, given: &Value, must: &str) -> Error {
        self.error(key, &given.shown(), must)
    }

    fn duration(&self, key: &str, or: Millis) -> Result<Millis, Error> {
        self.given(key).map_or(Ok(or), |given| integer(&self.path(key), given, MIN_DURATION, MAX_DURATION))
    }

    fn duration_or_never(&self, key: &str, or: Option<Millis>, zero: Millis) -> Result<Option<Millis>, Error> {
        match self.given(key) {
            None => Ok(or),
            Some(Value::Null) => Ok(None),
            Some(Value::Number(0.0)) if zero == 0 => Ok(Some(0)),
            Some(given) => integer(&self.path(key), given, MIN_DURATION, MAX_DURATION).map(Some).map_err(|error| {
                also(error, if zero == 0 { ", 0 for at once, or null for never" } else { ", or null for never" })
            }),
        }
    }

    fn one_of<T: Copy>(&self, key: &str, choices: &[(&str, T)], or: T) -> Result<T, Error> {
        let Some(given) = self.given(key) else { return Ok(or) };
        let names = || choices.iter().map(|(name, _)| ["\"", name, "\""].concat()).collect::<Vec<_>>().join(" or ");
        let found = choices.iter().find(|(name, _)| given.as_text() == Some(name));
        found.map(|(_, choice)| *choice).ok_or_else(|| self.wrong(key, given, &names()))
    }

    fn origin(&self, key: &str) -> Result<Option<String>, Error> {
        let Some(given) = self.given(key) else { return Ok(None) };
        let text = given.as_text().unwrap_or_default();
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
        let usable = !rest.is_empty()
            && !rest.starts_with('/')
            && !rest.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '@' | '?' | '#' | '\\'));
        if usable {
            Ok(Some(text.trim_end_matches('/').to_owned()))
        } else {
            // Not shown: a password may be in it.
            Err(self.error(key, "not usable", ORIGIN))
        }
    }

    fn functions(&self) -> Result<(), Error> {
        match self.members.iter().find(|(_, value)| *value != Value::Opaque) {
            None => Ok(()),
            Some((key, value)) => Err(self.wrong(key, value, "a function")),
        }
    }
}

fn invalid(path: &str, shown: &str, must: &str) -> Error {
    Error::new(Code::InvalidConfig, [path, " is ", shown, "; it must be ", must].concat())
}

fn also(mut error: Error, more: &str) -> Error {
    error.message.push_str(more);
    error
}

fn integer(path: &str, given: &Value, min: u64, max: u64) -> Result<u64, Error> {
    match given {
        Value::Number(number) if is_whole(*number) && *number >= min as f64 && *number <= max as f64 => {
            Ok(*number as u64)
        }
        _ => {
            let bounds = ["a whole number from ", &digits(min), " to ", &digits(max)].concat();
            Err(invalid(path, &given.shown(), &bounds))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(section: &str, key: &str, value: Value) -> Value {
        Value::object([(section, Value::object([(key, value)]))])
    }

    fn message(value: &Value) -> String {
        let error = Config::parse(value).unwrap_err();
        assert_eq!(error.code, Code::InvalidConfig);
        error.message
    }

    #[test]
    fn nothing_given_is_the_documented_defaults() {
        let config = Config::parse(&Value::Null).unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.ending.delays, [1_000, 2_000, 3_000]);
        assert_eq!(config.ending.max_attempts, 3);
        assert_eq!(config.inactivity.timeout, Some(300_000));
        assert_eq!(config.health.interval, 30_000);
        assert_eq!(config.reconnect.delay, 2_000);
    }

    #[test]
    fn a_bad_value_is_named_with_its_path_and_bounds() {
        let given = Value::List(vec![Value::Number(-1.0)]);
        assert_eq!(
            message(&with("ending", "delays", given)),
            "ending.delays[0] is -1; it must be a whole number from 10 to 2147483647"
        );
        assert_eq!(
            message(&with("inactivity", "hiddenGrace", 5_u32.into())),
            "inactivity.hiddenGrace is 5; it must be a whole number from 10 to 2147483647, 0 for at once, or null for never"
        );
        assert_eq!(
            message(&with("ending", "onPageHide", "stop".into())),
            "ending.onPageHide is \"stop\"; it must be \"grace\" or \"end\" or \"keep\""
        );
        assert_eq!(message(&Value::Bool(true)), "config is true; it must be an object");
    }

    #[test]
    fn every_number_out_of_bounds_is_refused() {
        for bad in [f64::NAN, f64::INFINITY, -1.0, 0.0, 9.0, 10.5, 2_147_483_648.0] {
            for (section, key) in
                [("ending", "timeout"), ("reconnect", "delay"), ("health", "interval"), ("inactivity", "timeout")]
            {
                assert!(message(&with(section, key, Value::Number(bad))).starts_with(&format!("{section}.{key} is ")));
            }
        }
    }

    #[test]
    fn unknown_keys_are_named_wherever_they_stand() {
        let nested = with("ending", "nope", Value::Null);
        assert!(message(&nested).starts_with("ending.nope is not a setting; known here: delays, maxAttempts"));
        assert!(message(&Value::object([("endings", Value::Null)])).starts_with("endings is not a setting"));
    }

    #[test]
    fn null_means_never_only_where_that_is_stated() {
        let never = Config::parse(&with("inactivity", "timeout", Value::Null)).unwrap();
        assert_eq!(never.inactivity.timeout, None);
        assert!(message(&with("ending", "timeout", Value::Null)).starts_with("ending.timeout is null"));
    }

    #[test]
    fn the_prompt_comes_before_the_timeout() {
        let config = Value::object([(
            "inactivity",
            Value::object([("timeout", 1_000_u32.into()), ("prompt", 1_000_u32.into())]),
        )]);
        assert_eq!(message(&config), "inactivity.prompt is 1000; it must be less than inactivity.timeout, 1000");
    }

    #[test]
    fn a_backend_is_an_origin_and_its_secrets_are_never_shown() {
        let config = Config::parse(&with("backend", "url", "https://x.example/".into())).unwrap();
        assert_eq!(config.backend.unwrap().url, "https://x.example");
        for bad in
            ["", "x.example", "ftp://x", "https://", "https://user:s3cret@x", "https://x/?key=s3cret", "https:///x"]
        {
            let said = message(&with("backend", "url", bad.into()));
            assert!(said.starts_with("backend.url is not usable") && !said.contains("s3cret"), "{said}");
        }
        let token = Value::object([("url", "https://x".into()), ("accessToken", "s3cret".into())]);
        let said = message(&Value::object([("backend", token)]));
        assert!(said.starts_with("backend.accessToken is a string; it must be a function") && !said.contains("s3cret"));
        assert!(message(&with("backend", "apiKey", "k".into())).starts_with("backend.url is missing"));
    }
}
