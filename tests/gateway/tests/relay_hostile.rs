//! Upstreams that are not what they should be, and players who are not: all of it is refused or bounded, and counted.

use gateway_tests::client;
use gateway_tests::hls::Relayed;
use gateway_tests::origin::Reply;

/// Each is the upstream's own word: in a playlist, or behind a redirect.
#[tokio::test]
async fn nobody_is_led_to_what_is_not_public() {
    let relayed = Relayed::from("/index.m3u8").await;
    let places = [
        ("http://10.0.0.1/", "upstream_not_public"),
        ("http://192.168.1.1/admin", "upstream_not_public"),
        ("http://169.254.169.254/latest/meta-data/", "upstream_not_public"),
        ("http://100.64.0.1/", "upstream_not_public"),
        ("http://0.0.0.0:5432/", "upstream_not_public"),
        ("http://[fd00::1]/", "upstream_not_public"),
        ("http://[fe80::1]/", "upstream_not_public"),
        ("http://[::ffff:10.0.0.1]/", "upstream_not_public"),
        ("http://[64:ff9b::10.0.0.1]/", "upstream_not_public"),
        ("http://0x0a000001/", "upstream_not_public"),
        ("http://167772161/", "upstream_not_public"),
        ("http://elsewhere.example.com/", "upstream_not_allowed"),
        ("file:///etc/passwd", "upstream_url"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "upstream_url"),
        ("http://user:hunter2@127.0.0.1/", "upstream_url"),
    ];
    let mut lines = String::new();
    for (nth, (place, _)) in places.iter().enumerate() {
        relayed.origin.set(&format!("/{nth}.ts"), Reply::Redirect((*place).to_owned()));
        lines.push_str(&format!("#EXTINF:4,\n{place}\n#EXTINF:4,\n{nth}.ts\n#EXTINF:4,\n{nth}.ts?{nth}\n"));
    }
    relayed.origin.set("/index.m3u8", Reply::Playlist(format!("#EXTM3U\n#EXT-X-TARGETDURATION:60\n{lines}")));
    let links = relayed.play_first().await.links();
    for ((place, cause), links) in places.iter().zip(links.chunks(3)) {
        for link in links {
            let before = relayed.failed(cause).await;
            let answer = relayed.get(link).await.answer;
            assert_eq!(answer.error(), (502, "RELAY502".into()), "{place}");
            assert_eq!(answer.json()["details"], *cause, "{place}");
            assert!(!answer.text.contains("hunter2") && !answer.text.contains("10.0.0.1"), "{}", answer.text);
            assert_eq!(relayed.failed(cause).await, before + 1, "{place}");
        }
    }
}

#[tokio::test]
async fn nobody_who_watches_can_say_from_where() {
    let relayed = Relayed::from("/index.m3u8").await;
    relayed.origin.set("/index.m3u8", Reply::Playlist("#EXTM3U\n#EXT-X-TARGETDURATION:60\n1.ts\n".to_owned()));
    let master = relayed.play().await;
    let asked = relayed.origin.asked("/index.m3u8");
    for path in ["http:%2f%2f127.0.0.1%2f1.ts", "1.ts", "%2e%2e/%2e%2e", "AAAAAAAAAAAAAAAA.ts"] {
        let link = master.links()[0].join(path).unwrap();
        assert!([403, 404].contains(&relayed.get(&link).await.answer.status), "{link}");
    }
    let mut link = master.links()[0].clone();
    link.set_query(Some("url=http://10.0.0.1/&_HLS_msn=5"));
    assert_eq!(relayed.get(&link).await.answer.status, 200);
    assert_eq!(relayed.origin.asked("/index.m3u8"), asked);
    assert!(relayed.refused("resource").await >= 3, "what leads out of the session is not even asked here");
}

#[tokio::test]
async fn what_is_no_playlist_is_passed_on_to_nobody() {
    let relayed = Relayed::from("/index.m3u8").await;
    let url = relayed.url().await;
    for (reply, cause) in [
        (Reply::File("text/html", b"<!doctype html>".to_vec()), "upstream_unusable"),
        (Reply::File("text/html", b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n".to_vec()), "upstream_unusable"),
        (Reply::File("application/json", b"{}".to_vec()), "upstream_unusable"),
        (Reply::Playlist("<!doctype html>".to_owned()), "upstream_unusable"),
        (Reply::Playlist("#EXTM3U\n#EXTINF:-1,\nhttp://127.0.0.1/\n".to_owned()), "upstream_unusable"),
        (Reply::Playlist(format!("#EXTM3U\n{}", "#\n".repeat(1 << 21))), "upstream_too_large"),
        (Reply::Endless("application/vnd.apple.mpegurl", b"#EXTM3U\n"), "upstream_too_large"),
        (Reply::Redirect("/index.m3u8".to_owned()), "upstream_redirects"),
        (Reply::Status(500), "upstream_status"),
        (Reply::Status(404), "upstream_status"),
    ] {
        relayed.origin.set("/index.m3u8", reply.clone());
        // What has just failed is not tried again at once.
        loop {
            let answer = relayed.get(&url).await.answer;
            assert_eq!(answer.error(), (502, "RELAY502".into()), "{reply:?}");
            if answer.json()["details"] == cause {
                break;
            }
        }
    }
    assert_eq!(relayed.listed().await["clients"], 0);
}

#[tokio::test]
async fn what_is_no_segment_is_refused_and_what_never_ends_is_cut_off() {
    let relayed = Relayed::from("/index.m3u8").await;
    let names = ["page", "list", "liar", "announced", "bit_by_bit", "endless", "gone"];
    let lines: String = names.iter().map(|name| format!("#EXTINF:4,\n{name}.ts\n")).collect();
    let origin = &relayed.origin;
    origin.set("/index.m3u8", Reply::Playlist(format!("#EXTM3U\n#EXT-X-TARGETDURATION:60\n{lines}")));
    origin.set("/page.ts", Reply::File("text/html", b"<script>alert(1)</script>".to_vec()));
    origin.set("/list.ts", Reply::Playlist("#EXTM3U\nhttp://127.0.0.1/hunter2\n".to_owned()));
    origin.set("/liar.ts", Reply::File("video/mp2t", b"#EXTM3U\nhttp://127.0.0.1/hunter2\n".to_vec()));
    origin.set("/announced.ts", Reply::Announced(65 * 1024 * 1024));
    let marked = b"\xef\xbb\xbf#EXTM3U\nhttp://127.0.0.1/hunter2\n";
    origin.set("/bit_by_bit.ts", Reply::Bits("video/mp2t", marked.to_vec()));
    origin.set("/endless.ts", Reply::Endless("video/mp2t", &[0x47; 188 * 1000]));
    let links = relayed.play_first().await.links();
    for (link, cause) in links.iter().zip(["unusable", "unusable", "unusable", "too_large", "unusable"]) {
        let answer = relayed.get(link).await.answer;
        assert_eq!(answer.error(), (502, "RELAY502".into()), "{cause}");
        assert_eq!(answer.json()["details"], format!("upstream_{cause}"));
    }
    let mut endless = client().get(links[5].clone()).send().await.unwrap();
    let mut bytes = 0;
    while let Ok(Some(chunk)) = endless.chunk().await {
        bytes += chunk.len();
    }
    assert!((60 * 1024 * 1024..=64 * 1024 * 1024).contains(&bytes), "{bytes}");
    assert_eq!(relayed.get(&links[6]).await.answer.error(), (404, "RELAY404".into()));
}
