//! How many messages a connection may send: so many at once, and so many a second in the long run.

use std::time::Duration;

use tokio::time::Instant;

/// A bucket that fills again. Held as the moment at which it will be full.
#[derive(Debug)]
pub struct Budget {
    full_at: Instant,
    /// What one message costs.
    cost: Duration,
    /// What the bucket holds.
    depth: Duration,
}

impl Budget {
    /// A full one.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let cost = Duration::from_secs(1) / per_second.max(1);
        Self { full_at: now, cost, depth: cost * burst }
    }

    /// Takes one message's worth out of it; false: there is not enough left.
    pub fn spend(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.max(now) + self.cost;
        let enough = full_at <= now + self.depth;
        if enough {
            self.full_at = full_at;
        }
        enough
    }

    /// Whether nothing is missing: as if nothing had ever been said.
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_so_many_a_second() {
        let start = Instant::now();
        let mut budget = Budget::new(10, 20, start);
        assert!((0..20).all(|_| budget.spend(start)) && !budget.spend(start));
        let later = start + Duration::from_secs(1);
        assert!((0..10).all(|_| budget.spend(later)) && !budget.spend(later));
        // However long nothing is said, no more than a burst is saved up.
        let much_later = start + Duration::from_secs(3600);
        assert!((0..20).all(|_| budget.spend(much_later)) && !budget.spend(much_later));
    }
}
