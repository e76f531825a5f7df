//! How long to wait before a lost connection is tried again.

use super::Millis;
use super::config::Reconnect;

/// Pauses with jitter, so that the pages of an outage do not come back all at once.
///
/// The engine has no randomness of its own: it is seeded with the page load's random id, and the same page does the same.
#[derive(Clone, Debug)]
pub struct Backoff(u64);

impl Backoff {
    /// Seeded.
    pub fn new(seed: &str) -> Backoff {
        // FNV-1a.
        Backoff(
            seed.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)),
        )
    }

    /// The pause after so many failures in a row, from 1: seed 003's 2 s, give or take half; then full jitter under a bound
    /// that doubles up to `max_delay`.
    pub fn pause(&mut self, failures: u32, config: &Reconnect) -> Millis {
        let doubled = failures.saturating_sub(1).min(31);
        let bound = config.delay.saturating_mul(1 << doubled).min(config.max_delay);
        let pause = match (config.jitter, doubled) {
            (false, _) => bound,
            (true, 0) => bound / 2 + self.below(bound),
            (true, _) => self.below(bound),
        };
        // A pause of nothing would be over before whoever waits for it sets a timer.
        pause.max(1)
    }

    /// SplitMix64.
    fn below(&mut self, bound: Millis) -> Millis {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn pauses(jitter: bool, failures: u32) -> Vec<Millis> {
        let config = Reconnect { jitter, ..Reconnect::default() };
        (0..1_000).map(|page| Backoff::new(&page.to_string()).pause(failures, &config)).collect()
    }

    #[test]
    fn the_first_is_about_two_seconds_and_later_ones_are_spread_up_to_thirty() {
        for (failures, from, to) in
            [(1, 1_000, 3_000), (2, 0, 4_000), (4, 0, 16_000), (5, 0, 30_000), (4_000, 0, 30_000)]
        {
            let all = pauses(true, failures);
            let (least, most) = (*all.iter().min().unwrap(), *all.iter().max().unwrap());
            let spread = to - from;
            assert!(least >= from && most <= to, "{failures}: {least} to {most}");
            assert!(least < from + spread / 20 && most > to - spread / 20, "{failures}: {least} to {most}");
            let mean = all.iter().sum::<u64>() / 1_000;
            assert!(mean.abs_diff((from + to) / 2) < spread / 20, "{failures}: {mean}");
        }
    }

    #[test]
    fn it_is_splitmix64() {
        let mut backoff = Backoff(0);
        let published = [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f];
        assert_eq!(published.map(|_| backoff.below(u64::MAX)), published);
    }

    #[test]
    fn there_is_always_a_pause() {
        let config = Reconnect { delay: 10, max_delay: 10, jitter: true };
        let mut backoff = Backoff::new("any");
        assert!((0..1_000).all(|_| backoff.pause(2, &config) > 0));
    }

    #[test]
    fn without_jitter_it_doubles() {
        let config = Reconnect { jitter: false, ..Reconnect::default() };
        let mut backoff = Backoff::new("any");
        let pauses: Vec<_> = (1..7).map(|failures| backoff.pause(failures, &config)).collect();
        assert_eq!(pauses, [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    }

    #[test]
    fn a_bound_below_the_delay_holds() {
        let config = Reconnect { delay: 2_000, max_delay: 100, jitter: true };
        assert!((1..100).all(|failures| Backoff::new("x").pause(failures, &config) <= 150));
    }
}
