//! A wall clock that never runs backwards.

use super::Millis;

/// Rebases backward steps of the wall clock (a time server's correction, a person's), so that a deadline set before the
/// step stays as far away as it was. Forward jumps are left alone: after a closed lid, what was due is due.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    now: Millis,
    offset: Millis,
}

impl Clock {
    /// Takes in what the wall clock shows and gives the engine's time.
    pub fn observe(&mut self, wall: Millis) -> Millis {
        let rebased = wall.saturating_add(self.offset);
        if rebased < self.now {
            self.offset = self.offset.saturating_add(self.now - rebased);
        } else {
            self.now = rebased;
        }
        self.now
    }

    /// The wall-clock time at which the engine's time will be `at`.
    pub fn to_wall(self, at: Millis) -> Millis {
        at.saturating_sub(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn a_backward_step_keeps_deadlines_as_far_away_as_they_were() {
        let mut clock = Clock::default();
        let deadline = clock.observe(1_000_000) + 4_000;
        clock.observe(400_000);
        assert_eq!(clock.to_wall(deadline), 404_000);
        assert!(clock.observe(403_999) < deadline);
        assert!(clock.observe(404_000) >= deadline);
    }

    #[test]
    fn a_forward_jump_makes_deadlines_due() {
        let mut clock = Clock::default();
        let deadline = clock.observe(1_000) + 4_000;
        assert!(clock.observe(3_600_000) > deadline);
    }
}
