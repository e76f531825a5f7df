//! Who is calling: a verified token, or nobody.

use std::fmt;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Map, Value};

use crate::config::Config;
use crate::error::ApiError;

/// Clocks differ; PostgREST allows the same.
const LEEWAY_SECONDS: u64 = 30;

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

/// Verifies tokens.
pub struct Auth {
    key: DecodingKey,
    validation: Validation,
    anon_key: Option<String>,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

impl Auth {
    /// With the secret, audience and anon key of the configuration.
    pub fn new(config: &Config) -> Self {
        // Naming the one algorithm is what keeps `alg: none` and its relatives out.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        match &config.jwt_audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.set_required_spec_claims(&["exp", "aud"]);
            }
            None => validation.validate_aud = false,
        }
        Self {
            key: DecodingKey::from_secret(config.jwt_secret.as_bytes()),
            validation,
            anon_key: config.anon_key.clone(),
        }
    }

    /// The caller of a request with these headers. No token, or the anon key: nobody.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let Some(token) = bearer(headers)? else { return Ok(Caller::of(Role::Anon)) };
        if self.anon_key.as_deref() == Some(token) {
            return Ok(Caller::of(Role::Anon));
        }
        let mut claims = decode::<Map<String, Value>>(token, &self.key, &self.validation).map_err(refusal)?.claims;
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
}

/// The token of `Authorization: Bearer …`; other schemes are none of our business.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
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
