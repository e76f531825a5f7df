//! What a relay is of.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How a stream is relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Playlists and segments.
    Hls,
    /// One endless MPEG transport stream.
    Ts,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Hls, Self::Ts];

    /// Its name, in addresses, in the database and in numbers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hls => "hls",
            Self::Ts => "ts",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which relay this is. Its successor has another generation: what is late for the one cannot reach the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// The stream's id.
    pub key: Uuid,
    /// How it is relayed.
    pub kind: Kind,
    /// From a sequence of the database: later ones are greater.
    pub generation: i64,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.kind, self.key, self.generation)
    }
}

/// A relay, and where it has its stream from.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// Which relay.
    pub id: Id,
    /// Where the stream is, as somebody has said it: nothing of it has been checked. A secret: it may carry a token.
    pub upstream: String,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("id", &self.id).finish_non_exhaustive()
    }
}
