//! The seed's first two suites, on relays that do what a test wants: what is ended is stopped, whatever goes wrong with a
//! stop, and however many do everything at once.

use std::time::Duration;

use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep};

use super::*;
use crate::relay::life::{Asked, Visit, Work};

/// Behaves as its upstream says.
#[derive(Debug)]
struct Fake(Life);

impl Relay for Fake {
    fn run(self: Arc<Self>) -> Work<()> {
        Box::pin(async move {
            let Self(life) = &*self;
            life.tell(Report::Connected);
            match &*life.source.upstream {
                "returns" => {}
                "panics" => panic!("as it was told to"),
                "hangs" => std::future::pending().await,
                "panics when it stops" => {
                    life.stop.cancelled().await;
                    panic!("as it was told to");
                }
                _ => life.stop.cancelled().await,
            }
        })
    }

    fn serve(self: Arc<Self>, _: Visit) -> Work<Response> {
        // What a body would wait for.
        Box::pin(async move {
            let _client = self.0.client([192, 0, 2, 1].into());
            self.0.stop.cancelled().await;
            self.0.over().into_response()
        })
    }
}

struct Stage {
    registry: Arc<Registry>,
    counters: Counters,
    reports: UnboundedReceiver<(Id, Report)>,
}

impl Stage {
    fn new() -> Self {
        let maker = || -> Maker { Box::new(|life| Arc::new(Fake(life))) };
        let (reporter, reports) = unbounded_channel();
        let (makers, counters) = (Makers { hls: maker(), ts: maker() }, Counters::default());
        let registry = Registry::new(makers, Settings::default(), counters.clone(), reporter);
        registry.mirror(Vec::new());
        Self { registry, counters, reports }
    }

    /// Waits until a relay runs, and says which.
    async fn begun(&mut self) -> Id {
        self.reports.recv().await.unwrap().0
    }

    fn runs(&self, id: Id) -> bool {
        self.counters.ledger.of(id).tasks > 0
    }

    /// Waits until nothing runs but these.
    async fn until_only(&self, ids: &[Id]) {
        while !self.counters.ledger.snapshot().keys().eq(ids) {
            yield_now().await;
        }
    }

    /// A client, from now until what it sees ends.
    async fn client(&self, id: Id) -> JoinHandle<Response> {
        let (_, relay) = self.registry.find(id.key, id.kind).unwrap();
        let visit = Visit {
            asked: Asked::Playback,
            address: [192, 0, 2, 1].into(),
            method: Method::GET,
            headers: HeaderMap::new(),
        };
        let before = self.counters.ledger.of(id).clients;
        let client = tokio::spawn(relay.serve(visit));
        while self.counters.ledger.of(id).clients == before {
            yield_now().await;
        }
        client
    }
}

fn id(key: u128, generation: i64) -> Id {
    Id { key: Uuid::from_u128(key), kind: Kind::Ts, generation }
}

fn live(id: Id, upstream: &str) -> Live {
    Live { source: Source { id, upstream: upstream.to_owned() }, health: Health::Ok }
}

fn status(found: Result<(Id, Arc<dyn Relay>), ApiError>) -> u16 {
    found.map_or_else(|error| error.status().as_u16(), |_| 200)
}

