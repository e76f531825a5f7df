//! A transport stream from the demo's camera to whoever watches, and its end.

use std::time::Duration;

use database_tests::TestDatabase;
use gateway_tests::{Answer, Gateway, user};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use streamkeeper_gateway::config::Config;
use streamkeeper_gateway::relay::ts::packets::{Packet, packets};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A segment of the demo's film.
const FILM: &[u8] = include_bytes!("../../../gateway/assets/reel/0.ts");

/// More than all buffers on the way take.
const MUCH: usize = 32 * 1024 * 1024;

/// A live stream on a gateway of its own.
struct Live {
    gateway: Gateway,
    id: String,
    _database: TestDatabase,
}

impl Live {
    /// One with the demo's camera.
    async fn filmed(change: impl FnOnce(&mut Config)) -> Self {
        let live = Self::new(change).await;
        live.relay(json!({ "ts": true })).await;
        live
    }

    async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let database = TestDatabase::new().await;
        let gateway = Gateway::start_with(database.options(), true, &[], change).await;
        let started = gateway.rpc("start_stream", Some(&user("host")), json!({})).await.json();
        let id = started["stream_id"].as_str().unwrap().to_owned();
        Self { gateway, id, _database: database }
    }

    async fn relay(&self, wanted: Value) -> Answer {
        let path = format!("/demo/streams/{}/relay", self.id);
        Answer::of(self.gateway.request(Method::POST, &path).json(&wanted)).await
    }

    async fn fault(&self, fault: Value) {
        let path = format!("/demo/origin/{}", self.id);
        let answer = Answer::of(self.gateway.request(Method::POST, &path).json(&json!({ "fault": fault }))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    async fn end(&self) {
        let stream = json!({ "p_stream_id": self.id });
        let ended = self.gateway.rpc("end_stream_comprehensive", Some(&user("host")), stream).await;
        assert_eq!(ended.json()["status"], "ended", "{}", ended.text);
    }

    /// A playback URL's path, once this gateway has heard of the relay.
    async fn playback(&self) -> String {
        let path = format!("/streams/{}/playback", self.id);
        loop {
            let answer = Answer::of(self.gateway.request(Method::POST, &path).json(&json!({ "kind": "ts" }))).await;
            if answer.status == 200 {
                return answer.json()["url"].as_str().unwrap().to_owned();
            }
            assert!([410, 429, 503].contains(&answer.status), "{}", answer.text);
        }
    }

    async fn watch(&self) -> Watched {
        let response = self.gateway.request(Method::GET, &self.playback().await).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"video/mp2t".parse().unwrap())
        );
        Watched { response, held: Vec::new() }
    }

    /// This relay in the list of all of them.
    async fn listed(&self) -> Value {
        let list = Answer::of(self.gateway.request(Method::GET, "/streams")).await.json();
        list.pointer("/0/relays/ts").cloned().unwrap_or_default()
    }

    async fn until_listed_as(&self, state: &str) {
        while self.listed().await["state"] != state {}
    }

    /// A number of `/metrics`.
    async fn number(&self, name: &str) -> u64 {
        let page = Answer::of(self.gateway.request(Method::GET, "/metrics")).await.text;
        let line = page.lines().find_map(|line| line.strip_prefix(&format!("streamkeeper_gateway_{name} ")));
        line.unwrap_or_else(|| panic!("{name} is not there:\n{page}")).parse().unwrap()
    }
}

/// Somebody who watches.
struct Watched {
    response: Response,
    /// What has come of the next packet: the network knows nothing of packets.
    held: Vec<u8>,
}

impl Watched {
    /// Reads until it has so many new pictures, and returns their times.
    async fn pictures(&mut self, count: usize) -> Vec<u64> {
        let mut times = Vec::new();
        while times.len() < count {
            self.held.extend(self.response.chunk().await.expect("it does not break").expect("it goes on"));
            let rest = self.held.split_off(self.held.len() / 188 * 188);
            let whole = std::mem::replace(&mut self.held, rest);
            assert!(packets(&whole).all(|packet| packet.0[0] == 0x47));
            times.extend(packets(&whole).filter(|packet| packet.pid() == 256).filter_map(Packet::decoding_time));
        }
        times
    }

    /// Reads until the stream ends, as it should.
    async fn end(&mut self) {
        while self.response.chunk().await.expect("it does not break").is_some() {}
    }
}

