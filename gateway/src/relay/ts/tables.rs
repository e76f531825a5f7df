//! The tables of a stream: which programs it has, and of which parts these are. A player can begin with nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::packets::{PAT, Packet, SIZE};

/// Programs that are followed. A stream for players has one.
const MAX_PROGRAMS: usize = 16;

/// A section has 1,024 bytes at most.
const MAX_SECTION_PACKETS: usize = 6;

const PAT_ID: u8 = 0;
const PMT_ID: u8 = 2;

/// Types of parts that are pictures: MPEG-1, -2 and -4, H.264, H.265 and H.266, AVS and VC-1.
const VIDEO: [u8; 9] = [0x01, 0x02, 0x10, 0x1b, 0x24, 0x33, 0x42, 0xd2, 0xea];

/// The latest ones.
#[derive(Debug, Default)]
pub struct Tables {
    /// The packets of each, by their part; the association table's is the first.
    sections: BTreeMap<u16, Vec<[u8; SIZE]>>,
    /// The parts that are pictures, by their program's table.
    video: BTreeMap<u16, BTreeSet<u16>>,
}

impl Tables {
    /// Takes note of a packet, if it is one of theirs.
    pub fn take(&mut self, packet: Packet<'_>) {
        let pid = packet.pid();
        if pid != PAT && !self.sections.contains_key(&pid) {
            return;
        }
        let section = self.sections.entry(pid).or_default();
        if packet.starts_unit() {
            section.clear();
        } else if section.is_empty() || section.len() == MAX_SECTION_PACKETS {
            return;
        }
        section.push(*packet.0);
        let Some(body) = body(section, if pid == PAT { PAT_ID } else { PMT_ID }) else { return };
        if pid == PAT {
            let tables: BTreeSet<u16> = programs(&body).take(MAX_PROGRAMS).collect();
            self.sections.retain(|pid, _| *pid == PAT || tables.contains(pid));
            self.video.retain(|pid, _| tables.contains(pid));
            for table in tables {
                self.sections.entry(table).or_default();
            }
        } else {
            self.video.insert(pid, video(&body).collect());
        }
    }

    /// Their packets, the association table's first.
    pub fn packets(&self) -> Vec<u8> {
        self.sections.values().flatten().flatten().copied().collect()
    }

    /// Is anything known that could be played?
    pub fn has_programs(&self) -> bool {
        !self.video.is_empty()
    }

    /// Can a player begin at this packet? Every frame of sound would do, where there are no pictures; where there are, it has
    /// to be one that needs no other.
    pub fn is_entry(&self, packet: Packet<'_>) -> bool {
        let mut video = self.video.values().flatten().peekable();
        let is_good = video.peek().is_none() || video.any(|pid| *pid == packet.pid());
        self.has_programs() && packet.is_random_access() && is_good
    }
}

/// What stands between a section's head of eight bytes and its checksum, once all of it is there.
fn body(packets: &[[u8; SIZE]], id: u8) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = packets.iter().filter_map(|packet| Packet(packet).payload()).flatten().copied().collect();
    let section = bytes.get(1 + usize::from(*bytes.first()?)..)?;
    let [table, high, low, ..] = section else { return None };
    let end = 3 + usize::from(u16::from_be_bytes([high & 0x0f, *low]));
    if *table != id {
        return None;
    }
    section.get(8..end.checked_sub(4)?).map(<[u8]>::to_vec)
}

/// Where the programs' tables are.
fn programs(pat: &[u8]) -> impl Iterator<Item = u16> {
    // Number 0 is the network's.
    let entries = pat.as_chunks::<4>().0.iter().filter(|[a, b, ..]| (*a, *b) != (0, 0));
    entries.map(|[.., high, low]| pid(*high, *low)).filter(|pid| *pid != PAT)
}

/// Which parts of a program are pictures.
fn video(pmt: &[u8]) -> impl Iterator<Item = u16> {
    let descriptors = |bytes: &[u8]| match bytes {
        [high, low, ..] => 2 + usize::from(u16::from_be_bytes([high & 0x0f, *low])),
        _ => usize::MAX,
    };
    // Behind the part with the clock.
    let mut rest = pmt.get(2..).unwrap_or_default();
    rest = rest.get(descriptors(rest)..).unwrap_or_default();
    std::iter::from_fn(move || {
        let [kind, high, low, info @ ..] = rest else { return None };
        rest = info.get(descriptors(info)..).unwrap_or_default();
        Some((*kind, pid(*high, *low)))
    })
    .filter(|(kind, _)| VIDEO.contains(kind))
    .map(|(_, pid)| pid)
}