#[tokio::test]
async fn ending_a_stream_stops_its_relay_and_lets_its_clients_go_and_nobody_elses() {
    let mut stage = Stage::new();
    let (one, other) = (id(1, 1), id(2, 2));
    stage.registry.mirror(vec![live(one, ""), live(other, "")]);
    let begun = BTreeSet::from([stage.begun().await, stage.begun().await]);
    assert_eq!(begun, BTreeSet::from([one, other]));
    let (client, remaining) = (stage.client(one).await, stage.client(other).await);

    stage.registry.mirror(vec![live(other, "")]);
    // At once, before anything else has run.
    assert_eq!(status(stage.registry.find(one.key, one.kind)), 410);
    assert_eq!(client.await.unwrap().status(), 410);
    stage.until_only(&[other]).await;
    assert_eq!(status(stage.registry.find(other.key, other.kind)), 200);
    assert!(!remaining.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_fails_or_hangs_keeps_nobody_else_alive() {
    let mut stage = Stage::new();
    let (hangs, panics, obeys) = (id(1, 1), id(2, 2), id(3, 3));
    let all = vec![live(hangs, "hangs"), live(panics, "panics when it stops"), live(obeys, "")];
    stage.registry.mirror(all);
    for _ in 0..3 {
        stage.begun().await;
    }
    stage.registry.mirror(Vec::new());
    for gone in [hangs, panics, obeys] {
        assert_eq!(status(stage.registry.find(gone.key, gone.kind)), 410);
    }
    stage.until_only(&[hangs]).await;
    // In paused time, nothing is left to do but to wait until patience is at its end.
    sleep(supervisor::STOP_PATIENCE * 2).await;
    stage.until_only(&[]).await;
    assert!(stage.registry.inner().stopping.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_hangs_is_gone_sooner_when_somebody_asks_for_it() {
    let mut stage = Stage::new();
    stage.registry.mirror(vec![live(id(1, 1), "hangs"), live(id(2, 2), "")]);
    let _ = (stage.begun().await, stage.begun().await);
    stage.registry.mirror(vec![live(id(2, 2), "")]);
    stage.registry.abort(&BTreeSet::from([id(1, 1)]));
    stage.until_only(&[id(2, 2)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_fails_is_missing_until_it_has_been_started_again() {
    for how in ["panics", "returns"] {
        let mut stage = Stage::new();
        stage.registry.mirror(vec![live(id(1, 1), how)]);
        for _ in 0..3 {
            assert_eq!(stage.begun().await, id(1, 1));
            stage.until_only(&[]).await;
            while status(stage.registry.find(id(1, 1).key, Kind::Ts)) != 503 {
                yield_now().await;
            }
            assert_eq!(stage.registry.ids(), BTreeSet::from([id(1, 1)]));
        }
        // It was waiting for the next time: there is none.
        stage.registry.mirror(Vec::new());
        advance(Duration::from_secs(3600)).await;
        stage.until_only(&[]).await;
        assert!(stage.reports.try_recv().is_err(), "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_without_its_task_begins_anew_when_somebody_asks_for_it_and_only_once() {
    let mut stage = Stage::new();
    let (fails, obeys) = (id(1, 1), id(2, 2));
    stage.registry.mirror(vec![live(fails, "returns")]);
    for _ in 0..8 {
        stage.begun().await;
    }
    stage.until_only(&[]).await;
    // The next time is seconds away.
    let before = Instant::now();
    stage.registry.renew(&BTreeSet::from([fails, obeys]));
    assert_eq!(stage.begun().await, fails);
    assert_eq!((before.elapsed(), stage.registry.ids()), (Duration::ZERO, BTreeSet::from([fails])));

    // One that hangs is replaced at once, and goes when its time is up: its successor is of the same generation, and stays.
    stage.registry.mirror(vec![live(obeys, "hangs")]);
    while stage.begun().await != obeys {}
    stage.registry.renew(&BTreeSet::from([obeys]));
    assert_eq!(stage.begun().await, obeys);
    sleep(supervisor::STOP_PATIENCE * 2).await;
    assert_eq!(stage.counters.ledger.of(obeys).tasks, 1);
    assert!(stage.reports.try_recv().is_err());
}

#[tokio::test]
async fn a_successor_takes_over_and_what_is_late_for_its_predecessor_does_not_reach_it() {
    let mut stage = Stage::new();
    let (old, new) = (id(1, 1), id(1, 2));
    stage.registry.mirror(vec![live(old, "")]);
    assert_eq!(stage.begun().await, old);
    let client = stage.client(old).await;
    stage.registry.update(old.key, vec![live(new, "")]);
    assert_eq!(stage.begun().await, new);
    client.await.unwrap();
    stage.until_only(&[new]).await;

    // Read before the successor was there, and applied after it.
    stage.registry.update(old.key, vec![live(old, "")]);
    stage.registry.mirror(vec![live(old, "")]);
    let degraded = Health::Degraded("late".into());
    assert!(!stage.registry.note(old, &degraded) && !stage.registry.has(old));
    assert!(stage.registry.note(new, &degraded) && !stage.registry.note(new, &degraded));
    assert!(stage.runs(new) && !stage.runs(old));
    // The same again is the same relay: nothing begins anew.
    stage.registry.mirror(vec![live(new, "")]);
    assert!(stage.reports.try_recv().is_err());
}

#[tokio::test]
async fn what_another_gateway_could_not_get_is_well_as_long_as_this_one_can() {
    let mut stage = Stage::new();
    let (one, degraded) = (id(1, 1), Health::Degraded("upstream_silent".into()));
    stage.registry.mirror(vec![live(one, "")]);
    assert_eq!(stage.begun().await, one);
    assert!(!stage.registry.note(one, &Health::Ok), "the database knows");
    // The other one has said so, and has died since.
    let said = Live { health: degraded.clone(), ..live(one, "") };
    stage.registry.mirror(vec![said.clone()]);
    assert_eq!(stage.reports.recv().await, Some((one, Report::Recovered)));
    assert!(stage.registry.note(one, &Health::Ok));
    // One that cannot get it either has nothing to say against it, and says when it can.
    assert!(stage.registry.note(one, &degraded));
    stage.registry.mirror(vec![said]);
    stage.registry.mirror(vec![live(one, "")]);
    assert!(stage.reports.try_recv().is_err());
    assert!(!stage.registry.note(one, &degraded) && stage.registry.note(one, &Health::Ok));
}

#[tokio::test]
async fn what_is_over_is_known_only_once_the_database_has_been_heard() {
    let stage = Stage::new();
    stage.registry.inner().is_known = false;
    assert_eq!(status(stage.registry.find(Uuid::from_u128(1), Kind::Ts)), 503);
    stage.registry.mirror(vec![live(id(1, 1), "")]);
    assert_eq!(status(stage.registry.find(Uuid::from_u128(2), Kind::Ts)), 410);
    assert_eq!(status(stage.registry.find(Uuid::from_u128(1), Kind::Hls)), 404, "relayed, but not like that");
}

#[tokio::test]
async fn a_node_that_stops_lets_all_go_and_begins_nothing() {
    let mut stage = Stage::new();
    stage.registry.mirror(vec![live(id(1, 1), "")]);
    stage.begun().await;
    let client = stage.client(id(1, 1)).await;
    stage.registry.close();
    // Its stream is not over: another gateway has it.
    assert_eq!(client.await.unwrap().status(), 503);
    for key in [1, 2] {
        assert_eq!(status(stage.registry.find(id(key, 1).key, Kind::Ts)), 503);
    }
    stage.registry.mirror(vec![live(id(1, 1), ""), live(id(2, 2), "")]);
    stage.until_only(&[]).await;
    assert!(stage.reports.try_recv().is_err() && stage.registry.ids().is_empty());
}

/// Each of several writers owns some streams, and starts and stops them as fast as it can; clients come all the while. What
/// can be found is never older than what was said last, and in the end nothing is left.
#[tokio::test(flavor = "multi_thread")]
async fn however_many_start_and_stop_at_once_each_stream_is_as_was_said_last() {
    const WRITERS: u128 = 8;
    const ROUNDS: i64 = 300;
    let mut stage = Stage::new();
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let registry = Arc::clone(&stage.registry);
        writers.push(tokio::spawn(async move {
            for round in 1..=ROUNDS {
                let id = id(writer, round);
                registry.update(id.key, vec![live(id, if round % 7 == 0 { "panics" } else { "" })]);
                if let Ok((found, relay)) = registry.find(id.key, id.kind) {
                    assert_eq!(found, id);
                    drop(relay);
                }
                yield_now().await;
                if round % 3 == 0 {
                    registry.update(id.key, Vec::new());
                    assert_eq!(status(registry.find(id.key, id.kind)), 410);
                }
            }
            // The last is on, or not.
            id(writer, ROUNDS + 1)
        }));
    }
    let mut last = Vec::new();
    for writer in writers {
        last.push(writer.await.unwrap());
    }
    let (stay, go) = last.split_at(4);
    stage.registry.mirror(stay.iter().map(|id| live(*id, "")).collect());
    assert_eq!(stage.registry.ids(), stay.iter().copied().collect());
    stage.until_only(stay).await;
    assert!(go.iter().all(|id| status(stage.registry.find(id.key, id.kind)) == 410));
    stage.registry.mirror(Vec::new());
    stage.until_only(&[]).await;
    while !stage.registry.inner().stopping.is_empty() {
        yield_now().await;
    }
    stage.reports.close();
}
