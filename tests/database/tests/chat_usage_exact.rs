//! `chat_usage` on random connections, against the same numbers found another way.

use std::collections::{BTreeMap, BTreeSet};

use database_tests::{TestDatabase, Who};
use serde_json::Value;
use sqlx::{AssertSqlSafe, raw_sql};

/// The same numbers the slow way: by looking at each second at which anything changes.
#[derive(Debug, PartialEq)]
struct Expected {
    peak: usize,
    peak_at: Option<u64>,
    connected: u64,
    connections: usize,
    users: usize,
    months: BTreeMap<&'static str, usize>,
    hours: Vec<(usize, usize)>,
}

#[derive(Debug)]
struct Span {
    user: u64,
    opened: u64,
    closed: u64,
}

const DAY: u64 = 86_400;
/// The months from 2024-01-01 on, by their seconds.
const MONTHS: [(&str, u64, u64); 3] =
    [("2024-01", 0, 31 * DAY), ("2024-02", 31 * DAY, 60 * DAY), ("2024-03", 60 * DAY, 91 * DAY)];

fn expected(spans: &[Span], from: u64, to: u64) -> Expected {
    let open_at = |second: u64| spans.iter().filter(|s| s.opened <= second && second < s.closed).count();
    // Concurrency can only rise where one opens, or where the range or an hour begins.
    let moments = |from: u64, to: u64| {
        let mut moments: BTreeSet<u64> = spans.iter().map(|s| s.opened).filter(|at| (from..to).contains(at)).collect();
        moments.insert(from);
        moments
    };
    let (mut peak, mut peak_at) = (0, None);
    for at in moments(from, to) {
        if open_at(at) > peak {
            (peak, peak_at) = (open_at(at), Some(at));
        }
    }
    let mut hours = vec![(0, 0); 24];
    let mut hour = from - from % 3600;
    while hour < to {
        let (start, end) = (hour.max(from), (hour + 3600).min(to));
        let slot = &mut hours[usize::try_from(hour / 3600 % 24).unwrap()];
        slot.0 += spans.iter().filter(|s| (start..end).contains(&s.opened)).count();
        slot.1 = slot.1.max(moments(start, end).into_iter().map(open_at).max().unwrap());
        hour += 3600;
    }
    let users = |from: u64, to: u64| {
        spans.iter().filter(|s| s.opened < to && s.closed >= from).map(|s| s.user).collect::<BTreeSet<_>>().len()
    };
    Expected {
        peak,
        peak_at,
        connected: spans.iter().map(|s| s.closed.min(to).saturating_sub(s.opened.max(from))).sum(),
        connections: spans.iter().filter(|s| (from..to).contains(&s.opened)).count(),
        users: users(from, to),
        months: MONTHS
            .iter()
            .map(|(month, start, end)| {
                (*month, if *start < to && *end > from { users(from.max(*start), to.min(*end)) } else { 0 })
            })
            .filter(|(_, users)| *users > 0)
            .collect(),
        hours,
    }
}

/// Reads the answer as the same struct.
async fn answered(db: &TestDatabase, from: u64, to: u64) -> Expected {
    let time = |second: u64| format!("timestamptz '2024-01-01T00:00Z' + interval '{second} s'");
    let mut admin = db.caller(Who::Admin("admin")).await;
    let usage = admin.call(&format!("chat_usage({}, {})", time(from), time(to))).await.unwrap();
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let peak_at = match usage["peak_at"].as_str() {
        Some(at) => {
            let second = format!("extract(epoch from timestamptz '{at}' - timestamptz '2024-01-01T00:00Z')::int");
            admin.call(&second).await.unwrap().as_u64()
        }
        None => None,
    };
    let active = &usage["monthly_active_users"];
    Expected {
        peak: number(&usage["peak_concurrent"]),
        peak_at,
        connected: usage["connected_seconds"].as_u64().unwrap(),
        connections: number(&usage["connections"]),
        users: number(&active["total"]),
        months: active["months"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| (MONTHS.iter().find(|known| m["month"] == known.0).unwrap().0, number(&m["users"])))
            .collect(),
        hours: usage["peak_hours"]
            .as_array()
            .unwrap()
            .iter()
            .map(|h| (number(&h["connections"]), number(&h["peak_concurrent"])))
            .collect(),
    }
}

#[tokio::test]
async fn the_numbers_are_exact_on_random_connections() {
    let db = TestDatabase::new().await;
    // xorshift: the same connections in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for round in 0..12_u64 {
        // On a coarse grid many begin as others end, at full hours, and at the ends of the range; on a fine one they do not.
        let grid = [1, 60, 1800, 3600][usize::try_from(round % 4).unwrap()];
        let longest = [7200, DAY, 9 * DAY][usize::try_from(round % 3).unwrap()];
        let spans: Vec<Span> = (0..150)
            .map(|_| {
                let opened = 20 * DAY + random(50 * DAY / grid) * grid;
                Span { user: random(40), opened, closed: opened + random(longest / grid) * grid }
            })
            .collect();
        let values: Vec<String> = spans
            .iter()
            .enumerate()
            .map(|(n, s)| format!("('u-{}', 'c-{n}', to_timestamp({}), to_timestamp({}))", s.user, s.opened, s.closed))
            .collect();
        let sql = format!(
            "truncate streamkeeper.chat_connections;
                 insert into streamkeeper.chat_connections (user_id, connection_id, opened_at, closed_at)
                 select user_id, connection_id, opened + (timestamptz '2024-01-01T00:00Z' - to_timestamp(0)),
                   closed + (timestamptz '2024-01-01T00:00Z' - to_timestamp(0))
                 from (values {}) as v (user_id, connection_id, opened, closed)",
            values.join(", ")
        );
        raw_sql(AssertSqlSafe(sql)).execute(&mut db.owner().await).await.unwrap();
        for (from, to) in [
            (0, 90 * DAY),
            (25 * DAY, 45 * DAY),
            (31 * DAY, 60 * DAY),
            (40 * DAY + 1800, 40 * DAY + 3 * 3600),
            (spans[0].opened, spans[0].opened + 1),
            (0, DAY),
        ] {
            assert_eq!(answered(&db, from, to).await, expected(&spans, from, to), "round {round}, from {from} to {to}");
        }
    }
}
