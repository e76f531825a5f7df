//! A viewer: somebody at the other end of `/events/{id}/ws`.

use std::net::{IpAddr, SocketAddr};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};

/// A connection.
#[derive(Debug)]
pub struct Viewer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What is heard.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A message.
    Said(Value),
    /// The end, with its code and reason; 1006 and nothing where it broke.
    Closed(u16, String),
}

impl Viewer {
    /// A connection on which nothing has been said yet.
    ///
    /// # Panics
    /// When there is none.
    pub async fn silent(gateway: &str, event: &str, protocols: &[&str]) -> Self {
        Self::at(gateway, &format!("/events/{event}/ws"), protocols).await
    }

    /// The same at this path.
    ///
    /// # Panics
    /// When there is none.
    pub async fn at(gateway: &str, path: &str, protocols: &[&str]) -> Self {
        let url = format!("{}{path}", gateway.replacen("http", "ws", 1));
        let mut request = url.into_client_request().expect("it is a URL");
        if !protocols.is_empty() {
            let list = protocols.join(", ").parse().expect("a header can carry it");
            request.headers_mut().insert("sec-websocket-protocol", list);
        }
        let (socket, _) = connect_async(request).await.expect("the gateway takes sockets");
        Self { socket }
    }

    /// A connection from this address of this machine: a gateway lets only so many in from one. None: nobody answers.
    pub async fn from(address: IpAddr, gateway: SocketAddr, event: &str) -> Option<Self> {
        let socket = TcpSocket::new_v4().ok()?;
        socket.bind(SocketAddr::new(address, 0)).ok()?;
        let stream = MaybeTlsStream::Plain(socket.connect(gateway).await.ok()?);
        let (socket, _) = client_async(format!("ws://{gateway}/events/{event}/ws"), stream).await.ok()?;
        Some(Self { socket })
    }

    /// A connection that has said who it is, if anybody.
    pub async fn hello(gateway: &str, event: &str, token: Option<&str>) -> Self {
        let mut viewer = Self::silent(gateway, event, &[]).await;
        viewer.say(json!({"type": "hello", "token": token})).await;
        viewer
    }

    /// The same, once it has been let in.
    ///
    /// # Panics
    /// When it is not.
    pub async fn watching(gateway: &str, event: &str, token: Option<&str>) -> Self {
        let mut viewer = Self::hello(gateway, event, token).await;
        let welcome = viewer.said().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        viewer
    }

    /// Says something. What is not heard any more is not said.
    pub async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    /// Sends anything.
    pub async fn send(&mut self, message: Message) {
        let _gone = self.socket.send(message).await;
    }

    /// The next message, or the end.
    pub async fn next(&mut self) -> Heard {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Heard::Said(serde_json::from_str(&text).expect("messages are JSON"));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Heard::Closed(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Heard::Closed(1006, String::new()),
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next message.
    ///
    /// # Panics
    /// When there is none.
    pub async fn said(&mut self) -> Value {
        match self.next().await {
            Heard::Said(message) => message,
            closed => panic!("a message was to come: {closed:?}"),
        }
    }

    /// Waits for the end: its code.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Heard::Closed(code, _) = self.next().await {
                return code;
            }
        }
    }

    /// Waits until it is told of so many viewers.
    pub async fn until_viewers(&mut self, count: u64) {
        while self.said().await != json!({"type": "viewers", "count": count}) {}
    }

    /// Breaks the connection, without a word.
    pub fn vanish(self) {
        drop(self);
    }

    /// Sends a ping of the protocol's own.
    pub async fn ping(&mut self) {
        self.send(Message::Ping(Bytes::new())).await;
    }
}
