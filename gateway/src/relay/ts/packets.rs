//! The packets of an MPEG transport stream (ISO/IEC 13818-1): what their heads say, and how they are found in bytes.

use axum::body::Bytes;

/// What each packet takes.
pub const SIZE: usize = 188;

/// What each begins with.
const SYNC: u8 = 0x47;

/// Where the association table is.
pub const PAT: u16 = 0;

/// Where nothing is, which fills a stream of constant rate.
pub const PADDING: u16 = 0x1fff;

/// Decoding and presentation times are of 90 kHz and begin anew here, after 26.5 hours.
pub const WRAP: u64 = 1 << 33;

/// One packet.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a>(pub &'a [u8; SIZE]);

/// Whole packets, one after the other.
pub fn packets(bytes: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    bytes.as_chunks().0.iter().map(Packet)
}

impl<'a> Packet<'a> {
    /// Which of the stream's parts it is of.
    pub fn pid(self) -> u16 {
        let [_, high, low, ..] = self.0;
        u16::from_be_bytes([high & 0x1f, *low])
    }

    /// Was it damaged on its way?
    pub fn is_damaged(self) -> bool {
        let [_, flags, ..] = self.0;
        flags & 0x80 != 0
    }

    /// Does a section, or a frame, begin in it?
    pub fn starts_unit(self) -> bool {
        let [_, flags, ..] = self.0;
        flags & 0x40 != 0
    }

    /// Its number, modulo 16, among those of its part that carry something.
    pub fn counter(self) -> u8 {
        let [_, _, _, control, ..] = self.0;
        control & 0x0f
    }

    /// Where in it begins what it carries of its part, if that is in clear.
    pub fn payload_start(self) -> Option<usize> {
        let [_, _, _, control, adaptation, ..] = self.0;
        match control & 0xf0 {
            0x10 => Some(4),
            0x30 => Some(5 + usize::from(*adaptation)),
            // Nothing, or something scrambled.
            _ => None,
        }
    }

    /// What it carries of its part, in clear.
    pub fn payload(self) -> Option<&'a [u8]> {
        self.0.get(self.payload_start()?..)
    }

    /// Did the times, or the numbers, of its part jump just before it, and was that meant?
    pub fn is_discontinuous(self) -> bool {
        self.adaptation_flags() & 0x80 != 0
    }

    /// Can a player begin here?
    pub fn is_random_access(self) -> bool {
        self.adaptation_flags() & 0x40 != 0
    }

    /// Is what it carries for those only who have a key?
    pub fn is_scrambled(self) -> bool {
        let [_, _, _, control, ..] = self.0;
        control & 0xc0 != 0
    }

    /// Does it carry the time on its sender's clock?
    pub fn has_clock(self) -> bool {
        self.adaptation_flags() & 0x10 != 0
    }

    /// That time, in 90 kHz.
    pub fn clock(self) -> Option<u64> {
        let [_, _, _, _, _, _, a, b, c, d, e, ..] = self.0.map(u64::from);
        self.has_clock().then_some(a << 25 | b << 17 | c << 9 | d << 1 | e >> 7)
    }

    /// When the frame that begins in it is to be decoded: the times of a part that only ever advance.
    pub fn decoding_time(self) -> Option<u64> {
        if !self.starts_unit() {
            return None;
        }
        let [0, 0, 1, _, _, _, marker, flags, _, times @ ..] = self.payload()? else { return None };
        match (marker & 0xc0, flags & 0xc0) {
            (0x80, 0x80) => times.first_chunk().map(time),
            (0x80, 0xc0) => times.get(5..)?.first_chunk().map(time),
            _ => None,
        }
    }

    fn adaptation_flags(self) -> u8 {
        let [_, _, _, control, length, flags, ..] = self.0;
        if control & 0x20 != 0 && *length > 0 { *flags } else { 0 }
    }
}

/// A time, as frames' heads have it: three parts, each with a bit behind it that is set.
pub fn time(bytes: &[u8; 5]) -> u64 {
    let [a, b, c, d, e] = bytes.map(u64::from);
    (a >> 1 & 0x07) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1
}

/// Finds the packets in a stream that comes in pieces of any size, and that may begin, break and end anywhere.
#[derive(Debug, Default)]
pub struct Framing {
    /// What is not yet a packet: no more than one.
    held: Vec<u8>,
    /// Is it known where packets begin?
    aligned: bool,
    dropped: u64,
}

impl Framing {
    /// Takes a piece; gives the packets that are complete now.
    pub fn take(&mut self, piece: &[u8]) -> Bytes {
        self.held.extend_from_slice(piece);
        let mut found = Vec::with_capacity(self.held.len());
        let mut rest = self.held.as_slice();
        loop {
            if !self.aligned {
                let start = start(rest);
                self.aligned = start.is_some();
                // The last ones may turn out to be a start.
                let noise = start.unwrap_or(rest.len().saturating_sub(SIZE));
                self.dropped += noise as u64;
                rest = rest.get(noise..).unwrap_or_default();
                if !self.aligned {
                    break;
                }
            }
            let good = rest.chunks_exact(SIZE).take_while(|packet| packet.first() == Some(&SYNC)).count();
            let (packets, behind) = rest.split_at_checked(good * SIZE).unwrap_or_default();
            found.extend_from_slice(packets);
            rest = behind;
            self.aligned = rest.first().is_none_or(|byte| *byte == SYNC);
            if self.aligned {
                break;
            }
        }
        let kept = rest.len();
        self.held.drain(..self.held.len() - kept);
        found.into()
    }

