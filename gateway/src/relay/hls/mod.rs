//! HLS: playlists whose addresses are ours, and the files behind them, passed on for as long as the stream is live.
//!
//! `playlist` reads and rewrites, `resources` remembers what stands behind our addresses, `flights` are playlists that are
//! fetched once for all, `progress` and `health` judge the upstream by them, `sessions` are the players, `relay` has all of
//! it, and `serve` answers.

mod attributes;
mod content;
mod flights;
mod health;
mod playlist;
mod progress;
mod relay;
mod resources;
mod serve;
mod sessions;
mod variables;

use std::sync::Arc;

use super::life::Maker;
use super::upstream::Upstreams;
use relay::Relay;

/// Makes HLS relays.
pub fn maker(upstreams: Upstreams) -> Maker {
    Box::new(move |life| Arc::new(Relay::new(life, &upstreams)))
}
