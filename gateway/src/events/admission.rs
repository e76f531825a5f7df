//! Who may come in, and as what. Nobody is counted before this has been found out.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio::time::Instant;

use super::hub::Part;
use super::kernel::Facts;
use super::protocol::{Asked, Close, Refusal};
use crate::auth::{Auth, Caller, LEEWAY_SECONDS, Role};

/// A connection is over long before.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// Somebody whose token has been verified.
#[derive(Debug, Clone)]
pub struct Visitor {
    role: Role,
    /// Who has signed in.
    pub user: Option<Arc<str>>,
    /// The operators made it one.
    is_recorder: bool,
    /// Until when the token is good.
    pub expiry: Option<Expiry>,
}

/// The end of a token.
#[derive(Debug, Clone, Copy)]
pub struct Expiry {
    /// As it says, in seconds since 1970.
    pub claimed: u64,
    /// When it is taken no more.
    pub at: Instant,
}

impl Visitor {
    /// Whoever shows this.
    pub async fn verified(auth: &Auth, token: Option<&str>, apikey: Option<&str>) -> Result<Self, Refusal> {
        let caller = auth.caller_with(token, apikey).await?;
        let user = match (caller.role, caller.claims.get("sub").and_then(Value::as_str)) {
            (Role::Authenticated, None | Some("")) => return Err(Close::Token.because("The token has no sub")),
            (Role::Authenticated, Some(sub)) => Some(sub.into()),
            (Role::Anon | Role::Service, _) => None,
        };
        Ok(Self { role: caller.role, user, is_recorder: is_recorder(&caller), expiry: expiry(&caller) })
    }

    /// What this one is at an event.
    pub fn part(&self, facts: &Facts, asked: Option<Asked>) -> Result<Part, Refusal> {
        let is_host = self.user.as_deref() == Some(&*facts.host_user_id);
        if !facts.is_public && self.role == Role::Anon {
            return Err(Close::Forbidden.because("This event is for those who have signed in"));
        }
        match asked {
            Some(Asked::Recorder) if !(is_host || self.is_recorder) => {
                Err(Close::Forbidden.because("Only the host, or a backend, sends a recorder"))
            }
            Some(Asked::Recorder) => Ok(Part::Recorder),
            _ if self.is_recorder => Ok(Part::Recorder),
            _ if is_host => Ok(Part::Host),
            _ => Ok(Part::Viewer),
        }
    }
}

/// A backend is nobody who watches. Like an admin, a recorder is made by the operators and not by itself.
fn is_recorder(caller: &Caller) -> bool {
    let role = caller.claims.get("app_metadata").and_then(|metadata| metadata.get("role"));
    caller.role == Role::Service || role.and_then(Value::as_str) == Some("recorder")
}

fn expiry(caller: &Caller) -> Option<Expiry> {
    let claimed = caller.claims.get("exp")?.as_f64()? as u64;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let left = Duration::from_secs(claimed.saturating_add(LEEWAY_SECONDS)).saturating_sub(now);
    // A token may claim more than a timer takes.
    Some(Expiry { claimed, at: Instant::now() + left.min(LONGEST) })
}
