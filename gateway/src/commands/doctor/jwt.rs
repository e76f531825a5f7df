//! What a token says of itself. Nothing is verified here, and nothing of it is printed but roles and times.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// A token, read.
#[derive(Debug)]
pub struct Jwt {
    pub algorithm: String,
    pub claims: Map<String, Value>,
}

impl Jwt {
    /// None when the text is no token.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (header, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
        let header: Value = part(header)?;
        let Value::Object(claims) = part(claims)? else { return None };
        Some(Self { algorithm: header.get("alg")?.as_str()?.to_owned(), claims })
    }

    /// A claim that is a text, empty when it is missing.
    pub fn text(&self, claim: &str) -> &str {
        self.claims.get(claim).and_then(Value::as_str).unwrap_or_default()
    }

    /// A claim that is a time, in seconds.
    pub fn seconds(&self, claim: &str) -> Option<f64> {
        self.claims.get(claim).and_then(Value::as_f64)
    }

    /// The role that stands under one of the two kinds of metadata.
    pub fn metadata_role(&self, metadata: &str) -> &str {
        self.claims.get(metadata).and_then(|data| data.get("role")).and_then(Value::as_str).unwrap_or_default()
    }
}

fn part(text: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?).ok()
}
