//! What a sync check compares, and how it says what it has found.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::ledger::Running;
use super::source::{Id, Kind};

/// The seed's report, and what stands beside it.
#[derive(Debug, Clone, Serialize)]
pub struct SyncReport {
    /// What this gateway means to relay.
    pub state: Streams,
    /// What runs of transport streams.
    pub ts_proxy: Sessions,
    /// What runs of playlists.
    pub hls_proxy: Sessions,
    /// What the database says is live and relayed.
    pub database: Streams,
    /// Who is served.
    pub clients: BTreeMap<Kind, usize>,
    /// What does not go together.
    pub discrepancies: Found,
    /// What did not before, where it was to be repaired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repaired: Option<Discrepancies>,
}

/// Streams, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Streams {
    stream_count: usize,
    stream_keys: BTreeSet<Uuid>,
}

/// Relays that run, by the key of their stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sessions {
    session_count: usize,
    session_keys: BTreeSet<Uuid>,
}

/// Discrepancies, and whether there are any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// They.
    #[serde(flatten)]
    pub what: Discrepancies,
    /// Whether there are any.
    pub has_issues: bool,
}

/// What does not go together, each by the key of its stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Discrepancies {
    orphaned_ts_sessions: BTreeSet<Uuid>,
    orphaned_hls_sessions: BTreeSet<Uuid>,
    missing_ts_sessions: BTreeSet<Uuid>,
    missing_hls_sessions: BTreeSet<Uuid>,
    /// They are live in the database, and this gateway does not know it.
    missing_streams: BTreeSet<Uuid>,
    /// This gateway means to relay them, and they are not live.
    orphaned_streams: BTreeSet<Uuid>,
}

impl Discrepancies {
    /// All of them, by name.
    pub fn by_name(&self) -> [(&'static str, &BTreeSet<Uuid>); 6] {
        [
            ("orphaned_ts_sessions", &self.orphaned_ts_sessions),
            ("orphaned_hls_sessions", &self.orphaned_hls_sessions),
            ("missing_ts_sessions", &self.missing_ts_sessions),
            ("missing_hls_sessions", &self.missing_hls_sessions),
            ("missing_streams", &self.missing_streams),
            ("orphaned_streams", &self.orphaned_streams),
        ]
    }
}

/// The three of one moment.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// What the database says.
    pub database: BTreeSet<Id>,
    /// What the registry means.
    pub registry: BTreeSet<Id>,
    /// What the ledger knows.
    pub running: BTreeMap<Id, Running>,
}

/// What does not go together, of which relay: another generation is another relay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suspects {
    orphaned_sessions: BTreeSet<Id>,
    missing_sessions: BTreeSet<Id>,
    missing_streams: BTreeSet<Id>,
    orphaned_streams: BTreeSet<Id>,
}

impl Look {
    /// What does not go together at this moment.
    pub fn suspects(&self) -> Suspects {
        let all = |ids: &BTreeSet<Id>, others: &BTreeSet<Id>| ids.difference(others).copied().collect();
        let working = self.running.iter().filter(|(_, running)| running.tasks > 0).map(|(id, _)| *id).collect();
        Suspects {
            orphaned_sessions: all(&self.running.keys().copied().collect(), &self.registry),
            missing_sessions: all(&self.registry, &working),
            missing_streams: all(&self.database, &self.registry),
            orphaned_streams: all(&self.registry, &self.database),
        }
    }

    /// What is told of it, with what was found.
    pub fn report(&self, found: Discrepancies) -> SyncReport {
        let sessions = |kind| {
            let is_one = |(id, running): &(&Id, &Running)| id.kind == kind && running.tasks + running.clients > 0;
            let session_keys: BTreeSet<_> = self.running.iter().filter(is_one).map(|(id, _)| id.key).collect();
            Sessions { session_count: session_keys.len(), session_keys }
        };
        let clients =
            |kind| self.running.iter().filter(move |(id, _)| id.kind == kind).map(|(_, now)| now.clients).sum();
        SyncReport {
            state: streams(&self.registry),
            ts_proxy: sessions(Kind::Ts),
            hls_proxy: sessions(Kind::Hls),
            database: streams(&self.database),
            clients: Kind::ALL.into_iter().map(|kind| (kind, clients(kind))).collect(),
            discrepancies: Found { has_issues: found != Discrepancies::default(), what: found },
            repaired: None,
        }
    }
}

impl Suspects {
    /// What was there before, too.
    pub fn still(&self, before: &Self) -> Self {
        let both = |now: &BTreeSet<Id>, before: &BTreeSet<Id>| now.intersection(before).copied().collect();
        Self {
            orphaned_sessions: both(&self.orphaned_sessions, &before.orphaned_sessions),
            missing_sessions: both(&self.missing_sessions, &before.missing_sessions),
            missing_streams: both(&self.missing_streams, &before.missing_streams),
            orphaned_streams: both(&self.orphaned_streams, &before.orphaned_streams),
        }
    }

    /// What is not among these.
    pub fn without(&self, rest: &Self) -> Self {
        let gone = |was: &BTreeSet<Id>, is: &BTreeSet<Id>| was.difference(is).copied().collect();
        Self {
            orphaned_sessions: gone(&self.orphaned_sessions, &rest.orphaned_sessions),
            missing_sessions: gone(&self.missing_sessions, &rest.missing_sessions),
            missing_streams: gone(&self.missing_streams, &rest.missing_streams),
            orphaned_streams: gone(&self.orphaned_streams, &rest.orphaned_streams),
        }
    }

    /// What runs and should not.
    pub fn orphaned_sessions(&self) -> &BTreeSet<Id> {
        &self.orphaned_sessions
    }

