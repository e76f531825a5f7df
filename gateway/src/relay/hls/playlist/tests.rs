use proptest::prelude::*;

use super::*;

const BASE: &str = "https://origin.example.com/live/hunter2/index.m3u8?token=hunter2";

fn read(text: &str) -> Result<Playlist, UpstreamError> {
    Playlist::read(text.as_bytes(), &Url::parse(BASE).unwrap(), &Variables::default())
}

fn media(text: &str) -> Media {
    match read(text).unwrap().kind {
        Kind::Media(media) => media,
        Kind::Master => panic!("it names segments"),
    }
}

/// With its links numbered: `P0`, `F1`.
fn numbered(playlist: &Playlist) -> String {
    let mut nth = 0;
    playlist.with_links(|link| {
        let name = format!("{}{nth}", if link.role == Role::Playlist { "P" } else { "F" });
        nth += 1;
        name
    })
}

fn urls(playlist: &Playlist) -> Vec<&str> {
    playlist.links.iter().map(|link| link.url.as_ref().map_or("", Url::as_str)).collect()
}

#[test]
fn every_address_in_a_master_playlist_is_rewritten_and_nothing_else() {
    let playlist = read(concat!(
        "#EXTM3U\r\n",
        "#EXT-X-VERSION:6\r\n\r\n",
        "# a comment: URI=\"https://origin.example.org/\"\r\n",
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"En, URI=x\",DEFAULT=YES,URI=\"audio/en.m3u8?t=1\"\r\n",
        "#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"skd://hunter\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\r\n",
        "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"/keys/1\"\r\n",
        "#EXT-X-SESSION-DATA:DATA-ID=\"x\",URI=\"data.json\"\r\n",
        "#EXT-X-CONTENT-STEERING:SERVER-URI=\"https://steer.example.com/\"\r\n",
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"//cdn.example.com/iframes\"\r\n",
        "#EXT-X-STREAM-INF:BANDWIDTH=1280000,AUDIO=\"a\"\r\n",
        "  low/video  \r\n",
        "#EXT-X-STREAM-INF:BANDWIDTH=2560000\r\n",
        "https://cdn.example.com/high.M3U8?x=1#f",
    ));
    let playlist = playlist.unwrap();
    assert_eq!(playlist.kind, Kind::Master);
    assert_eq!(
        urls(&playlist),
        [
            "https://origin.example.com/live/hunter2/audio/en.m3u8?t=1",
            "https://origin.example.com/keys/1",
            "https://origin.example.com/live/hunter2/data.json",
            "https://cdn.example.com/iframes",
            "https://origin.example.com/live/hunter2/low/video",
            "https://cdn.example.com/high.M3U8?x=1#f",
        ]
    );
    let expected = concat!(
        "#EXTM3U\r\n",
        "#EXT-X-VERSION:6\r\n\r\n",
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"En, URI=x\",DEFAULT=YES,URI=\"P0\"\r\n",
        "#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"skd://hunter\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\r\n",
        "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"F1\"\r\n",
        "#EXT-X-SESSION-DATA:DATA-ID=\"x\",URI=\"F2\"\r\n",
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"P3\"\r\n",
        "#EXT-X-STREAM-INF:BANDWIDTH=1280000,AUDIO=\"a\"\r\n",
        "P4\r\n",
        "#EXT-X-STREAM-INF:BANDWIDTH=2560000\r\n",
        "P5",
    );
    assert_eq!(numbered(&playlist), expected);
}

