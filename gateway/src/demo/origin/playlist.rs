//! The playlist of the endless film: a window that slides, as a live encoder's does.

use std::fmt::Write;

use super::film::{LENGTH, Moment, SEGMENT};
use super::{Broken, Fault};

/// How many segments it shows.
const WINDOW: u64 = 5;

/// At this moment, with whatever is wrong.
pub fn live(now: Moment, fault: Option<Broken>) -> String {
    let first = match fault {
        Some((Fault::Stalled | Fault::Down, since)) => since.segment(),
        Some((Fault::Loops, since)) => since.segment() + now.segment().saturating_sub(since.segment()) % LENGTH,
        None => now.segment(),
    };
    let seconds = SEGMENT.as_secs_f64();
    // Each round begins with a discontinuity: its times are the same again. One belongs to the segment behind it.
    let mut playlist = format!(
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:{}\n",
        first.div_ceil(LENGTH)
    );
    for number in first..first + WINDOW {
        let jump = if number.is_multiple_of(LENGTH) { "#EXT-X-DISCONTINUITY\n" } else { "" };
        // Writing to a text does not fail.
        let _ = write!(playlist, "{jump}#EXTINF:{seconds:.3},\n{number}.ts\n");
    }
    playlist
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(segment: u32) -> Moment {
        Moment::ZERO.after(SEGMENT * segment + Duration::from_millis(7))
    }

    #[test]
    fn the_window_slides_and_says_where_a_round_begins() {
        assert_eq!(
            live(at(13), None),
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:13\n\
             #EXT-X-DISCONTINUITY-SEQUENCE:3\n#EXTINF:1.920,\n13.ts\n#EXTINF:1.920,\n14.ts\n#EXT-X-DISCONTINUITY\n\
             #EXTINF:1.920,\n15.ts\n#EXTINF:1.920,\n16.ts\n#EXTINF:1.920,\n17.ts\n"
        );
    }

    /// Of each segment, however far the window has slid.
    #[test]
    fn a_segments_discontinuity_number_never_changes() {
        let numbers = |now: u32| {
            let playlist = live(at(now), None);
            let mut number: u64 = 0;
            let mut found = Vec::new();
            for line in playlist.lines() {
                if let Some(first) = line.strip_prefix("#EXT-X-DISCONTINUITY-SEQUENCE:") {
                    number = first.parse().unwrap();
                } else if line == "#EXT-X-DISCONTINUITY" {
                    number += 1;
                } else if let Some(segment) = line.strip_suffix(".ts") {
                    found.push((segment.parse::<u64>().unwrap(), number));
                }
            }
            found
        };
        for now in 20..40 {
            for (segment, number) in numbers(now) {
                assert_eq!(number, segment / LENGTH + 1, "segment {segment} at {now}");
            }
        }
    }

    #[test]
    fn one_that_is_stalled_stays_and_one_that_loops_comes_back() {
        let first = |now: u32, fault| live(at(now), Some((fault, at(13)))).lines().nth(3).unwrap().to_owned();
        assert_eq!(first(99, Fault::Stalled), "#EXT-X-MEDIA-SEQUENCE:13");
        let looped: Vec<String> = [13, 15, 17, 18].map(|now| first(now, Fault::Loops)).into();
        assert_eq!(looped, [13, 15, 17, 13].map(|first| format!("#EXT-X-MEDIA-SEQUENCE:{first}")));
    }
}
