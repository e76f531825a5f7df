//! What an upstream sends, piece by piece, within bounds.

use std::fmt;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::error::UpstreamError;

/// How long an upstream may send nothing.
pub const IDLE: Duration = Duration::from_secs(10);

/// The body of an answer. Dropping it hangs up.
pub struct Body {
    inner: axum::body::Body,
    /// How many bytes may still come, of how many.
    left: u64,
    most: u64,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Body {
    /// One that may go on for ever.
    pub(super) fn new(inner: axum::body::Body) -> Self {
        Self { inner, left: u64::MAX, most: u64::MAX }
    }

    /// The same, with at most this many bytes to come.
    #[must_use]
    pub fn limited(self, most: u64) -> Self {
        Self { left: most, most, ..self }
    }

    /// What comes next. None: that was all.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        loop {
            let frame = match timeout(IDLE, self.inner.frame()).await {
                Err(_) => return Err(UpstreamError::Silent(IDLE)),
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) => return Err(UpstreamError::Broken),
                Ok(Some(Ok(frame))) => frame,
            };
            // Trailers are for nobody.
            let Ok(bytes) = frame.into_data() else { continue };
            let length = bytes.len() as u64;
            self.left = self.left.checked_sub(length).ok_or(UpstreamError::TooLarge(self.most))?;
            return Ok(Some(bytes));
        }
    }

    /// All of it, if it has at most this many bytes and comes within this time.
    pub async fn collect(self, most: u64, within: Duration) -> Result<Vec<u8>, UpstreamError> {
        let mut body = self.limited(most);
        let collected = async move {
            let mut all = Vec::new();
            while let Some(chunk) = body.chunk().await? {
                all.extend_from_slice(&chunk);
            }
            Ok(all)
        };
        timeout(within, collected).await.unwrap_or(Err(UpstreamError::Silent(within)))
    }
}
