//! Does a stream advance? One that does not is over, however much of it comes.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::packets::{Packet, WRAP};
use crate::relay::report::Cause;

/// Parts whose times are followed. A stream for players has two.
const MAX_PARTS: usize = 16;

/// How much of a part's past is remembered: more than six hours, and less than half a round of its clock.
const MEMORY: u64 = WRAP / 4;

/// No frame is that much later than the one before it, 10 s: the clock was set.
const JUMP: u64 = 900_000;

/// Once may be an encoder that was started again. A loop turns back for ever.
const TURNS: u8 = 2;

/// The clock of a scrambled stream stands in clear, as no frame's time does. It is one more part, at no part's place.
const CLOCK: u16 = u16::MAX;

/// What there has been of the stream, and when something was new.
#[derive(Debug)]
pub struct Progress {
    /// Of each part. Sound alone, or pictures alone, are a stream that advances.
    seen: BTreeMap<u16, Seen>,
    /// Since when there has been nothing new. Moved on by all the time in which nothing could come.
    since: Instant,
    /// When it was given up for a time.
    paused_at: Option<Instant>,
    /// Has something come since then that had been there before?
    is_repeated: bool,
    is_scrambled: bool,
}

impl Progress {
    /// Of a stream that is yet to begin.
    pub fn new(now: Instant) -> Self {
        Self { seen: BTreeMap::new(), since: now, paused_at: Some(now), is_repeated: false, is_scrambled: false }
    }

    /// From now on something can come. Who connects anew may find other times: they are not compared with the earlier ones.
    pub fn resume(&mut self, now: Instant) {
        if let Some(paused_at) = self.paused_at.take() {
            self.since += now.saturating_duration_since(paused_at);
        }
        self.seen.clear();
        self.is_scrambled = false;
    }

    /// From now on nothing can come: what the network is to blame for is not the stream's.
    pub fn pause(&mut self, now: Instant) {
        self.paused_at.get_or_insert(now);
    }

    /// Takes note of a packet.
    pub fn take(&mut self, packet: Packet<'_>, now: Instant) {
        if packet.is_discontinuous() {
            self.seen.remove(&packet.pid());
            self.seen.remove(&CLOCK);
        }
        self.is_scrambled |= packet.is_scrambled();
        if let Some(time) = packet.decoding_time() {
            self.note(packet.pid(), time, now);
        }
        // A clock alone goes on without anything to see.
        if self.is_scrambled
            && let Some(time) = packet.clock()
        {
            self.note(CLOCK, time, now);
        }
    }

    fn note(&mut self, part: u16, time: u64, now: Instant) {
        let parts = self.seen.len();
        match self.seen.get_mut(&part).map(|seen| seen.take(time)) {
            Some(Step::New) => {
                self.since = now;
                self.is_repeated = false;
            }
            Some(Step::Repeated) => self.is_repeated = true,
            Some(Step::None) => {}
            // The first one says where it begins, and nothing more: whoever begins again and again does not advance.
            None if parts < MAX_PARTS => {
                self.seen.insert(part, Seen::beginning(time));
            }
            None => {}
        }
    }

    /// When there will have been nothing new for this long, if nothing comes, and something could all the while.
    pub fn deadline(&self, stall: Duration) -> Instant {
        self.since + stall
    }

    /// Has as long again: it was not the stream that stood still.
    pub fn forgive(&mut self, now: Instant) {
        self.since = now;
    }

    /// What is to be said of it when that is the case.
    pub fn cause(&self) -> Cause {
        if self.is_repeated { Cause::Loops } else { Cause::Stalled }
    }
}

/// The times of a part that there have been.
#[derive(Debug)]
struct Seen {
    from: u64,
    to: u64,
    last: u64,
    /// How often it has turned back since it was at its furthest.
    turns: u8,
}

/// What one more time says.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    New,
    Repeated,
    None,
}

impl Seen {
    fn beginning(time: u64) -> Self {
        Self { from: time, to: time, last: time, turns: 0 }
    }

    fn take(&mut self, time: u64) -> Step {
        let (step, is_known) = (between(self.last, time), between(self.from, time) <= between(self.from, self.to));
        if step == 0 {
            return Step::None;
        }
        self.last = time;
        match (step < WRAP / 2, is_known) {
            (true, _) if step > JUMP => {
                *self = Self::beginning(time);
                Step::New
            }
            (true, false) => {
                self.to = time;
                self.turns = 0;
                if between(self.from, time) > MEMORY {
                    self.from = time.wrapping_sub(MEMORY) % WRAP;
                }
                Step::New
            }
            (true, true) if self.turns < TURNS => Step::New,
            (true, true) => Step::Repeated,
            (false, true) => {
                self.turns = self.turns.saturating_add(1);
                if self.turns < TURNS { Step::None } else { Step::Repeated }
            }
            // Before all that is known: its clock was set, without a word.
            (false, false) => {
                *self = Self::beginning(time);
                Step::None
            }
        }
    }
}