#[test]
fn every_address_in_a_media_playlist_is_rewritten_and_nothing_else() {
    let playlist = read(concat!(
        "\u{feff}#EXTM3U\n",
        "#EXT-X-TARGETDURATION:4\n",
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0,CAN-SKIP-UNTIL=12.0\n",
        "#EXT-X-PART-INF:PART-TARGET=0.5\n",
        "#EXT-X-MEDIA-SEQUENCE:7\n",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"data:text/plain;base64,AA==\"\n",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys.example.com/k?id=1\",IV=0x01\n",
        "#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"10@0\"\n",
        "#EXT-X-DATERANGE:ID=\"ad\",X-ASSET-URI=\"ad.m3u8\",X-COM=\"URI\"\n",
        "#EXT-X-DATERANGE:ID=\"ads\",X-ASSET-LIST=\"https://origin.example.com/list?token=hunter2\"\n",
        "#EXTINF:4.000,a title, URI=\"not-one\"\n",
        "#EXT-X-BYTERANGE:100@10\n",
        "../seg 7.m4s?x=\"1\"\n",
        "\n",
        "#EXT-X-OURS:KEPT=1,URI=\"other.bin\"\n",
        "#EXT-X-PART:DURATION=0.5,URI=\"part8.0.m4s\"\n",
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part8.1.m4s\"\n",
        "#EXT-X-RENDITION-REPORT:URI=\"../en/report\",LAST-MSN=7\n",
    ))
    .unwrap();
    assert_eq!(
        numbered(&playlist),
        concat!(
            "#EXTM3U\n",
            "#EXT-X-TARGETDURATION:4\n",
            "#EXT-X-SERVER-CONTROL:PART-HOLD-BACK=1.0\n",
            "#EXT-X-PART-INF:PART-TARGET=0.5\n",
            "#EXT-X-MEDIA-SEQUENCE:7\n",
            "#EXT-X-KEY:METHOD=AES-128,URI=\"data:text/plain;base64,AA==\"\n",
            "#EXT-X-KEY:METHOD=AES-128,URI=\"F0\",IV=0x01\n",
            "#EXT-X-MAP:URI=\"F1\",BYTERANGE=\"10@0\"\n",
            "#EXT-X-DATERANGE:ID=\"ad\",X-ASSET-URI=\"P2\",X-COM=\"URI\"\n",
            "#EXTINF:4.000,a title, URI=\"not-one\"\n",
            "#EXT-X-BYTERANGE:100@10\n",
            "F3\n",
            "\n",
            "#EXT-X-OURS:KEPT=1,URI=\"F4\"\n",
            "#EXT-X-PART:DURATION=0.5,URI=\"F5\"\n",
            "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"F6\"\n",
            "#EXT-X-RENDITION-REPORT:URI=\"P7\",LAST-MSN=7\n",
        )
    );
    assert_eq!(urls(&playlist)[3], "https://origin.example.com/live/seg%207.m4s?x=%221%22");
    let Kind::Media(media) = playlist.kind else { panic!("it names segments") };
    assert_eq!((media.target, media.part_target), (Duration::from_secs(4), Some(Duration::from_millis(500))));
    assert!(!media.is_ended && media.tail.len() == 1);
}

/// What is fetched is looked at when it is fetched: here it only must not reach the player.
#[test]
fn addresses_that_lead_nowhere_or_to_the_wrong_place_do_not_reach_the_player() {
    let text =
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\nfile:///etc/passwd\nhttp://[\n#EXT-X-MAP:URI=\"file:///etc/passwd\"\n";
    let playlist = read(text).unwrap();
    assert_eq!(numbered(&playlist), "#EXTM3U\n#EXT-X-TARGETDURATION:4\nF0\nF1\n#EXT-X-MAP:URI=\"F2\"\n");
    assert_eq!(urls(&playlist), ["file:///etc/passwd", "", "file:///etc/passwd"]);
}

#[test]
fn variables_are_filled_in_and_neither_their_names_nor_the_token_reach_the_player() {
    let playlist = read(concat!(
        "#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM=\"token\"\n#EXT-X-DEFINE:NAME=\"n\",VALUE=\"720\"\n",
        "#EXT-X-STREAM-INF:BANDWIDTH=1\n{$n}.m3u8?t={$token}\n",
    ))
    .unwrap();
    assert_eq!(urls(&playlist), ["https://origin.example.com/live/hunter2/720.m3u8?t=hunter2"]);
    assert_eq!(numbered(&playlist), "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nP0\n");
    let nested = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-DEFINE:IMPORT=\"n\"\n{$n}.ts\n";
    let nested = Playlist::read(nested.as_bytes(), &Url::parse(BASE).unwrap(), &playlist.variables).unwrap();
    assert_eq!(urls(&nested), ["https://origin.example.com/live/hunter2/720.ts"]);
}

#[test]
fn what_is_no_playlist_is_refused() {
    for text in ["", "\n#EXTM3U\n", "<!doctype html>", "#EXTM3U8\n#EXT-X-TARGETDURATION:4\n", "# EXTM3U"] {
        assert_eq!(read(text).unwrap_err(), UpstreamError::Unusable("no playlist"), "{text}");
    }
    let channels = read("#EXTM3U\n#EXTINF:-1,News\nhttp://example.com/news.ts\n").unwrap_err();
    assert_eq!(channels.cause(), "upstream_unusable");
    let binary = Playlist::read(b"#EXTM3U\n\xff", &Url::parse(BASE).unwrap(), &Variables::default());
    assert_eq!(binary.unwrap_err().cause(), "upstream_unusable");
}

