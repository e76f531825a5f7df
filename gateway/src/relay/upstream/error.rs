//! Why nothing came from an upstream.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use axum::http::StatusCode;

/// The reason. Neither of its forms has anything of the URL in it but what the operator must know: paths and queries carry
/// keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamError {
    /// It cannot be an upstream's: which rule it breaks.
    Url(&'static str),
    /// Its scheme, host and port are not on the list.
    NotAllowed,
    /// It is at an address that is not public, or its name is.
    NotPublic,
    /// It sends from one place to the next.
    Redirects,
    /// Nobody is there: why, as far as it is known.
    Unreachable(String),
    /// It did not answer, or stopped in the middle, for this long.
    Silent(Duration),
    /// It answered this.
    Status(StatusCode),
    /// It answered what was not asked for.
    Unusable(&'static str),
    /// It sends more than this many bytes.
    TooLarge(u64),
    /// The connection broke in the middle.
    Broken,
}

impl UpstreamError {
    /// One word for it, for counters, and for whoever may see no more. There is a limited number of them.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Url(_) => "upstream_url",
            Self::NotAllowed => "upstream_not_allowed",
            Self::NotPublic => "upstream_not_public",
            Self::Redirects => "upstream_redirects",
            Self::Unreachable(_) => "upstream_unreachable",
            Self::Silent(_) => "upstream_silent",
            Self::Status(_) => "upstream_status",
            Self::Unusable(_) => "upstream_unusable",
            Self::TooLarge(_) => "upstream_too_large",
            Self::Broken => "upstream_broken",
        }
    }

    /// All words that there are.
    pub const CAUSES: [&'static str; 10] = [
        "upstream_url",
        "upstream_not_allowed",
        "upstream_not_public",
        "upstream_redirects",
        "upstream_unreachable",
        "upstream_silent",
        "upstream_status",
        "upstream_unusable",
        "upstream_too_large",
        "upstream_broken",
    ];

    /// Why there was no head of an answer.
    pub(super) fn of_request(error: &(dyn Error + 'static)) -> Self {
        let causes = || std::iter::successors(Some(error), |&error| error.source());
        if causes().any(|cause| cause.is::<NotPublic>()) {
            return Self::NotPublic;
        }
        // The last one is what an operator can do something about, and it has no more than the host in it.
        Self::Unreachable(causes().last().unwrap_or(error).to_string())
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(rule) => write!(f, "the upstream's URL is bad: {rule}"),
            Self::NotAllowed => f.write_str("the upstream's origin is not in RELAY_UPSTREAMS"),
            Self::NotPublic => f.write_str("the upstream's address is not public"),
            Self::Redirects => f.write_str("the upstream redirects too often, or to nowhere"),
            Self::Unreachable(why) => write!(f, "the upstream cannot be reached: {why}"),
            Self::Silent(for_long) => write!(f, "the upstream said nothing for {} s", for_long.as_secs()),
            Self::Status(status) => write!(f, "the upstream answered {status}"),
            Self::Unusable(what) => write!(f, "the upstream answered {what}"),
            Self::TooLarge(bytes) => write!(f, "the upstream sends more than {bytes} bytes"),
            Self::Broken => f.write_str("the connection to the upstream broke"),
        }
    }
}

impl Error for UpstreamError {}

/// What the resolver says, which comes back deep inside of another error.
#[derive(Debug)]
pub(super) struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address that is not public")
    }
}

impl Error for NotPublic {}
