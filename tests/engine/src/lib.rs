//! Tests live in `tests/`; this crate keeps their native dependencies out of the browser library.
