//! The connections of clients. One that takes nothing of what is written to it is closed, and one that never gets to ask
//! anything: what waits for it, and its place under some limit, others could use.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

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
        let first_head = Some(FirstHead { late: Box::pin(sleep(self.head_patience)), last: [0; 4] });
        let (patience, counters) = (self.patience, self.counters.clone());
        (Connection { stream, patience, stuck: None, first_head, counters }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    patience: Duration,
    /// Runs while something waits to be written.
    stuck: Option<Pin<Box<Sleep>>>,
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

impl Connection {
    /// What is pushed is small, and wanted at once.
    pub fn send_at_once(&mut self) {
        // One that is over already tells by itself.
        let _ = self.stream.set_nodelay(true);
    }

    /// What a write came to: an error when it has been pending for too long.
    fn patiently<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            // Who has an answer has asked, however the lines of the question ended.
            self.first_head = None;
            return written;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stuck.as_mut().poll(context));
        self.stuck = None;
        self.counters.slow_connection();
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
