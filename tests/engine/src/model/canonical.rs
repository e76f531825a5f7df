//! When two states are one: with the same things due equally long from now, whatever the clock shows and however often
//! something was numbered before.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use streamkeeper::engine::Millis;

/// No number below it is a time; the world's clock begins long after it.
const FIRST_TIME: u64 = 100_000_000_000;

/// What is longer ago than the longest pause of the engine makes no difference any more.
const LONG_AGO: u64 = 20 * 60_000;

/// What is numbered in the order in which it came to be, and means nothing but that it is the same.
const NUMBERED: [&str; 4] = ["RequestId(", "Generation(", "CallId(", "MeetingId("];

/// One number for all states that are the same.
pub fn fingerprint(state: &impl Debug, now: Millis, text: &mut String) -> u64 {
    use std::fmt::Write;
    text.clear();
    let _infallible = write!(text, "{state:?}");
    let mut hasher = DefaultHasher::new();
    let mut names: HashMap<(usize, u64), usize> = HashMap::new();
    let bytes = text.as_bytes();
    let (mut at, mut from) = (0, 0);
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        let mut number = 0_u64;
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            number = number.wrapping_mul(10).wrapping_add(u64::from(bytes[at] - b'0'));
            at += 1;
        }
        let before = &bytes[from..start];
        let numbered = NUMBERED.iter().position(|name| before.ends_with(name.as_bytes()));
        if numbered.is_none() && number < FIRST_TIME {
            continue;
        }
        before.hash(&mut hasher);
        match numbered {
            Some(kind) => {
                let next = names.len();
                names.entry((kind, number)).or_insert(next).hash(&mut hasher);
            }
            None if number >= now => (1, number - now).hash(&mut hasher),
            None => (0, (now - number).min(LONG_AGO)).hash(&mut hasher),
        }
        from = at;
    }
    bytes[from..].hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamkeeper::engine::RequestId;

    #[test]
    fn the_hour_and_the_numbering_make_no_difference_and_all_else_does() {
        let print = |state: (RequestId, RequestId, u64, u32), now| fingerprint(&state, now, &mut String::new());
        let (now, later) = (1_700_000_000_000, 1_700_000_777_000);
        let first = print((RequestId(1), RequestId(2), now + 500, 7), now);
        assert_eq!(first, print((RequestId(8), RequestId(3), later + 500, 7), later));
        for (other, at) in [
            ((RequestId(1), RequestId(1), now + 500, 7), now),
            ((RequestId(1), RequestId(2), now + 501, 7), now),
            ((RequestId(1), RequestId(2), now - 500, 7), now),
            ((RequestId(1), RequestId(2), now + 500, 8), now),
        ] {
            assert_ne!(first, print(other, at), "{other:?}");
        }
    }
}
