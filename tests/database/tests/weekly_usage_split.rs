//! The split of streams over weeks, against a calculation that knows no week's beginning and no other time zone database:
//! each second is counted for the Monday before the local date on which it ended.

use std::collections::BTreeMap;

use database_tests::{Random, TestDatabase, is_soak};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ToSpan};

/// Changes of clocks at midnight (Tehran, also from Sunday to Monday), of half an hour (Lord Howe), across the date line
/// (Apia), on the far sides of UTC, at odd offsets, and none at all.
const ZONES: [&str; 14] = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Apia",
];

struct Interval {
    from: Timestamp,
    to: Timestamp,
    zone: &'static str,
}

/// What there is to split.
struct Intervals(Random);

impl Intervals {
    /// Up to a microsecond, a second, an hour, a day, or some weeks.
    fn microseconds(&mut self) -> i64 {
        const SECOND: u64 = 1_000_000;
        let most = [1, SECOND, 3600 * SECOND, 86_400 * SECOND, 40 * 86_400 * SECOND][self.0.below(5) as usize];
        self.0.below(most + 1) as i64
    }

    /// Anywhere in twenty years, or where it is hard: around a change of clocks, or the beginning of a week.
    fn next(&mut self) -> Interval {
        let zone = ZONES[self.0.below(ZONES.len() as u64) as usize];
        let tz = TimeZone::get(zone).unwrap();
        let start: Timestamp = "2002-01-01T00:00:00Z".parse().unwrap();
        let anywhere = start + SignedDuration::from_micros(self.0.below(20 * 365 * 86_400 * 1_000_000) as i64);
        let base = match self.0.below(3) {
            0 => anywhere,
            1 => tz.following(anywhere).next().map_or(anywhere, |change| change.timestamp()),
            _ => monday(anywhere, &tz).to_zoned(tz).unwrap().timestamp(),
        };
        let from = base - SignedDuration::from_micros(self.microseconds());
        Interval { from, to: from + SignedDuration::from_micros(self.microseconds() + self.microseconds()), zone }
    }
}

/// The Monday on or before the local date.
fn monday(at: Timestamp, tz: &TimeZone) -> Date {
    let date = at.to_zoned(tz.clone()).date();
    let days: Span = i64::from(date.weekday().to_monday_zero_offset()).days();
    date - days
}

/// Seconds by week.
fn expected(interval: &Interval) -> BTreeMap<String, i64> {
    let tz = TimeZone::get(interval.zone).unwrap();
    let week_of =
        |second: i64| monday(interval.from + SignedDuration::from_secs(second) - SignedDuration::from_micros(1), &tz);
    let seconds = interval.to.duration_since(interval.from).as_secs();
    let mut weeks = BTreeMap::new();
    let mut counted = 0;
    while counted < seconds {
        // The last second of the same week, by bisection.
        let week = week_of(counted + 1);
        let (mut last, mut after) = (counted + 1, seconds + 1);
        while after - last > 1 {
            let middle = last + (after - last) / 2;
            if week_of(middle) == week { last = middle } else { after = middle }
        }
        *weeks.entry(week.to_string()).or_insert(0) += last - counted;
        counted = last;
    }
    weeks
}

#[tokio::test]
async fn the_split_of_random_intervals_is_that_of_an_independent_calculation() {
    let mut random = Intervals(Random::new(2026));
    let intervals: Vec<Interval> = (0..if is_soak() { 300_000 } else { 5_000 }).map(|_| random.next()).collect();

    let db = TestDatabase::new().await;
    let rows: Vec<(i64, String, i32)> = sqlx::query_as(
        "select i.n - 1, w.week_start_date::text, w.seconds
         from unnest($1::timestamptz[], $2::timestamptz[], $3::text[]) with ordinality as i (a, b, zone, n),
           streamkeeper.split_by_week(i.a, i.b, i.zone) w",
    )
    .bind(intervals.iter().map(|i| i.from.to_string()).collect::<Vec<_>>())
    .bind(intervals.iter().map(|i| i.to.to_string()).collect::<Vec<_>>())
    .bind(intervals.iter().map(|i| i.zone).collect::<Vec<_>>())
    .fetch_all(&mut db.owner().await)
    .await
    .unwrap();
    let mut split = vec![BTreeMap::new(); intervals.len()];
    for (n, week, seconds) in rows {
        assert!(split[n as usize].insert(week, i64::from(seconds)).is_none(), "each week once");
    }

    let (mut over_a_week, mut through_a_change) = (0, 0);
    for (interval, split) in intervals.iter().zip(&split) {
        let tz = TimeZone::get(interval.zone).unwrap();
        over_a_week += usize::from(split.len() > 1);
        through_a_change += usize::from(tz.to_offset(interval.from) != tz.to_offset(interval.to));
        assert_eq!(*split, expected(interval), "{} to {} in {}", interval.from, interval.to, interval.zone);
    }
    // Random, but not beside the point.
    assert!(over_a_week > intervals.len() / 10 && through_a_change > intervals.len() / 10);
}

#[tokio::test]
async fn where_clocks_go_back_over_mondays_midnight_no_second_is_lost() {
    let db = TestDatabase::new().await;
    // At one past midnight it is one past eleven again: the week begins at the second midnight.
    let weeks: Vec<(String, i32)> = sqlx::query_as(
        "select week_start_date::text, seconds from streamkeeper.split_by_week(
           '2026-11-02 04:00:30Z', '2026-11-02 06:00:30Z', 'XST5XDT,M3.2.1/0:01,M11.1.1/0:01') order by 1",
    )
    .fetch_all(&mut db.owner().await)
    .await
    .unwrap();
    assert_eq!(weeks, [("2026-10-26".into(), 3570), ("2026-11-02".into(), 3630)]);
}