fn pid(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high & 0x1f, low])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PMT: u16 = 0x1000;

    /// A section, in as many packets as it takes.
    fn section(pid: u16, id: u8, body: &[u8]) -> Vec<[u8; SIZE]> {
        let length = 5 + body.len() + 4;
        let head = [0, id, 0xb0 | (length >> 8) as u8, length as u8, 0, 1, 0xc1, 0, 0];
        let bytes = [head.as_slice(), body, &[1, 2, 3, 4]].concat();
        let packet = |(n, part): (usize, &[u8])| {
            let mut packet = [0xff; SIZE];
            let start = if n == 0 { 0x40 } else { 0 };
            packet[..4].copy_from_slice(&[0x47, start | (pid >> 8) as u8, pid as u8, 0x10 | n as u8]);
            packet[4..4 + part.len()].copy_from_slice(part);
            packet
        };
        bytes.chunks(SIZE - 4).enumerate().map(packet).collect()
    }

    fn pat(tables: &[u16]) -> Vec<[u8; SIZE]> {
        let network = [0, 0, 0xe0, 0x10];
        let entry = |pid: &u16| [0, 1, 0xe0 | (pid >> 8) as u8, *pid as u8];
        section(PAT, PAT_ID, &[network].into_iter().chain(tables.iter().map(entry)).collect::<Vec<_>>().concat())
    }

    /// The parts, by type and PID, each with a descriptor of that many bytes.
    fn pmt(parts: &[(u8, u16)], descriptor: usize) -> Vec<[u8; SIZE]> {
        let part = |(kind, pid): &(u8, u16)| {
            let head = [*kind, 0xe0 | (pid >> 8) as u8, *pid as u8, 0xf0 | (descriptor >> 8) as u8, descriptor as u8];
            [head.to_vec(), vec![0x1b; descriptor]].concat()
        };
        let clock = [0xe1, 0x00, 0xf0, 0x02, 0x1b, 0x1b];
        section(PMT, PMT_ID, &[clock.to_vec(), parts.iter().flat_map(part).collect()].concat())
    }

    fn tables<'a>(packets: impl IntoIterator<Item = &'a [u8; SIZE]>) -> Tables {
        let mut tables = Tables::default();
        packets.into_iter().for_each(|packet| tables.take(Packet(packet)));
        tables
    }

    /// A packet of this part that a player can begin at, if the part is one to begin with.
    fn entry(pid: u16) -> [u8; SIZE] {
        let mut packet = [0xff; SIZE];
        packet[..6].copy_from_slice(&[0x47, (pid >> 8) as u8, pid as u8, 0x30, 1, 0x40]);
        packet
    }

    fn begins_at(tables: &Tables, pid: u16) -> bool {
        tables.is_entry(Packet(&entry(pid)))
    }

    #[test]
    fn the_latest_ones_are_kept_whole_and_in_order() {
        let (pat, first, latest) = (pat(&[PMT]), pmt(&[(0x1b, 256)], 0), pmt(&[(0x1b, 300), (0x0f, 301)], 120));
        assert_eq!(latest.len(), 2);
        // A table whose place is not known yet, or whose beginning was missed, is none.
        let tables = tables(first.iter().chain(&pat).chain(&latest[1..]).chain(&first).chain(&latest));
        assert_eq!(tables.packets(), [pat.concat(), latest.concat()].concat());
        assert!(begins_at(&tables, 300) && !begins_at(&tables, 301) && !begins_at(&tables, 256));
    }

    #[test]
    fn where_there_are_no_pictures_sound_will_do() {
        assert!(begins_at(&tables(pat(&[PMT]).iter().chain(&pmt(&[(0x0f, 257)], 3))), 257));
        assert!(!begins_at(&Tables::default(), 257));
    }

    #[test]
    fn a_program_that_is_gone_is_forgotten() {
        let tables = tables(pat(&[PMT]).iter().chain(&pmt(&[(0x1b, 256)], 0)).chain(&pat(&[0x1001])));
        assert_eq!(tables.packets(), pat(&[0x1001]).concat());
        assert!(!tables.has_programs() && !begins_at(&tables, 256));
    }

    #[test]
    fn nonsense_is_no_table_and_takes_no_room() {
        let mut endless = pat(&(0x20..0x200).collect::<Vec<_>>());
        endless.resize(50, [0x47; SIZE].map(|byte| byte & 0x07));
        endless[1..]
            .iter_mut()
            .for_each(|packet| *packet = [[0x47, 0, 0, 0x10].as_slice(), &[0xff; 184]].concat().try_into().unwrap());
        let tables = tables(&endless);
        assert!(tables.sections.len() <= MAX_PROGRAMS + 1 && tables.packets().len() <= MAX_SECTION_PACKETS * SIZE);
        for length in 0..30 {
            let mut short = pat(&[PMT])[0];
            (short[6], short[7]) = (0xb0, length);
            super::tests::tables([&short]);
        }
    }
}
