//! The built page, from a directory.

use std::path::PathBuf;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tower_http::services::{ServeDir, ServeFile};

use crate::server::unknown_path;

/// Serves the files of the directory, and its `index.html` for every address that the page itself makes up.
pub fn serve(routes: Router, directory: Option<PathBuf>) -> Router {
    let Some(directory) = directory else { return routes.fallback(unknown_path) };
    let index = ServeFile::new(directory.join("index.html"));
    let files = ServeDir::new(&directory).fallback(index);
    let page = Router::new().fallback_service(files).layer(from_fn(no_stale_html)).layer(from_fn(no_html_for_files));
    routes.fallback_service(page)
}

/// A script or a module that is missing is missing: HTML in its place is an error message that nobody understands.
async fn no_html_for_files(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_api = ["/rest/", "/demo/", "/rooms/"].iter().any(|prefix| path.starts_with(prefix));
    let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.') && name != "index.html");
    let response = if is_api { unknown_path().await.into_response() } else { next.run(request).await };
    if is_file && is_html(&response) { unknown_path().await.into_response() } else { response }
}

/// The files that it names have their version in their name; the HTML has not.
async fn no_stale_html(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if is_html(&response) {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
    response
}

fn is_html(response: &Response) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("text/html"))
}
