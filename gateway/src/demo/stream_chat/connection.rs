//! A socket's life, from the handshake to the last close frame.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::refusal::Refusal;
use super::sockets::Session;
use super::{StreamChat, text};

/// More than any ping.
const MAX_MESSAGE_BYTES: usize = 4 * 1024;

/// How long we wait for a client to take our side of the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Longer than the SDK waits for it, which is a second.
const SLOW_CLOSE: Duration = Duration::from_secs(3);

/// What the address of a socket carries.
#[derive(Debug, Deserialize)]
pub struct Asked {
    #[serde(default)]
    json: String,
    #[serde(default)]
    api_key: String,
    #[serde(default)]
    authorization: String,
}

/// Who connects, in `json`.
#[derive(Debug, Deserialize)]
struct Introduction {
    user_id: String,
    #[serde(default)]
    user_details: Map<String, Value>,
}

/// `GET /connect`
pub async fn connect(
    State(chat): State<Arc<StreamChat>>,
    Query(asked): Query<Asked>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match upgrade {
        Ok(upgrade) => upgrade
            .max_message_size(MAX_MESSAGE_BYTES)
            .max_frame_size(MAX_MESSAGE_BYTES)
            .on_upgrade(move |socket| serve(socket, chat, asked)),
        Err(error) => Refusal::input(error.body_text()).into_response(),
    }
}

async fn serve(socket: WebSocket, chat: Arc<StreamChat>, asked: Asked) {
    match admit(&chat, &asked) {
        Ok(session) => talk(socket, &chat, session).await,
        Err(refusal) => refuse(socket, &refusal).await,
    }
}

fn admit(chat: &StreamChat, asked: &Asked) -> Result<Session, Refusal> {
    let user_id = chat.verify(&asked.api_key, &asked.authorization)?;
    let introduction: Introduction =
        serde_json::from_str(&asked.json).map_err(|error| Refusal::input(format!("json: {error}")))?;
    if introduction.user_id != user_id {
        return Err(Refusal::input("json: user_id is not the one of the token"));
    }
    chat.world().open(&user_id, introduction.user_details)
}

/// Stream says why in a message, and then closes as if all were well.
async fn refuse(mut socket: WebSocket, refusal: &Refusal) {
    let message = json!({ "error": refusal.to_json() }).to_string();
    let close = CloseFrame { code: close_code::NORMAL, reason: refusal.message().into() };
    if socket.send(Message::Text(message.into())).await.is_ok()
        && socket.send(Message::Close(Some(close))).await.is_ok()
    {
        drain(socket).await;
    }
}

async fn talk(mut socket: WebSocket, chat: &StreamChat, session: Session) {
    let Session { user_id, connection_id, outbox, gone } = session;
    let is_closing = tokio::select! {
        biased;
        // Removed by somebody else: it breaks when it is dropped, without another word.
        _ = gone => false,
        is_closing = relay(&mut socket, chat, &connection_id, &user_id, outbox) => is_closing,
    };
    // Before the client can know.
    chat.world().close(&connection_id, &user_id);
    if is_closing {
        drain(socket).await;
    }
}

/// Passes events on and takes pings, until the socket is over. True: the client waits for our side of the handshake.
async fn relay(
    socket: &mut WebSocket,
    chat: &StreamChat,
    connection_id: &str,
    user_id: &str,
    mut outbox: mpsc::Receiver<Utf8Bytes>,
) -> bool {
    loop {
        tokio::select! {
            Some(event) = outbox.recv() => {
                if socket.send(Message::Text(event)).await.is_err() {
                    return false;
                }
            }
            received = socket.recv() => match received {
                Some(Ok(Message::Text(said))) if is_ping(&said) => chat.world().answer_ping(connection_id),
                Some(Ok(Message::Close(_))) => {
                    // Not in the condition: the lock would be held over the pause.
                    let is_slow = chat.world().faults.at_close(user_id);
                    if is_slow {
                        sleep(SLOW_CLOSE).await;
                    }
                    return true;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return false,
            },
        }
    }
}

/// `[{"type": "health.check", …}]`
fn is_ping(said: &str) -> bool {
    let parsed: Result<Vec<Value>, _> = serde_json::from_str(said);
    parsed.is_ok_and(|events| events.iter().any(|event| text(event, "/type") == Some("health.check")))
}

/// Reading is what sends our answer to a close frame, and what hears the answer to ours.
async fn drain(mut socket: WebSocket) {
    let _ = timeout(CLOSE_TIMEOUT, async { while let Some(Ok(_)) = socket.recv().await {} }).await;
}
