//! What this node counts of transport streams.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What becomes of a client that takes less than comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slow {
    /// It misses something.
    Skipped,
    /// It missed too much.
    Dropped,
}

impl Slow {
    fn labels(self) -> [(&'static str, &'static str); 1] {
        let what = match self {
            Self::Skipped => "skipped",
            Self::Dropped => "dropped",
        };
        [("what", what)]
    }
}

/// Clones count together.
#[derive(Debug, Clone)]
pub struct Counters {
    slow: Family<[(&'static str, &'static str); 1], Counter>,
    noise: Counter,
}

impl Default for Counters {
    /// What may happen is there from the start: monitoring has to see the first time as a step from 0 to 1.
    fn default() -> Self {
        let counters = Self { slow: Family::default(), noise: Counter::default() };
        for what in [Slow::Skipped, Slow::Dropped] {
            counters.slow.get_or_create(&what.labels()).inc_by(0);
        }
        counters
    }
}

impl Counters {
    /// A client takes less than comes.
    pub fn slow(&self, what: Slow) {
        self.slow.get_or_create(&what.labels()).inc();
    }

    /// So many bytes were of no packet.
    pub fn noise(&self, bytes: u64) {
        self.noise.inc_by(bytes);
    }

    /// Puts all of them on a page.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Times that a client of a transport stream missed something because it was too slow (skipped), or was let \
                    go for that (dropped)";
        registry.register("relay_slow_clients", help, self.slow.clone());
        let help = "Bytes from upstreams of transport streams that were of no packet, and went no further";
        registry.register("relay_noise_bytes", help, self.noise.clone());
    }
}