    /// What does not run and should.
    pub fn missing_sessions(&self) -> &BTreeSet<Id> {
        &self.missing_sessions
    }

    /// As it is told.
    pub fn by_key(&self) -> Discrepancies {
        let keys = |ids: &BTreeSet<Id>| ids.iter().map(|id| id.key).collect();
        let of = |ids: &BTreeSet<Id>, kind| ids.iter().filter(|id| id.kind == kind).map(|id| id.key).collect();
        Discrepancies {
            orphaned_ts_sessions: of(&self.orphaned_sessions, Kind::Ts),
            orphaned_hls_sessions: of(&self.orphaned_sessions, Kind::Hls),
            missing_ts_sessions: of(&self.missing_sessions, Kind::Ts),
            missing_hls_sessions: of(&self.missing_sessions, Kind::Hls),
            missing_streams: keys(&self.missing_streams),
            orphaned_streams: keys(&self.orphaned_streams),
        }
    }
}

fn streams(ids: &BTreeSet<Id>) -> Streams {
    let stream_keys: BTreeSet<_> = ids.iter().map(|id| id.key).collect();
    Streams { stream_count: stream_keys.len(), stream_keys }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn id(key: u128, kind: Kind, generation: i64) -> Id {
        Id { key: Uuid::from_u128(key), kind, generation }
    }

    fn works() -> Running {
        Running { tasks: 1, ..Running::default() }
    }

    fn look(database: &[Id], registry: &[Id], running: &[(Id, Running)]) -> Look {
        let set = |ids: &[Id]| ids.iter().copied().collect();
        Look { database: set(database), registry: set(registry), running: running.iter().copied().collect() }
    }

    fn found(look: &Look) -> Value {
        serde_json::to_value(look.report(look.suspects().by_key()).discrepancies).unwrap()
    }

    fn nothing() -> Value {
        json!({
            "orphaned_ts_sessions": [], "orphaned_hls_sessions": [],
            "missing_ts_sessions": [], "missing_hls_sessions": [],
            "missing_streams": [], "orphaned_streams": [], "has_issues": false
        })
    }

    #[test]
    fn while_nothing_is_relayed_it_is_the_seed_s_report() {
        let report = serde_json::to_value(Look::default().report(Discrepancies::default())).unwrap();
        let expected = json!({
            "state": { "stream_count": 0, "stream_keys": [] },
            "ts_proxy": { "session_count": 0, "session_keys": [] },
            "hls_proxy": { "session_count": 0, "session_keys": [] },
            "database": { "stream_count": 0, "stream_keys": [] },
            "clients": { "hls": 0, "ts": 0 },
            "discrepancies": nothing(),
        });
        assert_eq!(report, expected);
    }

    #[test]
    fn a_stream_that_is_relayed_in_one_way_only_misses_nothing() {
        for kind in Kind::ALL {
            let one = id(1, kind, 1);
            assert_eq!(found(&look(&[one], &[one], &[(one, works())])), nothing(), "{kind}");
        }
    }

    #[test]
    fn what_runs_and_should_not_is_an_orphan_and_so_is_its_client_or_buffer_alone() {
        let (one, key) = (id(1, Kind::Ts, 1), Uuid::from_u128(1));
        for running in
            [works(), Running { clients: 1, ..Running::default() }, Running { bytes: 188, ..Running::default() }]
        {
            let mut expected = nothing();
            expected["orphaned_ts_sessions"] = json!([key]);
            expected["has_issues"] = json!(true);
            assert_eq!(found(&look(&[], &[], &[(one, running)])), expected, "{running:?}");
        }
    }

    #[test]
    fn what_should_run_and_does_not_is_missing() {
        let (one, key) = (id(1, Kind::Hls, 1), Uuid::from_u128(1));
        let mut expected = nothing();
        expected["missing_hls_sessions"] = json!([key]);
        expected["has_issues"] = json!(true);
        assert_eq!(found(&look(&[one], &[one], &[])), expected);
        let client = Running { clients: 1, ..Running::default() };
        assert_eq!(found(&look(&[one], &[one], &[(one, client)])), expected, "a client alone does no work");
    }

    #[test]
    fn a_predecessor_is_not_its_successor() {
        let (old, new, key) = (id(1, Kind::Ts, 1), id(1, Kind::Ts, 2), Uuid::from_u128(1));
        let mut expected = nothing();
        expected["orphaned_ts_sessions"] = json!([key]);
        expected["missing_ts_sessions"] = json!([key]);
        expected["has_issues"] = json!(true);
        assert_eq!(found(&look(&[new], &[new], &[(old, works())])), expected);
        let mut expected = nothing();
        expected["missing_streams"] = json!([key]);
        expected["orphaned_streams"] = json!([key]);
        expected["has_issues"] = json!(true);
        assert_eq!(found(&look(&[new], &[old], &[(old, works())])), expected);
    }

    #[test]
    fn what_was_under_way_does_not_count_and_what_was_there_twice_does() {
        let (going, stays) = (id(1, Kind::Ts, 1), id(2, Kind::Hls, 2));
        let first = look(&[], &[], &[(going, works()), (stays, works())]).suspects();
        let second = look(&[], &[], &[(stays, works())]).suspects();
        let both = second.still(&first);
        assert_eq!(both.orphaned_sessions, BTreeSet::from([stays]));
        assert_eq!(first.without(&both).orphaned_sessions, BTreeSet::from([going]));
        let other = look(&[], &[], &[(Id { generation: 3, ..stays }, works())]).suspects();
        assert_eq!(other.still(&both), Suspects::default(), "another generation is under way, too");
    }
}
