//! Packets made into pieces: a client costs something for each, and so they are large; but a player can only begin at the
//! first packet of one.

use axum::body::Bytes;

use super::packets::{Framing, Packet, SIZE, packets};
use super::tables::Tables;

/// As much as is sent at once.
const MAX_BYTES: usize = 174 * SIZE;

/// Between the upstream's bytes and the ring.
#[derive(Debug, Default)]
pub struct Pieces {
    framing: Framing,
    tables: Tables,
    open: Option<Open>,
}

/// A piece that is not complete.
#[derive(Debug)]
struct Open {
    packets: Vec<u8>,
    is_entry: bool,
    tables: Vec<u8>,
}

/// Packets that belong together.
#[derive(Debug, PartialEq, Eq)]
pub struct Cut {
    /// Whole ones.
    pub packets: Vec<u8>,
    /// Can a player begin with the first of them?
    pub is_entry: bool,
    /// What it needs then.
    pub tables: Bytes,
}

impl Pieces {
    /// Takes what came; gives what is complete, and shows each packet.
    pub fn take(&mut self, bytes: &[u8], mut show: impl FnMut(Packet<'_>)) -> Vec<Cut> {
        let mut complete = Vec::new();
        for packet in packets(&self.framing.take(bytes)) {
            self.tables.take(packet);
            show(packet);
            let is_entry = self.tables.is_entry(packet);
            if is_entry {
                complete.extend(self.rest());
            }
            let tables = &self.tables;
            let open =
                self.open.get_or_insert_with(|| Open { packets: Vec::new(), is_entry, tables: tables.packets() });
            open.packets.extend_from_slice(packet.0);
            if open.packets.len() >= MAX_BYTES {
                complete.extend(self.rest());
            }
        }
        complete
    }

    /// Is something waiting for more?
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What has come since the last piece.
    pub fn rest(&mut self) -> Option<Cut> {
        let Open { mut packets, is_entry, tables } = self.open.take()?;
        // What is kept is counted by its length.
        packets.shrink_to_fit();
        Some(Cut { packets, is_entry, tables: tables.into() })
    }

    /// Is what comes a stream that can be played?
    pub fn has_programs(&self) -> bool {
        self.tables.has_programs()
    }

    /// How many bytes were of no packet so far.
    pub fn noise(&self) -> u64 {
        self.framing.dropped()
    }
}
