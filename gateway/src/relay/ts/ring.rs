//! The last seconds of a stream, and a place in them for each client. Whoever is too slow misses something; nobody waits for
//! anybody.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a good place to begin is waited for. Some streams do not mark theirs, and players find them all the same.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a piece takes besides its bytes, rounded up: a stream may be cut into very small ones.
const OVERHEAD: usize = 512;

/// How often a client may miss something without ever having kept up for as long as the ring goes back.
const MAX_SKIPS: u8 = 3;

/// Written by one, and read by many.
#[derive(Debug)]
pub struct Ring(watch::Sender<Window>);

/// Whole packets.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The packets.
    pub bytes: Bytes,
    /// Can a player begin with the first of them?
    pub is_entry: bool,
    /// What it needs then.
    pub tables: Bytes,
}

impl Piece {
    /// What a piece of that many bytes and these tables takes in memory.
    pub fn cost(bytes: usize, tables: &[u8]) -> usize {
        bytes + tables.len() + OVERHEAD
    }

    fn own_cost(&self) -> usize {
        Self::cost(self.bytes.len(), &self.tables)
    }
}

/// What is there now.
#[derive(Debug)]
struct Window {
    pieces: VecDeque<Piece>,
    /// The number of the first one, of all that there have been.
    first: u64,
    bytes: usize,
    most: usize,
    /// Since when something comes.
    since: Option<Instant>,
}

/// A client's place.
#[derive(Debug)]
pub struct Reader {
    window: watch::Receiver<Window>,
    /// The number of its next piece, once it has begun.
    next: Option<u64>,
    skips: u8,
    /// Behind which number its skips are forgiven.
    forgiven_at: u64,
}

/// What a client gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// What comes next.
    Next(Bytes),
    /// What comes next, after something that it missed.
    Skipped(Bytes),
    /// It misses more than it gets.
    TooSlow,
    /// Nothing comes any more.
    Closed,
}

impl Ring {
    /// One that keeps at most so many bytes, or else one piece.
    pub fn new(most: usize) -> Self {
        Self(watch::Sender::new(Window { pieces: VecDeque::new(), first: 0, bytes: 0, most, since: None }))
    }

    /// Adds a piece.
    pub fn push(&self, piece: Piece) {
        self.0.send_modify(|window| window.push(piece));
    }

    /// The stream was interrupted: nobody begins before that place any more.
    pub fn cut(&self) {
        self.0.send_modify(|window| window.pieces.iter_mut().for_each(|piece| piece.is_entry = false));
    }

    /// Forgets all of it.
    pub fn clear(&self) {
        self.0.send_modify(|window| {
            let first = window.end();
            *window = Window { pieces: VecDeque::new(), first, bytes: 0, most: window.most, since: None };
        });
    }

    /// A place for one more client.
    pub fn reader(&self) -> Reader {
        Reader { window: self.0.subscribe(), next: None, skips: 0, forgiven_at: 0 }
    }
}

impl Window {
    fn push(&mut self, piece: Piece) {
        self.since.get_or_insert_with(Instant::now);
        self.bytes += piece.own_cost();
        self.pieces.push_back(piece);
        while self.bytes > self.most && self.pieces.len() > 1 {
            let Some(oldest) = self.pieces.pop_front() else { return };
            self.bytes -= oldest.own_cost();
            self.first += 1;
        }
    }

    fn end(&self) -> u64 {
        self.first + self.pieces.len() as u64
    }

    /// Where a player begins now: as late as possible.
    fn start(&self) -> Option<u64> {
        let entry = self.pieces.iter().rposition(|piece| piece.is_entry);
        let anywhere =
            || self.pieces.len().checked_sub(1).filter(|_| self.since.is_some_and(|since| since.elapsed() > PATIENCE));
        Some(self.first + entry.or_else(anywhere)? as u64)
    }

    fn piece(&self, number: u64) -> Option<&Piece> {
        self.pieces.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }
}

impl Reader {
    /// Waits for what comes next. Nothing is lost when it is not waited for to the end.
    pub async fn next(&mut self) -> Read {
        loop {
            if let Some(read) = self.ready() {
                return read;
            }
            if self.window.changed().await.is_err() {
                return Read::Closed;
            }
        }
    }

