//! MPEG transport streams: one upstream, many clients.

pub mod packets;
pub mod progress;
pub mod tables;
