//! One socket's life: who is it, the time at the event, and the goodbye.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite;
use uuid::Uuid;

use super::Events;
use super::admission::Visitor;
use super::hub::{News, Over, Seat};
use super::protocol::{self, Asked, Close, MAX_MESSAGE_BYTES, Refusal, Said};
use crate::budget::Budget;
use crate::tally::Ticket;

/// How long we wait for a client to take our side of the closing handshake.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Those who were on a node that stops come to the others within this time.
const MAX_RETRY_MS: u64 = 5_000;

/// How many questions a client may leave unanswered before it is gone.
const MISSES: u8 = 2;

/// A connection that is to be let in.
#[derive(Debug)]
pub struct Arrival {
    pub event: Uuid,
    pub address: IpAddr,
    /// The token that came in the subprotocol.
    pub token: Option<String>,
}

/// Somebody who has been let in.
struct Guest {
    visitor: Visitor,
    seat: Seat,
    _place: Option<Ticket<Arc<str>>>,
}

/// How it went.
enum End {
    /// We close it.
    Refused(Refusal),
    /// The client closes it, or it broke.
    Left,
    /// It did not answer any more.
    Lost,
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// From the first message to the last.
pub async fn serve(mut socket: WebSocket, events: Arc<Events>, arrival: Arrival) {
    // A node that stops waits for those who were here before.
    let Ok(_open) = Arc::clone(&events.open).try_read_owned() else { return };
    let end = attend(&mut socket, &events, arrival).await;
    // The seat is free by now: whoever sees the connection closed sees the count without it.
    match end {
        End::Refused(refusal) => {
            events.counters.closed(refusal.close.name());
            if socket.send(Message::Close(Some(refusal.frame()))).await.is_ok() {
                drain(socket).await;
            }
        }
        End::Left => {
            events.counters.closed("left");
            drain(socket).await;
        }
        End::Lost => events.counters.closed("lost"),
    }
}

async fn attend(socket: &mut WebSocket, events: &Arc<Events>, arrival: Arrival) -> End {
    let Some(_place) = events.addresses.take(arrival.address) else {
        return Close::Limit.because("There are too many connections from this address").into();
    };
    // In a box, which is gone when they are in: a guest who only sits there should not take its room.
    match timeout(events.settings.handshake, Box::pin(admit(socket, events, arrival))).await {
        Ok(Ok(guest)) => {
            let part = guest.seat.part();
            events.counters.admitted(part);
            let Err(end) = stay(socket, events, guest).await;
            events.counters.gone(part);
            end
        }
        Ok(Err(end)) => end,
        Err(_) => Close::Slow.because("Nobody has said in time who this is").into(),
    }
}

/// Finds out who it is, whether he may watch, and as what; only then is he counted.
async fn admit(socket: &mut WebSocket, events: &Arc<Events>, arrival: Arrival) -> Result<Guest, End> {
    let (token, apikey, asked) = match arrival.token {
        Some(token) => (Some(token), None, None),
        None => hello(socket).await?,
    };
    let visitor = Visitor::verified(&events.auth, token.as_deref(), apikey.as_deref()).await?;
    let facts = events.known.of(arrival.event).await.map_err(Refusal::from)?;
    let part = visitor.part(&facts, asked)?;
    if !facts.may_join {
        send(socket, protocol::ended(facts.ended_by.as_deref().unwrap_or("ended"))).await?;
        return Err(Close::Ended.because("The event has ended").into());
    }
    let place = match &visitor.user {
        None => None,
        Some(user) => match events.users.take(Arc::clone(user)) {
            None => return Err(Close::Limit.because("This user has too many connections").into()),
            place => place,
        },
    };
    let seat = events.hub.enter(arrival.event, part, visitor.user.clone());
    let seat = seat.ok_or_else(|| Close::Moving.because("This node stops"))?;
    let claimed = visitor.expiry.map(|expiry| expiry.claimed);
    send(socket, protocol::welcome(part.as_str(), seat.viewers(), claimed)).await?;
    Ok(Guest { visitor, seat, _place: place })
}

/// The first message.
async fn hello(socket: &mut WebSocket) -> Result<(Option<String>, Option<String>, Option<Asked>), End> {
    loop {
        match receive(socket).await? {
            Heard::Said(Said::Hello { token, apikey, role }) => return Ok((token, apikey, role)),
            Heard::Said(_) => return Err(Close::Malformed.because("The first message must be hello").into()),
            Heard::Frame => {}
        }
    }
}

/// What came.
enum Heard {
    Said(Said),
    /// A ping or a pong: it is alive.
    Frame,
}

async fn receive(socket: &mut WebSocket) -> Result<Heard, End> {
    match socket.recv().await {
        Some(Ok(Message::Text(text))) if text.len() > MAX_MESSAGE_BYTES => Err(oversize()),
        Some(Ok(Message::Text(text))) => serde_json::from_str(&text)
            .map(Heard::Said)
            .map_err(|_| Close::Malformed.because("This is no message that is known here").into()),
        Some(Ok(Message::Binary(_))) => Err(Close::Binary.because("Messages are text").into()),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Heard::Frame),
        Some(Ok(Message::Close(_))) | None => Err(End::Left),
        Some(Err(error)) => match error.into_inner().downcast_ref() {
            Some(tungstenite::Error::Capacity(_)) => Err(oversize()),
            _ => Err(End::Left),
        },
    }
}

