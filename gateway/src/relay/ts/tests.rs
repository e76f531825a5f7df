//! A relay between an origin and clients that do what the tests say.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::packets::{Packet, SIZE, packets};
use super::relay::TsRelay;
use super::*;
use crate::relay::counters::Counters;
use crate::relay::ledger::{Ledger, Running};
use crate::relay::life::{Asked, Life, Relay, Seats, Visit};
use crate::relay::report::{Cause, Report, Reporter};
use crate::relay::settings::Settings;
use crate::relay::source::{Id, Kind, Source};
use crate::relay::upstream::Allowed;

/// The demo's film. Each segment has tables, a key frame, and what follows.
const FILM: [&[u8]; 5] = [
    include_bytes!("../../../assets/reel/0.ts"),
    include_bytes!("../../../assets/reel/1.ts"),
    include_bytes!("../../../assets/reel/2.ts"),
    include_bytes!("../../../assets/reel/3.ts"),
    include_bytes!("../../../assets/reel/4.ts"),
];
const VIDEO: u16 = 256;

/// An origin that answers, and then says what it is told to say.
struct Origin(TcpListener);

impl Origin {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn url(&self) -> String {
        format!("http://{}/live.ts?token=hunter2", self.0.local_addr().unwrap())
    }

    /// The next one who asks.
    async fn asked(&self) -> TcpStream {
        let (mut stream, _) = self.0.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream
    }

    /// The same, with the head of an answer.
    async fn answered(&self, kind: &str) -> TcpStream {
        let mut stream = self.asked().await;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    async fn streaming(&self) -> TcpStream {
        self.answered("video/mp2t").await
    }
}

/// A relay that runs.
struct Relayed {
    relay: Arc<TsRelay>,
    ledger: Ledger,
    stop: CancellationToken,
    reports: UnboundedReceiver<(Id, Report)>,
    task: JoinHandle<()>,
}

impl Relayed {
    fn of(origin: &Origin) -> Self {
        Self::with(origin, |_| {})
    }

    fn with(origin: &Origin, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings { upstreams: Allowed::default().with_loopback(), ..Settings::default() };
        settings.linger = Duration::from_millis(1);
        settings.min_backoff = Duration::from_millis(1);
        change(&mut settings);
        let id = Id { key: Uuid::from_u128(7), kind: Kind::Ts, generation: 1 };
        let (sender, reports) = unbounded_channel();
        let (counters, stop) = (Counters::default(), CancellationToken::new());
        let life = Life {
            source: Source { id, upstream: origin.url() },
            counters: counters.clone(),
            stop: stop.clone(),
            reporter: Reporter::new(id, sender),
            seats: Seats::new(&settings),
            closing: CancellationToken::new(),
            settings,
        };
        let upstreams = Upstreams::new(life.settings.upstreams.clone()).unwrap();
        let relay = Arc::new(TsRelay::new(life, upstreams));
        let task = tokio::spawn(Arc::clone(&relay).run());
        Self { relay, ledger: counters.ledger, stop, reports, task }
    }

    async fn client(&self) -> Client {
        let response = ask(&self.relay, Asked::Playback, Method::GET).await;
        assert_eq!(response.headers()["content-type"], "video/mp2t");
        Client { body: response.into_body(), got: Vec::new() }
    }

    async fn report(&mut self) -> Report {
        self.reports.recv().await.unwrap().1
    }

    /// What runs of it, besides the task that the registry would have in its ledger.
    fn running(&self) -> Running {
        self.ledger.of(self.relay.life.id())
    }

    async fn until_nothing_is_left(&self) {
        while self.running() != Running::default() {
            tokio::task::yield_now().await;
        }
    }
}

async fn ask(relay: &Arc<TsRelay>, asked: Asked, method: Method) -> Response {
    let visit = Visit { asked, address: [127, 0, 0, 1].into(), method, headers: HeaderMap::new() };
    Arc::clone(relay).serve(visit).await
}

/// Somebody who watches.
struct Client {
    body: Body,
    got: Vec<u8>,
}

impl Client {
    /// Reads this much more. None: it is over; an error: it broke off.
    async fn read(&mut self) -> Option<Result<Bytes, axum::Error>> {
        let bytes = self.body.frame().await?.map(|frame| frame.into_data().unwrap());
        if let Ok(bytes) = &bytes {
            self.got.extend_from_slice(bytes);
        }
        Some(bytes)
    }

    /// Reads until it has had this picture.
    async fn until(&mut self, time: u64) {
        while !self.times().contains(&time) {
            self.read().await.expect("the stream goes on").expect("it does not break");
        }
    }

