//! Tokens for whoever asks, as an identity provider would sign them.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Deserialize;
use serde_json::json;

use super::bad_value;
use crate::auth::Role;
use crate::config::Config;
use crate::error::ApiError;

/// The most, and what is given to whoever does not ask for less.
const LIFETIME_SECONDS: u64 = 3600;

/// As long as `livestreams.streamer_id` may be.
const MAX_USER_ID_CHARS: usize = 200;

/// `POST /demo/token`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    user_id: String,
    role: DemoRole,
    lifetime_seconds: Option<u64>,
}

/// Whom the demo knows.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DemoRole {
    Anon,
    Authenticated,
    Admin,
}

/// Signs tokens.
pub struct TokenMaker {
    key: EncodingKey,
    audience: String,
}

impl fmt::Debug for TokenMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenMaker").finish_non_exhaustive()
    }
}

impl TokenMaker {
    /// With the secret that this gateway verifies with.
    pub fn new(config: &Config) -> Self {
        Self {
            key: EncodingKey::from_secret(config.jwt_secret.as_deref().unwrap_or_default().as_bytes()),
            audience: config.jwt_audience.clone().unwrap_or_else(|| "authenticated".to_owned()),
        }
    }

    /// A token for this user.
    pub fn make(&self, request: TokenRequest) -> Result<String, ApiError> {
        let length = request.user_id.chars().count();
        if length == 0 || length > MAX_USER_ID_CHARS {
            return Err(bad_value(format!(
                "user_id is {length} characters long; it must have 1 to {MAX_USER_ID_CHARS}"
            )));
        }
        let lifetime = request.lifetime_seconds.unwrap_or(LIFETIME_SECONDS);
        if !(1..=LIFETIME_SECONDS).contains(&lifetime) {
            let bounds = format!("lifetime_seconds is {lifetime}; it must be between 1 and {LIFETIME_SECONDS}");
            return Err(bad_value(bounds));
        }
        let (role, app_metadata) = match request.role {
            DemoRole::Anon => (Role::Anon, json!({})),
            DemoRole::Authenticated => (Role::Authenticated, json!({})),
            DemoRole::Admin => (Role::Authenticated, json!({ "role": "admin" })),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut claims = json!({
            "aud": self.audience,
            "role": role.as_str(),
            "app_metadata": app_metadata,
            "iat": now,
            "exp": now + lifetime,
        });
        // Anon is nobody: a token without a user.
        if role != Role::Anon
            && let Some(claims) = claims.as_object_mut()
        {
            claims.insert("sub".to_owned(), request.user_id.into());
        }
        encode(&Header::default(), &claims, &self.key)
            .map_err(|_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "XX000", "the token could not be signed"))
    }
}
