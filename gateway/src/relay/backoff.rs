//! How long to wait before an upstream is tried again.

use std::time::Duration;

use uuid::Uuid;

use super::settings::Settings;

/// Twice as long each time, up to a limit, and somewhere in the upper half of it: many relays of one upstream do not come
/// back all at once.
#[derive(Debug, Clone)]
pub struct Backoff {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// Of a relay with these settings.
    pub fn new(settings: &Settings) -> Self {
        Self { least: settings.min_backoff, most: settings.max_backoff, next: settings.min_backoff }
    }

    /// It has failed again: wait for this long.
    pub fn failed(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(self.most);
        now.mul_f64(f64::from(random()) / f64::from(u32::MAX) / 2.0 + 0.5)
    }

    /// It has worked.
    pub fn reset(&mut self) {
        self.next = self.least;
    }
}

fn random() -> u32 {
    Uuid::new_v4().as_fields().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_a_limit_and_begins_anew_once_it_has_worked() {
        let mut backoff = Backoff::new(&Settings::default());
        let mut whole = 250;
        for _ in 0..20 {
            let waits = backoff.failed().as_millis();
            assert!((whole / 2..=whole).contains(&waits), "{waits} of {whole}");
            whole = (whole * 2).min(10_000);
        }
        backoff.reset();
        assert!(backoff.failed().as_millis() <= 250);
    }
}
