//! The demo's camera: what a player, or a relay, gets of it, and its faults.

use database_tests::TestDatabase;
use gateway_tests::{Answer, Gateway};
use reqwest::Method;
use serde_json::{Value, json};
use streamkeeper_gateway::relay::ts::packets::{Framing, Packet, packets};

async fn camera() -> (TestDatabase, Gateway) {
    let db = TestDatabase::new().await;
    let gateway = Gateway::start(db.options(), true, &[]).await;
    (db, gateway)
}

async fn get(gateway: &Gateway, path: &str) -> Answer {
    Answer::of(gateway.request(Method::GET, path)).await
}

async fn fault(gateway: &Gateway, name: &str, fault: Value) {
    let path = format!("/demo/origin/{name}");
    let answer = Answer::of(gateway.request(Method::POST, &path).json(&json!({ "fault": fault }))).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "name": name, "fault": fault })));
}

/// Its segments, by their numbers.
fn segments(playlist: &str) -> Vec<u64> {
    playlist.lines().filter_map(|line| line.strip_suffix(".ts")?.parse().ok()).collect()
}

/// The times at which pictures are to be decoded.
fn times(bytes: &[u8]) -> Vec<u64> {
    packets(bytes).filter(|packet| packet.pid() == 256).filter_map(Packet::decoding_time).collect()
}

#[tokio::test]
async fn the_playlist_slides_and_what_it_names_is_there() {
    let (_db, gateway) = camera().await;
    let playlist = get(&gateway, "/demo/origin/hls/one/index.m3u8").await;
    assert_eq!((playlist.status, playlist.header("content-type")), (200, "application/vnd.apple.mpegurl"));
    let first = segments(&playlist.text);
    assert_eq!(first.len(), 5);
    for number in &first {
        let answer = gateway.request(Method::GET, &format!("/demo/origin/hls/one/{number}.ts")).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "video/mp2t");
        assert_eq!(times(&answer.bytes().await.unwrap()).len(), 48);
    }
    loop {
        let later = segments(&get(&gateway, "/demo/origin/hls/one/index.m3u8").await.text);
        if later != first {
            assert!(later[0] > first[0]);
            break;
        }
    }
    assert_eq!(get(&gateway, "/demo/origin/hls/one/index.html").await.error(), (404, "PGRST125".into()));
}

#[tokio::test]
async fn the_transport_stream_goes_on_through_its_segments() {
    let (_db, gateway) = camera().await;
    let mut answer = gateway.request(Method::GET, "/demo/origin/ts/one").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "video/mp2t");
    let (mut framing, mut found, mut counters) = (Framing::default(), Vec::new(), [15_u8; 0x2000]);
    while found.len() < 100 {
        let bytes = framing.take(&answer.chunk().await.unwrap().unwrap());
        for packet in packets(&bytes).filter(|packet| packet.payload().is_some()) {
            let counter = &mut counters[usize::from(packet.pid())];
            *counter = (*counter + 1) % 16;
            assert_eq!(packet.counter(), *counter);
        }
        found.extend(times(&bytes));
    }
    assert_eq!(framing.dropped(), 0);
    assert!(found.windows(2).all(|pair| pair[1] - pair[0] == 3_600), "{found:?}");
}

#[tokio::test]
async fn one_that_is_down_breaks_off_and_answers_nothing_and_the_others_go_on() {
    let (_db, gateway) = camera().await;
    let mut broken = gateway.request(Method::GET, "/demo/origin/ts/one").send().await.unwrap();
    let mut other = gateway.request(Method::GET, "/demo/origin/ts/other").send().await.unwrap();
    fault(&gateway, "one", json!("down")).await;
    while let Ok(piece) = broken.chunk().await {
        assert!(piece.is_some(), "it came to an end as if nothing were wrong");
    }
    for path in ["/demo/origin/ts/one", "/demo/origin/hls/one/index.m3u8", "/demo/origin/hls/one/1.ts"] {
        assert_eq!(get(&gateway, path).await.error(), (503, "XX000".into()), "{path}");
    }
    assert!(other.chunk().await.unwrap().is_some());
    fault(&gateway, "one", Value::Null).await;
    assert_eq!(get(&gateway, "/demo/origin/hls/one/index.m3u8").await.status, 200);
}

#[tokio::test]
async fn one_that_is_stalled_says_the_same_and_one_that_loops_says_it_again() {
    let (_db, gateway) = camera().await;
    let mut stream = gateway.request(Method::GET, "/demo/origin/ts/one").send().await.unwrap();
    fault(&gateway, "one", json!("stalled")).await;
    let stalled = get(&gateway, "/demo/origin/hls/one/index.m3u8").await.text;
    fault(&gateway, "other", json!("loops")).await;
    let first = segments(&get(&gateway, "/demo/origin/hls/other/index.m3u8").await.text)[0];
    let mut latest = first;
    while latest == first {
        latest = segments(&get(&gateway, "/demo/origin/hls/other/index.m3u8").await.text)[0];
    }
    assert_eq!(get(&gateway, "/demo/origin/hls/one/index.m3u8").await.text, stalled);

    // From one origin's silence to its loops: its times come back.
    fault(&gateway, "one", json!("loops")).await;
    let mut framing = Framing::default();
    let mut furthest = 0;
    loop {
        let times = times(&framing.take(&stream.chunk().await.unwrap().unwrap()));
        if times.iter().any(|time| *time < furthest) {
            break;
        }
        furthest = times.into_iter().max().unwrap_or(furthest);
    }
}

#[tokio::test]
async fn bad_faults_are_named_and_there_are_not_too_many() {
    let (_db, gateway) = camera().await;
    let post = |name: &str, body: Value| {
        Answer::of(gateway.request(Method::POST, &format!("/demo/origin/{name}")).json(&body))
    };
    for (name, body, code, part) in [
        ("one", json!({ "fault": "late" }), "PGRST102", "`down`, `stalled`, `loops`"),
        ("one", json!({ "fault": null, "since": 1 }), "PGRST102", "since"),
        (&"x".repeat(101), json!({ "fault": "down" }), "22023", "101 bytes"),
    ] {
        let answer = post(name, body).await;
        assert_eq!(answer.error(), (400, code.into()));
        assert!(answer.text.contains(part), "{}", answer.text);
    }
    for n in 0..100 {
        fault(&gateway, &n.to_string(), json!("down")).await;
    }
    assert_eq!(post("100", json!({ "fault": "down" })).await.error(), (400, "22023".into()));
    fault(&gateway, "7", Value::Null).await;
    fault(&gateway, "100", json!("down")).await;
}

/// What never ends by itself ends with the process, and does not keep it waiting.
#[tokio::test]
async fn a_stream_ends_when_the_process_stops() {
    let (_db, mut gateway) = camera().await;
    let mut stream = gateway.request(Method::GET, "/demo/origin/ts/one").send().await.unwrap();
    gateway.ask_to_stop();
    while stream.chunk().await.unwrap().is_some() {}
    gateway.stopped().await.unwrap();
}
