//! Does an upstream still bring something new? An upstream whose encoder has died often goes on answering: with the same
//! playlist for ever, or with one that begins from the start again and again.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::relay::report::Cause;

/// Segments of hours.
const MAX_KNOWN: usize = 4096;

/// Whoever looks now and then may not see the very last segment before a turn.
const SAME_PLACE: u64 = 2;

/// What a playlist has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Something that has not been there before; or it began from the start, and goes on from there, as an encoder does that
    /// was started again.
    New,
    /// Nothing.
    Same,
    /// What it brings now it has brought twice before, with nothing new in between.
    Again,
}

/// The segments that one playlist has had.
#[derive(Debug, Default)]
pub struct Seen {
    /// Each, and the how manieth it was.
    known: HashMap<u64, u64>,
    /// The same, the oldest first.
    order: VecDeque<u64>,
    next: u64,
    /// The how manieth the last one was that has come.
    latest: Option<u64>,
    /// From where it has turned back last.
    turned_at: Option<u64>,
    /// It has turned back from there before.
    repeats: bool,
}

impl Seen {
    /// Takes in what the playlist ends with now.
    pub fn take(&mut self, tail: &[u64]) -> News {
        let before = self.next;
        tail.iter().for_each(|segment| self.remember(*segment));
        let latest = tail.last().and_then(|segment| self.known.get(segment)).copied();
        let earlier = std::mem::replace(&mut self.latest, latest);
        if self.next != before {
            (self.turned_at, self.repeats) = (None, false);
            return News::New;
        }
        match (earlier, latest) {
            (earlier, latest) if earlier == latest => return News::Same,
            (Some(from), to) if to.is_none_or(|to| to < from) => {
                let turned_at = self.turned_at.replace(from);
                self.repeats = turned_at.is_some_and(|place| place.abs_diff(from) <= SAME_PLACE);
            }
            _ => {}
        }
        if self.repeats { News::Again } else { News::New }
    }

    fn remember(&mut self, segment: u64) {
        if self.known.contains_key(&segment) {
            return;
        }
        self.known.insert(segment, self.next);
        self.next += 1;
        self.order.push_back(segment);
        if self.order.len() > MAX_KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
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
        assert_eq!(watch(600, |second| window(second % 30 / 6)), Some((117, Cause::Loops)));
        // Looked at so rarely that the last segment is not seen every time.
        assert!(matches!(watch(600, |second| window(second % 31 / 2)), Some((_, Cause::Loops))));
    }

    #[test]
    fn an_encoder_that_was_started_again_may_name_its_segments_as_before() {
        let again = |second| window(if second < 300 { second / 6 } else { (second - 300) / 6 });
        assert_eq!(watch(3_600, again), None);
        // Also one that is started again and again, each time before it got as far as before.
        let failing = |second: u64| {
            let (mut second, mut lives) = (second, [300, 240, 180, 120].into_iter());
            while let Some(life) = lives.next().filter(|life| second >= *life) {
                second -= life;
            }
            window(second / 6)
        };
        assert_eq!(watch(1_100, failing), None);
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