#[test]
fn what_grows_without_end_is_refused() {
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n";
    let long = format!("{head}{}", format!("{}\n", "a".repeat(1500)).repeat(2_000));
    assert!(read(&long).is_ok());
    let base = Url::parse(&format!("https://origin.example.com/{}/", "a".repeat(4_000))).unwrap();
    let beside = Playlist::read(format!("{head}{}", "a\n".repeat(2_200)).as_bytes(), &base, &Variables::default());
    assert_eq!(beside.unwrap_err().cause(), "upstream_too_large");
    let many = format!("{head}{}", "a\n".repeat(MAX_LINKS + 1));
    assert_eq!(read(&many).unwrap_err().cause(), "upstream_too_large");
    let bomb = format!("{head}#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{}\"\n{}", "b".repeat(9000), "{$a}\n".repeat(9000));
    assert_eq!(read(&bomb).unwrap_err().cause(), "upstream_too_large");
    // Also what players do not get counts.
    let define = "#EXT-X-DEFINE:NAME=\"b\",VALUE=\"{$a}\"\n".repeat(9000);
    let dropped = format!("{head}#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{}\"\n{define}", "b".repeat(9000));
    assert_eq!(read(&dropped).unwrap_err().cause(), "upstream_too_large");
    // And what a variable may hold.
    let nested = "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{$a}{$a}{$a}{$a}{$a}{$a}{$a}{$a}\"\n".repeat(20);
    let nested = read(&format!("{head}#EXT-X-DEFINE:NAME=\"a\",VALUE=\"bb\"\n{nested}")).unwrap();
    assert!(nested.variables.bytes() <= 16 * 1024);
}

#[test]
fn addresses_where_none_are_to_be_do_not_reach_the_player() {
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n";
    for line in [
        "#EXT-X-PREFETCH:https://origin.example.com/hunter2/8.ts",
        "#EXT-X-TWITCH-PREFETCH:https://origin.example.com/hunter2/8.ts",
        "#EXT-X-DATERANGE:ID=\"a\",X-URL=\"https://origin.example.com/hunter2\",X-ASSET-URI=\"ad.m3u8\"",
        "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",X-FALLBACK=\"https://origin.example.com/hunter2\"",
        "# made by https://origin.example.com/hunter2",
    ] {
        let playlist = read(&format!("{head}{line}\na.ts\n")).unwrap();
        assert_eq!(numbered(&playlist), format!("{head}F0\n"), "{line}");
    }
    let kept = "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://a\"\n#EXTINF:4,see https://example.com/\n";
    assert_eq!(numbered(&read(&format!("{head}{kept}a.ts\n")).unwrap()), format!("{head}{kept}F0\n"));
}

