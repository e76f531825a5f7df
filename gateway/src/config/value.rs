//! One variable: where its text comes from, and what is said when it is wrong.

use std::fmt;
use std::ops::RangeInclusive;

use subtle::ConstantTimeEq;
use uuid::Uuid;

/// HMAC-SHA256 is as strong as its secret; RFC 7518 asks for at least the size of the hash. Stream's secrets have 64 bytes.
pub(super) const MIN_SECRET_BYTES: usize = 32;

/// A key is only compared, and cannot be guessed at leisure.
const MIN_KEY_BYTES: usize = 16;

/// Where variables come from: the environment, or a test.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// One line that names the variable. Never contains its value where that may be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// A key that callers show us as it is. Never printed, and compared in a time that tells nothing about it but its length.
#[derive(Clone)]
pub struct Key(String);

impl Key {
    /// Is this the key?
    pub fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// What other keys are derived from.
    pub(crate) fn secret(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").finish_non_exhaustive()
    }
}

/// The variable's value. An empty one counts as missing.
pub(super) fn optional(variables: Variables, name: &str) -> Option<String> {
    variables(name).filter(|value| !value.is_empty())
}

/// A whole number from 0 to this one.
pub(super) fn number(name: &str, most: usize, variables: Variables) -> Result<Option<usize>, ConfigError> {
    number_within(name, 0..=most, variables)
}

/// A whole number from the one to the other.
pub(super) fn number_within(
    name: &str,
    range: RangeInclusive<usize>,
    variables: Variables,
) -> Result<Option<usize>, ConfigError> {
    let Some(text) = optional(variables, name) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| range.contains(number));
    let (least, most) = range.into_inner();
    number.map(Some).ok_or_else(|| ConfigError::new(format!("{name} must be a whole number from {least} to {most}")))
}

/// A secret that is long enough; the demo makes up what is missing.
pub(super) fn secret(name: &str, demo: bool, variables: Variables) -> Result<Option<String>, ConfigError> {
    match optional(variables, name) {
        Some(secret) => long_enough(name, secret, MIN_SECRET_BYTES).map(Some),
        None if demo => Ok(Some(format!("{}{}", random(), random()))),
        None => Ok(None),
    }
}

/// A key that is long enough, and that a header can carry.
pub(super) fn key(name: &str, variables: Variables) -> Result<Option<Key>, ConfigError> {
    let Some(key) = optional(variables, name) else { return Ok(None) };
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ConfigError::new(format!("{name} has a space, or something else that no header can carry, in it")));
    }
    long_enough(name, key, MIN_KEY_BYTES).map(|key| Some(Key(key)))
}

fn long_enough(name: &str, value: String, least: usize) -> Result<String, ConfigError> {
    match value.len() {
        length if length < least => {
            Err(ConfigError::new(format!("{name} is {length} bytes long; at least {least} are needed")))
        }
        _ => Ok(value),
    }
}

/// 122 random bits, in hexadecimal digits.
pub(super) fn random() -> String {
    Uuid::new_v4().simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_key_is_the_key_and_it_is_never_printed() {
        let lookup = |_: &str| Some("sb_secret_0123456789".to_owned());
        let key = key("KEY", &lookup).unwrap().unwrap();
        assert!(key.is("sb_secret_0123456789"));
        for wrong in
            ["", "sb_secret_012345678", "sb_secret_0123456788", "sb_secret_01234567890", "SB_SECRET_0123456789"]
        {
            assert!(!key.is(wrong), "{wrong}");
        }
        assert_eq!(format!("{key:?}"), "Key(..)");
    }
}
