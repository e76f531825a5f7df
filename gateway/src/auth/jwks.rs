//! The key set at `JWKS_URL`, fetched when it is needed and kept.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::Uri;
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::{info, warn};

use super::keys::KeySet;
use crate::http_get::get;

/// Whoever makes up key ids makes us ask the provider no more often than this.
pub const FETCH_INTERVAL: Duration = Duration::from_secs(10);

/// After so many of these intervals it is time to see whether a key has been withdrawn.
const FRESH_FOR: u32 = 60;

/// A set has a handful of keys of less than 2 KiB.
const MAX_BYTES: usize = 64 * 1024;

/// Why there is no key for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKey {
    /// The provider has no such key.
    Unknown,
    /// Nobody knows: the provider could not be asked.
    Away,
}

/// The keys of one provider.
pub struct Jwks {
    url: Uri,
    fetch_interval: Duration,
    kept: RwLock<Kept>,
    /// When the last fetch began. Whoever holds it is fetching; the others wait for what comes.
    last_fetch: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Kept {
    keys: KeySet,
    /// When they came. None: never.
    fetched_at: Option<Instant>,
    /// Did the last fetch fail? Then the keys are what there was before.
    failed: bool,
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").finish_non_exhaustive()
    }
}

impl Jwks {
    /// Nothing is fetched yet.
    pub fn new(url: Uri, fetch_interval: Duration) -> Self {
        Self { url, fetch_interval, kept: RwLock::default(), last_fetch: Mutex::default() }
    }

    /// The key that a token names, for its algorithm. One that is not there is looked for at the provider, which may have
    /// changed its keys; one that is there is believed at once, and in the background it is seen whether it still counts.
    pub async fn key(self: &Arc<Self>, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, NoKey> {
        if let Ok(key) = self.kept_key(id, algorithm) {
            if self.is_old() && self.last_fetch.try_lock().is_ok_and(|last| self.may_fetch(*last)) {
                drop(tokio::spawn(Arc::clone(self).fetch()));
            }
            return Ok(key);
        }
        // On its own: a caller that goes away must not take the answer for all others with it.
        drop(tokio::spawn(Arc::clone(self).fetch()).await);
        self.kept_key(id, algorithm)
    }

    /// Fetches the keys, so that the first caller need not wait, and the log says soon what is wrong.
    pub async fn fetch(self: Arc<Self>) {
        let mut last_fetch = self.last_fetch.lock().await;
        if !self.may_fetch(*last_fetch) {
            return;
        }
        *last_fetch = Some(Instant::now());
        let fetched = get(&self.url, MAX_BYTES).await.and_then(|body| KeySet::parse(&body));
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(keys) => {
                info!(keys = keys.len(), "fetched the keys at JWKS_URL");
                *kept = Kept { keys, fetched_at: Some(Instant::now()), failed: false };
            }
            Err(error) => {
                // The old ones stay: a provider that is away must not sign everybody out.
                warn!(error, "JWKS_URL: the keys that tokens are verified with could not be fetched");
                kept.failed = true;
            }
        }
    }

    fn may_fetch(&self, last_fetch: Option<Instant>) -> bool {
        last_fetch.is_none_or(|at| at.elapsed() >= self.fetch_interval)
    }

    fn kept_key(&self, id: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, NoKey> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        match kept.keys.find(id, algorithm) {
            Some(key) => Ok(key.clone()),
            None if kept.failed || kept.fetched_at.is_none() => Err(NoKey::Away),
            None => Err(NoKey::Unknown),
        }
    }

    fn is_old(&self) -> bool {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.fetched_at.is_none_or(|at| at.elapsed() > self.fetch_interval * FRESH_FOR)
    }
}
