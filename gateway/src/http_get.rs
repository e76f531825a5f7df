//! What the gateway itself fetches from other services: one GET, within bounds.

use std::error::Error;
use std::io;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(5);

/// The body of a 200, if it has at most that many bytes. Redirects are not followed: an address that was checked stays the
/// address. An error is one line without the address, which may carry a key.
pub async fn get(url: &Uri, max_bytes: usize) -> Result<Bytes, String> {
    match timeout(TIMEOUT, answer(url, max_bytes)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => Err(with_causes(error.as_ref())),
        Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
    }
}

async fn answer(url: &Uri, max_bytes: usize) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
    // Afresh each time: what is fetched every few minutes gains nothing from an old connection.
    let response = client()?.get(url.clone()).await?;
    if response.status() != StatusCode::OK {
        return Err(io::Error::other(format!("the answer was {}", response.status())).into());
    }
    Ok(Limited::new(response.into_body(), max_bytes).collect().await?.to_bytes())
}

/// What sends requests, over TLS as the machine trusts it.
pub(crate) fn client() -> io::Result<Client<HttpsConnector<HttpConnector>, Empty<Bytes>>> {
    let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(ring::default_provider())?;
    let connector = tls.https_or_http().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// The error and what it comes from: the last one is what an operator can do something about.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(&format!(": {error}"));
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Nothing happens but the passing of time, which so takes none.
    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_answer_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/?key=hunter2", listener.local_addr().unwrap()).parse().unwrap();
        assert_eq!(get(&url, 1024).await.unwrap_err(), "no answer within 5 s");
    }

    #[tokio::test]
    async fn an_error_says_why_and_not_where() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://127.0.0.1:{port}/?key=hunter2").parse().unwrap();
            let error = get(&url, 1024).await.unwrap_err();
            assert!(error.to_lowercase().contains("connection refused"), "{error}");
            assert!(!error.contains("hunter2") && !error.contains('\n'), "{error}");
        }
    }
}
