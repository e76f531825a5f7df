//! Playlists and what they name, as players get them through a gateway, from an origin that may be gone for a while.

use std::time::Duration;

use futures_util::future::join_all;
use gateway_tests::hls::{Page, Relayed};
use gateway_tests::origin::Reply;
use gateway_tests::relays::streamer;
use gateway_tests::{Answer, client};
use reqwest::Method;
use serde_json::{Value, json};

/// A window of five segments of a second each, whose last one has this number.
fn window(last: u64) -> Reply {
    let first = last - 4;
    let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
    (first..=last).for_each(|number| text.push_str(&format!("#EXTINF:1.0,\n{number}.ts\n")));
    Reply::Playlist(text)
}

/// One that does not change for as long as a test takes.
fn unchanging(lines: &str) -> Reply {
    Reply::Playlist(format!("#EXTM3U\n#EXT-X-TARGETDURATION:60\n{lines}"))
}

fn segment(bytes: &[u8]) -> Reply {
    Reply::File("video/mp2t", bytes.to_vec())
}

/// Goes on for longer than a test takes.
fn trickle() -> Reply {
    Reply::Trickle("video/mp2t", b"a bit", Duration::from_millis(100))
}

async fn asking(page: &Page, range: &str) -> Answer {
    Answer::of(client().get(page.url.clone()).header("range", range)).await
}

#[tokio::test]
async fn every_address_of_every_playlist_leads_through_the_relay() {
    let relayed = Relayed::from("/hunter2/index.m3u8?token=hunter2").await;
    let origin = &relayed.origin;
    let master = format!(
        "#EXTM3U\r\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"En\",URI=\"en/a.m3u8?token=hunter2\"\r\n\
         #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"/iframes\"\r\n\
         #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\r\n{}/v/a.m3u8\r\n",
        origin.url
    );
    origin.set("/hunter2/index.m3u8", Reply::Playlist(master));
    origin.set("/hunter2/en/a.m3u8", unchanging("#EXTINF:4,\n../../en.aac\n"));
    origin.set("/iframes", unchanging("#EXT-X-I-FRAMES-ONLY\n#EXTINF:4,\n#EXT-X-BYTERANGE:2@3\nv/1.m4s\n"));
    let keys = "#EXT-X-KEY:METHOD=AES-128,URI=\"/key?token=hunter2\"\n#EXT-X-MAP:URI=\"init.mp4\"\n";
    origin.set("/v/a.m3u8", unchanging(&format!("{keys}#EXTINF:4,\n1.m4s?token=hunter2\n")));
    origin.set("/en.aac", Reply::File("audio/aac", b"sound".to_vec()));
    origin.set("/key", Reply::File("application/pgp-keys", b"0123456789abcdef".to_vec()));
    origin.set("/v/init.mp4", Reply::File("video/mp4", b"init".to_vec()));
    origin.set("/v/1.m4s", Reply::File("video/iso.segment", b"0123456789".to_vec()));

    let master = relayed.play().await;
    let links = master.links();
    let mut pages = vec![master];
    for link in &links {
        pages.push(relayed.get(link).await);
    }
    let (sound, iframes, video) = (pages[1].links(), pages[2].links(), pages[3].links());
    assert_eq!(relayed.get(&sound[0]).await.answer.text, "sound");
    let fetched: Vec<_> = join_all(video.iter().map(|link| relayed.get(link))).await;
    let texts: Vec<_> = fetched.iter().map(|page| page.answer.text.as_str()).collect();
    assert_eq!(texts, ["0123456789abcdef", "init", "0123456789"]);
    let types: Vec<_> = fetched.iter().map(|page| page.answer.header("content-type")).collect();
    assert_eq!(types, ["application/octet-stream", "video/mp4", "video/iso.segment"]);
    assert!(video[1].path().ends_with(".mp4") && video[2].path().ends_with(".m4s"));

    // The player asks for the range that the playlist has told it.
    let part = relayed.get(&iframes[0]).await;
    assert_eq!(part.url, video[2].join("?").unwrap().join(part.url.path()).unwrap());
    let part = asking(&part, "bytes=3-4").await;
    assert_eq!((part.status, part.text.as_str(), part.header("content-range")), (206, "34", "bytes 3-4/10"));
    assert_eq!(asking(&fetched[2], "bytes=30-40").await.status, 416);
    assert_eq!(origin.heads("/v/1.m4s").last().unwrap()["range"], "bytes=30-40");

    pages.extend(fetched);
    for Page { url, answer } in &pages {
        assert!(!answer.text.contains("hunter2") && !answer.text.contains(&origin.url), "{url}: {}", answer.text);
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{url}");
        assert_eq!(answer.header("cache-control"), "no-store", "{url}");
    }
}