    fn ready(&mut self) -> Option<Read> {
        let window = self.window.borrow_and_update();
        if let Some(number) = self.next.filter(|number| *number >= window.first) {
            let piece = window.piece(number)?;
            self.next = Some(number + 1);
            if number >= self.forgiven_at {
                self.skips = 0;
            }
            return Some(Read::Next(piece.bytes.clone()));
        }
        let start = window.start()?;
        let piece = window.piece(start)?;
        let bytes = Bytes::from([&*piece.tables, &*piece.bytes].concat());
        let skipped = self.next.replace(start + 1).is_some();
        if !skipped {
            return Some(Read::Next(bytes));
        }
        self.skips += 1;
        self.forgiven_at = window.end() + window.pieces.len() as u64;
        Some(if self.skips > MAX_SKIPS { Read::TooSlow } else { Read::Skipped(bytes) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What it costs to keep one of these.
    const COST: usize = 10 + 1 + OVERHEAD;

    fn piece(number: u8, is_entry: bool) -> Piece {
        Piece { bytes: Bytes::from(vec![number; 10]), is_entry, tables: Bytes::from_static(b"T") }
    }

    /// What is there for the client now.
    fn read(reader: &mut Reader) -> Option<Read> {
        reader.ready()
    }

    fn next(number: u8) -> Option<Read> {
        Some(Read::Next(vec![number; 10].into()))
    }

    fn with_tables(number: u8) -> Bytes {
        [b"T".as_slice(), &[number; 10]].concat().into()
    }

    #[test]
    fn whoever_comes_begins_at_the_latest_place_where_a_player_can() {
        let ring = Ring::new(10 * COST);
        let mut early = ring.reader();
        ring.push(piece(0, false));
        assert_eq!(read(&mut early), None);
        for number in 1..6 {
            ring.push(piece(number, number == 1 || number == 3));
        }
        let mut late = ring.reader();
        for reader in [&mut early, &mut late] {
            assert_eq!(read(reader), Some(Read::Next(with_tables(3))));
            assert_eq!([read(reader), read(reader), read(reader)], [next(4), next(5), None]);
        }
    }

    #[test]
    fn nobody_begins_before_an_interruption_and_those_who_were_there_go_on() {
        let ring = Ring::new(10 * COST);
        ring.push(piece(0, true));
        let mut before = ring.reader();
        assert_eq!(read(&mut before), Some(Read::Next(with_tables(0))));
        ring.cut();
        let mut after = ring.reader();
        ring.push(piece(1, false));
        assert_eq!((read(&mut before), read(&mut after)), (next(1), None));
        ring.push(piece(2, true));
        assert_eq!((read(&mut before), read(&mut after)), (next(2), Some(Read::Next(with_tables(2)))));
    }

    /// Nothing happens but the passing of time, which so takes none.
    #[tokio::test(start_paused = true)]
    async fn a_stream_without_good_places_begins_anywhere_after_a_while() {
        let ring = Ring::new(3 * COST);
        let mut reader = ring.reader();
        for number in 0..3 {
            ring.push(piece(number, false));
            assert_eq!(read(&mut reader), None);
            tokio::time::advance(PATIENCE / 2).await;
        }
        ring.push(piece(3, false));
        assert_eq!(read(&mut reader), Some(Read::Next(with_tables(3))));
        // It is forgotten with all the rest.
        ring.clear();
        ring.push(piece(4, false));
        assert_eq!(read(&mut ring.reader()), None);
    }

    #[test]
    fn a_slow_one_misses_something_and_one_that_misses_more_than_it_gets_is_dropped() {
        let ring = Ring::new(5 * COST);
        let mut number = 0;
        let mut push = |pieces| {
            for _ in 0..pieces {
                number += 1;
                ring.push(piece(number, true));
            }
            with_tables(number)
        };
        let first = push(1);
        let (mut slow, mut slower) = (ring.reader(), ring.reader());
        for reader in [&mut slow, &mut slower] {
            assert_eq!(read(reader), Some(Read::Next(first.clone())));
        }
        for round in 0..4 {
            let newest = push(10);
            assert_eq!(read(&mut slow), Some(Read::Skipped(newest.clone())));
            assert_eq!(read(&mut slower), Some(if round == 3 { Read::TooSlow } else { Read::Skipped(newest) }));
            // The one keeps up for a while each time, and the other does not.
            for _ in 0..6 {
                push(1);
                assert!(matches!(read(&mut slow), Some(Read::Next(_))));
            }
        }
    }

    proptest! {
        /// Whoever reads, and however slowly: what it gets is in order and never twice, and no more is kept than may be.
        #[test]
        fn order_and_bounds(steps in prop::collection::vec((any::<bool>(), any::<bool>()), 0..300), most in 1..100 * COST) {
            let ring = Ring::new(most);
            let mut reader = ring.reader();
            let mut count = 0_u16;
            let mut last = None;
            for (is_push, is_entry) in steps {
                if is_push {
                    count += 1;
                    ring.push(Piece { bytes: count.to_be_bytes().to_vec().into(), is_entry, tables: Bytes::new() });
                    let window = ring.0.borrow();
                    prop_assert!(window.bytes <= most.max(2 + OVERHEAD));
                    prop_assert_eq!(window.bytes, window.pieces.iter().map(Piece::own_cost).sum::<usize>());
                } else if let Some(Read::Next(bytes) | Read::Skipped(bytes)) = reader.ready() {
                    let number = u16::from_be_bytes([bytes[0], bytes[1]]);
                    prop_assert!(last.is_none_or(|last| number > last));
                    last = Some(number);
                }
            }
        }
    }
}