fn oversize() -> End {
    Close::Oversize.because("A message has 4 KiB at most").into()
}

async fn stay(socket: &mut WebSocket, events: &Events, mut guest: Guest) -> Result<Infallible, End> {
    let settings = &events.settings;
    let mut budget = Budget::new(settings.messages_per_second, settings.burst, Instant::now());
    let mut ping_at = Instant::now() + settings.ping;
    let mut misses = 0;
    let mut alarm = pin!(sleep_until(ping_at));
    loop {
        let expires_at = guest.visitor.expiry.map(|expiry| expiry.at);
        alarm.as_mut().reset(expires_at.map_or(ping_at, |at| at.min(ping_at)));
        tokio::select! {
            heard = receive(socket) => {
                let heard = heard?;
                misses = 0;
                if !budget.spend(Instant::now()) {
                    return Err(Close::Limit.because("There are too many messages").into());
                }
                if let Heard::Said(said) = heard {
                    // In a box, like admission: it may ask for keys.
                    Box::pin(answer(socket, events, &mut guest.visitor, said)).await?;
                }
            }
            changed = guest.seat.news.changed() => match changed {
                Ok(()) => {
                    let news = guest.seat.news.borrow_and_update().clone();
                    tell(socket, news).await?;
                }
                Err(_) => return Err(Close::TryAgain.because("The event is not here any more").into()),
            },
            () = &mut alarm => {
                let now = Instant::now();
                if expires_at.is_some_and(|at| at <= now) {
                    return Err(Close::Token.because("The token has expired").into());
                }
                if ping_at <= now {
                    if misses == MISSES {
                        return Err(End::Lost);
                    }
                    misses += 1;
                    ping_at = now + settings.ping;
                    socket.send(Message::Ping(Bytes::new())).await.map_err(|_| End::Lost)?;
                }
            }
        }
    }
}

async fn answer(socket: &mut WebSocket, events: &Events, visitor: &mut Visitor, said: Said) -> Result<(), End> {
    match said {
        Said::Hello { .. } => {
            Err(Close::Malformed.because("hello comes once, and one connection is at one event").into())
        }
        Said::Bye => Err(Close::Bye.because("Goodbye").into()),
        Said::Ping => send(socket, protocol::pong()).await,
        Said::Auth { token } => {
            let again = Visitor::verified(&events.auth, Some(&token), None).await?;
            if again.user != visitor.user {
                return Err(Close::Forbidden.because("The token is another user's").into());
            }
            let claimed = again.expiry.map(|expiry| expiry.claimed);
            *visitor = again;
            send(socket, protocol::authenticated(claimed)).await
        }
    }
}

async fn tell(socket: &mut WebSocket, news: News) -> Result<(), End> {
    match news.over {
        None => send(socket, protocol::viewers(news.viewers)).await,
        Some(Over::Ended(reason)) => {
            send(socket, protocol::ended(&reason)).await?;
            Err(Close::Ended.because("The event has ended").into())
        }
        Some(Over::Moving) => {
            send(socket, protocol::moving(random_below(MAX_RETRY_MS))).await?;
            Err(Close::Moving.because("This node stops").into())
        }
    }
}

async fn send(socket: &mut WebSocket, text: Utf8Bytes) -> Result<(), End> {
    socket.send(Message::Text(text)).await.map_err(|_| End::Left)
}

/// Reading is what sends our answer to a close frame, and what hears the answer to ours.
async fn drain(mut socket: WebSocket) {
    let _ = timeout(CLOSE_TIMEOUT, async { while let Some(Ok(_)) = socket.recv().await {} }).await;
}

fn random_below(bound: u64) -> u64 {
    Uuid::new_v4().as_u64_pair().1 % bound
}
