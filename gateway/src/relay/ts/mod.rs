//! MPEG transport streams: one upstream, many clients.
//!
//! [`packets`] are found in what the [`relay`] gets, and become [`pieces`] of a [`ring`] that each client, a [`viewer`], reads
//! at its own pace. [`tables`] are what a player begins with, and [`progress`] says whether the stream is one at all.

use std::sync::Arc;

use super::life::Maker;
use super::upstream::Upstreams;

pub mod counters;
pub mod packets;
pub mod pieces;
pub mod progress;
pub mod relay;
pub mod ring;
pub mod tables;
pub mod viewer;

/// Makes relays of transport streams.
pub fn maker(upstreams: Upstreams) -> Maker {
    Box::new(move |life| Arc::new(relay::TsRelay::new(life, upstreams.clone())))
}

#[cfg(test)]
mod tests;
