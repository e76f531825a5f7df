//! Variables about relays. Durations are in seconds.

use std::time::Duration;

use super::value::{ConfigError, Variables, number_within, optional};
use crate::relay::settings::{CLIENTS, STALL_SECONDS, Settings, TICKET_SECONDS};
use crate::relay::upstream::Allowed;

/// `RELAY_UPSTREAMS`, `RELAY_STALL_SECS`, `RELAY_TICKET_SECS`, `RELAY_MAX_CLIENTS`, `RELAY_CLIENTS_PER_ADDRESS`.
pub(super) fn settings(demo: bool, can_sign: bool, variables: Variables) -> Result<Settings, ConfigError> {
    let usual = Settings::default();
    let upstreams = upstreams(demo, variables)?;
    if !upstreams.is_empty() && !can_sign {
        let message =
            "RELAY_UPSTREAMS needs JWT_SECRET or SERVICE_KEY: playback URLs are signed with the one or the other";
        return Err(ConfigError::new(message));
    }
    let seconds = |name, range, usual| -> Result<Duration, ConfigError> {
        Ok(number_within(name, range, variables)?.map_or(usual, |seconds| Duration::from_secs(seconds as u64)))
    };
    Ok(Settings {
        upstreams,
        stall: seconds("RELAY_STALL_SECS", STALL_SECONDS, usual.stall)?,
        ticket: seconds("RELAY_TICKET_SECS", TICKET_SECONDS, usual.ticket)?,
        max_clients: number_within("RELAY_MAX_CLIENTS", CLIENTS, variables)?.unwrap_or(usual.max_clients),
        per_address: number_within("RELAY_CLIENTS_PER_ADDRESS", CLIENTS, variables)?.unwrap_or(usual.per_address),
        ..usual
    })
}

fn upstreams(demo: bool, variables: Variables) -> Result<Allowed, ConfigError> {
    const NAME: &str = "RELAY_UPSTREAMS";
    let list = optional(variables, NAME).unwrap_or_default();
    let allowed = Allowed::parse(&list).map_err(|error| ConfigError::new(format!("{NAME}: {error}")))?;
    // The demo brings an origin of its own.
    Ok(if demo { allowed.with_loopback() } else { allowed })
}
