//! How many may read at the same time: in all, so that others find a connection, and from one address, so that no one takes all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The limits of one gateway.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Readers in all.
    pub readers: usize,
    /// Readers from one address. An office has one address for all its people.
    pub per_address: usize,
    /// How often a reader hears something, if only that the connection is still there.
    pub keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { readers: 10_000, per_address: 200, keep_alive: super::KEEP_ALIVE }
    }
}

/// The seats that there are.
#[derive(Debug)]
pub struct Seats {
    limits: Limits,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One seat, free again when this is dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
}

/// There is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// This address has all that one may have.
    Address,
    /// All are taken.
    All,
}

impl Full {
    /// What it is counted as.
    pub fn label(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::All => "all",
        }
    }
}

impl Seats {
    /// All of them free.
    pub fn new(limits: Limits) -> Self {
        Self { limits, taken: Mutex::default() }
    }

    /// One of them, for this address.
    pub fn take(seats: &Arc<Self>, address: IpAddr) -> Result<Seat, Full> {
        let mut taken = seats.taken();
        let own = taken.get(&address).copied().unwrap_or_default();
        if own >= seats.limits.per_address {
            return Err(Full::Address);
        }
        if taken.values().sum::<usize>() >= seats.limits.readers {
            return Err(Full::All);
        }
        taken.insert(address, own + 1);
        Ok(Seat { seats: Arc::clone(seats), address })
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A panic elsewhere leaves the numbers as they were.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        match taken.get_mut(&self.address) {
            Some(more) if *more > 1 => *more -= 1,
            _ => drop(taken.remove(&self.address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats() -> Arc<Seats> {
        Arc::new(Seats::new(Limits { readers: 3, per_address: 2, ..Limits::default() }))
    }

    #[test]
    fn nobody_gets_more_than_an_address_may_have_and_all_no_more_than_there_are() {
        let seats = seats();
        let [ann, bob] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        let take = |address| Seats::take(&seats, address).map_err(|full| full.label());
        let (first, second) = (take(ann).unwrap(), take(ann).unwrap());
        assert_eq!(take(ann).unwrap_err(), "address");
        let third = take(bob).unwrap();
        assert_eq!(take(bob).unwrap_err(), "all");
        drop(first);
        let fourth = take(bob).unwrap();
        drop((second, third, fourth));
        assert!(seats.taken().is_empty());
    }
}
