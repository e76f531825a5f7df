//! An origin on a port of its own, where a relay's streams come from: it answers what a test says, counts what it is asked,
//! and can be gone for a while.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use tokio::time::sleep;

/// What it answers at one path.
#[derive(Debug, Clone)]
pub enum Reply {
    /// This text, as a playlist.
    Playlist(String),
    /// These bytes, or the part of them that is asked for, as this.
    File(&'static str, Vec<u8>),
    /// This status, and nothing that is of use.
    Status(u16),
    /// "Look there."
    Redirect(String),
    /// These bytes again and again, as this.
    Endless(&'static str, &'static [u8]),
    /// These bytes, one after the other.
    Bits(&'static str, Vec<u8>),
    /// Nothing, for ever.
    Silence,
    /// It says that this many bytes will come.
    Announced(u64),
    /// These bytes, as this, again and again, each time after so long.
    Trickle(&'static str, &'static [u8], Duration),
}

/// A running origin.
#[derive(Debug)]
pub struct Origin {
    /// Where it is: `http://127.0.0.1:…`
    pub url: String,
    address: SocketAddr,
    script: Arc<Script>,
    runtime: Option<Runtime>,
}

#[derive(Debug, Default)]
struct Script {
    replies: Mutex<HashMap<String, Reply>>,
    /// What it was asked: paths, and headers.
    asked: Mutex<Vec<(String, HeaderMap)>>,
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Origin {
    /// One that knows nothing yet.
    pub async fn start() -> Self {
        let mut origin = Self {
            url: String::new(),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            script: Arc::default(),
            runtime: None,
        };
        origin.restart().await;
        origin.url = format!("http://{}", origin.address);
        origin
    }

    /// Is gone, and with it all connections.
    pub fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Is there again, at the same address.
    pub async fn restart(&mut self) {
        self.stop();
        let listener = loop {
            // The runtime of before lets go of it in its own time.
            if let Ok(listener) = std::net::TcpListener::bind(self.address) {
                break listener;
            }
            tokio::task::yield_now().await;
        };
        listener.set_nonblocking(true).expect("it can be polled");
        self.address = listener.local_addr().expect("it is bound");
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("there is room for a thread");
        let app = Router::new().fallback(answer).with_state(Arc::clone(&self.script));
        runtime.spawn(async move { axum::serve(TcpListener::from_std(listener)?, app).await });
        self.runtime = Some(runtime);
    }

    /// From now on it answers this there.
    pub fn set(&self, path: &str, reply: Reply) {
        self.script.replies().insert(path.to_owned(), reply);
    }

    /// How often it was asked for this so far, with whatever query.
    pub fn asked(&self, path: &str) -> usize {
        self.heads(path).len()
    }

    /// The headers of these requests.
    pub fn heads(&self, path: &str) -> Vec<HeaderMap> {
        let asked = self.script.asked();
        let such = asked.iter().filter(|(asked, _)| asked == path);
        such.map(|(_, headers)| headers.clone()).collect()
    }
}

impl Script {
    fn replies(&self) -> MutexGuard<'_, HashMap<String, Reply>> {
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> MutexGuard<'_, Vec<(String, HeaderMap)>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(State(script): State<Arc<Script>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let reply = script.replies().get(&path).cloned();
    script.asked().push((path, request.headers().clone()));
    let status = |code| StatusCode::from_u16(code).expect("it is a status");
    match reply {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Reply::Playlist(text)) => ([(CONTENT_TYPE, "application/vnd.apple.mpegurl")], text).into_response(),
        Some(Reply::File(content_type, bytes)) => file(content_type, bytes, request.headers()),
        Some(Reply::Status(code)) => (status(code), "<html>").into_response(),
        Some(Reply::Redirect(to)) => (StatusCode::FOUND, [(LOCATION, to)]).into_response(),
        Some(Reply::Endless(content_type, bytes)) => {
            let all = stream::repeat_with(move || Ok::<_, std::io::Error>(Bytes::from_static(bytes)));
            ([(CONTENT_TYPE, content_type)], Body::from_stream(all)).into_response()
        }
        Some(Reply::Silence) => std::future::pending().await,
        Some(Reply::Bits(content_type, bytes)) => {
            let each = bytes.into_iter().map(|byte| Ok::<_, std::io::Error>(Bytes::from(vec![byte])));
            let all = futures_util::StreamExt::then(stream::iter(each), |byte| async {
                sleep(Duration::from_millis(1)).await;
                byte
            });
            ([(CONTENT_TYPE, content_type)], Body::from_stream(all)).into_response()
        }
        Some(Reply::Announced(bytes)) => {
            let never = stream::pending::<std::io::Result<Bytes>>();
            ([(CONTENT_LENGTH, bytes.to_string())], Body::from_stream(never)).into_response()
        }
        Some(Reply::Trickle(content_type, bytes, pause)) => {
            let all = stream::unfold(Duration::ZERO, move |before| async move {
                sleep(before).await;
                Some((Ok::<_, std::io::Error>(Bytes::from_static(bytes)), pause))
            });
            ([(CONTENT_TYPE, content_type)], Body::from_stream(all)).into_response()
        }
    }
}

/// Knows `bytes=a-b`, and no other ranges.
fn file(content_type: &'static str, bytes: Vec<u8>, asked: &HeaderMap) -> Response {
    let range = asked.get(RANGE).and_then(|range| range.to_str().ok()?.strip_prefix("bytes=")?.split_once('-'));
    let Some((first, last)) = range.and_then(|(a, b)| Some((a.parse::<usize>().ok()?, b.parse::<usize>().ok()?)))
    else {
        return ([(CONTENT_TYPE, content_type)], bytes).into_response();
    };
    match bytes.get(first..=last) {
        None => StatusCode::RANGE_NOT_SATISFIABLE.into_response(),
        Some(part) => {
            let place = format!("bytes {first}-{last}/{}", bytes.len());
            let headers = [(CONTENT_TYPE, content_type.to_owned()), (CONTENT_RANGE, place)];
            (StatusCode::PARTIAL_CONTENT, headers, part.to_vec()).into_response()
        }
    }
}
