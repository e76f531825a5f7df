use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

/// Answers each request, by its path, with what the test says, and hangs up. What it was asked can be heard.
async fn origin(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (SocketAddr, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, (asked, heard)) = (listener.local_addr().unwrap(), unbounded_channel());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = head(&mut stream).await;
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            stream.write_all(answer(&path).as_bytes()).await.unwrap();
            let _ = asked.send(head);
        }
    });
    (address, heard)
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn demo() -> Fetcher {
    Upstreams::new(Allowed::default().with_loopback()).unwrap().fetcher()
}

fn url(text: impl AsRef<str>) -> Url {
    Url::parse(text.as_ref()).unwrap()
}

async fn cause(fetcher: &Fetcher, url: &Url) -> &'static str {
    fetcher.get(url, HeaderMap::new()).await.err().map_or("", |error| error.cause())
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn nothing_goes_along_but_what_is_asked_for() {
    let (address, mut heard) = origin(|_| OK.to_owned()).await;
    let range = HeaderMap::from_iter([(axum::http::header::RANGE, HeaderValue::from_static("bytes=0-1"))]);
    let fetched = demo().get(&url(format!("http://{address}/a?b=c#d")), range).await.unwrap();
    assert_eq!(fetched.body.collect(2, HEAD).await.unwrap(), b"ok");
    let head = heard.recv().await.unwrap();
    let mut lines: Vec<_> = head.trim_end().split("\r\n").collect();
    lines.sort_unstable();
    let agent = concat!("user-agent: streamkeeper/", env!("CARGO_PKG_VERSION"));
    let host = format!("host: {address}");
    assert_eq!(lines, ["GET /a?b=c HTTP/1.1", "accept-encoding: identity", &host, "range: bytes=0-1", agent]);
}

#[tokio::test]
async fn a_redirect_is_looked_at_like_a_first_address() {
    let (address, _heard) = origin(|path| match path.strip_prefix("/to/") {
        Some(place) => format!("HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n"),
        None => OK.to_owned(),
    })
    .await;
    let fetcher = demo();
    for (place, why) in [
        ("http://10.0.0.1/", "upstream_not_public"),
        ("http://169.254.169.254/latest/meta-data", "upstream_not_public"),
        ("//[fd00::1]/", "upstream_not_public"),
        ("http://example.com/", "upstream_not_allowed"),
        ("file:///etc/passwd", "upstream_url"),
        ("http://user:hunter2@127.0.0.1/", "upstream_url"),
        ("http://[", "upstream_redirects"),
        ("/to/", "upstream_redirects"),
    ] {
        assert_eq!(cause(&fetcher, &url(format!("http://{address}/to/{place}"))).await, why, "{place}");
    }
    let fetched = fetcher.get(&url(format!("http://{address}/to//elsewhere/a.m3u8")), HeaderMap::new()).await.unwrap();
    assert_eq!(fetched.url.as_str(), format!("http://{address}/elsewhere/a.m3u8"));
}

#[tokio::test]
async fn three_redirects_are_followed_and_a_fourth_is_not() {
    let (address, _heard) = origin(|path| match path.trim_start_matches('/').parse::<u32>() {
        Ok(0) | Err(_) => OK.to_owned(),
        Ok(more) => format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: /{}\r\ncontent-length: 0\r\n\r\n", more - 1),
    })
    .await;
    assert_eq!(cause(&demo(), &url(format!("http://{address}/3"))).await, "");
    assert_eq!(cause(&demo(), &url(format!("http://{address}/4"))).await, "upstream_redirects");
}

/// What a name resolves to, one answer after the other, and how often it was asked.
fn resolving(answers: Vec<Vec<&'static str>>, loopback_too: bool) -> (Resolver, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let resolver = Resolver::asking(loopback_too, move |_| {
        let nth = count.fetch_add(1, Ordering::SeqCst);
        let addresses = answers[nth.min(answers.len() - 1)].iter();
        let addresses: Vec<_> = addresses.map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
        async { Ok(addresses) }
    });
    (resolver, asked)
}

