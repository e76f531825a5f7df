//! The engine in simulated time: scenarios and properties, in one program, which is linked once.
//!
//! What takes long stands beside it, so that whatever a scenario finds is known at once.

mod chat;
mod chat_properties;
mod ending;
mod holding;
mod outbox;
mod properties;
mod rooms;
mod rooms_properties;
mod sessions;
mod sessions_properties;
mod watching;
