//! What the doctor has to say: how bad it is, what it is, why it matters, and what to do about it.

use serde::Serialize;

/// How bad, from the least to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Could not be looked at with what was given.
    Unknown,
    /// Works, and could be better.
    Hint,
    /// Something does not work, or will not.
    Problem,
    /// Somebody can do or see what they must not.
    Danger,
}

/// One thing that was looked at. It never holds a key, a token or a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at: a name that stays, for scripts.
    pub check: &'static str,
    /// What is so.
    pub what: String,
    /// What follows from it. Empty where nothing does.
    pub why: String,
    /// A command, SQL or setting to paste. Empty where nothing is to be done.
    pub fix: String,
}

impl Finding {
    /// As it should be.
    pub fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self { level: Level::Ok, check, what: what.into(), why: String::new(), fix: String::new() }
    }

    /// Not looked at; `fix` says what is needed for that.
    pub fn unknown(check: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level: Level::Unknown, check, what: what.into(), why: String::new(), fix: fix.into() }
    }

    /// Works, and could be better.
    pub fn hint(check: &'static str, what: impl Into<String>, why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { level: Level::Hint, check, what: what.into(), why: why.into(), fix: fix.into() }
    }

    /// Does not work.
    pub fn problem(
        check: &'static str,
        what: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { level: Level::Problem, ..Self::hint(check, what, why, fix) }
    }

    /// Lets somebody do or see what they must not.
    pub fn danger(
        check: &'static str,
        what: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { level: Level::Danger, ..Self::hint(check, what, why, fix) }
    }
}

/// What somebody else's server said, fit for a terminal: one line of bounded length, without control characters.
pub fn quoted(text: &str) -> String {
    const MOST: usize = 200;
    let line = text.trim().lines().next().unwrap_or_default();
    let mut shown: String = line.chars().filter(|c| !c.is_control()).take(MOST).collect();
    if line.chars().count() > MOST {
        shown.push('…');
    }
    shown
}
