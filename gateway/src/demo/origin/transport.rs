//! The endless film as one transport stream, at its own pace. Its times and counters are stamped anew in each round, so that
//! they go on.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::film::{self, LENGTH, Moment, ROUND};
use super::stamp::stamp;
use super::{Broken, Fault};
use crate::relay::ts::packets::{Packet, SIZE};
use crate::stopping::Stopping;

/// How often something is sent.
const PACE: Duration = Duration::from_millis(40);

/// What is sent at once, and a bit less than the relay takes at once.
const MAX_PACKETS: usize = 170;

/// One client's place in it.
struct Place {
    name: String,
    faults: watch::Receiver<BTreeMap<String, Broken>>,
    stopping: Stopping,
    started: (Moment, Instant),
    /// The segment that is being sent, and how many of its packets have been.
    at: (u64, usize),
    counters: BTreeMap<u16, u8>,
}

/// From the beginning of the segment that is on, until the process stops or this origin breaks down.
pub fn live(
    name: String,
    faults: watch::Receiver<BTreeMap<String, Broken>>,
    stopping: Stopping,
) -> impl Stream<Item = io::Result<Bytes>> {
    let now = Moment::now();
    let started = (now, Instant::now());
    let place = Place { name, faults, stopping, started, at: (now.segment(), 0), counters: BTreeMap::new() };
    unfold(Some(place), |place| async {
        let mut place = place?;
        loop {
            let fault = place.fault();
            if matches!(fault, Some((Fault::Down, _))) {
                return Some((Err(io::ErrorKind::ConnectionAborted.into()), None));
            }
            let due = place.due(fault);
            if !due.is_empty() {
                return Some((Ok(due.into()), Some(place)));
            }
            tokio::select! {
                () = sleep(PACE) => {}
                _ = place.faults.changed() => {}
                () = place.stopping.wait() => return None,
            }
        }
    })
}

impl Place {
    fn fault(&mut self) -> Option<Broken> {
        self.faults.borrow_and_update().get(&self.name).copied()
    }

    /// The packets whose time has come, or as many of them as are sent at once.
    fn due(&mut self, fault: Option<Broken>) -> Vec<u8> {
        let (moment, instant) = self.started;
        let now = moment.after(instant.elapsed());
        let now = match fault {
            Some((Fault::Stalled, since)) => now.min(since),
            _ => now,
        };
        let (number, sent) = self.at;
        let segment = film::segment(number);
        let packets = segment.len() / SIZE;
        let until = match now.segment() > number {
            true => packets,
            false if now.segment() == number => now.part(packets),
            false => 0,
        };
        let until = until.min(sent + MAX_PACKETS);
        let mut due = segment.get(sent * SIZE..until * SIZE).unwrap_or_default().to_vec();
        self.at = if until == packets { (number + 1, 0) } else { (number, until.max(sent)) };
        let round = match fault {
            Some((Fault::Loops, since)) => since.segment().min(number) / LENGTH,
            _ => number / LENGTH,
        };
        for packet in due.as_chunks_mut().0 {
            let head = Packet(packet);
            let counter = self.counters.entry(head.pid()).or_insert(15);
            // Only what carries something is counted.
            *counter = (*counter + u8::from(head.payload_start().is_some())) % 16;
            stamp(packet, round * ROUND, *counter);
        }
        due
    }
}
