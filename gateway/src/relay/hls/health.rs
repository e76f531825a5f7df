//! How an upstream is, from what becomes of its playlists: one of them may fail for long while others come.

use std::time::Duration;

use tokio::time::Instant;

use super::progress::{News, Progress};
use super::resources::Name;
use crate::relay::report::Report;

/// Players do not ask for a playlist again that has an end.
pub const FINISHED: &str = "upstream_finished";

/// How long a session may be silent, in longest segments; and how long a playlist that failed may stand for itself.
const SILENCE: u32 = 3;

/// Nobody waits for three times as long as longer segments take.
const MAX_TARGET: Duration = Duration::from_secs(60);

/// What is known of a relay's upstream.
#[derive(Debug)]
pub struct Health {
    told: Told,
    /// Which playlist came last, and when.
    good: Option<(Name, Instant)>,
    progress: Progress,
    asked_at: Instant,
    /// The longest segment that was announced.
    target: Duration,
    least_silence: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Good,
    Bad(&'static str),
}

impl Health {
    /// Of one that nobody has asked yet. A silence is at least this long.
    pub fn new(least_silence: Duration, now: Instant) -> Self {
        Self {
            told: Told::Nothing,
            good: None,
            progress: Progress::new(now),
            asked_at: now,
            target: Duration::ZERO,
            least_silence,
        }
    }

    /// How long a player may say nothing without having left: players ask at least once in a longest segment.
    pub fn silence(&self) -> Duration {
        (self.target.min(MAX_TARGET) * SILENCE).max(self.least_silence)
    }

    /// Somebody wants a playlist.
    pub fn asked(&mut self, now: Instant) {
        self.asked_at = now;
    }

    /// Nobody is there. What nobody has wanted for so long is not missed, and nobody would notice when it is there again.
    pub fn alone(&mut self, now: Instant) -> Option<Report> {
        let is_bad = matches!(self.told, Told::Bad(_));
        if !is_bad || now - self.asked_at <= self.silence() {
            return None;
        }
        self.told = Told::Good;
        Some(Report::Recovered)
    }

    /// A playlist has come.
    pub fn good(&mut self, name: Name, now: Instant) -> Option<Report> {
        self.good = Some((name, now));
        match std::mem::replace(&mut self.told, Told::Good) {
            Told::Nothing => Some(Report::Connected),
            Told::Good => None,
            Told::Bad(_) => Some(Report::Recovered),
        }
    }

    /// It has segments of this length, and brought this.
    pub fn news(&mut self, news: News, target: Duration, stall: Duration, now: Instant) -> Option<Report> {
        self.target = self.target.max(target);
        // Nothing new can be expected sooner than a segment takes.
        let (stall, pause) = (stall.max(target * SILENCE), self.silence().max(self.target * SILENCE));
        self.progress.judge(news, stall, pause, now).map(Report::Ended)
    }

    /// A playlist has not come, or was the last of its kind.
    pub fn bad(&mut self, name: Name, why: &'static str, now: Instant) -> Option<Report> {
        // It is not the whole upstream, while another one comes.
        let silence = self.silence();
        let is_alone = self.good.is_none_or(|(other, at)| other == name || now - at > silence);
        let is_told = self.told == Told::Bad(why);
        if !is_alone || is_told {
            return None;
        }
        self.told = Told::Bad(why);
        Some(Report::Degraded(why.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::report::Cause;

    const A: Name = Name::of_test(1);
    const B: Name = Name::of_test(2);
    const SECOND: Duration = Duration::from_secs(1);

    fn degraded(why: &'static str) -> Option<Report> {
        Some(Report::Degraded(why.into()))
    }

    #[test]
    fn each_change_is_told_once() {
        let now = Instant::now();
        let mut health = Health::new(10 * SECOND, now);
        assert_eq!(health.good(A, now), Some(Report::Connected));
        assert_eq!(health.good(A, now), None);
        assert_eq!(health.bad(A, "upstream_status", now), degraded("upstream_status"));
        assert_eq!(health.bad(A, "upstream_status", now), None);
        assert_eq!(health.bad(A, "upstream_silent", now), degraded("upstream_silent"));
        assert_eq!(health.good(A, now), Some(Report::Recovered));
        assert_eq!(health.bad(A, FINISHED, now), degraded(FINISHED));
    }

    #[test]
    fn one_playlist_of_several_is_not_the_upstream() {
        let now = Instant::now();
        let mut health = Health::new(10 * SECOND, now);
        health.good(A, now);
        assert_eq!(health.bad(B, "upstream_status", now + 10 * SECOND), None);
        assert_eq!(health.bad(B, "upstream_status", now + 11 * SECOND), degraded("upstream_status"));
    }

    #[test]
    fn long_segments_have_the_time_that_they_take() {
        let now = Instant::now();
        let mut health = Health::new(10 * SECOND, now);
        assert_eq!(health.silence(), 10 * SECOND);
        assert_eq!(health.news(News::New, 6 * SECOND, 5 * SECOND, now), None);
        assert_eq!(health.silence(), 18 * SECOND);
        assert_eq!(health.news(News::Same, 6 * SECOND, 5 * SECOND, now + 18 * SECOND), None);
        let cause = health.news(News::Same, 6 * SECOND, 5 * SECOND, now + 19 * SECOND);
        assert_eq!(cause, Some(Report::Ended(Cause::Stalled)));
    }

    #[test]
    fn segments_of_minutes_are_judged_by_their_own_length() {
        let (now, target) = (Instant::now(), 120 * SECOND);
        let mut health = Health::new(10 * SECOND, now);
        health.news(News::New, target, 60 * SECOND, now);
        assert_eq!(health.silence(), 180 * SECOND);
        for asked in [100, 200, 300, 360] {
            assert_eq!(health.news(News::Same, target, 60 * SECOND, now + asked * SECOND), None);
        }
        let cause = health.news(News::Same, target, 60 * SECOND, now + 361 * SECOND);
        assert_eq!(cause, Some(Report::Ended(Cause::Stalled)));
    }

    #[test]
    fn what_nobody_wants_any_more_is_not_missed() {
        let now = Instant::now();
        let mut health = Health::new(10 * SECOND, now);
        health.bad(A, "upstream_status", now);
        assert_eq!(health.alone(now + 10 * SECOND), None);
        assert_eq!(health.alone(now + 11 * SECOND), Some(Report::Recovered));
        assert_eq!(health.alone(now + 12 * SECOND), None);
        assert_eq!(health.bad(A, "upstream_status", now + 13 * SECOND), degraded("upstream_status"));
    }
}
