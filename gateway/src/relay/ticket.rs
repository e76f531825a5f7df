//! The ticket of a playback URL: what lets a native player in, which sends no headers. Every node can check what any node has
//! issued, and nobody else can make one.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::counters::Refusal;
use super::source::{Id, Kind};

/// What the secret is used for here: for nothing else is the same key.
const LABEL: &[u8] = b"streamkeeper relay ticket 1";

const CODE_BYTES: usize = 32;

/// Kind, key, generation, expiry.
const CLAIM_BYTES: usize = 1 + 16 + 8 + 8;

/// Makes tickets, and checks them.
#[derive(Clone)]
pub struct Tickets {
    key: Hmac<Sha256>,
    lifetime: Duration,
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// A ticket, and until when it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Fit for a URL.
    pub ticket: String,
    /// In seconds since 1970.
    pub expires_at: u64,
}

impl Tickets {
    /// With a secret that all nodes share. Nothing, if it is none.
    pub fn new(secret: &[u8], lifetime: Duration) -> Option<Self> {
        let derived = Hmac::<Sha256>::new_from_slice(secret).ok()?.chain_update(LABEL).finalize().into_bytes();
        Some(Self { key: Hmac::new_from_slice(&derived).ok()?, lifetime })
    }

    /// A ticket for this relay, from now on.
    pub fn issue(&self, id: Id, now: SystemTime) -> Issued {
        let expires_at = seconds(now).saturating_add(self.lifetime.as_secs());
        let mut bytes = claim(id, expires_at);
        let code = self.key.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&code);
        Issued { ticket: URL_SAFE_NO_PAD.encode(bytes), expires_at }
    }

    /// Is this a ticket for this relay, now? What it says is looked at only once it is known to be ours.
    pub fn check(&self, ticket: &str, id: Id, now: SystemTime) -> Result<(), Refusal> {
        let bytes = URL_SAFE_NO_PAD.decode(ticket).map_err(|_| Refusal::Forged)?;
        if bytes.len() != CLAIM_BYTES + CODE_BYTES {
            return Err(Refusal::Forged);
        }
        let (said, code) = bytes.split_at(CLAIM_BYTES);
        // In a time that tells nothing about the right code.
        self.key.clone().chain_update(said).verify_slice(code).map_err(|_| Refusal::Forged)?;
        let (of, expires_at) = read(said).ok_or(Refusal::Forged)?;
        if (of.key, of.kind) != (id.key, id.kind) {
            Err(Refusal::Other)
        } else if of.generation != id.generation {
            Err(Refusal::Outdated)
        } else if seconds(now) >= expires_at {
            Err(Refusal::Expired)
        } else {
            Ok(())
        }
    }
}

fn claim(Id { key, kind, generation }: Id, expires_at: u64) -> Vec<u8> {
    let kind = match kind {
        Kind::Hls => b'h',
        Kind::Ts => b't',
    };
    let generation = generation.to_be_bytes();
    [&[kind], key.as_bytes().as_slice(), &generation, &expires_at.to_be_bytes()].concat()
}

fn read(said: &[u8]) -> Option<(Id, u64)> {
    let (kind, said) = said.split_first()?;
    let (key, said) = said.split_first_chunk()?;
    let (generation, said) = said.split_first_chunk()?;
    let kind = match kind {
        b'h' => Kind::Hls,
        b't' => Kind::Ts,
        _ => return None,
    };
    let id = Id { key: Uuid::from_bytes(*key), kind, generation: i64::from_be_bytes(*generation) };
    Some((id, u64::from_be_bytes(said.try_into().ok()?)))
}

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = UNIX_EPOCH;

    fn tickets(secret: &str) -> Tickets {
        Tickets::new(secret.as_bytes(), Duration::from_secs(60)).unwrap()
    }

    fn id() -> Id {
        Id { key: Uuid::from_u128(7), kind: Kind::Ts, generation: 3 }
    }

    #[test]
    fn a_ticket_is_good_for_its_relay_on_every_node_until_it_expires() {
        let Issued { ticket, expires_at } = tickets("secret").issue(id(), NOW);
        assert_eq!(expires_at, 60);
        let at = |seconds| tickets("secret").check(&ticket, id(), NOW + Duration::from_secs(seconds));
        assert_eq!(
            (at(0), at(59), at(60), at(1 << 40)),
            (Ok(()), Ok(()), Err(Refusal::Expired), Err(Refusal::Expired))
        );
    }

    #[test]
    fn it_is_good_for_nothing_else() {
        let Issued { ticket, .. } = tickets("secret").issue(id(), NOW);
        for (other, why) in [
            (Id { key: Uuid::from_u128(8), ..id() }, Refusal::Other),
            (Id { kind: Kind::Hls, ..id() }, Refusal::Other),
            (Id { generation: 4, ..id() }, Refusal::Outdated),
            (Id { generation: 2, ..id() }, Refusal::Outdated),
        ] {
            assert_eq!(tickets("secret").check(&ticket, other, NOW), Err(why), "{other}");
        }
        assert_eq!(tickets("Secret").check(&ticket, id(), NOW), Err(Refusal::Forged));
    }

    #[test]
    fn what_was_changed_anywhere_is_none_of_ours() {
        let Issued { ticket, .. } = tickets("secret").issue(id(), NOW);
        for at in 0..ticket.len() {
            let mut changed = ticket.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(tickets("secret").check(&changed, id(), NOW), Err(Refusal::Forged), "{at}");
        }
        let longer = format!("{ticket}AAAA");
        for wrong in ["", "A", "not base64!", &ticket[1..], &ticket[..ticket.len() - 4], &longer] {
            assert_eq!(tickets("secret").check(wrong, id(), NOW), Err(Refusal::Forged), "{wrong}");
        }
    }

    #[test]
    fn the_secret_itself_signs_nothing() {
        let bytes = claim(id(), 60);
        let code = Hmac::<Sha256>::new_from_slice(b"secret").unwrap().chain_update(&bytes).finalize().into_bytes();
        let ticket = URL_SAFE_NO_PAD.encode([&bytes[..], &code].concat());
        assert_eq!(tickets("secret").check(&ticket, id(), NOW), Err(Refusal::Forged));
    }
}
