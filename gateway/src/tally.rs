//! How many there are of each, up to a limit.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by key.
#[derive(Debug)]
pub struct Tally<K> {
    limit: usize,
    counts: Mutex<HashMap<K, usize>>,
}

/// One that counts, until it is dropped.
#[derive(Debug)]
pub struct Ticket<K: Eq + Hash> {
    tally: Arc<Tally<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Tally<K> {
    /// At most so many for each key.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, counts: Mutex::default() })
    }

    /// One more, if there is room.
    pub fn take(self: &Arc<Self>, key: K) -> Option<Ticket<K>> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&key).copied().unwrap_or_default();
        if count >= self.limit {
            return None;
        }
        counts.insert(key.clone(), count + 1);
        Some(Ticket { tally: Arc::clone(self), key })
    }
}

impl<K: Eq + Hash> Drop for Ticket<K> {
    fn drop(&mut self) {
        let mut counts = self.tally.counts.lock().unwrap_or_else(PoisonError::into_inner);
        // The key is cloned only where it has to be kept: here it is there already.
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_the_limit_and_again_when_one_has_gone() {
        let tally = Tally::new(2);
        let first = tally.take("a").unwrap();
        let _second = tally.take("a").unwrap();
        assert!(tally.take("a").is_none() && tally.take("b").is_some());
        drop(first);
        let third = tally.take("a");
        assert!(third.is_some() && tally.take("a").is_none());
    }

    #[test]
    fn who_is_not_there_takes_no_room() {
        let tally = Tally::new(1);
        for n in 0..100 {
            assert!(tally.take(n).is_some());
        }
        assert!(tally.counts.lock().unwrap().is_empty());
    }
}
