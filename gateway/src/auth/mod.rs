//! Who is calling: a verified token, a key of the application, or nobody.

mod jwks;
mod keys;

use std::fmt;
use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use crate::config::{Config, Key};
use crate::error::ApiError;
pub use jwks::FETCH_INTERVAL;
use jwks::{Jwks, NoKey};

/// Clocks differ; PostgREST allows the same.
pub(crate) const LEEWAY_SECONDS: u64 = 30;

const API_KEY: &str = "apikey";

/// The database roles that a request can run as. There are no others, whatever a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nobody has signed in.
    Anon,
    /// A user has.
    Authenticated,
    /// A backend of the application.
    Service,
}

impl Role {
    /// The role's name in the database and in tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anon => "anon",
            Self::Authenticated => "authenticated",
            Self::Service => "service_role",
        }
    }

    fn from_claim(name: &str) -> Option<Self> {
        [Self::Anon, Self::Authenticated, Self::Service].into_iter().find(|role| role.as_str() == name)
    }
}

/// The verified caller of one request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What the request runs as.
    pub role: Role,
    /// What the token said: `request.jwt.claims`.
    pub claims: Map<String, Value>,
}

impl Caller {
    /// A caller without a user.
    pub fn of(role: Role) -> Self {
        Self { role, claims: Map::from_iter([("role".to_owned(), role.as_str().into())]) }
    }
}

/// Verifies callers.
pub struct Auth {
    /// For HS256, and for nothing else.
    secret: Option<DecodingKey>,
    /// For the algorithms with public keys.
    jwks: Option<Arc<Jwks>>,
    validation: Validation,
    anon_key: Option<String>,
    service_key: Option<Key>,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

impl Auth {
    /// With the secret, keys and audience of the configuration.
    pub fn new(config: &Config) -> Self {
        let mut validation = Validation { leeway: LEEWAY_SECONDS, validate_nbf: true, ..Validation::default() };
        match &config.jwt_audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.set_required_spec_claims(&["exp", "aud"]);
            }
            None => validation.validate_aud = false,
        }
        Self {
            secret: config.jwt_secret.as_ref().map(|secret| DecodingKey::from_secret(secret.as_bytes())),
            jwks: config.jwks_url.clone().map(|url| Arc::new(Jwks::new(url, config.jwks_fetch_interval))),
            validation,
            anon_key: config.anon_key.clone(),
            service_key: config.service_key.clone(),
        }
    }

    /// Gets ready for the first caller.
    pub async fn prepare(&self) {
        if let Some(jwks) = &self.jwks {
            Arc::clone(jwks).fetch().await;
        }
    }

    /// The caller of a request with these headers. No token, or the anon key: nobody.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let api_key = headers.get(API_KEY).and_then(|key| key.to_str().ok());
        self.caller_with(bearer(headers)?, api_key).await
    }

    /// The same of somebody who has no headers to show them in.
    pub async fn caller_with(&self, token: Option<&str>, api_key: Option<&str>) -> Result<Caller, ApiError> {
        let is_service = |key: &str| self.service_key.as_ref().is_some_and(|service| service.is(key));
        let Some(token) = token else {
            // A user's token goes before the key of the backend that passes it on.
            let service = api_key.is_some_and(is_service);
            return Ok(Caller::of(if service { Role::Service } else { Role::Anon }));
        };
        if is_service(token) {
            return Ok(Caller::of(Role::Service));
        }
        if self.anon_key.as_deref() == Some(token) {
            return Ok(Caller::of(Role::Anon));
        }
        let mut claims = self.claims(token).await?;
        let role = match claims.get("role") {
            None => Role::Anon,
            Some(name) => name.as_str().and_then(Role::from_claim).ok_or_else(|| {
                let message =
                    "permission denied to set role: the token's role is not one of anon, authenticated, service_role";
                ApiError::new(StatusCode::FORBIDDEN, "42501", message)
            })?,
        };
        claims.insert("role".to_owned(), role.as_str().into());
        Ok(Caller { role, claims })
    }

    /// What a token says, once its signature has been verified by a key that is for its algorithm: what verifies HS256 is a
    /// secret, what verifies the others is public, and a public key never gets to be somebody's secret.
    async fn claims(&self, token: &str) -> Result<Map<String, Value>, ApiError> {
        let header = decode_header(token).map_err(refusal)?;
        let key = match (header.alg, &self.secret, &self.jwks) {
            (Algorithm::HS256, Some(secret), _) => secret.clone(),
            (algorithm @ (Algorithm::ES256 | Algorithm::RS256), _, Some(jwks)) => {
                jwks.key(header.kid.as_deref(), algorithm).await.map_err(no_key)?
            }
            _ => return Err(refusal(ErrorKind::InvalidAlgorithm.into())),
        };
        let validation = Validation { algorithms: vec![header.alg], ..self.validation.clone() };
        Ok(decode(token, &key, &validation).map_err(refusal)?.claims)
    }
}

/// The token of `Authorization: Bearer …`; other schemes are none of our business.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(header) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let header = header.to_str().map_err(|_| bad_token("The Authorization header is not plain text"))?;
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        None if header.eq_ignore_ascii_case("bearer") => Err(bad_token("Empty JWT is sent in Authorization header")),
        _ => Ok(None),
    }
}

fn bad_token(message: &'static str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "PGRST301", message)
}

fn bad_claim(message: &'static str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "PGRST303", message)
}

/// A key that nobody knows makes the token a bad one; not to know it is nobody's fault but ours, and will pass.
fn no_key(why: NoKey) -> ApiError {
    match why {
        NoKey::Unknown => refusal(ErrorKind::InvalidSignature.into()),
        NoKey::Away => {
            let message = "The keys that tokens are verified with cannot be fetched";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "PGRST300", message)
        }
    }
}

/// In PostgREST's codes: 301 is a token that cannot be trusted, 303 one whose claims do not hold.
fn refusal(error: jsonwebtoken::errors::Error) -> ApiError {
    match error.kind() {
        ErrorKind::ExpiredSignature => bad_claim("JWT expired"),
        ErrorKind::ImmatureSignature => bad_claim("JWT not yet valid"),
        ErrorKind::InvalidAudience => bad_claim("JWT not in audience"),
        ErrorKind::MissingRequiredClaim(name) if name == "aud" => bad_claim("JWT not in audience"),
        ErrorKind::MissingRequiredClaim(_) => bad_claim("JWT has no exp claim"),
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::UnsupportedAlgorithm => {
            bad_token("Wrong or unsupported encoding algorithm")
        }
        ErrorKind::InvalidSignature => bad_token("No suitable key or wrong key type"),
        _ => bad_token("JWT could not be decoded"),
    }
}
