//! A site on a port of its own, which answers everything in one way that a test may change: an app's page, or a backend that
//! is no good.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

/// What it answers.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// 200, unless it says otherwise.
    pub status: StatusCode,
    /// All but those that every server sends.
    pub headers: Vec<(&'static str, String)>,
    /// The body. `{headers}` in it becomes what the request had as headers.
    pub body: String,
}

/// A running site. It stops with the test's runtime.
#[derive(Debug, Clone)]
pub struct Site {
    /// Where it is: `http://127.0.0.1:…`
    pub url: String,
    page: Arc<Mutex<Page>>,
}

impl Site {
    /// With this page.
    pub async fn start(page: Page) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let site = Self { url, page: Arc::new(Mutex::new(page)) };
        let answering = site.clone();
        let answer = move |headers: HeaderMap| async move { answering.answer(&headers) };
        tokio::spawn(async { axum::serve(listener, Router::new().fallback(answer)).await });
        site
    }

    /// From now on it answers this.
    pub fn shows(&self, page: Page) {
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = page;
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        let page = self.page.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let body = page.body.replace("{headers}", &format!("{asked:?}").replace('"', "'"));
        let mut response = (page.status, Body::from(body)).into_response();
        for (name, value) in &page.headers {
            let value = HeaderValue::from_str(value).expect("a header can carry it");
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
        response
    }
}