    fn times(&self) -> Vec<u64> {
        assert!(self.got.len().is_multiple_of(SIZE) && packets(&self.got).all(|packet| packet.0[0] == 0x47));
        times(&self.got)
    }
}

fn times(bytes: &[u8]) -> Vec<u64> {
    packets(bytes).filter(|packet| packet.pid() == VIDEO).filter_map(Packet::decoding_time).collect()
}

fn last(bytes: &[u8]) -> u64 {
    *times(bytes).last().unwrap()
}

#[tokio::test]
async fn one_upstream_serves_all_who_watch_and_is_let_go_with_the_last() {
    let origin = Origin::new().await;
    let mut relayed = Relayed::of(&origin);
    let mut first = relayed.client().await;
    let mut upstream = origin.streaming().await;
    upstream.write_all(FILM[0]).await.unwrap();
    assert_eq!(relayed.report().await, Report::Connected);
    first.until(last(FILM[0])).await;
    assert_eq!(first.times(), times(FILM[0]));

    // Who comes later begins at the latest key frame, with the tables before it.
    upstream.write_all(FILM[1]).await.unwrap();
    first.until(last(FILM[1])).await;
    let mut second = relayed.client().await;
    second.until(last(FILM[1])).await;
    assert_eq!(second.times(), times(FILM[1]));
    assert_eq!(packets(&second.got).next().unwrap().pid(), 0);
    assert_eq!(relayed.running().clients, 2);

    drop((first, second));
    // The upstream hears that nobody is there, and nothing is left.
    assert_eq!(upstream.read(&mut [0]).await.unwrap_or_default(), 0);
    relayed.until_nothing_is_left().await;
    let mut again = relayed.client().await;
    let mut upstream = origin.streaming().await;
    upstream.write_all(FILM[0]).await.unwrap();
    again.until(last(FILM[0])).await;
}

#[tokio::test]
async fn a_stop_ends_everything_and_nothing_begins_behind_it() {
    let origin = Origin::new().await;
    let relayed = Relayed::of(&origin);
    let (mut reads, silent) = (relayed.client().await, relayed.client().await);
    let mut upstream = origin.streaming().await;
    upstream.write_all(FILM[0]).await.unwrap();
    reads.until(last(FILM[0])).await;
    relayed.stop.cancel();
    while let Some(read) = reads.read().await {
        read.expect("an end is an end, and nothing broken");
    }
    let Relayed { relay, ledger, task, .. } = relayed;
    task.await.unwrap();
    assert_eq!(upstream.read(&mut [0]).await.unwrap_or_default(), 0);
    for (asked, method) in [(Asked::Playback, Method::GET), (Asked::Playback, Method::HEAD)] {
        assert_eq!(ask(&relay, asked, method).await.status(), 410);
    }
    drop((reads, silent));
    assert!(ledger.snapshot().is_empty());
}

#[tokio::test]
async fn a_look_at_the_head_is_no_client_and_there_is_nothing_but_the_stream() {
    let origin = Origin::new().await;
    let relayed = Relayed::of(&origin);
    let head = ask(&relayed.relay, Asked::Playback, Method::HEAD).await;
    assert_eq!((head.status().as_u16(), &head.headers()["x-content-type-options"]), (200, &"nosniff".parse().unwrap()));
    let resource = Asked::Resource { session: "a".into(), resource: "b".into() };
    assert_eq!(ask(&relayed.relay, resource, Method::GET).await.status(), 410);
    assert_eq!(relayed.running(), Running::default());
}

/// The origin is started again: a client that was there goes on.
#[tokio::test]
async fn a_lost_upstream_is_told_of_and_found_again() {
    let origin = Origin::new().await;
    let mut relayed = Relayed::of(&origin);
    let mut client = relayed.client().await;
    let mut upstream = origin.streaming().await;
    // In the middle of a packet.
    upstream.write_all(&FILM[0][..FILM[0].len() - 50]).await.unwrap();
    assert_eq!(relayed.report().await, Report::Connected);
    client.until(last(FILM[0])).await;
    drop(upstream);
    assert_eq!(relayed.report().await, Report::Degraded("upstream_broken".into()));
    for kind in ["text/html", "application/vnd.apple.mpegurl", "application/json"] {
        origin.answered(kind).await.write_all(FILM[1]).await.unwrap_or_default();
        assert_eq!(relayed.report().await, Report::Degraded("upstream_unusable".into()), "{kind}");
    }
    let mut refuses = origin.asked().await;
    refuses.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    drop(refuses);
    assert_eq!(relayed.report().await, Report::Degraded("upstream_status".into()));
    let mut upstream = origin.streaming().await;
    upstream.write_all(FILM[1]).await.unwrap();
    assert_eq!(relayed.report().await, Report::Recovered);
    client.until(last(FILM[1])).await;
    assert!(client.times().ends_with(&times(FILM[1])) && client.times().starts_with(&times(FILM[0])));
}

#[tokio::test]
async fn what_is_no_transport_stream_is_given_up_and_noise_in_one_is_left_out() {
    let origin = Origin::new().await;
    let mut relayed = Relayed::of(&origin);
    let mut client = relayed.client().await;
    let page = b"<p>not found</p>\n".repeat(10_000);
    origin.streaming().await.write_all(&page).await.unwrap_or_default();
    assert_eq!(relayed.report().await, Report::Degraded("upstream_unusable".into()));
    let mut upstream = origin.streaming().await;
    let (before, behind) = FILM[0].split_at(SIZE * 100);
    for part in [&page[..1_000], before, &page[..1_000], behind, FILM[1]] {
        upstream.write_all(part).await.unwrap();
    }
    client.until(last(FILM[1])).await;
    // The last ones before the noise may be doubted.
    assert!(client.times().ends_with(&times(FILM[1])));
    assert_eq!(packets(&client.got).filter(|packet| ![0, 17, 256, 257, 4096].contains(&packet.pid())).count(), 0);
}

#[tokio::test]
async fn an_upstream_that_nobody_wants_any_more_is_missed_by_nobody() {
    let origin = Origin::new().await;
    let mut relayed = Relayed::of(&origin);
    let client = relayed.client().await;
    drop(origin.answered("text/html").await);
    assert_eq!(relayed.report().await, Report::Degraded("upstream_unusable".into()));
    drop(client);
    assert_eq!(relayed.report().await, Report::Recovered);
}

/// Every packet claims to be a good place to begin, and is a piece of its own: what that takes counts as well.
#[tokio::test]
async fn small_pieces_take_no_more_room_than_large_ones() {
    let origin = Origin::new().await;
    let relayed = Relayed::with(&origin, |settings| settings.ring_bytes = 300_000);
    let mut client = relayed.client().await;
    let mut upstream = origin.streaming().await;
    let mut film = FILM[0].to_vec();
    for packet in film.as_chunks_mut::<SIZE>().0 {
        // Where there is room for the mark.
        if packet[1] & 0x1f == 1 && packet[2] == 0 && packet[3] & 0x20 != 0 && packet[4] > 0 {
            packet[5] |= 0x40;
        }
    }
    let marked = packets(&film).filter(|packet| packet.pid() == VIDEO && packet.is_random_access()).count();
    assert!(marked > 40, "{marked}");
    for _ in 0..10 {
        upstream.write_all(&film).await.unwrap();
        client.until(last(&film)).await;
        client.got.clear();
        assert!(relayed.running().bytes <= 300_000);
    }
}

/// What a slow client has not taken is kept for it no longer than for anybody, and the others do not notice.
#[tokio::test]
async fn a_slow_client_misses_something_and_keeps_nobody_waiting() {
    let origin = Origin::new().await;
    let relayed = Relayed::with(&origin, |settings| settings.ring_bytes = 100_000);
    let (mut fast, mut slow, mut idle) = (relayed.client().await, relayed.client().await, relayed.client().await);
    let mut upstream = origin.streaming().await;
    upstream.write_all(FILM[0]).await.unwrap();
    for client in [&mut fast, &mut slow, &mut idle] {
        client.until(last(FILM[0])).await;
    }
    for round in 0..4 {
        for film in &FILM[1..] {
            upstream.write_all(film).await.unwrap();
            fast.until(last(film)).await;
            fast.got.clear();
            assert!(relayed.running().bytes <= 100_000);
        }
        match slow.read().await {
            // It goes on where a player can, with what it needs for that.
            Some(Ok(next)) if round < 3 => {
                assert_eq!(packets(&next).next().unwrap().pid(), 0);
                assert_eq!(times(&next)[0], times(FILM[4])[0]);
            }
            Some(Err(_)) if round == 3 => {}
            other => panic!("round {round}: {other:?}"),
        }
    }
    assert!(slow.read().await.is_none());
    assert_eq!(relayed.running().clients, 2);
    drop(idle);
}

#[tokio::test]
async fn what_does_not_advance_is_over_and_by_which_name() {
    for (again, cause) in [(FILM[0], Cause::Loops), (&FILM[0][..0], Cause::Stalled)] {
        let origin = Origin::new().await;
        let mut relayed = Relayed::with(&origin, |settings| settings.stall = Duration::from_millis(50));
        let _client = relayed.client().await;
        let mut upstream = origin.streaming().await;
        upstream.write_all(FILM[0]).await.unwrap();
        assert_eq!(relayed.report().await, Report::Connected);
        let reported = async {
            loop {
                match relayed.report().await {
                    Report::Ended(told) if told == cause => return,
                    // On a slow machine it may seem to stand still before it is at its end.
                    Report::Ended(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        };
        let repeats = async {
            while upstream.write_all(again).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = reported => {}
            () = repeats => panic!("the relay has hung up"),
        }
    }
}
