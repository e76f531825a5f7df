//! The engine decides. It is sans-I/O: everything it knows comes in through [`Manager::handle`], everything it wants
//! goes out through [`Manager::poll`], and the one timer it needs is [`Manager::next_wakeup`].
//!
//! The contract, in this order, each time: **one** `handle`, then `poll` until `None`, then set the timer to
//! `next_wakeup`. A wake-up may come late or not at all; every input checks every deadline, so it can be late, never wrong.

pub mod action;
pub mod backend;
pub mod chat;
pub mod clock;
pub mod config;
mod connecting;
mod delivering;
pub mod ending;
pub mod error;
mod holding;
pub mod id;
pub mod input;
pub mod lease;
pub mod listing;
pub mod manager;
pub mod meeting;
pub mod outbox;
mod owing;
pub mod page;
pub mod presence;
pub mod reason;
mod redacted;
mod redirect;
pub mod retry;
mod room;
mod rooms;
pub mod sessions;
mod started;
mod streams;
pub mod table;
pub mod trace;
mod traced_input;
mod traced_output;
pub mod usage;
pub mod value;
pub mod watching;

pub use action::{Action, Attachment, Role};
pub use backend::{Answer, Rpc};
pub use config::Config;
pub use error::{Code, Error};
pub use id::{EventId, RoomId, StreamId};
pub use input::{Awake, ChatEvent, ChatOutput, Failure, Input, Output};
pub use listing::FeedEvent;
pub use manager::Manager;
pub use meeting::MeetingEvent;
pub use page::PageEvent;
pub use reason::Reason;
pub use sessions::{SessionEvent, SessionOutput};
pub use value::Value;
pub use watching::{SocketEvent, SocketOutput};

/// Milliseconds: a duration, or a wall-clock time since the Unix epoch.
pub type Millis = u64;

/// One promise that JavaScript waits for. The façade numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(pub u32);

/// One attached meeting. A detached and re-attached meeting has a new id, so events of the old one are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MeetingId(pub u32);

/// One request to the backend: its generation, from 1. An answer to a request that is no longer waited for is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u32);

/// One viewer's socket, from 1. What is heard of one that has been given up is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SocketId(pub u32);

/// One session that the app has registered. The façade numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId(pub u32);

/// One chat connection, from 1. What is said of another one than the newest is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u32);

impl Generation {
    /// The one after it.
    #[must_use]
    pub fn next(self) -> Generation {
        Generation(self.0.wrapping_add(1))
    }
}
