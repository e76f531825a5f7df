//! A stand-in for GetStream's chat, which cannot be run here, so that pages and tests can use its real SDK:
//! `new StreamChat("demo-key", { baseURL: origin + "/demo/stream-chat" })`.
//!
//! It is a test double: in memory, small and bounded, with what the SDK needs to connect, watch channels, and send, change,
//! read and type messages. What it does not know it refuses, in Stream's shape. [`control`] is what the real one has not:
//! tokens, faults, and exact counts of sockets.

mod channel;
mod connection;
mod control;
mod faults;
mod filter;
mod refusal;
mod rest;
mod sockets;
mod token;
mod users;
mod webhook;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::get;
use serde_json::Value;

use crate::config::Config;
use crate::database::Database;
use refusal::{Code, Refusal};
use token::Tokens;
use webhook::Webhook;
use world::World;

/// The app's key.
const API_KEY: &str = "demo-key";

/// The service.
#[derive(Debug)]
pub struct StreamChat {
    tokens: Tokens,
    webhook: Webhook,
    world: Mutex<World>,
}

impl StreamChat {
    /// Empty, with a secret of its own.
    pub fn new(config: &Config, database: Database) -> Self {
        Self { tokens: Tokens::new(), webhook: Webhook::new(config, database), world: Mutex::default() }
    }

    /// `/demo/stream-chat/…`, which is Stream's, and `/demo/chat/…`, which is not.
    pub fn routes(self) -> Router {
        let service = rest::routes()
            .route("/connect", get(connection::connect))
            .method_not_allowed_fallback(unknown_path)
            .fallback(unknown_path);
        control::routes().nest("/demo/stream-chat", service).with_state(Arc::new(self))
    }

    /// Whose token this is, if it is for this app.
    fn verify(&self, api_key: &str, token: &str) -> Result<String, Refusal> {
        if api_key != API_KEY {
            return Err(Refusal::new(Code::AccessKey, "api_key is not valid"));
        }
        self.tokens.user_of(token)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        // A panic elsewhere leaves it as it was, which is fine.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn unknown_path() -> Refusal {
    Refusal::new(Code::DoesNotExist, "this part of Stream's API is not here")
}

/// This moment, as Stream writes it.
fn now() -> String {
    format!("{:.6}", jiff::Timestamp::now())
}

/// An object with another one's fields over its own.
fn with(base: Value, more: Value) -> Value {
    match (base, more) {
        (Value::Object(mut base), Value::Object(more)) => {
            base.extend(more);
            Value::Object(base)
        }
        (base, _) => base,
    }
}

/// A text somewhere in a value, if it is there.
fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}