#[tokio::test]
async fn a_name_that_leads_to_an_address_that_is_not_public_is_refused() {
    let (address, mut heard) = origin(|_| OK.to_owned()).await;
    let place = url(format!("http://origin.example.com:{}/", address.port()));
    for answers in [vec!["127.0.0.1"], vec!["::ffff:127.0.0.1"], vec!["1.1.1.1", "127.0.0.1"], vec!["64:ff9b::a00:1"]] {
        let allowed = Allowed::parse(&format!("http://origin.example.com:{}", address.port())).unwrap();
        let (resolver, _) = resolving(vec![answers.clone()], false);
        let fetcher = Upstreams::resolved_by(allowed, resolver).unwrap().fetcher();
        assert_eq!(cause(&fetcher, &place).await, "upstream_not_public", "{answers:?}");
    }
    assert!(heard.try_recv().is_err());
}

/// The first answer would pass, and the second leads elsewhere: were the name resolved once to be looked at and once more to
/// be connected to, the second would be the one that counts.
#[tokio::test]
async fn the_address_that_was_looked_at_is_the_one_that_is_connected_to() {
    let (address, mut heard) = origin(|_| OK.to_owned()).await;
    let list = format!("http://origin.example.com:{}", address.port());
    let (resolver, asked) = resolving(vec![vec!["127.0.0.1"], vec!["10.0.0.1"]], true);
    let upstreams = Upstreams::resolved_by(Allowed::parse(&list).unwrap().with_loopback(), resolver).unwrap();
    assert_eq!(cause(&upstreams.fetcher(), &url(&list)).await, "");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(heard.recv().await.unwrap().contains("host: origin.example.com"));
    assert_eq!(cause(&upstreams.fetcher(), &url(&list)).await, "upstream_not_public");
}

#[tokio::test]
async fn what_is_refused_says_why_and_not_where() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = url(format!("http://127.0.0.1:{port}/hunter2?key=hunter2"));
    let error = demo().get(&place, HeaderMap::new()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Unreachable(_)));
    assert!(error.to_string().to_lowercase().contains("connection refused"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn other_answers_than_the_one_that_is_asked_for_are_none() {
    let (address, _heard) = origin(|path| match path {
        "/gzip" => "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "/404" => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "/204" => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        "/large" => format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(2 * MAX_HEAD_BYTES)),
        "/nonsense" => "SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned(),
        _ => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok".to_owned(),
    })
    .await;
    let place = |path| url(format!("http://{address}/{path}"));
    assert_eq!(cause(&demo(), &place("gzip")).await, "upstream_unusable");
    assert_eq!(cause(&demo(), &place("404")).await, "upstream_status");
    assert_eq!(cause(&demo(), &place("204")).await, "upstream_status");
    assert_eq!(cause(&demo(), &place("large")).await, "upstream_unreachable");
    assert_eq!(cause(&demo(), &place("nonsense")).await, "upstream_unreachable");
    let cut_short = demo().get(&place("cut"), HeaderMap::new()).await.unwrap();
    assert_eq!(cut_short.body.collect(5, HEAD).await.unwrap_err(), UpstreamError::Broken);
    let too_large = demo().get(&place("cut"), HeaderMap::new()).await.unwrap();
    assert_eq!(too_large.body.collect(1, HEAD).await.unwrap_err(), UpstreamError::TooLarge(1));
}

/// Nothing happens but the passing of time, which so takes none.
#[tokio::test(start_paused = true)]
async fn whoever_says_nothing_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = url(format!("http://{}/", listener.local_addr().unwrap()));
    let error = demo().get(&place, HeaderMap::new()).await.unwrap_err();
    assert_eq!(error, UpstreamError::Silent(HEAD));
}

#[tokio::test(start_paused = true)]
async fn a_body_may_neither_pause_for_long_nor_trickle_for_ever() {
    let silent = Body::new(axum::body::Body::from_stream(futures_util::stream::pending::<Result<Bytes, io::Error>>()));
    assert_eq!(silent.collect(1, HEAD * 9).await.unwrap_err(), UpstreamError::Silent(body::IDLE));
    let trickle = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, io::Error>(Bytes::from_static(b"a")), ()))
    });
    let trickle = Body::new(axum::body::Body::from_stream(trickle));
    assert_eq!(trickle.collect(1_000, HEAD).await.unwrap_err(), UpstreamError::Silent(HEAD));
}
