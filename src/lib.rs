//! Streamkeeper keeps a person connected to a live stream for exactly as long as they are there, and ends the stream
//! exactly once when it is over.
//!
//! The crate has three rooms, and data flows one way through them:
//!
//! ```text
//! browser events ──▶ Input ──▶ ┌────────┐ ──▶ Output ──▶ fetch, callbacks
//! clock, timer   ──▶ now   ──▶ │ engine │ ──▶ next_wakeup
//!                              └────────┘
//! ```
//!
//! - [`engine`] decides. Pure Rust: no I/O, no clock, no randomness, no browser; the same code natively and in WASM.
//! - `browser` acts: it turns DOM events into inputs and outputs into effects, and holds the one timer.
//! - `api` is the raw class that the TypeScript façade in `pkg/` wraps.
//!
//! Nothing here uses the standard library: the engine could not look at a clock if it wanted to, and the package is smaller.

#![no_std]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

extern crate alloc;
// Whoever links us has a panic handler and an allocator from it; the package has its own.
#[cfg(not(all(feature = "package", target_arch = "wasm32")))]
#[cfg_attr(test, macro_use)]
extern crate std;

pub mod engine;

#[cfg(all(feature = "browser", target_arch = "wasm32"))]
pub mod api;
#[cfg(all(feature = "browser", target_arch = "wasm32"))]
pub mod browser;
#[cfg(all(feature = "package", target_arch = "wasm32"))]
mod runtime;
