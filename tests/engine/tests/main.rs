//! The engine in simulated time: scenarios and properties, in one program, which is linked once.
//!
//! What takes long stands beside it, so that whatever a scenario finds is known at once.

mod belonging;
mod chat;
mod chat_properties;
mod configuration;
mod ending;
mod holding;
mod meanwhile;
mod outbox;
mod properties;
mod replay;
mod rooms;
mod rooms_properties;
mod sessions;
mod sessions_properties;
mod telling;
mod watching;
mod words;
