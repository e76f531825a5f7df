//! What can go wrong: always one line that a person can act upon.

use std::fmt::Display;

/// Why a command stopped.
#[derive(Debug)]
pub enum Failure {
    /// Said after `error:`; the first line says everything, log lines may follow.
    Because(String),
    /// Ctrl-C or SIGTERM: nothing to say.
    Interrupted,
}

/// What every fallible function here returns.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure with its reason.
    pub fn because(why: impl Into<String>) -> Self {
        Self::Because(why.into())
    }

    /// Something that we cannot bring ourselves, with the command that a person would run.
    pub fn missing(thing: impl Display, command: impl Display) -> Self {
        Self::Because(format!("{thing} is missing: run `{command}`"))
    }
}

/// Adds what was being done to an error from below.
pub trait Context<T> {
    /// `what` reads on from "error:", as in `cannot read Cargo.lock`.
    fn context<D: Display>(self, what: impl FnOnce() -> D) -> Result<T>;
}

impl<T, E: Display> Context<T> for std::result::Result<T, E> {
    fn context<D: Display>(self, what: impl FnOnce() -> D) -> Result<T> {
        self.map_err(|error| Failure::Because(format!("{}: {error}", what())))
    }
}