/// From the one time to the other, on a clock that begins anew.
fn between(from: u64, to: u64) -> u64 {
    to.wrapping_sub(from) % WRAP
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::packets::SIZE;
    use super::*;

    const STALL: Duration = Duration::from_secs(60);
    const VIDEO: u16 = 256;

    /// A packet in which a frame of this time begins.
    fn frame(pid: u16, time: u64, is_discontinuous: bool) -> [u8; SIZE] {
        let mut packet = [0xff; SIZE];
        let [high, low] = pid.to_be_bytes();
        let flags = if is_discontinuous { 0x80 } else { 0 };
        packet[..6].copy_from_slice(&[0x47, 0x40 | high, low, 0x30, 1, flags]);
        let times = [(time >> 29 & 0x0e | 0x21) as u8, (time >> 22) as u8, (time >> 14 | 1) as u8];
        let times = [times.as_slice(), &[(time >> 7) as u8, (time << 1 | 1) as u8]].concat();
        packet[6..15].copy_from_slice(&[0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5]);
        packet[15..20].copy_from_slice(&times);
        packet
    }

    /// What is left until it counts as stalled, in seconds, after these frames, one second after the other.
    fn left(frames: impl IntoIterator<Item = [u8; SIZE]>) -> (u64, Cause) {
        let start = Instant::now();
        let mut progress = Progress::new(start);
        progress.resume(start);
        let mut now = start;
        for frame in frames {
            now += Duration::from_secs(1);
            progress.take(Packet(&frame), now);
        }
        let deadline = progress.deadline(STALL);
        (deadline.saturating_duration_since(now).as_secs(), progress.cause())
    }

    fn of_video(times: impl IntoIterator<Item = u64>) -> (u64, Cause) {
        left(times.into_iter().map(|time| frame(VIDEO, time % WRAP, false)))
    }

    #[test]
    fn what_advances_advances_over_the_end_of_its_clock_too() {
        assert_eq!(of_video((0..10).map(|n| n * 90_000)).0, 60);
        assert_eq!(of_video((0..10).map(|n| WRAP - 450_000 + n * 90_000)).0, 60);
        // However long it takes: three rounds.
        assert_eq!(of_video((0..300).map(|n| n * (WRAP / 100))).0, 60);
    }

    #[test]
    fn the_same_time_again_is_nothing_new() {
        assert_eq!(of_video([7; 21]), (39, Cause::Stalled));
        assert_eq!(left([]), (60, Cause::Stalled));
    }

    #[test]
    fn the_same_round_again_is_nothing_new_and_called_by_its_name() {
        let rounds = |times: std::ops::Range<u64>| of_video((0..4).flat_map(|_| times.clone()).map(|n| n * 90_000));
        // Nothing is new after the second round of ten.
        assert_eq!(rounds(100..110), (40, Cause::Loops));
        // Who comes in the middle of a round has to see one from its beginning.
        let joined = (105..110).chain(100..110).chain(100..110).chain(100..110);
        assert_eq!(of_video(joined.map(|n| n * 90_000)), (50, Cause::Loops));
        assert_eq!(of_video((0..30).map(|n| n % 2 * 90_000)), (34, Cause::Loops));
    }

    #[test]
    fn an_encoder_that_starts_again_is_no_loop() {
        assert_eq!(of_video((0..50).chain(0..50).map(|n| n * 90_000)).0, 60);
        // Not though it does so again and again, if it comes further each time.
        assert_eq!(of_video((1..12).flat_map(|n| 0..10 * n).map(|n| n * 90_000)).0, 60);
    }

    #[test]
    fn a_clock_that_jumps_and_comes_back_is_no_loop() {
        let times = (1_000..1_010).chain(9_000..9_010).chain(1_010..1_100);
        assert_eq!(of_video(times.map(|n| n * 90_000)).0, 60);
    }

    #[test]
    fn of_what_is_scrambled_the_clock_is_enough_and_of_nothing_else() {
        let clocks = |control: u8| {
            (0..30_u64).map(move |n| {
                let mut packet = [0xff; SIZE];
                packet[..12].copy_from_slice(&[0x47, 1, 0, control, 7, 0x10, 0, 0, 0, 0, 0, 0]);
                packet[6..10].copy_from_slice(&((n * 45_000) as u32).to_be_bytes());
                packet
            })
        };
        assert_eq!(left(clocks(0xb0)).0, 60);
        assert_eq!(left(clocks(0x30)), (30, Cause::Stalled));
    }

    #[test]
    fn a_clock_that_is_set_is_no_loop_if_it_says_so_or_goes_where_it_has_not_been() {
        let flagged = (0..15).map(|n: u64| frame(VIDEO, (n % 5) * 90_000, n.is_multiple_of(5)));
        assert_eq!(left(flagged).0, 60);
        assert_eq!(of_video((1_000..1_010).chain(0..10).map(|n| n * 90_000)).0, 60);
    }

    #[test]
    fn one_part_that_advances_is_enough() {
        let frames = (0..30).flat_map(|n| [frame(VIDEO, 7, false), frame(257, n * 90_000, false)]);
        assert_eq!(left(frames).0, 60);
    }

    #[test]
    fn the_time_without_a_connection_does_not_count_and_a_new_one_alone_is_no_progress() {
        let second = Duration::from_secs(1);
        let start = Instant::now();
        let mut progress = Progress::new(start);
        let mut now = start;
        for _ in 0..10 {
            progress.resume(now);
            progress.take(Packet(&frame(VIDEO, 7, false)), now);
            now += second;
            progress.pause(now);
            now += 100 * second;
        }
        progress.resume(now);
        assert_eq!(progress.deadline(STALL), now + 50 * second);
    }

    proptest! {
        /// Whatever comes, only a clock that advances moves the deadline, and nothing makes it move back.
        #[test]
        fn nothing_but_new_times_counts(times in prop::collection::vec(0..WRAP, 0..50)) {
            let start = Instant::now();
            let mut progress = Progress::new(start);
            progress.resume(start);
            let mut last = progress.deadline(STALL);
            for (n, time) in times.iter().enumerate() {
                progress.take(Packet(&frame(VIDEO, *time, false)), start + Duration::from_secs(n as u64));
                prop_assert!(progress.deadline(STALL) >= last);
                last = progress.deadline(STALL);
                // Once more is never new.
                progress.take(Packet(&frame(VIDEO, *time, false)), start + Duration::from_secs(1_000));
                prop_assert_eq!(progress.deadline(STALL), last);
            }
        }
    }
}
