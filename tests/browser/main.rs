//! The browser side on real `EventTarget`s and with real `fetch`: `cargo xtask test browser`.
#![cfg(target_arch = "wasm32")]
// Clippy knows `#[test]`, not `#[wasm_bindgen_test]`.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![allow(missing_debug_implementations, missing_docs)]

mod awake;
mod backend;
mod chat;
mod driver;
mod meeting;
mod outbox;
mod page;
mod presence;
mod support;
mod value;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
