//! Does an upstream still bring something new? An upstream whose encoder has died often goes on answering: with the same
//! playlist for ever, or with one that begins from the start again and again.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::relay::report::Cause;

/// Segments of hours.
const MAX_KNOWN: usize = 4096;

/// What a playlist has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Something that has not been there before.
    New,
    /// Nothing.
    Same,
    /// Something that had been there before, and is the latest again.
    Again,
}

/// The segments that one playlist has had.
#[derive(Debug, Default)]
pub struct Seen {
    known: HashSet<u64>,
    /// The same, the oldest first.
    order: VecDeque<u64>,
    latest: Option<u64>,
}

impl Seen {
    /// Takes in what the playlist ends with now.
    pub fn take(&mut self, tail: &[u64]) -> News {
        let mut is_new = false;
        for segment in tail {
            if self.known.insert(*segment) {
                is_new = true;
                self.order.push_back(*segment);
            }
        }
        while self.order.len() > MAX_KNOWN {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
        let latest = tail.last().copied();
        match std::mem::replace(&mut self.latest, latest) {
            _ if is_new => News::New,
            before if before == latest => News::Same,
            _ => News::Again,
        }
    }
}

/// For how long a relay has been asked, and had nothing new.
#[derive(Debug)]
pub struct Progress {
    since: Instant,
    asked_at: Instant,
    repeats: bool,
}

impl Progress {
    /// From now on.
    pub fn new(now: Instant) -> Self {
        Self { since: now, asked_at: now, repeats: false }
    }

    /// One of its playlists has been fetched. A cause: there has been nothing new for more than `stall`, in which nobody has
    /// paused for longer than `pause`.
    pub fn judge(&mut self, news: News, stall: Duration, pause: Duration, now: Instant) -> Option<Cause> {
        let was_asked = now - self.asked_at <= pause;
        self.asked_at = now;
        if news == News::New || !was_asked {
            (self.since, self.repeats) = (now, false);
            return None;
        }
        self.repeats |= news == News::Again;
        let cause = if self.repeats { Cause::Loops } else { Cause::Stalled };
        (now - self.since > stall).then_some(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALL: Duration = Duration::from_secs(60);
    const PAUSE: Duration = Duration::from_secs(18);

    /// Fetches every three seconds what the upstream has at that second, until there is a cause.
    fn watch(seconds: u64, at: impl Fn(u64) -> Vec<u64>) -> Option<(u64, Cause)> {
        let start = Instant::now();
        let (mut seen, mut progress) = (Seen::default(), Progress::new(start));
        (0..seconds).step_by(3).find_map(|second| {
            let news = seen.take(&at(second));
            let cause = progress.judge(news, STALL, PAUSE, start + Duration::from_secs(second));
            cause.map(|cause| (second, cause))
        })
    }

    fn window(latest: u64) -> Vec<u64> {
        (latest.saturating_sub(4)..=latest).collect()
    }

    #[test]
    fn whoever_goes_on_may_go_on_for_ever() {
        assert_eq!(watch(86_400, |second| window(second / 6)), None);
    }

    #[test]
    fn whoever_stands_still_has_stalled() {
        assert_eq!(watch(600, |second| window(second.min(100) / 6)), Some((159, Cause::Stalled)));
    }

    #[test]
    fn a_window_that_only_grows_shorter_stands_still() {
        let shrinking = |second| window(5).into_iter().skip((second as usize / 20).min(3)).collect();
        assert_eq!(watch(600, shrinking), Some((63, Cause::Stalled)));
    }

    #[test]
    fn whoever_begins_from_the_start_again_and_again_loops() {
        assert_eq!(watch(600, |second| window(second % 30 / 6)), Some((87, Cause::Loops)));
    }

    #[test]
    fn a_pause_of_the_players_is_none_of_the_upstreams() {
        let start = Instant::now();
        let mut progress = Progress::new(start);
        for minute in 1..100 {
            let now = start + Duration::from_secs(60 * minute);
            assert_eq!(progress.judge(News::Same, STALL, PAUSE, now), None);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut seen = Seen::default();
        assert!((0..3 * MAX_KNOWN as u64).all(|nth| seen.take(&window(nth)) == News::New));
        assert_eq!((seen.known.len(), seen.order.len()), (MAX_KNOWN, MAX_KNOWN));
    }
}