#[tokio::test]
async fn a_single_playlist_gets_one_above_it_and_its_query_stays_with_us() {
    let relayed = Relayed::from("/index.m3u8?token=hunter2").await;
    relayed.origin.set("/index.m3u8", unchanging("#EXTINF:4,\n1.ts\n"));
    relayed.origin.set("/1.ts", segment(b"one"));
    let master = relayed.play().await;
    assert!(master.answer.text.contains("#EXT-X-STREAM-INF:BANDWIDTH="), "{}", master.answer.text);
    let media = relayed.get(&master.links()[0]).await;
    assert_eq!(relayed.get(&media.links()[0]).await.answer.text, "one");
    // A player that asks for it again is another session.
    assert_ne!(relayed.play().await.links(), master.links());
}

#[tokio::test]
async fn one_fetch_is_enough_for_all_who_come_at_once() {
    let relayed = Relayed::from("/index.m3u8").await;
    relayed.origin.set("/index.m3u8", unchanging("#EXTINF:4,\n1.ts\n"));
    let pages = join_all((0..20).map(|_| relayed.play_first())).await;
    assert!(pages.iter().all(|page| page.answer.text == pages[0].answer.text));
    assert_eq!(relayed.origin.asked("/index.m3u8"), 1);
    assert_eq!(relayed.listed().await["clients"], 20);
}