#[test]
fn odd_numbers_are_bounded() {
    for (target, seconds) in [("6", 6), ("6.0 ", 6), ("120", 120), ("99999999999999999999", 86_400), ("1e300", 86_400)]
    {
        assert_eq!(media(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:{target}\n")).target.as_secs(), seconds);
    }
    for target in ["0", "-1", "NaN", "", "abc"] {
        assert!(read(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:{target}\n")).is_err(), "{target}");
    }
    let largest = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:18446744073709551615\n";
    media(&format!("{largest}#EXT-X-DISCONTINUITY-SEQUENCE:18446744073709551615\n#EXT-X-DISCONTINUITY\na\nb\n"));
}

#[test]
fn a_segment_is_the_same_when_only_its_query_has_changed() {
    let tail = |lines: &str| media(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{lines}")).tail;
    let one = tail("#EXT-X-MEDIA-SEQUENCE:5\n#EXTINF:4,\na.ts?sig=1\n#EXTINF:4,\nb.ts?sig=1\n");
    assert_eq!(one, tail("#EXT-X-MEDIA-SEQUENCE:5\n#EXTINF:4,\na.ts?sig=2\n#EXTINF:4,\nb.ts?sig=2\n"));
    // The window has moved on by one, and the segment is where it was.
    assert_eq!(tail("#EXT-X-MEDIA-SEQUENCE:6\n#EXTINF:4,\nb.ts\n"), one[1..]);
    for other in [
        "#EXT-X-MEDIA-SEQUENCE:7\nb.ts\n",
        "#EXT-X-MEDIA-SEQUENCE:6\nc.ts\n",
        "#EXT-X-MEDIA-SEQUENCE:6\n#EXT-X-DISCONTINUITY\nb.ts\n",
        "#EXT-X-MEDIA-SEQUENCE:6\n#EXT-X-DISCONTINUITY-SEQUENCE:1\nb.ts\n",
        "#EXT-X-MEDIA-SEQUENCE:6\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\nb.ts\n",
        "#EXT-X-MEDIA-SEQUENCE:6\n#EXT-X-BYTERANGE:100@0\nb.ts\n",
    ] {
        assert_ne!(tail(other), one[1..], "{other}");
    }
    assert_eq!(tail(&"a\n".repeat(100)).len(), TAIL);
}

#[test]
fn only_ordinary_extensions_are_kept() {
    let extension = |text| extension(&Url::parse(text).unwrap()).map(str::to_owned);
    assert_eq!(extension("https://a/b.c/seg.ts?x=a.mp4").as_deref(), Some("ts"));
    for text in ["https://a/b.c/seg", "https://a/seg.", "https://a/seg.toolong", "https://a/seg.t%20s", "data:a.ts"] {
        assert_eq!(extension(text), None, "{text}");
    }
}

/// A line, and what players get of it: `X` where an address was. None: nothing.
fn line() -> impl Strategy<Value = (String, Option<String>)> {
    let address = prop_oneof![
        Just("https://origin.example.com/hunter2/a.ts?token=hunter2".to_owned()),
        Just("//origin.example.com/hunter2".to_owned()),
        Just("/hunter2/b.m4s".to_owned()),
        Just("?hunter2".to_owned()),
        "[a-z]{1,5}(/[a-z.]{1,5}){0,2}\\?hunter2",
    ];
    let tag = prop_oneof![
        Just(("#EXT-X-KEY:METHOD=AES-128,URI=\"", "\",IV=0x12")),
        Just(("#EXT-X-MAP:URI=\"", "\",BYTERANGE=\"1@2\"")),
        Just(("#EXT-X-MEDIA:TYPE=AUDIO,URI=", ",DEFAULT=YES")),
        Just(("#EXT-X-PART:DURATION=0.5, URI=\"", "\"")),
        Just(("#EXT-X-UNKNOWN:A=\"b,URI=c\",URI=\"", "\" , D=e")),
        Just(("", "")),
    ];
    let linked = (tag, address).prop_map(|((before, after), address)| {
        (format!("{before}{address}{after}"), Some(format!("{before}X{after}")))
    });
    let kept = prop_oneof![
        Just(String::new()),
        Just("   ".to_owned()),
        "#[ -.0-~&&[^E]][ -.0-~]{0,20}",
        "#EXTINF:[0-9.]{1,4},[ -~äß]{0,20}",
        "#EXT-X-[A-C]{1,9}:[A-H0-9=,.]{0,20}",
    ]
    .prop_map(|line| (line.clone(), Some(line)));
    let dropped = Just(("#EXT-X-DEFINE:NAME=\"a\",VALUE=\"hunter2\"".to_owned(), None));
    prop_oneof![3 => linked, 3 => kept, 1 => dropped]
}

proptest! {
    #[test]
    fn whatever_stands_around_it_addresses_are_replaced_and_all_else_stays(
        lines in prop::collection::vec((line(), prop::bool::ANY), 0..30),
    ) {
        let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n";
        let (mut text, mut expected) = (head.to_owned(), head.to_owned());
        for ((line, kept), is_crlf) in lines {
            let ending = if is_crlf { "\r\n" } else { "\n" };
            text.push_str(&format!("{line}{ending}"));
            if let Some(kept) = kept {
                expected.push_str(&format!("{kept}{ending}"));
            }
        }
        let rewritten = read(&text).unwrap().with_links(|_| "X".to_owned());
        prop_assert_eq!(&rewritten, &expected);
        prop_assert!(!rewritten.contains("hunter2"));
    }

    #[test]
    fn nothing_that_an_upstream_may_send_is_too_much(text in "(#EXTM3U\n)?(\\PC|[#:=\",{}$\r\n]|#EXT-X-(KEY|DEFINE|MAP):|URI=\"|\\{\\$){0,60}") {
        if let Ok(playlist) = read(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{text}")) {
            let again = playlist.with_links(|_| "a".to_owned());
            prop_assert_eq!(read(&again).unwrap().links.len(), playlist.links.len());
        }
    }
}
