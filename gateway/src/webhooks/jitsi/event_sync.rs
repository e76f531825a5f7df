//! Webhooks of prosody's `event_sync` component, which a Jitsi of one's own sends:
//! <https://github.com/jitsi-contrib/prosody-plugins/tree/main/event_sync>.

use jiff::Timestamp;
use serde::Deserialize;

use super::Signal;

#[derive(Debug, Deserialize)]
struct Payload {
    event_name: String,
    room_name: String,
    #[serde(default)]
    room_jid: String,
    #[serde(default)]
    is_breakout: bool,
    created_at: Option<Seconds>,
    destroyed_at: Option<Seconds>,
    occupant: Option<Occupant>,
}

#[derive(Debug, Deserialize)]
struct Occupant {
    id: Option<String>,
    #[serde(default)]
    occupant_jid: String,
    joined_at: Option<Seconds>,
    left_at: Option<Seconds>,
}

/// Since 1970, whole or not.
type Seconds = f64;

/// What it says, if it is of interest. It brings no key of its own: who, what and when is one.
pub fn signal(body: &str) -> Result<Option<Signal>, String> {
    let payload: Payload = serde_json::from_str(body).map_err(|error| error.to_string())?;
    if payload.is_breakout {
        return Ok(None);
    }
    let occupant = payload.occupant.as_ref();
    let (what, at) = match payload.event_name.as_str() {
        "muc-room-created" => ("created", payload.created_at),
        "muc-room-destroyed" => ("destroyed", payload.destroyed_at),
        "muc-occupant-joined" => ("joined", occupant.and_then(|occupant| occupant.joined_at)),
        "muc-occupant-left" => ("left", occupant.and_then(|occupant| occupant.left_at)),
        _ => return Ok(None),
    };
    let at = at.ok_or_else(|| format!("{} without its time", payload.event_name))?;
    let millis = (at * 1000.0).round();
    let time = Timestamp::from_millisecond(millis as i64).map_err(|error| format!("its time: {error}"))?;
    let who = occupant.map(|occupant| occupant.occupant_jid.as_str()).unwrap_or_default();
    let key = format!("event_sync:{what}:{millis}:{}:{who}", payload.room_jid);
    let user_id = payload.occupant.and_then(|occupant| occupant.id);
    Ok(Some(Signal { key, meeting: payload.room_name, what, at: time, user_id }))
}