#[tokio::test]
async fn a_stream_that_is_over_is_over_for_everybody_at_once() {
    let relayed = Relayed::from("/index.m3u8").await;
    relayed.origin.set("/index.m3u8", unchanging("#EXTINF:4,\n1.ts\n"));
    relayed.origin.set("/1.ts", trickle());
    let (url, media) = (relayed.url().await, relayed.play_first().await);
    let mut under_way = client().get(media.links()[0].clone()).send().await.unwrap();
    assert!(under_way.chunk().await.unwrap().is_some());

    let (host, arguments) = (streamer(), json!({"p_stream_id": relayed.key}));
    let ended = relayed.gateway.rpc("end_stream_comprehensive", Some(&host), arguments);
    assert_eq!(ended.await.json()["status"], "ended");
    let end = loop {
        match under_way.chunk().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert!(end.is_err(), "it breaks off, and does not look complete");
    for url in [&url, &media.url, &media.links()[0]] {
        let mut answer = relayed.get(url).await.answer;
        while answer.status == 200 {
            answer = relayed.get(url).await.answer;
        }
        assert_eq!(answer.error(), (410, "RELAY410".into()), "{url}");
    }
    assert_eq!(relayed.listed().await, Value::Null);
}

#[tokio::test]
async fn who_says_nothing_for_three_segments_has_left_and_needs_a_new_url() {
    let relayed = Relayed::with("/index.m3u8", |config| config.relay.min_silence = Duration::from_millis(10)).await;
    let segments = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n1.ts\n";
    relayed.origin.set("/index.m3u8", Reply::Playlist(segments.to_owned()));
    relayed.origin.set("/1.ts", trickle());
    let media = relayed.play_first().await;
    assert_eq!(relayed.listed().await["clients"], 1);
    // Longer than that: whoever is being sent something is there.
    let mut watching = client().get(media.links()[0].clone()).send().await.unwrap();
    assert!(watching.chunk().await.unwrap().is_some());
    let other = relayed.play_first().await;
    relayed.until_listed("clients", json!(1)).await;
    assert_eq!(relayed.get(&other.url).await.answer.error(), (403, "RELAY403".into()));
    drop(watching);
    relayed.until_listed("clients", json!(0)).await;
    assert_eq!(relayed.get(&media.url).await.answer.error(), (403, "RELAY403".into()));
    assert_eq!(relayed.refused("session").await, 2);
    assert_eq!(relayed.play_first().await.answer.status, 200);
}

#[tokio::test]
async fn a_changed_upstream_is_another_relay_and_the_sessions_of_the_first_are_over() {
    let relayed = Relayed::from("/index.m3u8").await;
    relayed.origin.set("/index.m3u8", unchanging("#EXTINF:4,\n1.ts\n"));
    relayed.origin.set("/other.m3u8", unchanging("#EXTINF:4,\n2.ts\n"));
    relayed.origin.set("/2.ts", segment(b"two"));
    let media = relayed.play_first().await;
    relayed.comes_from("/other.m3u8").await;
    while relayed.get(&media.url).await.answer.status != 403 {}
    let other = relayed.play_first().await;
    assert_eq!(relayed.get(&other.links()[0]).await.answer.text, "two");
}

#[tokio::test]
async fn an_address_has_only_so_many_sessions() {
    let relayed = Relayed::with("/index.m3u8", |config| config.relay.per_address = 2).await;
    relayed.origin.set("/index.m3u8", unchanging("#EXTINF:4,\n1.ts\n"));
    let first = relayed.play_first().await;
    relayed.play().await;
    let third = relayed.get(&relayed.url().await).await;
    assert_eq!(third.answer.error(), (429, "53300".into()));
    assert_eq!(relayed.get(&first.url).await.answer.status, 200);
    assert_eq!(relayed.refused("address").await, 1);
}

#[tokio::test]
async fn an_origin_that_is_gone_for_a_while_is_found_again_by_the_same_session() {
    // What it had is not too old for as long as the test takes.
    let mut relayed = Relayed::with("/index.m3u8", |config| config.relay.min_silence = Duration::from_secs(60)).await;
    relayed.origin.set("/index.m3u8", window(10));
    let media = relayed.play_first().await;
    assert!(media.answer.text.contains("SEQUENCE:6\n"), "{}", media.answer.text);
    relayed.until_listed("state", json!("ok")).await;

    relayed.origin.stop();
    // What it had is better than nothing: a player that gets an error may give up.
    loop {
        assert_eq!(relayed.get(&media.url).await.answer.text, media.answer.text);
        let listed = relayed.listed().await;
        if listed["state"] == "degraded" {
            assert_eq!(listed["reason"], "upstream_unreachable");
            break;
        }
    }
    assert_eq!(relayed.get(&media.links()[0]).await.answer.error(), (502, "RELAY502".into()));
    assert_eq!(relayed.status().await["is_live"], true);

    // An encoder that was started again begins from the start, and that is no loop.
    relayed.origin.set("/index.m3u8", window(8));
    relayed.origin.set("/4.ts", segment(b"new"));
    relayed.origin.restart().await;
    let again = loop {
        let again = relayed.get(&media.url).await;
        if again.answer.text.contains("SEQUENCE:4\n") {
            break again;
        }
    };
    assert_eq!(relayed.get(&again.links()[0]).await.answer.text, "new");
    relayed.until_listed("state", json!("ok")).await;
    assert!(relayed.failed("upstream_unreachable").await > 0);
}

/// Asks for a playlist until the stream is over: why it is.
async fn end_reason(relayed: &Relayed, media: &Page, mut next: impl FnMut(usize)) -> Value {
    for nth in 0.. {
        next(nth);
        let status = relayed.get(&media.url).await.answer.status;
        if status == 410 {
            return relayed.status().await["end_reason"].clone();
        }
        assert_eq!(status, 200);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Value::Null
}

fn impatient(config: &mut streamkeeper_gateway::config::Config) {
    config.relay.stall = Duration::from_millis(10);
}

#[tokio::test]
async fn an_upstream_that_stands_still_ends_its_stream() {
    let relayed = Relayed::with("/index.m3u8", impatient).await;
    relayed.origin.set("/index.m3u8", window(10));
    let media = relayed.play_first().await;
    assert_eq!(end_reason(&relayed, &media, |_| {}).await, "upstream_stalled");
}

#[tokio::test]
async fn an_upstream_that_begins_from_the_start_again_and_again_ends_its_stream() {
    let relayed = Relayed::with("/index.m3u8", impatient).await;
    relayed.origin.set("/index.m3u8", window(10));
    let media = relayed.play_first().await;
    let turn = |nth| relayed.origin.set("/index.m3u8", window(10 + nth as u64 / 10 % 5));
    assert_eq!(end_reason(&relayed, &media, turn).await, "upstream_loops");
}

#[tokio::test]
async fn an_upstream_that_has_finished_does_not_stand_still() {
    let relayed = Relayed::with("/index.m3u8", impatient).await;
    let Reply::Playlist(text) = window(10) else { unreachable!("it is a playlist") };
    relayed.origin.set("/index.m3u8", Reply::Playlist(format!("{text}#EXT-X-ENDLIST\n")));
    let media = relayed.play_first().await;
    relayed.until_listed("reason", json!("upstream_finished")).await;
    // One that stood still would be over after the first of them.
    for times in 1..=10 {
        while relayed.origin.asked("/index.m3u8") < times {
            assert_eq!(relayed.get(&media.url).await.answer.status, 200);
        }
    }
    assert_eq!(relayed.status().await["is_live"], true);
}

#[tokio::test]
async fn a_head_tells_what_a_get_would_bring() {
    let relayed = Relayed::from("/index.m3u8").await;
    relayed.origin.set("/index.m3u8", unchanging("#EXTINF:4,\n1.ts\n"));
    relayed.origin.set("/1.ts", segment(b"one"));
    let link = relayed.play_first().await.links().remove(0);
    let head = Answer::of(client().request(Method::HEAD, link)).await;
    assert_eq!((head.status, head.header("content-length"), head.text.as_str()), (200, "3", ""));
    // And makes nobody a client.
    let head = Answer::of(client().request(Method::HEAD, relayed.url().await)).await;
    assert_eq!((head.status, head.header("content-type")), (200, "application/vnd.apple.mpegurl"));
    assert_eq!(relayed.listed().await["clients"], 1);
}

#[tokio::test]
async fn an_origin_that_says_nothing_is_found_out_though_no_player_waits_for_it() {
    let relayed = Relayed::from("/index.m3u8").await;
    relayed.origin.set("/index.m3u8", Reply::Silence);
    let hurried = client().get(relayed.url().await).timeout(Duration::from_millis(500)).send().await;
    // On a slow machine it may not even have been asked by then.
    drop(hurried);
    while relayed.origin.asked("/index.m3u8") == 0 {
        drop(client().get(relayed.url().await).timeout(Duration::from_millis(500)).send().await);
    }
    relayed.until_listed("reason", json!("upstream_silent")).await;
    assert_eq!(relayed.get(&relayed.url().await).await.answer.error(), (504, "RELAY502".into()));
}

#[tokio::test]
async fn an_encoder_that_was_started_again_names_its_segments_as_before_and_the_stream_goes_on() {
    let relayed = Relayed::with("/index.m3u8", impatient).await;
    relayed.origin.set("/index.m3u8", window(10));
    let media = relayed.play_first().await;
    // Much longer than it may stand still: three times 3 s.
    for number in (10..20).chain(4..14) {
        relayed.origin.set("/index.m3u8", window(number));
        let asked = relayed.origin.asked("/index.m3u8");
        while relayed.origin.asked("/index.m3u8") == asked {
            assert_eq!(relayed.get(&media.url).await.answer.status, 200);
        }
    }
    assert_eq!(relayed.status().await["is_live"], true);
}

#[tokio::test]
async fn a_playlist_that_is_there_no_more_asks_for_a_new_session() {
    let relayed = Relayed::with("/index.m3u8", |config| config.relay.min_silence = Duration::from_millis(10)).await;
    let master = |name| Reply::Playlist(format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{name}.m3u8\n"));
    relayed.origin.set("/index.m3u8", master("old"));
    relayed.origin.set("/old.m3u8", window(10));
    let media = relayed.play_first().await;
    relayed.origin.set("/old.m3u8", Reply::Status(404));
    relayed.origin.set("/index.m3u8", master("new"));
    relayed.origin.set("/new.m3u8", window(10));
    let mut answer = relayed.get(&media.url).await.answer;
    while answer.status == 200 {
        answer = relayed.get(&media.url).await.answer;
    }
    assert_eq!(answer.error(), (403, "RELAY403".into()));
    // The one above it is kept for a while.
    let (url, asked) = (relayed.url().await, relayed.origin.asked("/index.m3u8"));
    while relayed.origin.asked("/index.m3u8") == asked {
        client().request(Method::HEAD, url.clone()).send().await.unwrap();
    }
    assert_eq!(relayed.play_first().await.answer.status, 200);
}

#[tokio::test]
async fn what_nobody_wants_any_more_is_not_missed() {
    let mut relayed = Relayed::with("/index.m3u8", |config| config.relay.min_silence = Duration::from_millis(10)).await;
    relayed.origin.set("/index.m3u8", window(10));
    let media = relayed.play_first().await;
    relayed.origin.stop();
    while relayed.listed().await["state"] != "degraded" {
        relayed.get(&media.url).await;
    }
    relayed.until_listed("state", json!("ok")).await;
    assert_eq!(relayed.listed().await["clients"], 0);
}
