//! The connections of clients. One that takes nothing of what is written to it is closed, and one that never gets to ask
//! anything: what waits for it, and its place under some limit, others could use. So is one that takes nothing when its
//! answer is over: it would be found out late.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::metrics::Counters;

/// How long a client may take nothing. A phone in a tunnel is back by then, or has to connect again anyway.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long a client may take to say what it wants at first. Heads are small, and sent at once.
pub const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// What a request's head ends with.
const END_OF_HEAD: [u8; 4] = *b"\r\n\r\n";

/// Accepts connections that are closed when their client has asked, or taken, nothing for this long.
#[derive(Debug)]
pub struct Patient {
    /// Where they come from.
    pub listener: TcpListener,
    /// How long a client may take nothing.
    pub patience: Duration,
    /// How long a client may take for its first request's head.
    pub head_patience: Duration,
    /// Counts what was closed.
    pub counters: Counters,
}

impl Listener for Patient {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // What is pushed is small, and wanted at once. One that is over already tells by itself.
        let _ = stream.set_nodelay(true);
        let first_head = Some(FirstHead { late: Box::pin(sleep(self.head_patience)), last: [0; 4] });
        let (patience, counters) = (self.patience, self.counters.clone());
        let peer = Peer { address, answer: Arc::default() };
        (Connection { stream, peer, patience, stuck: None, first_head, counters }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Put into the extensions of a response that goes on: nobody waits for a client that takes nothing when this is cancelled.
#[derive(Debug, Clone)]
pub struct Until(pub CancellationToken);

/// A connection, as requests see it.
#[derive(Debug, Clone)]
pub struct Peer {
    address: SocketAddr,
    /// How long the answer lasts that is being written.
    answer: Arc<Mutex<Option<Until>>>,
}

impl Peer {
    fn answer(&self) -> MutexGuard<'_, Option<Until>> {
        // A panic elsewhere leaves it as it was.
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected<IncomingStream<'_, Patient>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Patient>) -> Self {
        stream.io().peer.clone()
    }
}

/// Around all routes: says where a request comes from, and tells its connection how long the answer lasts.
pub async fn connected(ConnectInfo(peer): ConnectInfo<Peer>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(ConnectInfo(peer.address));
    let mut response = next.run(request).await;
    *peer.answer() = response.extensions_mut().remove();
    response
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    peer: Peer,
    patience: Duration,
    /// While something waits to be written.
    stuck: Option<Stuck>,
    /// Until that is complete.
    first_head: Option<FirstHead>,
    counters: Counters,
}

/// The head of a connection's first request, as far as it has come.
#[derive(Debug)]
struct FirstHead {
    late: Pin<Box<Sleep>>,
    /// Its last bytes.
    last: [u8; 4],
}

impl FirstHead {
    /// Takes note of these bytes: do they end it?
    fn ends_with(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().any(|byte| {
            let [_, a, b, c] = self.last;
            self.last = [a, b, c, *byte];
            self.last == END_OF_HEAD
        })
    }
}

/// A client that takes nothing.
#[derive(Debug)]
struct Stuck {
    late: Pin<Box<Sleep>>,
    over: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl Stuck {
    /// Is it given up? True: for being slow; false: because there is nothing for it any more.
    fn poll_given_up(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        if self.over.as_mut().is_some_and(|over| over.as_mut().poll(context).is_ready()) {
            return Poll::Ready(false);
        }
        self.late.as_mut().poll(context).map(|()| true)
    }
}

impl Connection {
    /// What a write came to: an error when it has been pending for too long.
    fn patiently<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            // Who has an answer has asked, however the lines of the question ended.
            self.first_head = None;
            return written;
        }
        let (patience, peer) = (self.patience, &self.peer);
        let stuck = self.stuck.get_or_insert_with(|| {
            let over = peer.answer().clone().map(|Until(over)| Box::pin(over.cancelled_owned()));
            Stuck { late: Box::pin(sleep(patience)), over }
        });
        let is_late = ready!(stuck.poll_given_up(context));
        self.stuck = None;
        if is_late {
            self.counters.slow_connection();
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let Some(head) = &mut self.first_head else { return read };
        if read.is_ready() {
            if head.ends_with(buffer.filled().get(before..).unwrap_or_default()) {
                self.first_head = None;
            }
            return read;
        }
        ready!(head.late.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.patiently(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.patiently(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::Router;
    use axum::body::{Body, Bytes};
    use axum::middleware::from_fn;
    use axum::routing::get;
    use futures_util::stream::unfold;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::mpsc;

    use super::*;

    /// More than all buffers on the way take.
    const LARGE: usize = 64 * 1024 * 1024;

    /// A client of these routes. Nobody here loses patience.
    async fn client(routes: Router) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let forever = Duration::from_secs(86_400);
        let patient = Patient { listener, patience: forever, head_patience: forever, counters: Counters::default() };
        let service = routes.layer(from_fn(connected)).into_make_service_with_connect_info::<Peer>();
        drop(tokio::spawn(axum::serve(patient, service).into_future()));
        TcpStream::connect(address).await.unwrap()
    }

    async fn ask(client: &mut TcpStream, path: &str) {
        client.write_all(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes()).await.unwrap();
    }

    /// Something in an answer that tells when it is dropped.
    struct Held(mpsc::UnboundedSender<()>);

    impl Drop for Held {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_client_that_takes_nothing_of_what_is_over() {
        let over = CancellationToken::new();
        let (gone, mut let_go) = mpsc::unbounded_channel();
        let until = Until(over.clone());
        let endless = move || async move {
            let held = Held(gone);
            let stream = unfold(held, |held| async { Some((Ok::<_, Infallible>(vec![0_u8; 65_536]), held)) });
            let mut response = Response::new(Body::from_stream(stream));
            response.extensions_mut().insert(until);
            response
        };
        let mut client = client(Router::new().route("/", get(endless))).await;
        ask(&mut client, "/").await;
        // It takes nothing, but it is there.
        assert_eq!(client.read_u8().await.unwrap(), b'H');
        over.cancel();
        let_go.recv().await.unwrap();
    }

    #[tokio::test]
    async fn an_answer_that_is_over_says_nothing_about_the_next_one() {
        let over = CancellationToken::new();
        over.cancel();
        let short = move || async {
            let mut response = Response::new(Body::from("short"));
            response.extensions_mut().insert(Until(over));
            response
        };
        let routes =
            Router::new().route("/short", get(short)).route("/large", get(|| async { Bytes::from(vec![1; LARGE]) }));
        let mut client = client(routes).await;
        ask(&mut client, "/short").await;
        let mut last = [0; 5];
        while &last != b"short" {
            last.rotate_left(1);
            last[4] = client.read_u8().await.unwrap();
        }
        ask(&mut client, "/large").await;
        let (mut read, mut piece) = (0, vec![0; 65_536]);
        while read < LARGE {
            let bytes = client.read(&mut piece).await.unwrap();
            assert_ne!(bytes, 0);
            read += piece[..bytes].iter().filter(|byte| **byte == 1).count();
        }
    }
}
