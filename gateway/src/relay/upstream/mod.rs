//! Fetching from upstreams, which others name: only from where the operator allows it, only from public addresses, and
//! within bounds of time and size. No cookies and no credentials go along.

mod address;
mod allowed;
mod body;
mod error;
mod resolver;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, LOCATION, RANGE, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::Empty;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use tracing::warn;
use url::Url;

pub use allowed::Allowed;
pub use body::Body;
pub use error::UpstreamError;
use resolver::Resolver;

const MAX_REDIRECTS: usize = 3;

const CONNECT: Duration = Duration::from_secs(5);

/// How long the head of an answer may take, with all that comes before it: names, connections, redirects.
const HEAD: Duration = Duration::from_secs(10);

/// As large as a head may be.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How long a connection is kept for the next request: players come back after a target duration.
const KEPT: Duration = Duration::from_secs(15);

/// What is kept for one host.
const MAX_KEPT: usize = 4;

type Connector = HttpsConnector<HttpConnector<Resolver>>;

/// The way to all upstreams.
#[derive(Clone)]
pub struct Upstreams {
    allowed: Arc<Allowed>,
    connector: Connector,
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstreams").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

impl Upstreams {
    /// To these.
    pub fn new(allowed: Allowed) -> io::Result<Self> {
        let resolver = Resolver::new(allowed.loopback());
        Self::resolved_by(allowed, resolver)
    }

    fn resolved_by(allowed: Allowed, resolver: Resolver) -> io::Result<Self> {
        let mut http = HttpConnector::new_with_resolver(resolver);
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT));
        http.set_nodelay(true);
        let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(ring::default_provider());
        let tls = match tls {
            Ok(tls) => tls,
            Err(error) => {
                warn!(%error, "no certificates: upstreams with https:// cannot be reached");
                HttpsConnectorBuilder::new().with_tls_config(believing_nobody()?)
            }
        };
        let connector = tls.https_or_http().enable_http1().wrap_connector(http);
        Ok(Self { allowed: Arc::new(allowed), connector })
    }

    /// Is there any upstream that is allowed?
    pub fn is_empty(&self) -> bool {
        self.allowed.is_empty()
    }

    /// Reads the URL of an upstream.
    pub fn read(&self, url: &str) -> Result<Url, UpstreamError> {
        self.allowed.read(url)
    }

    /// What fetches for one relay.
    pub fn fetcher(&self) -> Fetcher {
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_timer(TokioTimer::new()).pool_idle_timeout(KEPT).pool_max_idle_per_host(MAX_KEPT);
        client.http1_max_buf_size(MAX_HEAD_BYTES);
        Fetcher { allowed: Arc::clone(&self.allowed), client: client.build(self.connector.clone()) }
    }
}

/// Fetches for one relay. Its clones share the connections that are kept, and those go with the last of them.
#[derive(Clone)]
pub struct Fetcher {
    allowed: Arc<Allowed>,
    client: Client<Connector, Empty<Bytes>>,
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").finish_non_exhaustive()
    }
}

/// An answer: 200, or 206 where a range was asked for.
#[derive(Debug)]
pub struct Fetched {
    /// Where it came from in the end: what is relative in it is relative to this.
    pub url: Url,
    /// 200 or 206.
    pub status: StatusCode,
    /// As they came.
    pub headers: HeaderMap,
    /// Of any length, until it is limited.
    pub body: Body,
}

impl Fetcher {
    /// Fetches it, with these headers.
    pub async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Fetched, UpstreamError> {
        timeout(HEAD, self.follow(url.clone(), headers)).await.unwrap_or(Err(UpstreamError::Silent(HEAD)))
    }

    async fn follow(&self, mut url: Url, headers: HeaderMap) -> Result<Fetched, UpstreamError> {
        for _ in 0..=MAX_REDIRECTS {
            self.allowed.check(&url)?;
            let response = self.head(&url, &headers).await?;
            match response.status() {
                StatusCode::PARTIAL_CONTENT if !headers.contains_key(RANGE) => {
                    return Err(UpstreamError::Unusable("a part of it"));
                }
                status @ (StatusCode::OK | StatusCode::PARTIAL_CONTENT) => {
                    let (head, body) = response.into_parts();
                    let headers = head.headers;
                    // Nobody asked for it, and nobody here can read it.
                    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
                        return Err(UpstreamError::Unusable("something compressed"));
                    }
                    return Ok(Fetched { url, status, headers, body: Body::new(body) });
                }
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => url = next(&url, response.headers())?,
                status => return Err(UpstreamError::Status(status)),
            }
        }
        Err(UpstreamError::Redirects)
    }

    async fn head(&self, url: &Url, headers: &HeaderMap) -> Result<Response<axum::body::Body>, UpstreamError> {
        let uri: Uri =
            url.as_str().parse().map_err(|_| UpstreamError::Url("it has something in it that no request can carry"))?;
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri;
        *request.headers_mut() = headers.clone();
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("streamkeeper/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let response = self.client.request(request).await.map_err(|error| UpstreamError::of_request(&error))?;
        Ok(response.map(axum::body::Body::new))
    }
}

fn believing_nobody() -> io::Result<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(io::Error::other)?;
    Ok(config.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// Where a redirect leads.
fn next(from: &Url, headers: &HeaderMap) -> Result<Url, UpstreamError> {
    let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    location.and_then(|location| from.join(location).ok()).ok_or(UpstreamError::Redirects)
}

#[cfg(test)]
mod tests;
