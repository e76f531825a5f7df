//! What may come as what. Whatever passes here is sent from our origin: nothing that a browser would run.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};

use crate::relay::upstream::UpstreamError;

const BYTES: &str = "application/octet-stream";

/// May a playlist be sent as this? Many servers know no type for it.
pub fn may_be_playlist(headers: &HeaderMap) -> bool {
    let content_type = content_type(headers);
    is_playlist(&content_type) || matches!(&*content_type, "" | "text/plain" | BYTES | "binary/octet-stream")
}

/// What to send a file as that came with this.
pub fn file_type(headers: &HeaderMap) -> Result<HeaderValue, UpstreamError> {
    let content_type = content_type(headers);
    if is_playlist(&content_type) {
        return Err(UpstreamError::Unusable("a playlist for a file"));
    }
    match content_type.split_once('/') {
        Some(("text", "html")) | Some(("application", "xhtml+xml")) => {
            Err(UpstreamError::Unusable("a web page for a file"))
        }
        Some(("video" | "audio", _))
        | Some(("image", "jpeg" | "png" | "webp"))
        | Some(("text", "vtt" | "plain"))
        | Some(("application", "mp4" | "json")) => {
            Ok(HeaderValue::from_str(&content_type).unwrap_or(HeaderValue::from_static(BYTES)))
        }
        _ => Ok(HeaderValue::from_static(BYTES)),
    }
}

fn is_playlist(content_type: &str) -> bool {
    content_type.ends_with("mpegurl")
}

/// In small letters, without parameters.
fn content_type(headers: &HeaderMap) -> String {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))])
    }

    #[test]
    fn playlists_come_as_text_or_as_nothing_in_particular() {
        for good in [
            "application/vnd.apple.mpegurl",
            "application/x-mpegURL; charset=utf-8",
            "audio/mpegurl",
            "text/plain",
            BYTES,
        ] {
            assert!(may_be_playlist(&headers(good)), "{good}");
        }
        assert!(may_be_playlist(&HeaderMap::new()));
        for bad in ["text/html", "application/json", "video/mp2t", "image/png", "text/xml"] {
            assert!(!may_be_playlist(&headers(bad)), "{bad}");
        }
    }

    #[test]
    fn files_keep_their_type_when_no_browser_would_run_it() {
        for good in ["video/mp2t", "video/mp4", "audio/aac", "text/vtt", "application/mp4", "image/jpeg"] {
            assert_eq!(file_type(&headers(good)).unwrap(), good);
        }
        assert_eq!(file_type(&headers("Text/VTT; charset=utf-8")).unwrap(), "text/vtt");
        for odd in
            ["", "application/javascript", "text/javascript", "image/svg+xml", "application/ttml+xml", "a", "text/xml"]
        {
            assert_eq!(file_type(&headers(odd)).unwrap(), BYTES, "{odd}");
        }
        assert_eq!(file_type(&HeaderMap::new()).unwrap(), BYTES);
        for bad in ["text/html; charset=utf-8", "TEXT/HTML", "application/xhtml+xml", "audio/x-mpegurl"] {
            assert_eq!(file_type(&headers(bad)).unwrap_err().cause(), "upstream_unusable", "{bad}");
        }
    }
}
