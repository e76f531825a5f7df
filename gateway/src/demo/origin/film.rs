//! The bundled film, and where in it everybody is. How it was made: `gateway/assets/README.md`.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use axum::body::Bytes;

/// Its segments. Each begins with a key frame, and the last is joined by the first.
const SEGMENTS: [&[u8]; 5] = [
    include_bytes!("../../../assets/reel/0.ts"),
    include_bytes!("../../../assets/reel/1.ts"),
    include_bytes!("../../../assets/reel/2.ts"),
    include_bytes!("../../../assets/reel/3.ts"),
    include_bytes!("../../../assets/reel/4.ts"),
];

/// How many they are.
pub const LENGTH: u64 = SEGMENTS.len() as u64;

/// How long each takes.
pub const SEGMENT: Duration = Duration::from_millis(1_920);

/// How much later a round is than the one before it, at 90 kHz.
pub const ROUND: u64 = LENGTH * 172_800;

/// The segment of this number, of all that there have ever been and will be.
pub fn segment(number: u64) -> Bytes {
    let index = usize::try_from(number % LENGTH).unwrap_or_default();
    Bytes::from_static(SEGMENTS.get(index).copied().unwrap_or_default())
}

/// When the film began. Not in 1970: hls.js keeps a list as long as there have been discontinuities, and walks through it.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A moment of the endless film.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// The first one.
    #[cfg(test)]
    pub const ZERO: Self = Self(Duration::ZERO);

    /// This one.
    pub fn now() -> Self {
        Self(BEGAN.elapsed())
    }

    /// So much later.
    pub fn after(self, time: Duration) -> Self {
        Self(self.0 + time)
    }

    /// Which segment is on.
    pub fn segment(self) -> u64 {
        (self.0.as_millis() / SEGMENT.as_millis()) as u64
    }

    /// How much of so many parts of that segment is over.
    pub fn part(self, parts: usize) -> usize {
        (parts as u128 * (self.0.as_millis() % SEGMENT.as_millis()) / SEGMENT.as_millis()) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::ts::packets::packets;
    use crate::relay::ts::tables::Tables;

    const VIDEO: u16 = 256;
    const SOUND: u16 = 257;

    #[test]
    fn each_segment_is_whole_and_can_be_begun_with() {
        for number in 0..LENGTH {
            let segment = segment(number);
            assert!(segment.len().is_multiple_of(188) && segment == super::segment(number + LENGTH));
            let mut tables = Tables::default();
            packets(&segment).for_each(|packet| tables.take(packet));
            let pictures = packets(&segment).filter(|packet| packet.pid() == VIDEO && packet.starts_unit());
            let pictures: Vec<_> = pictures.collect();
            assert_eq!(pictures.len(), 48);
            assert!(tables.is_entry(pictures[0]));
            assert_eq!(packets(&segment).filter(|packet| tables.is_entry(*packet)).count(), 1);
        }
    }

    #[test]
    fn the_end_joins_the_beginning() {
        let times = |pid, number| {
            let segment = segment(number);
            let parts = packets(&segment).filter(|packet| packet.pid() == pid);
            parts.filter_map(|packet| Some(packet.decoding_time()? + number / LENGTH * ROUND)).collect::<Vec<_>>()
        };
        let step = ROUND / LENGTH;
        for number in 0..LENGTH {
            for pid in [VIDEO, SOUND] {
                let (this, next) = (times(pid, number), times(pid, number + 1));
                assert_eq!(next[0] - this[0], step);
                assert!(this.is_sorted() && this.iter().all(|time| *time < next[0]));
            }
            assert_eq!(times(VIDEO, number)[0], times(SOUND, number)[0]);
        }
    }
}
