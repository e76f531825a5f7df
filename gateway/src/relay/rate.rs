//! How often one address may ask.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::budget::Budget;

/// For long, and at once: an office has one address for all its people.
const PER_SECOND: u32 = 20;
const BURST: u32 = 200;

/// More addresses than ask within a few seconds, unless somebody has many.
const MAX_KEPT: usize = 10_000;

/// Remembers who has asked lately.
#[derive(Debug, Default)]
pub struct Rate(Mutex<HashMap<IpAddr, Budget>>);

impl Rate {
    /// May it ask now?
    pub fn allows(&self, address: IpAddr, now: Instant) -> bool {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if budgets.len() >= MAX_KEPT && !budgets.contains_key(&address) {
            budgets.retain(|_, budget| !budget.is_full(now));
            if budgets.len() >= MAX_KEPT {
                budgets.clear();
            }
        }
        budgets.entry(address).or_insert_with(|| Budget::new(PER_SECOND, BURST, now)).spend(now)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_address_has_its_own_and_not_many_are_kept() {
        let (rate, now) = (Rate::default(), Instant::now());
        let address = |n: u32| IpAddr::from(Ipv4Addr::from_bits(n));
        assert!((0..BURST).all(|_| rate.allows(address(0), now)) && !rate.allows(address(0), now));
        assert!(rate.allows(address(1), now));
        for n in 2..2 * MAX_KEPT as u32 {
            assert!(rate.allows(address(n), now + Duration::from_millis(n.into())));
        }
        assert!(rate.0.lock().unwrap().len() <= MAX_KEPT);
    }
}
