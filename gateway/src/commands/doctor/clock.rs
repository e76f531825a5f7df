//! Whether the clocks agree: tokens have a beginning and an end.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::fmt::rfc2822;

use super::finding::Finding;
use super::http::Answer;
use crate::auth::LEEWAY_SECONDS;

/// Less is not worth a word.
const NOTICEABLE: f64 = 5.0;

/// Seconds since 1970, by this machine.
pub fn now() -> f64 {
    seconds(SystemTime::now())
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}

/// By how much the server's clock is ahead, at the least, going by its `Date`. None: it has none, or the answer is an old one
/// out of a cache.
pub fn ahead(answer: &Answer) -> Option<f64> {
    if !answer.header("age").is_empty() {
        return None;
    }
    let date = rfc2822::parse(answer.header("date")).ok()?.timestamp().as_second() as f64;
    // The header has whole seconds, and the answer was made at some time between question and answer.
    Some(least(date - seconds(answer.answered), date + 1.0 - seconds(answer.asked)))
}

/// Of a difference that is somewhere in between, what there is of it for certain.
pub fn least(from: f64, to: f64) -> f64 {
    if from > 0.0 {
        from
    } else if to < 0.0 {
        to
    } else {
        0.0
    }
}

/// What is to be said about it.
pub fn verdict(check: &'static str, whose: &str, ahead: f64) -> Finding {
    let side = if ahead < 0.0 { "behind" } else { "ahead of" };
    let what = format!("{whose} clock is {:.0} s {side} this machine's", ahead.abs());
    let why = "tokens are refused before their time or after it, and deadlines come early or late";
    let fix = "see which of the two is wrong (`timedatectl`), and let it follow a time server";
    if ahead.abs() > LEEWAY_SECONDS as f64 {
        Finding::problem(check, what, why, fix)
    } else if ahead.abs() > NOTICEABLE {
        Finding::hint(check, what, why, fix)
    } else {
        Finding::ok(check, format!("{whose} clock agrees with this machine's"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn what_the_way_may_have_taken_is_no_difference() {
        assert_eq!(least(-0.4, 1.1), 0.0);
        assert_eq!(least(3.0, 4.0), 3.0);
        assert_eq!(least(-9.0, -7.5), -7.5);
    }

    #[test]
    fn what_a_token_forgives_is_a_hint() {
        let level = |ahead| verdict("clock", "its", ahead).level;
        assert_eq!(
            (level(-5.0), level(6.0), level(-30.0), level(30.5)),
            (Level::Ok, Level::Hint, Level::Hint, Level::Problem)
        );
        assert!(verdict("clock", "the backend's", -90.2).what.starts_with("the backend's clock is 90 s behind"));
    }
}
