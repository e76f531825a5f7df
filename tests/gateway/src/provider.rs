//! An identity provider on a port of its own: keys that are made for a test, and the address at which their public halves are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use p256::elliptic_curve::rand_core::OsRng;
use p256::pkcs8::EncodePrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A pair of keys, and the name that it goes by.
#[derive(Clone)]
pub struct KeyPair {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair").field("id", &self.id).finish_non_exhaustive()
    }
}

impl KeyPair {
    /// On the curve P-256, for ES256.
    pub fn ec(id: &str) -> Self {
        let key = p256::SecretKey::random(&mut OsRng).to_pkcs8_der().expect("it can be written");
        Self { id: id.to_owned(), algorithm: Algorithm::ES256, key: EncodingKey::from_ec_der(key.as_bytes()) }
    }

    /// Of 2048 bits, for RS256.
    pub fn rsa(id: &str) -> Self {
        let key = rsa::RsaPrivateKey::new(&mut OsRng, 2048).expect("there are enough primes");
        let key = key.to_pkcs1_der().expect("it can be written");
        Self { id: id.to_owned(), algorithm: Algorithm::RS256, key: EncodingKey::from_rsa_der(key.as_bytes()) }
    }

    /// The public half, as it stands in a set.
    pub fn public(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).expect("it has a public half");
        jwk.common.key_id = Some(self.id.clone());
        serde_json::to_value(jwk).expect("it is JSON")
    }

    /// A token with these claims, which says which key it was signed with.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(Some(&self.id), claims)
    }

    /// The same, but it says that it was another key, or nothing.
    pub fn sign_as(&self, id: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: id.map(str::to_owned), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.key).expect("it can be signed")
    }
}

/// What the provider answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// These keys.
    Keys(Vec<Value>),
    /// This status, with a body that is not for us.
    Status(u16),
    /// "Look there."
    Redirect(String),
    /// This text.
    Text(String),
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = |code| axum::http::StatusCode::from_u16(code).expect("it is a status");
        match self {
            Self::Keys(keys) => json!({ "keys": keys }).to_string().into_response(),
            Self::Status(code) => (status(code), "<html>").into_response(),
            Self::Redirect(to) => (status(302), [(LOCATION, to)]).into_response(),
            Self::Text(text) => text.into_response(),
        }
    }
}

/// A running provider. It stops with the test's runtime.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Where its keys are.
    pub url: String,
    reply: Arc<Mutex<Reply>>,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    /// With the public halves of these keys.
    pub async fn start(keys: &[&KeyPair]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let url = format!("http://{}/jwks.json", listener.local_addr().expect("it is bound"));
        let reply = Arc::new(Mutex::new(Reply::Keys(Vec::new())));
        let provider = Self { url, reply, asked: Arc::default() };
        provider.publish(keys);
        let answering = provider.clone();
        let answer = move || {
            answering.asked.fetch_add(1, Ordering::SeqCst);
            let reply = answering.reply.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async { reply }
        };
        tokio::spawn(async { axum::serve(listener, Router::new().route("/jwks.json", get(answer))).await });
        provider
    }

    /// From now on there are these keys, and no others.
    pub fn publish(&self, keys: &[&KeyPair]) {
        self.reply(Reply::Keys(keys.iter().map(|key| key.public()).collect()));
    }

    /// From now on it answers this.
    pub fn reply(&self, reply: Reply) {
        *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = reply;
    }

    /// How often it was asked so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
