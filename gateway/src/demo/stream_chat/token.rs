//! Users' tokens, as an app's backend would sign them with its Stream secret.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::refusal::{Code, Refusal};

#[derive(Serialize, Deserialize)]
struct Claims {
    user_id: String,
    #[serde(default)]
    exp: Option<u64>,
}

/// Signs and verifies, with a secret that lives as long as this process.
pub struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

impl Tokens {
    /// With a secret that nobody has seen.
    pub fn new() -> Self {
        let secret = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.validate_aud = false;
        // A token of Stream's need not expire.
        validation.required_spec_claims.clear();
        Self { signing: EncodingKey::from_secret(&secret), verifying: DecodingKey::from_secret(&secret), validation }
    }

    /// A token of this user, good for so many seconds.
    pub fn make(&self, user_id: &str, seconds: u64) -> Result<String, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        encode(&Header::default(), &Claims { user_id: user_id.to_owned(), exp: Some(now + seconds) }, &self.signing)
    }

    /// Whose token this is.
    pub fn user_of(&self, token: &str) -> Result<String, Refusal> {
        let claims = decode::<Claims>(token, &self.verifying, &self.validation).map_err(|error| refusal(&error))?;
        Ok(claims.claims.user_id)
    }
}

fn refusal(error: &Error) -> Refusal {
    let (code, message) = match error.kind() {
        ErrorKind::ExpiredSignature => (Code::TokenExpired, "JWTAuth error: token is expired"),
        ErrorKind::ImmatureSignature => (Code::TokenNotYetValid, "JWTAuth error: token is not valid yet"),
        ErrorKind::InvalidSignature => (Code::TokenSignature, "JWTAuth error: signature is invalid"),
        _ => (Code::Authentication, "JWTAuth error: the token is missing or cannot be read"),
    };
    Refusal::new(code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(refused: Result<String, Refusal>) -> u64 {
        refused.unwrap_err().to_json()["code"].as_u64().unwrap()
    }

    fn signed(tokens: &Tokens, claims: &serde_json::Value) -> String {
        encode(&Header::default(), claims, &tokens.signing).unwrap()
    }

    #[test]
    fn a_token_names_its_user_until_it_expires() {
        let tokens = Tokens::new();
        assert_eq!(tokens.user_of(&tokens.make("alice", 60).unwrap()).unwrap(), "alice");
        assert_eq!(tokens.user_of(&signed(&tokens, &serde_json::json!({"user_id": "bob"}))).unwrap(), "bob");
        let expired = serde_json::json!({"user_id": "alice", "exp": 1_000_000_000});
        assert_eq!(code(tokens.user_of(&signed(&tokens, &expired))), 40);
        let early = serde_json::json!({"user_id": "alice", "nbf": 32_503_680_000_u64});
        assert_eq!(code(tokens.user_of(&signed(&tokens, &early))), 41);
    }

    #[test]
    fn only_our_own_are_taken() {
        let tokens = Tokens::new();
        assert_eq!(code(tokens.user_of(&Tokens::new().make("alice", 60).unwrap())), 43);
        for token in ["", "undefined", "a.b.c", &signed(&tokens, &serde_json::json!({"sub": "alice"}))] {
            assert_eq!(code(tokens.user_of(token)), 5, "{token}");
        }
    }
}
