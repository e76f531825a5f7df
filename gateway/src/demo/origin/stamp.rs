//! Other times and another counter in a packet that is there already.

use crate::relay::ts::packets::{Packet, SIZE, WRAP, time};

/// Moves the packet's times on, all three of them, and gives it this counter.
pub fn stamp(packet: &mut [u8; SIZE], shift: u64, count: u8) {
    let head = Packet(packet);
    let (frame, has_clock) = (head.payload_start().filter(|_| head.starts_unit()), head.has_clock());
    let [_, _, _, control, _, _, clock @ ..] = packet;
    *control = *control & 0xf0 | count & 0x0f;
    if has_clock && let Some(clock) = clock.first_chunk_mut() {
        shift_clock(clock, shift);
    }
    let Some([0, 0, 1, _, _, _, _, flags, _, times @ ..]) = frame.and_then(|start| packet.get_mut(start..)) else {
        return;
    };
    let times = times.as_chunks_mut().0.iter_mut();
    // One for showing it, and one for decoding it where that is another.
    for bytes in times.take(match *flags & 0xc0 {
        0x80 => 1,
        0xc0 => 2,
        _ => 0,
    }) {
        shift_time(bytes, shift);
    }
}

fn shift_time(bytes: &mut [u8; 5], shift: u64) {
    let moved = (time(bytes) + shift) % WRAP;
    let [a, b, c, d, e] = bytes;
    *a = *a & 0xf0 | (moved >> 29) as u8 & 0x0e | 1;
    *b = (moved >> 22) as u8;
    *c = (moved >> 14) as u8 | 1;
    *d = (moved >> 7) as u8;
    *e = (moved << 1) as u8 | 1;
}

/// The clock's 33 bits of 90 kHz; what is behind them stays.
fn shift_clock(bytes: &mut [u8; 5], shift: u64) {
    let [a, b, c, d, e] = bytes.map(u64::from);
    let moved = ((a << 25 | b << 17 | c << 9 | d << 1 | e >> 7) + shift) % WRAP;
    *bytes = [
        (moved >> 25) as u8,
        (moved >> 17) as u8,
        (moved >> 9) as u8,
        (moved >> 1) as u8,
        (moved << 7) as u8 | e as u8 & 0x7f,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(packet: &[u8; SIZE]) -> u64 {
        let bytes: [u8; 8] = packet[4..12].try_into().unwrap();
        (u64::from_be_bytes(bytes) >> 15) % WRAP
    }

    #[test]
    fn all_times_move_together_and_begin_anew_at_the_same_place() {
        let mut packet = [0xff; SIZE];
        packet[..12].copy_from_slice(&[0x47, 0x41, 0x00, 0x3a, 7, 0x50, 0, 0, 0, 0, 0x7e, 42]);
        packet[12..21].copy_from_slice(&[0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 10]);
        packet[21..31].copy_from_slice(&[0x31, 0x00, 0x01, 0x00, 0x01, 0x11, 0x00, 0x01, 0x00, 0x01]);
        let before = packet;
        for (shift, count) in [(1, 3), (864_000, 4), (WRAP - 864_001, 10)] {
            stamp(&mut packet, shift, count);
            assert_eq!(Packet(&packet).counter(), count);
            let times = [&packet[21..26], &packet[26..31]].map(|bytes| time(bytes.try_into().unwrap()));
            assert_eq!(times, [clock(&packet); 2]);
        }
        // All the way round: what is no time was never touched.
        assert_eq!(packet, before);
    }
}
