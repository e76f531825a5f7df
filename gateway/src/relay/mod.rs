//! Relays: live streams of other servers, passed on to players for exactly as long as the stream is live.

mod backoff;
pub mod counters;
pub mod hls;
pub mod ledger;
pub mod life;
pub mod report;
pub mod settings;
pub mod source;
pub mod ts;
pub mod upstream;

pub use counters::Counters;