#[tokio::test]
async fn a_stream_is_watched_until_it_ends_and_no_longer() {
    let live = Live::filmed(|_| {}).await;
    let (mut first, mut second) = (live.watch().await, live.watch().await);
    for watched in [&mut first, &mut second] {
        let times = watched.pictures(60).await;
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 3_600), "{times:?}");
    }
    let listed = live.listed().await;
    assert_eq!((&listed["state"], &listed["clients"]), (&json!("ok"), &json!(2)), "{listed}");
    let url = live.playback().await;
    live.end().await;
    for mut watched in [first, second] {
        watched.end().await;
    }
    let answer = Answer::of(live.gateway.request(Method::GET, &url)).await;
    assert_eq!(answer.error(), (410, "RELAY410".into()));
    assert_eq!(live.listed().await, Value::Null);
    // A client is counted for as long as its body is there, and that may be a moment longer than its last byte.
    while live.number("relay_clients{kind=\"ts\"}").await > 0 {}
    while live.number("relay_bytes{kind=\"ts\"}").await > 0 {}
}

/// The origin is gone and comes back: those who watch see where it was, and go on.
#[tokio::test]
async fn an_origin_that_restarts_is_found_again() {
    let live = Live::filmed(|_| {}).await;
    let mut watched = live.watch().await;
    let before = *watched.pictures(10).await.last().unwrap();
    live.fault(json!("down")).await;
    live.until_listed_as("degraded").await;
    live.fault(Value::Null).await;
    live.until_listed_as("ok").await;
    assert!(watched.pictures(100).await.last().unwrap() > &before);
}

#[tokio::test]
async fn what_does_not_advance_is_ended_and_says_why() {
    let over = async |fault, reason| {
        let live = Live::filmed(|config| config.relay.stall = Duration::from_secs(5)).await;
        let mut watched = live.watch().await;
        watched.pictures(10).await;
        live.fault(json!(fault)).await;
        watched.end().await;
        let stream = json!({ "p_stream_id": live.id });
        let status = live.gateway.rpc("get_stream_status", Some(&user("host")), stream).await.json();
        assert_eq!((&status["status"], &status["end_reason"]), (&json!("ended"), &json!(reason)), "{status}");
    };
    tokio::join!(over("stalled", "upstream_stalled"), over("loops", "upstream_loops"));
}

/// A client that takes nothing gives its place up with the others, however patient this gateway is with its connection.
#[tokio::test]
async fn a_client_that_takes_nothing_does_not_outlive_its_stream() {
    let live = Live::new(|config| config.write_patience = Duration::from_secs(86_400)).await;
    let origin = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}/", origin.local_addr().unwrap());
    let set = live.gateway.request(Method::POST, "/streams").json(&json!({ "stream_id": live.id, "ts": upstream }));
    let set = Answer::of(set.bearer_auth(gateway_tests::admin("admin"))).await;
    assert_eq!(set.status, 200, "{}", set.text);

    let url = live.playback().await;
    let mut stuck = TcpStream::connect(live.gateway.url.trim_start_matches("http://")).await.unwrap();
    stuck.write_all(format!("GET {url} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes()).await.unwrap();
    assert_eq!(stuck.read_u8().await.unwrap(), b'H');
    let (mut upstream, _) = origin.accept().await.unwrap();
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        asked.push(upstream.read_u8().await.unwrap());
    }
    upstream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await.unwrap();
    // At the pace of another one who takes all of it: nobody is overtaken, but this one has no room left in the end.
    let mut other = live.watch().await;
    let (mut sent, mut read) = (0, 0);
    while read < MUCH {
        upstream.write_all(FILM).await.unwrap();
        sent += FILM.len();
        // The last pieces may have to wait for what comes next.
        while read + 2 * FILM.len() < sent {
            read += other.response.chunk().await.unwrap().unwrap().len();
        }
    }
    drop(other);
    while live.number("relay_clients{kind=\"ts\"}").await > 1 {}
    live.end().await;
    while live.number("relay_clients{kind=\"ts\"}").await > 0 {}
    while live.number("relay_bytes{kind=\"ts\"}").await > 0 {}
    while upstream.read(&mut [0; 1024]).await.is_ok_and(|bytes| bytes > 0) {}
}

#[tokio::test]
async fn the_demos_camera_is_for_live_streams() {
    let live = Live::new(|_| {}).await;
    let set = live.relay(json!({ "hls": true, "ts": true })).await;
    let relays = set.json()["relays"].clone();
    assert_eq!((&relays["hls"]["state"], &relays["ts"]["state"]), (&json!("ok"), &json!("ok")), "{}", set.text);
    let left = live.relay(json!({ "hls": false })).await.json()["relays"].clone();
    assert!(left.get("hls").is_none() && left["ts"] == relays["ts"], "{left}");
    for (wanted, status) in [(json!({}), 400), (json!({ "ts": 1 }), 400), (json!({ "ts": true, "url": "x" }), 400)] {
        assert_eq!(live.relay(wanted).await.error().0, status);
    }
    live.end().await;
    assert_eq!(live.relay(json!({ "ts": true })).await.error().0, 409);
}
