//! A key set (RFC 7517): the public keys that an identity provider signs its users' tokens with.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The keys of a set that tokens may be verified with.
#[derive(Default)]
pub struct KeySet(Vec<Key>);

struct Key {
    id: Option<String>,
    /// What the key is for, found out from the key alone: a token must never choose how it is verified.
    algorithm: Algorithm,
    key: DecodingKey,
}

impl KeySet {
    /// Reads a set. Keys of other kinds are left out: a provider may have them for somebody else. An error says what the
    /// text is instead.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_slice(json).map_err(|error| format!("the answer is no key set: {error}"))?;
        let keys: Vec<Key> = set.keys.into_iter().filter_map(Key::read).collect();
        if keys.is_empty() {
            return Err("the key set has no key for ES256 or RS256 in it".to_owned());
        }
        Ok(Self(keys))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The key with this id, if it is one for this algorithm. A token without an id can only mean a key that has no rival.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fitting = self.0.iter().filter(|key| key.algorithm == algorithm);
        let found = match id {
            Some(_) => fitting.find(|key| key.id.as_deref() == id),
            None => fitting.next().filter(|_| fitting.next().is_none()),
        };
        found.map(|key| &key.key)
    }
}

impl Key {
    fn read(json: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(json).ok()?;
        // A shared secret has no business in a public set, and verifies nothing here.
        let (algorithm, name) = match &jwk.algorithm {
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
            _ => return None,
        };
        let is_for_it = jwk.common.key_algorithm.is_none_or(|its| its == name);
        let signs = jwk.common.public_key_use.as_ref().is_none_or(|its| *its == PublicKeyUse::Signature);
        if !is_for_it || !signs {
            return None;
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id, algorithm, key })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // RFC 7517, appendix A.1.
    const X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
    const Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";
    const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs\
        tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI\
        SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    fn ec(id: &str) -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": id })
    }

    fn rsa(id: &str) -> Value {
        json!({ "kty": "RSA", "n": N, "e": "AQAB", "kid": id })
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    fn set(keys: &[Value]) -> Result<KeySet, String> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn a_key_is_found_by_its_id_and_for_its_own_algorithm_only() {
        let set = set(&[ec("a"), rsa("b")]).unwrap();
        assert!(set.find(Some("a"), Algorithm::ES256).is_some() && set.find(Some("b"), Algorithm::RS256).is_some());
        for (id, algorithm) in [
            ("a", Algorithm::RS256),
            ("b", Algorithm::ES256),
            ("c", Algorithm::ES256),
            ("", Algorithm::ES256),
            ("a", Algorithm::HS256),
            ("b", Algorithm::HS256),
            ("b", Algorithm::PS256),
        ] {
            assert!(set.find(Some(id), algorithm).is_none(), "{id} {algorithm:?}");
        }
    }

    #[test]
    fn without_an_id_only_a_key_without_a_rival_is_meant() {
        let set = set(&[ec("a"), rsa("b"), rsa("c")]).unwrap();
        assert!(set.find(None, Algorithm::ES256).is_some());
        assert!(set.find(None, Algorithm::RS256).is_none() && set.find(None, Algorithm::HS256).is_none());
    }

    #[test]
    fn keys_for_anything_else_are_left_out() {
        for other in [
            json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "a" }),
            json!({ "kty": "OKP", "crv": "Ed25519", "x": X, "kid": "a" }),
            with(ec("a"), "crv", json!("P-384")),
            with(ec("a"), "use", json!("enc")),
            with(ec("a"), "alg", json!("ES384")),
            with(ec("a"), "alg", json!("HS256")),
            with(ec("a"), "x", json!("not base64!")),
            with(rsa("a"), "alg", json!("RSA-OAEP")),
            with(rsa("a"), "alg", json!("PS256")),
            json!("a"),
        ] {
            let kept = set(&[other.clone(), rsa("b")]).unwrap();
            assert_eq!(kept.0.len(), 1, "{other}");
            assert!(set(&[other]).is_err());
        }
        let named = [with(ec("a"), "alg", json!("ES256")), with(rsa("b"), "use", json!("sig"))];
        assert_eq!(set(&named).unwrap().0.len(), 2);
    }

    #[test]
    fn what_is_no_key_set_is_an_error() {
        for text in ["", "<html>", "[]", "{}", r#"{"keys": {}}"#, r#"{"keys": []}"#] {
            assert!(KeySet::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
