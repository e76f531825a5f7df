//! One request as the app's page would send it, and what came back.

use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;
use tokio::time::timeout;

use crate::http_get::{client, with_causes};

/// A person waits for it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A page, a script of it, or an answer of ours; what follows is not read.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Sends requests, one after the other, and follows no redirects.
#[derive(Debug)]
pub struct Http(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>);

/// An answer, and when it was asked for and given by the clock of this machine.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
    /// Nothing of the body was left unread.
    pub is_whole: bool,
    pub asked: SystemTime,
    pub answered: SystemTime,
}

impl Http {
    /// Fails where the machine trusts no certificates at all.
    pub fn new() -> std::io::Result<Self> {
        client().map(Self)
    }

    /// Asks. An error is one line without the address.
    pub async fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
        self.send(Method::GET, url, headers).await
    }

    /// The same with another method.
    pub async fn send(&self, method: Method, url: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::new()).map_err(|_| "what was given cannot stand in a header".to_owned())?;
        let answer = async {
            let asked = SystemTime::now();
            let response = self.0.request(request).await.map_err(|error| with_causes(&error))?;
            let answered = SystemTime::now();
            let (parts, mut body) = response.into_parts();
            let mut bytes = Vec::new();
            let mut is_whole = true;
            while let Some(frame) = body.frame().await {
                is_whole = bytes.len() < MAX_BYTES;
                if !is_whole {
                    break;
                }
                let frame = frame.map_err(|error| with_causes(&error))?;
                bytes.extend_from_slice(frame.data_ref().map(Bytes::as_ref).unwrap_or_default());
            }
            let body = String::from_utf8_lossy(&bytes).into_owned();
            Ok(Answer { status: parts.status, headers: parts.headers, body, is_whole, asked, answered })
        };
        let late = || Err(format!("no answer within {} s", TIMEOUT.as_secs()));
        timeout(TIMEOUT, answer).await.unwrap_or_else(|_| late())
    }
}

impl Answer {
    /// A header, empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body, if it is JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }
}
