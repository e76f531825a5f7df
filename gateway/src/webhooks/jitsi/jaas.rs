//! Webhooks of JaaS (8x8): <https://developer.8x8.com/jaas/docs/webhooks-payload>.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::Deserialize;
use sha2::Sha256;

use super::Signal;

/// Carries a time and signatures: `t=…,v1=…`.
pub const SIGNATURE: &str = "X-Jaas-Signature";

/// Whether one of the signatures is that of the time, a dot, and the body. Other schemes than `v1` are not looked at.
pub fn is_signed(secret: &str, body: &[u8], header: &str) -> bool {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let Some((_, time)) = parts().find(|(name, _)| *name == "t") else { return false };
    parts().filter(|(name, _)| *name == "v1").any(|(_, signature)| {
        let code = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
        let code = code.map(|code| code.chain_update(time).chain_update(b".").chain_update(body));
        match (code, STANDARD.decode(signature)) {
            (Ok(code), Ok(given)) => code.verify_slice(&given).is_ok(),
            _ => false,
        }
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    idempotency_key: String,
    event_type: String,
    /// In milliseconds since 1970.
    timestamp: i64,
    /// `app/room`
    fqn: String,
    #[serde(default)]
    data: Data,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data {
    id: Option<String>,
    is_breakout: bool,
    disconnect_reason: Option<String>,
}

/// What it says, if it is of interest: rooms, and who is in them.
pub fn signal(body: &str) -> Result<Option<Signal>, String> {
    let payload: Payload = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let at = Timestamp::from_millisecond(payload.timestamp).map_err(|error| format!("timestamp: {error}"))?;
    let what = match payload.event_type.as_str() {
        "ROOM_CREATED" => "created",
        "ROOM_DESTROYED" => "destroyed",
        "PARTICIPANT_JOINED" => "joined",
        "PARTICIPANT_LEFT" => "left",
        _ => return Ok(None),
    };
    // To another room of the same meeting, or from it.
    if payload.data.is_breakout || payload.data.disconnect_reason.as_deref() == Some("switch_room") {
        return Ok(None);
    }
    let meeting = payload.fqn.rsplit_once('/').map_or(payload.fqn.as_str(), |(_, room)| room).to_owned();
    Ok(Some(Signal { key: format!("jaas:{}", payload.idempotency_key), meeting, what, at, user_id: payload.data.id }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_the_secret_of_these_tests_00";

    /// printf '1632490060.{"a":1}' | openssl dgst -sha256 -hmac whsec_the_secret_of_these_tests_00 -binary | base64
    const SIGNATURE_OF_BODY: &str = "DIy22QgmMgAfU1uwyLmFu2EXIMvtgB5Jh/LSp6uaeG4=";
    const BODY: &[u8] = br#"{"a":1}"#;

    #[test]
    fn the_signature_is_the_one_that_other_tools_make() {
        let good = format!("t=1632490060,v1={SIGNATURE_OF_BODY}");
        assert!(is_signed(SECRET, BODY, &good));
        assert!(is_signed(SECRET, BODY, &format!("v1=AAAA, t=1632490060, v0=x, v1={SIGNATURE_OF_BODY}")));
        for bad in [
            String::new(),
            format!("v1={SIGNATURE_OF_BODY}"),
            format!("t=1632490061,v1={SIGNATURE_OF_BODY}"),
            format!("t=1632490060,v0={SIGNATURE_OF_BODY}"),
            "t=1632490060,v1=".to_owned(),
            "t=1632490060,v1=not base64".to_owned(),
            format!("t=1632490060,v1={}", &SIGNATURE_OF_BODY[4..]),
        ] {
            assert!(!is_signed(SECRET, BODY, &bad), "{bad}");
        }
        assert!(!is_signed("another secret", BODY, &good) && !is_signed(SECRET, b"{}", &good));
    }
}
