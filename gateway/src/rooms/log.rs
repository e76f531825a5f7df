//! What the log says of rooms, whichever way a call came.

use serde::Deserialize;
use tracing::info;

use super::{CREATE_SESSION, MY_ROOM};

#[derive(Debug, Deserialize)]
struct Session<'a> {
    id: &'a str,
    room_id: &'a str,
    stream_id: &'a str,
    recovered: bool,
    replayed: bool,
}

#[derive(Debug, Deserialize)]
struct End<'a> {
    room_id: &'a str,
    session_id: Option<&'a str>,
    already: bool,
}

#[derive(Debug, Deserialize)]
struct Room<'a> {
    id: &'a str,
    created: bool,
}

/// A function has done its work, and this is its answer. What changed nothing is not told.
pub fn done(function: &str, answer: &str) {
    if function == CREATE_SESSION {
        if let Ok(Session { id, room_id, stream_id, recovered, replayed: false }) = serde_json::from_str(answer) {
            info!(session = id, room = room_id, stream = stream_id, recovered, "session created");
        }
    } else if function == MY_ROOM {
        if let Ok(Room { id, created: true }) = serde_json::from_str(answer) {
            info!(room = id, "auto-provisioning permanent room");
        }
    } else if function == "live_room_end"
        && let Ok(End { room_id, session_id, already: false }) = serde_json::from_str(answer)
    {
        info!(session = session_id, room = room_id, "session ended");
    }
}