    /// How many bytes were of no packet so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Where the first packet begins. One byte in 256 looks like it: another packet has to follow.
fn start(bytes: &[u8]) -> Option<usize> {
    let candidates = bytes.len().saturating_sub(SIZE);
    (0..candidates).find(|at| bytes.get(*at) == Some(&SYNC) && bytes.get(at + SIZE) == Some(&SYNC))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Packets that are told apart by their PIDs, with nothing in them that looks like a start.
    fn stream(packets: u16) -> Vec<u8> {
        let packet = |pid: u16| {
            let mut packet = [0xff; SIZE];
            packet[..4].copy_from_slice(&[SYNC, (pid >> 8) as u8, pid as u8, 0x10]);
            packet
        };
        (0x100..0x100 + packets).flat_map(packet).collect()
    }

    fn pids(bytes: &[u8]) -> Vec<u16> {
        packets(bytes).map(Packet::pid).collect()
    }

    #[test]
    fn a_head_says_what_is_in_the_packet() {
        let mut bytes = [0xff; SIZE];
        // 256, a frame begins; adaptation of 7 bytes with clock and entry; a picture with both times.
        bytes[..12].copy_from_slice(&[SYNC, 0x41, 0x00, 0x3a, 7, 0x50, 0, 0, 0, 0, 0x7e, 0]);
        bytes[12..21].copy_from_slice(&[0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 10]);
        bytes[21..31].copy_from_slice(&[0x31, 0x00, 0x01, 0x00, 0x03, 0x1f, 0xff, 0xff, 0xff, 0xff]);
        let packet = Packet(&bytes);
        assert_eq!((packet.pid(), packet.counter(), packet.payload_start()), (256, 10, Some(12)));
        assert!(packet.starts_unit() && packet.is_random_access() && packet.has_clock());
        assert!(!packet.is_discontinuous() && !packet.is_damaged());
        assert_eq!(packet.decoding_time(), Some(WRAP - 1));
        bytes[19] = 0x80;
        assert_eq!(Packet(&bytes).decoding_time(), Some(1));
        // Scrambled; nothing in it; one that claims more than there is.
        for (control, length) in [(0x9a, 7), (0x2a, 7), (0x3a, 255)] {
            (bytes[3], bytes[4]) = (control, length);
            assert_eq!(Packet(&bytes).decoding_time(), None);
        }
    }

    #[test]
    fn noise_is_left_out_and_so_is_what_is_not_whole() {
        let (stream, mut framing) = (stream(10), Framing::default());
        let noise = [b"<html>G".repeat(50), stream[..188 * 4 + 100].to_vec(), vec![0; 77], stream[188 * 5..].to_vec()];
        let found = pids(&framing.take(&noise.concat()));
        assert_eq!(found, [0x100, 0x101, 0x102, 0x103, 0x104, 0x106, 0x107, 0x108, 0x109]);
    }

    #[test]
    fn what_is_no_stream_is_dropped_and_not_kept() {
        let mut framing = Framing::default();
        let page = b"<p>GGG G</p>\n".repeat(1_000);
        for _ in 0..10 {
            assert!(pids(&framing.take(&page)).len() * SIZE < page.len() / 10);
            assert!(framing.held.len() <= SIZE);
        }
        assert!(framing.dropped() > 9 * page.len() as u64);
    }

    proptest! {
        /// However it is cut into pieces, and wherever one comes in, it is the same packets.
        #[test]
        fn pieces_of_any_size_make_the_same_packets(
            first in 0..3 * SIZE,
            cuts in prop::collection::vec(1..3 * SIZE, 0..20),
        ) {
            let stream = stream(30);
            let mut framing = Framing::default();
            let mut rest = &stream[first..];
            let mut found = Vec::new();
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                found.extend(pids(&framing.take(piece)));
                rest = behind;
            }
            found.extend(pids(&framing.take(rest)));
            let whole = first.next_multiple_of(SIZE);
            prop_assert_eq!(found, pids(&stream[whole..]));
            prop_assert_eq!(framing.dropped(), (whole - first) as u64);
        }

        /// Whatever comes: no panic, whole packets, and no more than came.
        #[test]
        fn bytes_of_any_kind_are_bounded(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..10)) {
            let mut framing = Framing::default();
            let (mut came, mut went) = (0, 0);
            for piece in &pieces {
                let found = framing.take(piece);
                came += piece.len() as u64;
                went += found.len() as u64;
                prop_assert!(packets(&found).all(|packet| packet.0[0] == SYNC && packet.pid() <= PADDING));
                packets(&found).for_each(|packet| _ = packet.decoding_time());
                prop_assert_eq!(came, went + framing.dropped() + framing.held.len() as u64);
                prop_assert!(framing.held.len() < 2 * SIZE);
            }
        }
    }
}
